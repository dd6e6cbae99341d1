// word_cutter.h — cuts text in front of spaces, where no token reaches over the cut. Changes
// nothing but the time that encoding takes.
#pragma once
#include <array>
#include <cstdint>
#include <string_view>

namespace m2w::tokenizer {

class WordCutter {
  public:
    /// Takes note of a token's piece: what stands in front of a space inside of one joins words.
    void add(std::string_view piece) {
        for (size_t at = piece.find(' ', 1); at < piece.size(); at = piece.find(' ', at + 1))
            joins_[uint8_t(piece[at - 1])] = true;
    }

    /// Calls use(word) for each word of a text that is not empty, from the left.
    template <class Use>
    void for_each_word(std::string_view text, Use&& use) const {
        size_t begin = 0;
        for (size_t at = text.find(' ', 1); at < text.size(); at = text.find(' ', at + 1)) {
            if (joins_[uint8_t(text[at - 1])]) continue;
            use(text.substr(begin, at - begin));
            begin = at;
        }
        use(text.substr(begin));
    }

  private:
    std::array<bool, 256> joins_{};  // by the last byte of a character
};

}  // namespace m2w::tokenizer
