// javascript_pattern.cpp — one pass over the pattern.
#include "web-export/javascript_pattern.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "tokenizer/unicode_text.h"

namespace m2w::web {

namespace {

/// Escapes that JavaScript has not, or takes for something else: its \s is not White_Space, its \d
/// and \b know ASCII only.
struct Escape {
    char letter;
    std::string_view text;
};
constexpr Escape kEscapes[] = {
    {'s', R"(\p{White_Space})"},
    {'S', R"(\P{White_Space})"},
    {'d', R"(\p{Nd})"},
    {'b', R"((?:(?<=[\p{L}\p{N}_])(?![\p{L}\p{N}_])|(?<![\p{L}\p{N}_])(?=[\p{L}\p{N}_])))"},
};
constexpr std::string_view kSameEscapes = R"(rntpP\^$.*+?()[]{}|/-)";

class Translator {
  public:
    explicit Translator(std::string_view source) : source_(source) {}

    Result<std::string> run() {
        while (at_ < source_.size()) TRY(step());
        return std::move(out_);
    }

  private:
    Error unsupported(std::string_view what) const {
        return Error{Category::unsupported,
                     fmt::format("pattern '{}' at {}: {}", source_, at_, what)};
    }
    bool take(std::string_view text) {
        if (!source_.substr(at_).starts_with(text)) return false;
        at_ += text.size();
        return true;
    }

    Result<void> step() {
        const char c = source_[at_];
        if (c == '\\') return escape();
        if (in_class_) {
            if (take("]")) {
                in_class_ = false;
                out_ += ']';
                return {};
            }
        } else if (take("[")) {
            in_class_ = true;
            out_ += '[';
            return {};
        } else if (c == '(') {
            return open_group();
        } else if (take(")")) {
            if (groups_.empty()) return unsupported("a group that was not begun");
            groups_.pop_back();
            out_ += ')';
            return {};
        } else if (c == '?' || c == '*' || c == '+' || c == '}') {
            return quantifier();
        }
        return character();
    }

    Result<void> open_group() {
        groups_.push_back(any_case_here());
        if (take("(?i:")) {
            groups_.back() = true;
            out_ += "(?:";
            return {};
        }
        constexpr std::string_view kSame[] = {"(?:", "(?=", "(?!", "(?<=", "(?<!"};
        for (const std::string_view group : kSame) {
            if (!take(group)) continue;
            out_ += group;
            return {};
        }
        if (take("(?")) return unsupported("an unknown kind of group");
        at_++;
        out_ += '(';
        return {};
    }

    /// Possessive quantifiers become greedy ones: where the table has them, what follows cannot
    /// match what they gave back.
    Result<void> quantifier() {
        out_ += source_[at_++];
        take("+");
        return {};
    }

    Result<void> escape() {
        at_++;
        if (take("x{")) {
            const size_t end = source_.find('}', at_);
            if (end == std::string_view::npos) return unsupported("\\x{ without }");
            out_ += fmt::format("\\u{{{}}}", source_.substr(at_, end - at_));
            at_ = end + 1;
            return {};
        }
        if (take("p{sc:")) return property(R"(\p{sc=)");
        if (at_ == source_.size()) return unsupported("\\ at the end");
        const char c = source_[at_];
        const auto row = std::ranges::find(kEscapes, c, &Escape::letter);
        if (row != std::end(kEscapes)) {
            if (c == 'b' && in_class_) return unsupported("\\b in a class");
            out_ += row->text;
        } else if (kSameEscapes.find(c) != std::string_view::npos && (c != '-' || in_class_)) {
            (out_ += '\\') += c;
        } else {
            return unsupported("an unknown escape");
        }
        at_++;
        if (c == 'p' || c == 'P') return property({});
        return {};
    }

    /// The rest of \p{...}, behind what stands for its beginning.
    Result<void> property(std::string_view beginning) {
        out_ += beginning;
        const size_t end = source_.find('}', at_);
        if (end == std::string_view::npos) return unsupported("a property without }");
        out_ += source_.substr(at_, end + 1 - at_);
        at_ = end + 1;
        return {};
    }

    Result<void> character() {
        const auto c = tokenizer::character_at(source_, at_);
        if (!c.valid) return unsupported("no UTF-8");
        at_ += c.length;
        if (c.code_point >= 0x80)
            out_ += fmt::format("\\u{{{:X}}}", uint32_t(c.code_point));
        else
            add_ascii(char(c.code_point));
        return {};
    }

    /// A letter in a group of any case is all that fold to it: U+017F folds to s, U+212A to k.
    void add_ascii(char c) {
        const char upper = c >= 'a' && c <= 'z' ? char(c - 'a' + 'A') : c;
        if (!any_case_here() || upper == c) {
            if (c == '/') out_ += '\\';
            out_ += c;
            return;
        }
        std::string all{c, upper};
        if (c == 's') all += R"(\u{17F})";
        if (c == 'k') all += R"(\u{212A})";
        out_ += in_class_ ? all : fmt::format("[{}]", all);
    }

    bool any_case_here() const { return !groups_.empty() && groups_.back(); }

    std::string_view source_;
    size_t at_ = 0;
    std::string out_;
    bool in_class_ = false;
    std::vector<bool> groups_;  // open ones: whether case counts for nothing there
};

}  // namespace

Result<std::string> javascript_pattern(std::string_view pcre2) {
    return Translator(pcre2).run();
}

}  // namespace m2w::web
