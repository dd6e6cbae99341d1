// percent_format.cpp — the % operator on strings.
// Source: Python 3.11 library reference, "printf-style String Formatting".
#include <algorithm>
#include <cmath>
#include <optional>

#include "chat/jinja/attributes.h"
#include "chat/jinja/formatting.h"
#include "chat/jinja/numbers.h"
#include "chat/jinja/operators.h"
#include "chat/jinja/repr.h"
#include "chat/jinja/text.h"

namespace m2w::jinja {
namespace {

struct Conversion {
    bool alternate = false, zero = false, left = false;
    std::string plus;  // sign of what is not negative
    int64_t width = 0;
    std::optional<int64_t> precision;
    char type = 0;
};

class PercentFormatter {
  public:
    PercentFormatter(Runtime& rt, const Value& format, const Value& arguments)
        : rt_(rt),
          format_(format.as_string()),
          markup_(format.is_markup()),
          arguments_(arguments),
          is_mapping_(arguments.is(Kind::map) || arguments.is(Kind::list) ||
                      arguments.is_undefined()) {}

    Value run() {
        rt_.charge_scan(format_.size());
        while (at_ < format_.size()) {
            const size_t percent = std::min(format_.find('%', at_), format_.size());
            put(format_.substr(at_, percent - at_));
            at_ = percent + 1;
            if (percent < format_.size()) conversion();
        }
        const bool used_up = arguments_.is(Kind::tuple) ? next_ >= arguments_.items().size()
                                                        : next_ > 0 || is_mapping_;
        if (!used_up) rt_.fail_type("not all arguments converted during string formatting");
        return rt_.string(std::move(out_), markup_);
    }

  private:
    void put(std::string_view s) {
        rt_.check_string_size(out_.size() + s.size());
        out_ += s;
    }

    char peek() const { return at_ < format_.size() ? format_[at_] : '\0'; }

    Value next_argument() {
        if (keyed_) return *std::exchange(keyed_, std::nullopt);
        if (arguments_.is(Kind::tuple)) {
            if (next_ < arguments_.items().size()) return arguments_.items()[next_++];
        } else if (next_++ == 0) {
            return arguments_;
        }
        rt_.fail_type("not enough arguments for format string");
    }

    int64_t number_or_star() {
        if (peek() == '*') {
            ++at_;
            const Value v = next_argument();
            if (!v.is_int64()) rt_.fail_type("* wants int");
            return v.as_int();
        }
        int64_t n = 0;
        while (peek() >= '0' && peek() <= '9') {
            n = n * 10 + (format_[at_++] - '0');
            if (n > INT32_MAX) rt_.fail_value("width too big");
        }
        return n;
    }

    void key() {
        ++at_;
        const size_t start = at_;
        for (int depth = 1; depth > 0; ++at_) {
            if (at_ >= format_.size()) rt_.fail_value("incomplete format key");
            depth += format_[at_] == '(' ? 1 : format_[at_] == ')' ? -1 : 0;
        }
        if (!is_mapping_) rt_.fail_type("format requires a mapping");
        const std::string_view name = format_.substr(start, at_ - 1 - start);
        const Value* v = arguments_.get(name);
        if (!v) rt_.fail(ErrorKind::lookup, "KeyError: {}", quote(name));
        keyed_ = *v;
    }

    void conversion() {
        rt_.charge(1);
        Conversion c;
        if (peek() == '(') key();
        for (;; ++at_) {
            const char flag = peek();
            if (flag == '#') {
                c.alternate = true;
            } else if (flag == '0') {
                c.zero = true;
            } else if (flag == '-') {
                c.left = true;
            } else if (flag == '+') {
                c.plus = "+";
            } else if (flag == ' ') {
                if (c.plus.empty()) c.plus = " ";
            } else {
                break;
            }
        }
        c.width = number_or_star();
        if (c.width < 0) {
            c.left = true;
            c.width = c.width == INT64_MIN ? INT64_MAX : -c.width;
        }
        if (peek() == '.') {
            ++at_;
            c.precision = std::max<int64_t>(number_or_star(), 0);
        }
        while (peek() == 'h' || peek() == 'l' || peek() == 'L') ++at_;
        if (at_ >= format_.size()) rt_.fail_value("incomplete format");
        c.type = format_[at_++];
        if (c.type == '%') return put("%");
        put(convert(c, next_argument()));
    }

