// byte_reader.h — bounds-checked little-endian cursor over bytes in memory. Knows nothing of GGUF.
#pragma once
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>

#include "gguf/result.h"

namespace m2w {

/// Every read is checked against the end; nothing else in the project does arithmetic on input
/// pointers.
class ByteReader {
  public:
    explicit ByteReader(std::span<const std::byte> bytes) : bytes_(bytes) {}

    uint64_t position() const { return position_; }
    uint64_t bytes_left() const { return bytes_.size() - position_; }

    /// A scalar in little-endian order. Errors: truncated.
    template <class T>
    Result<T> read() {
        static_assert(std::is_arithmetic_v<T>);
        TRY(auto raw, take(sizeof(T)));
        T value;
        std::memcpy(&value, raw.data(), sizeof(T));
        return value;
    }

    /// The next n bytes in place. Errors: truncated.
    Result<std::span<const std::byte>> take(uint64_t n) {
        if (n > bytes_left())
            return Error{Category::truncated, "need " + std::to_string(n) + " bytes at byte " +
                                                  std::to_string(position_) + ", " +
                                                  std::to_string(bytes_left()) + " left"};
        auto out = bytes_.subspan(position_, n);
        position_ += n;
        return out;
    }

  private:
    std::span<const std::byte> bytes_;
    uint64_t position_ = 0;
};

}  // namespace m2w
