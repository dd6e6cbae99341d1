// header_reader.h — bounds-checked cursor over the start of a Source, which it reads window by
// window. Private to gguf; knows strings, but no other structure of GGUF.
#pragma once
#include <array>
#include <bit>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "gguf/result.h"
#include "gguf/source.h"

namespace m2w::gguf::detail {

static_assert(std::endian::native == std::endian::little, "values are copied as they lie");

/// Reads ahead by at most one window. A copy continues from the same place on its own.
class HeaderReader {
  public:
    HeaderReader(const Source& source, uint64_t first_window_bytes, uint64_t max_window_bytes);

    uint64_t position() const { return position_; }
    /// What the whole source still has, read or not: the bound for every length and count.
    uint64_t bytes_left() const { return size_ - position_; }

    /// Fills out. Errors: truncated, and those of the source.
    Result<void> read_bytes(std::span<std::byte> out);

    template <class T>
    Result<T> read() {
        static_assert(std::is_arithmetic_v<T>);
        std::array<std::byte, sizeof(T)> raw;
        TRY(read_bytes(raw));
        return std::bit_cast<T>(raw);
    }

    /// A length (u64) and as many bytes. Errors: truncated, string_length (longer than what is left
    /// or than the limit).
    Result<std::string> read_string(uint64_t limit_bytes, std::string_view what);
    /// The same without keeping the bytes.
    Result<void> skip_string(uint64_t limit_bytes, std::string_view what);

    /// An error that says where: "message (name, byte 123)".
    Error error(Category category, std::string_view message) const;

  private:
    Result<uint64_t> read_length(uint64_t limit_bytes, std::string_view what);
    Result<void> refill();

    const Source* source_;
    uint64_t size_;
    uint64_t position_ = 0;
    uint64_t next_window_bytes_, max_window_bytes_;
    std::vector<std::byte> window_;
    size_t window_used_ = 0;  // bytes of window_ that lie before position_
};

/// `text` for a message: at most 80 bytes, cut at a character.
std::string shortened(std::string_view text);

}  // namespace m2w::gguf::detail
