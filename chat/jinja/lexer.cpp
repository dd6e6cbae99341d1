// lexer.cpp — the lexer's two modes: literal text up to the next delimiter, and the inside of {{ }}
// and {% %}. Rules: Jinja 3.1 documentation, "Whitespace Control" and "Escaping"; details observed
// on jinja2 3.1.
#include "chat/jinja/lexer.h"

#include <fmt/core.h>

#include <optional>

#include "chat/jinja/text.h"

namespace m2w::jinja {
namespace {

bool is_ascii_digit(char c) {
    return c >= '0' && c <= '9';
}

class Lexer {
  public:
    Lexer(std::string_view source, const Limits& limits) : source_(source), limits_(limits) {}

    std::vector<Lexeme> run() {
        while (at_ < source_.size()) literal_text();
        push(Token::end, "");
        return std::move(out_);
    }

  private:
    // --- literal text -------------------------------------------------------------------------

    /// Text up to the next {{ {% {#, then that construct.
    void literal_text() {
        size_t open = at_;
        char kind = 0;
        while ((open = source_.find('{', open)) != std::string_view::npos) {
            kind = open + 1 < source_.size() ? source_[open + 1] : '\0';
            if (kind == '{' || kind == '%' || kind == '#') break;
            ++open;
        }
        if (open == std::string_view::npos) {
            push(Token::text, source_.substr(at_));
            advance(source_.size());
            return;
        }
        char sign = open + 2 < source_.size() ? source_[open + 2] : '\0';
        if (sign != '-' && sign != '+') sign = '\0';
        const std::string_view before = source_.substr(at_, open - at_);
        push(Token::text, strip_before(before, sign, kind == '{'));
        advance(open);
        const size_t inside = open + (sign ? 3 : 2);
        if (kind == '#') {
            comment(inside);
        } else if (kind == '%' && raw(inside)) {
            // done
        } else {
            push(kind == '{' ? Token::output_begin : Token::statement_begin, "");
            advance(inside);
            line_starting_ = false;
            code(kind == '{');
        }
    }

    /// What is left of the text before a delimiter: `-` strips white space, and lstrip_blocks
    /// strips the blanks of a line that holds nothing else, unless `+` forbids it.
    std::string_view strip_before(std::string_view before, char sign, bool is_output) const {
        if (sign == '-') return text::strip(before, text::Side::right);
        if (sign == '+' || is_output) return before;
        const size_t newline = before.rfind('\n');
        const size_t line = newline == std::string_view::npos ? 0 : newline + 1;
        if (line == 0 && !line_starting_) return before;
        return text::strip(before.substr(line)).empty() ? before.substr(0, line) : before;
    }

    void comment(size_t inside) {
        const size_t close = source_.find("#}", inside);
        if (close == std::string_view::npos) fail("Missing end of comment tag");
        const char sign = close > inside ? source_[close - 1] : '\0';
        leave(close + 2, sign);
    }

    /// {% raw %}...{% endraw %}; false when this is another statement. `inside`: after the opening
    /// delimiter.
    bool raw(size_t inside) {
        const auto begin = keyword_tag(inside, "raw");
        // A + before the closing delimiter of raw is no raw tag in Jinja either.
        if (!begin || begin->sign == '+') return false;
        const size_t start = begin->sign == '-' ? skip_space(begin->end) : begin->end;
        line_starting_ = source_[start - 1] == '\n';
        for (size_t open = start; (open = source_.find("{%", open)) != std::string_view::npos;
             ++open) {
            char sign = open + 2 < source_.size() ? source_[open + 2] : '\0';
            if (sign != '-' && sign != '+') sign = '\0';
            const auto end = keyword_tag(open + (sign ? 3 : 2), "endraw");
            if (!end) continue;
            push(Token::text, strip_before(source_.substr(start, open - start), sign, false));
            leave(end->end, end->sign);
            return true;
        }
        fail("Missing end of raw directive");
    }

    struct Tag {
        size_t end;  // behind %}
        char sign;   // before it
    };

    /// `keyword %}` with optional white space and sign.
    std::optional<Tag> keyword_tag(size_t at, std::string_view keyword) const {
        at = skip_space(at);
        if (source_.substr(at, keyword.size()) != keyword) return std::nullopt;
        at = skip_space(at + keyword.size());
        char sign = at < source_.size() ? source_[at] : '\0';
        if (sign == '-' || sign == '+') {
            ++at;
        } else {
            sign = '\0';
        }
        if (source_.substr(at, 2) != "%}") return std::nullopt;
        return Tag{at + 2, sign};
    }

    /// Moves behind a closing delimiter that ends at `end`: `-` strips white space, else one
    /// newline goes (trim_blocks), unless `+` keeps it.
    void leave(size_t end, char sign) {
        if (sign == '-') {
            end = skip_space(end);
        } else if (sign != '+' && end < source_.size() && source_[end] == '\n') {
            ++end;
        }
        advance(end);
        line_starting_ = source_[end - 1] == '\n';
    }

    // --- inside {{ }} and {% %} ---------------------------------------------------------------

