// answer_input.cpp — drops what was read with the next push.
#include "chat/answer/answer_input.h"

#include <cstdint>

#include "chat/answer/marker.h"

namespace m2w {
namespace {

/// Length of the text without a character at its end that lacks bytes.
size_t whole_characters(std::string_view text) {
    constexpr size_t kLongest = 4;
    for (size_t back = 1; back < kLongest && back <= text.size(); ++back) {
        const auto byte = uint8_t(text[text.size() - back]);
        if ((byte & 0xc0) == 0x80) continue;
        const size_t length = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : byte >= 0xc0 ? 2 : 1;
        return length > back ? text.size() - back : text.size();
    }
    return text.size();
}

}  // namespace

void AnswerInput::push(std::string_view text, bool control) {
    text_.erase(0, at_);
    controls_.erase(0, at_);
    at_ = 0;
    text_ += text;
    controls_.append(text.size(), char(control));
    n_ready_ = whole_characters(text_);
}

void AnswerInput::finish() {
    n_ready_ = text_.size();
    complete_ = true;
}

std::string_view AnswerInput::take(size_t n) {
    const std::string_view out = rest().substr(0, n);
    at_ += out.size();
    searched_ = 0;
    return out;
}

bool AnswerInput::take_space() {
    size_t n = 0;
    while (n < rest().size() && is_space(rest()[n])) ++n;
    take(n);
    return n > 0;
}

std::string AnswerInput::take_plain(size_t n) {
    std::string out;
    for (size_t i = 0; i < n; ++i)
        if (!controls_[at_ + i]) out += text_[at_ + i];
    take(n);
    return out;
}

}  // namespace m2w