    std::string convert(const Conversion& c, const Value& v) {
        switch (c.type) {
            case 's':
                return text(c, str(rt_, v), v.is_markup());
            case 'r':
                return text(c, repr(rt_, v), false);
            case 'a':
                return text(c, to_ascii(repr(rt_, v)), false);
            case 'c':
                return text(c, character(v), false);
            case 'd':
            case 'i':
            case 'u':
            case 'o':
            case 'x':
            case 'X':
                return integer(c, v);
            case 'e':
            case 'E':
            case 'f':
            case 'F':
            case 'g':
            case 'G':
                return real(c, v);
            default:
                rt_.fail_value("unsupported format character (0x{})",
                               BigInt(uint8_t(c.type)).to_string(16));
        }
    }

    std::string text(const Conversion& c, std::string s, bool safe) {
        if (markup_ && !safe) s = escape_html(s);
        if (c.precision) s.resize(text::offset(s, uint64_t(*c.precision), text::length(s)));
        return pad(rt_, s, c.width, " ", c.left ? '<' : '>');
    }

    static std::string to_ascii(const std::string& s) {
        std::string out;
        for (size_t at = 0; at < s.size();) {
            const char32_t c = text::next(s, at);
            if (c < 0x80) {
                out += char(c);
                continue;
            }
            const std::string hex = BigInt(int64_t(c)).to_string(16);
            const size_t digits = c < 0x100 ? 2 : c < 0x10000 ? 4 : 8;
            out += c < 0x100 ? "\\x" : c < 0x10000 ? "\\u" : "\\U";
            out += std::string(digits - hex.size(), '0') + hex;
        }
        return out;
    }

    std::string character(const Value& v) {
        std::string out;
        if (v.is_string() && v.string_length() == 1) return std::string(v.as_string());
        if (!v.is_int64()) rt_.fail_type("%c requires int or char");
        const int64_t code = v.as_int();
        if (code < 0 || code > 0x10ffff || (code >= 0xd800 && code < 0xe000))
            rt_.fail(ErrorKind::overflow, "%c arg not in range(0x110000)");
        text::append(out, char32_t(code));
        return out;
    }

    /// Sign and prefix, then zeros up to the width when asked for, then digits.
    std::string finish(const Conversion& c, NumberText n) {
        const int64_t around = int64_t(n.sign.size() + n.prefix.size() + n.rest.size());
        if (c.zero && !c.left) n.digits = pad(rt_, n.digits, c.width - around, "0", '>');
        return pad(rt_, n.sign + n.prefix + n.digits + n.rest, c.width, " ", c.left ? '<' : '>');
    }

    std::string integer(const Conversion& c, const Value& v) {
        const bool decimal = c.type == 'd' || c.type == 'i' || c.type == 'u';
        if (v.is_undefined()) rt_.fail_undefined(v);
        if (!v.is_integral() && !(decimal && v.is(Kind::real)))
            rt_.fail_type("%{} format: {} is required, not {}", c.type,
                          decimal ? "a real number" : "an integer", type_name(v));
        if (v.is(Kind::real) && !std::isfinite(v.as_real()))
            rt_.fail_value("cannot convert float {} to integer", float_repr(v.as_real()));
        const BigInt big = v.is(Kind::real) ? BigInt::from_double(v.as_real()) : to_big(v);
        rt_.charge(big.limbs() * big.limbs() / 64);
        const unsigned base = decimal ? 10 : c.type == 'o' ? 8 : 16;
        NumberText n = split_number(big.to_string(base), c.plus);
        n.digits += n.rest;  // letters of base 16
        n.rest.clear();
        if (c.precision) n.digits = pad(rt_, n.digits, *c.precision, "0", '>');
        if (c.alternate && !decimal) n.prefix = std::string("0") + c.type;
        if (c.type == 'X')
            for (char& digit : n.digits)
                if (digit >= 'a') digit = char(digit - 32);
        return finish(c, std::move(n));
    }

    std::string real(const Conversion& c, const Value& v) {
        if (v.is_undefined()) rt_.fail_undefined(v);
        if (!v.is_number()) rt_.fail_type("must be real number, not {}", type_name(v));
        const int64_t precision = c.precision.value_or(6);
        rt_.check_string_size(uint64_t(precision));
        rt_.charge_scan(uint64_t(precision));
        NumberText n =
            split_number(format_float(to_double(v), c.type, precision, c.alternate), c.plus);
        return finish(c, std::move(n));
    }

    Runtime& rt_;
    std::string_view format_;
    bool markup_;
    const Value& arguments_;
    bool is_mapping_;
    size_t at_ = 0, next_ = 0;
    std::optional<Value> keyed_;
    std::string out_;
};

}  // namespace

Value percent_format(Runtime& rt, const Value& format, const Value& arguments) {
    return PercentFormatter(rt, format, arguments).run();
}

}  // namespace m2w::jinja
