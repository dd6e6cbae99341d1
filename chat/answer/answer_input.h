// answer_input.h — the part of an answer that was written and not read yet. Hands out whole
// characters only; knows no format.
#pragma once
#include <cstddef>
#include <string>
#include <string_view>

namespace m2w {

/// A queue of UTF-8 text that remembers which bytes control tokens brought.
class AnswerInput {
  public:
    void push(std::string_view text, bool control);
    /// No text follows; bytes of a character that is not complete are handed out as they are.
    void finish();
    bool complete() const { return complete_; }

    /// What can be read; until the next push().
    std::string_view rest() const { return std::string_view(text_).substr(at_, n_ready_ - at_); }
    /// Reads n bytes; the result is valid until the next push().
    std::string_view take(size_t n);
    bool take_space();  // all there is; false when there is none
    /// The next n bytes without those of control tokens, as take() would read them.
    std::string take_plain(size_t n);
    /// For a search that goes on where it stopped: nothing that is looked for begins before.
    size_t& searched() { return searched_; }

  private:
    std::string text_, controls_;  // controls_: a byte for each of text_, 1 from a control token
    size_t at_ = 0, n_ready_ = 0, searched_ = 0;
    bool complete_ = false;
};

}  // namespace m2w
