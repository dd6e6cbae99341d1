// json_scanner.cpp — a pushdown automaton over bytes.
#include "chat/answer/json_scanner.h"

#include <string_view>

#include "chat/answer/marker.h"

namespace m2w {
namespace {

bool is_digit(char c) {
    return c >= '0' && c <= '9';
}
bool is_hex(char c) {
    return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

constexpr JsonScanner::Step kBad{.state = JsonScanner::State::bad};

}  // namespace

JsonScanner::Step JsonScanner::push(char c) {
    switch (expect_) {
        case Expect::in_string:
        case Expect::in_escape:
        case Expect::in_unicode:
            return push_string(c);
        case Expect::in_number:
            return push_number(c);
        case Expect::in_word:
            return push_word(c);
        default:
            return push_structure(c);
    }
}

bool JsonScanner::complete_at_end() const {
    if (depth() > 0) return false;
    return expect_ == Expect::end || (expect_ == Expect::in_number && number_may_end());
}

JsonScanner::Step JsonScanner::push_structure(char c) {
    if (is_space(c)) return {expect_ == Expect::end ? State::done : State::more};
    const bool object = !is_object_.empty() && is_object_.back();
    switch (expect_) {
        case Expect::value:
            return begin_value(c);
        case Expect::colon:
            if (c != ':') return kBad;
            expect_ = Expect::value;
            return {};
        case Expect::value_or_end:
            if (c != ']') return begin_value(c);
            break;
        case Expect::key_or_end:
        case Expect::key:
            if (c == '"') {
                string_is_key_ = true;
                expect_ = Expect::in_string;
                return {.key_begins = true};
            }
            if (c != '}' || expect_ == Expect::key) return kBad;
            break;
        case Expect::comma_or_end:
            if (c == ',') {
                expect_ = object ? Expect::key : Expect::value;
                return {};
            }
            if (c != (object ? '}' : ']')) return kBad;
            break;
        default:
            return kBad;
    }
    is_object_.pop_back();
    Step step{.value_ends = true};
    end_value(step);
    return step;
}

JsonScanner::Step JsonScanner::begin_value(char c) {
    Step step{.value_begins = true};
    if (c == '{' || c == '[') {
        if (depth() == kMaxDepth) return {.state = State::too_deep};
        is_object_.push_back(c == '{');
        expect_ = c == '{' ? Expect::key_or_end : Expect::value_or_end;
    } else if (c == '"') {
        string_is_key_ = false;
        expect_ = Expect::in_string;
    } else if (c == '-' || is_digit(c)) {
        number_ = c == '-' ? Number::minus : c == '0' ? Number::zero : Number::digits;
        expect_ = Expect::in_number;
    } else if (c == 't' || c == 'f' || c == 'n') {
        word_ = c == 't' ? "rue" : c == 'f' ? "alse" : "ull";
        expect_ = Expect::in_word;
    } else {
        return kBad;
    }
    return step;
}

JsonScanner::Step JsonScanner::push_string(char c) {
    if (uint8_t(c) < 0x20) return kBad;
    if (expect_ == Expect::in_escape) {
        if (std::string_view("\"\\/bfnrtu").find(c) == std::string_view::npos) return kBad;
        n_hex_ = 4;
        expect_ = c == 'u' ? Expect::in_unicode : Expect::in_string;
    } else if (expect_ == Expect::in_unicode) {
        if (!is_hex(c)) return kBad;
        if (--n_hex_ == 0) expect_ = Expect::in_string;
    } else if (c == '\\') {
        expect_ = Expect::in_escape;
    } else if (c == '"') {
        if (string_is_key_) {
            expect_ = Expect::colon;
            return {.key_ends = true};
        }
        Step step{.value_ends = true};
        end_value(step);
        return step;
    }
    return {};
}

bool JsonScanner::number_may_end() const {
    return number_ == Number::zero || number_ == Number::digits || number_ == Number::fraction ||
           number_ == Number::power;
}

JsonScanner::Step JsonScanner::push_number(char c) {
    const bool digit = is_digit(c), power = c == 'e' || c == 'E';
    const bool whole = number_ == Number::zero || number_ == Number::digits;
    if (digit && number_ != Number::zero) {
        if (number_ == Number::minus) number_ = c == '0' ? Number::zero : Number::digits;
        if (number_ == Number::point) number_ = Number::fraction;
        if (number_ == Number::exponent || number_ == Number::sign) number_ = Number::power;
        return {};
    }
    if (c == '.' && whole) {
        number_ = Number::point;
        return {};
    }
    if (power && (whole || number_ == Number::fraction)) {
        number_ = Number::exponent;
        return {};
    }
    if ((c == '+' || c == '-') && number_ == Number::exponent) {
        number_ = Number::sign;
        return {};
    }
    if (digit || !number_may_end()) return kBad;
    expect_ = depth() == 0 ? Expect::end : Expect::comma_or_end;
    Step step = push_structure(c);
    step.value_ended_before = true;
    return step;
}

JsonScanner::Step JsonScanner::push_word(char c) {
    if (*word_ != c) return kBad;
    Step step;
    if (*++word_ == '\0') {
        step.value_ends = true;
        end_value(step);
    }
    return step;
}

void JsonScanner::end_value(Step& step) {
    expect_ = depth() == 0 ? Expect::end : Expect::comma_or_end;
    if (depth() == 0) step.state = State::done;
}

}  // namespace m2w