    void code(bool is_output) {
        std::string open_brackets;
        while (true) {
            advance(skip_space(at_));
            if (at_ >= source_.size()) return;  // the parser meets Token::end
            if (open_brackets.empty() && closing(is_output)) return;
            const char c = source_[at_];
            if (is_ascii_digit(c)) {
                number();
            } else if (c == '"' || c == '\'') {
                string(c);
            } else if (!name()) {
                operator_token(open_brackets);
            }
        }
    }

    bool closing(bool is_output) {
        const std::string_view close = is_output ? "}}" : "%}";
        const char c = source_[at_];
        const bool signed_close =
            (c == '-' || (c == '+' && !is_output)) && source_.substr(at_ + 1, 2) == close;
        if (!signed_close && source_.substr(at_, 2) != close) return false;
        push(is_output ? Token::output_end : Token::statement_end, "");
        const size_t end = at_ + (signed_close ? 3 : 2);
        if (is_output) {
            advance(signed_close ? skip_space(end) : end);
            line_starting_ = source_[at_ - 1] == '\n';
        } else {
            leave(end, signed_close ? c : '\0');
        }
        return true;
    }

    /// End of digits with single underscores between them, or `from`.
    template <class IsDigit>
    size_t digits(size_t from, const IsDigit& is_digit) const {
        size_t at = from;
        while (at < source_.size() && is_digit(source_[at])) {
            ++at;
            if (at + 1 < source_.size() && source_[at] == '_' && is_digit(source_[at + 1])) ++at;
        }
        return at;
    }

    void number() {
        const bool after_point = at_ > 0 && source_[at_ - 1] == '.';
        size_t end = digits(at_, is_ascii_digit);
        bool real = false;
        if (!after_point) {
            if (end < source_.size() && source_[end] == '.') {
                const size_t fraction = digits(end + 1, is_ascii_digit);
                if (fraction > end + 1) real = true, end = fraction;
            }
            if (end < source_.size() && (source_[end] | 0x20) == 'e') {
                size_t exponent = end + 1;
                if (exponent < source_.size() &&
                    (source_[exponent] == '+' || source_[exponent] == '-'))
                    ++exponent;
                const size_t exponent_end = digits(exponent, is_ascii_digit);
                if (exponent_end > exponent) real = true, end = exponent_end;
            }
        }
        if (!real) end = integer_end(end);
        std::string digits_only;
        for (char c : source_.substr(at_, end - at_))
            if (c != '_') digits_only += c;
        push(real ? Token::real : Token::integer, digits_only);
        advance(end);
    }

    /// 0x1f, 0o17, 0b11, or decimal digits ending at `decimal_end`; a leading zero stands only
    /// before zeros.
    size_t integer_end(size_t decimal_end) const {
        if (source_[at_] != '0') return decimal_end;
        const char prefix = at_ + 1 < source_.size() ? char(source_[at_ + 1] | 0x20) : '\0';
        const auto is_base_digit = [&](char c) {
            if (prefix == 'b') return c == '0' || c == '1';
            if (prefix == 'o') return c >= '0' && c <= '7';
            return is_ascii_digit(c) || ((c | 0x20) >= 'a' && (c | 0x20) <= 'f');
        };
        if (prefix == 'x' || prefix == 'o' || prefix == 'b') {
            size_t start = at_ + 2;
            if (start < source_.size() && source_[start] == '_') ++start;
            const size_t end = digits(start, is_base_digit);
            if (end > start) return end;
        }
        return digits(at_, [](char c) { return c == '0'; });
    }

    bool name() {
        size_t end = at_;
        while (end < source_.size()) {
            size_t next = end;
            const char32_t c = text::next(source_, next);
            if (!text::is_word(c)) break;
            if (c >= 0x80 && !(text::is_alpha(c) || text::is_decimal(c)))
                fail("Invalid character in identifier");
            if (end == at_ && c >= 0x80 && !text::is_alpha(c))
                fail("Invalid character in identifier");
            end = next;
        }
        if (end == at_) return false;
        if (end - at_ > limits_.name_bytes)
            fail_limit(fmt::format("name of more than {} bytes", limits_.name_bytes));
        push(Token::name, source_.substr(at_, end - at_));
        advance(end);
        return true;
    }

    void string(char quote) {
        size_t end = at_ + 1;
        while (end < source_.size() && source_[end] != quote) end += source_[end] == '\\' ? 2 : 1;
        if (end >= source_.size()) fail_character();
        push(Token::string, unescape(source_.substr(at_ + 1, end - at_ - 1)));
        advance(end + 1);
    }

