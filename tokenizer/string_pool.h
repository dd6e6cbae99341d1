// string_pool.h — many short byte strings in one block, by number. Append only.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace m2w::tokenizer {

class StringPool {
  public:
    void reserve(size_t n_strings, size_t n_bytes) {
        ends_.reserve(n_strings);
        bytes_.reserve(n_bytes);
    }
    void push_back(std::string_view text) {
        bytes_ += text;
        ends_.push_back(bytes_.size());
    }
    size_t size() const { return ends_.size(); }
    std::string_view operator[](size_t i) const {
        const uint64_t begin = i ? ends_[i - 1] : 0;
        return {bytes_.data() + begin, size_t(ends_[i] - begin)};
    }

    /// The same as a function, for TextIndex.
    std::string_view operator()(uint32_t i) const { return (*this)[i]; }

  private:
    std::string bytes_;
    std::vector<uint64_t> ends_;  // [strings] offset of the end of each
};

}  // namespace m2w::tokenizer