    void operator_token(std::string& open_brackets) {
        static constexpr std::string_view kOperators[] = {
            "//", "**", "==", "!=", ">=", "<=", "+", "-", "/", "*", "%", "~", "[",
            "]",  "(",  ")",  "{",  "}",  ">",  "<", "=", ".", ":", "|", ",", ";"};
        for (std::string_view op : kOperators) {
            if (source_.substr(at_, op.size()) != op) continue;
            if (op == "(" || op == "[" || op == "{") {
                open_brackets += op == "(" ? ')' : op == "[" ? ']' : '}';
            } else if (op == ")" || op == "]" || op == "}") {
                if (open_brackets.empty()) fail(fmt::format("unexpected '{}'", op));
                const char expected = open_brackets.back();
                open_brackets.pop_back();
                if (expected != op[0])
                    fail(fmt::format("unexpected '{}', expected '{}'", op, expected));
            }
            push(Token::op, op);
            advance(at_ + op.size());
            return;
        }
        fail_character();
    }

    // --- escapes in string literals -----------------------------------------------------------

    static std::optional<char32_t> code_point(std::string_view digits, unsigned base) {
        char32_t c = 0;
        for (char d : digits) {
            const char letter = char(d | 0x20);
            unsigned v = is_ascii_digit(d)                ? unsigned(d - '0')
                         : letter >= 'a' && letter <= 'f' ? unsigned(letter - 'a' + 10)
                                                          : 99;
            if (v >= base) return std::nullopt;
            c = c * base + v;
        }
        if (c > 0x10ffff || (c >= 0xd800 && c < 0xe000)) return std::nullopt;
        return c;
    }

    /// Python's escapes; an unknown one stays as it is written.
    std::string unescape(std::string_view s) const {
        std::string out;
        for (size_t i = 0; i < s.size(); ++i) {
            if (s[i] != '\\') {
                out += s[i];
                continue;
            }
            const char c = s[++i];  // the scan above never ends a literal on a backslash
            constexpr std::string_view kLetters = "abfnrtv\\'\"", kValues = "\a\b\f\n\r\t\v\\'\"";
            if (const size_t simple = kLetters.find(c); simple != std::string_view::npos) {
                out += kValues[simple];
            } else if (c == 'x' || c == 'u' || c == 'U') {
                const size_t n = c == 'x' ? 2 : c == 'u' ? 4 : 8;
                const auto decoded =
                    i + n < s.size() ? code_point(s.substr(i + 1, n), 16) : std::nullopt;
                if (!decoded) fail("invalid escape sequence in string");
                text::append(out, *decoded);
                i += n;
            } else if (c >= '0' && c <= '7') {
                size_t n = 1;
                while (n < 3 && i + n < s.size() && s[i + n] >= '0' && s[i + n] <= '7') ++n;
                text::append(out, *code_point(s.substr(i, n), 8));
                i += n - 1;
            } else if (c == 'N') {
                fail("\\N{...} escapes are not supported");
            } else if (c != '\n') {  // a backslash before a line end joins the lines
                out += '\\';
                out += c;
            }
        }
        return out;
    }

    // --- positions and errors -----------------------------------------------------------------

    size_t skip_space(size_t at) const {
        while (at < source_.size()) {
            size_t next = at;
            if (!text::is_space(text::next(source_, next))) break;
            at = next;
        }
        return at;
    }

    void push(Token token, std::string_view text) {
        if (token == Token::text && text.empty()) return;
        if (out_.size() >= limits_.tokens)
            fail_limit(fmt::format("template of more than {} tokens", limits_.tokens));
        out_.push_back({token, std::string(text), position_});
    }

    /// Moves to a later offset, counting lines and columns.
    void advance(size_t to) {
        for (; at_ < to; ++at_) {
            if (source_[at_] == '\n') {
                ++position_.line;
                position_.column = 1;
            } else {
                position_.column += (uint8_t(source_[at_]) & 0xc0) != 0x80;
            }
        }
    }

    [[noreturn]] void fail(std::string message) const {
        throw Failure{ErrorKind::syntax, std::move(message), position_};
    }
    [[noreturn]] void fail_limit(std::string message) const {
        throw Failure{ErrorKind::limit, std::move(message), position_};
    }
    [[noreturn]] void fail_character() const {
        size_t next = at_;
        text::next(source_, next);
        fail(fmt::format("unexpected char '{}'", source_.substr(at_, next - at_)));
    }

    std::string_view source_;
    const Limits& limits_;
    size_t at_ = 0;
    Position position_{1, 1};
    bool line_starting_ = true;  // nothing stands before at_ on its line
    std::vector<Lexeme> out_;
};

}  // namespace

std::string describe(const Lexeme& lexeme) {
    switch (lexeme.token) {
        case Token::text:
            return "template text";
        case Token::output_begin:
            return "begin of print statement";
        case Token::output_end:
            return "end of print statement";
        case Token::statement_begin:
            return "begin of statement block";
        case Token::statement_end:
            return "end of statement block";
        case Token::string:
            return "string";
        case Token::integer:
            return "integer";
        case Token::real:
            return "float";
        case Token::end:
            return "end of template";
        case Token::name:
        case Token::op:
            break;
    }
    return lexeme.text;
}

std::vector<Lexeme> tokenize(std::string_view source, const Limits& limits) {
    std::string normalized = text::normalize_newlines(source);
    if (normalized.ends_with('\n')) normalized.pop_back();
    return Lexer(normalized, limits).run();
}

}  // namespace m2w::jinja
