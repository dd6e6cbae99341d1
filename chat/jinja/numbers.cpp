// numbers.cpp — Python's number text and exact comparisons, on std::to_chars and std::from_chars
// (no locale).
#include "chat/jinja/numbers.h"

#include <algorithm>
#include <bit>
#include <charconv>
#include <cmath>
#include <limits>

#include "chat/jinja/text.h"

namespace m2w::jinja {

bool is_nan(const Value& v) {
    return v.is(Kind::real) && std::isnan(v.as_real());
}

BigInt to_big(const Value& v) {
    return v.is(Kind::big_integer) ? v.as_big() : BigInt(v.as_int());
}

double to_double(const Value& v) {
    if (v.is(Kind::real)) return v.as_real();
    return v.is(Kind::big_integer) ? v.as_big().to_double() : double(v.as_int());
}

int compare_numbers(const Value& a, const Value& b) {
    if (a.is_int64() && b.is_int64()) return a.as_int() < b.as_int() ? -1 : a.as_int() > b.as_int();
    if (a.is(Kind::real) && b.is(Kind::real))
        return a.as_real() < b.as_real() ? -1 : a.as_real() > b.as_real();
    if (a.is(Kind::real)) return -compare_numbers(b, a);
    if (b.is(Kind::real)) {
        const double d = b.as_real();
        if (std::isinf(d)) return d < 0 ? 1 : -1;
        const BigInt whole = BigInt::from_double(d);
        if (const int order = BigInt::compare(to_big(a), whole)) return order;
        const double fraction = d - std::trunc(d);
        return fraction > 0 ? -1 : fraction < 0;
    }
    return BigInt::compare(to_big(a), to_big(b));
}

namespace {

/// "d.ddde±x" from to_chars, split.
struct Decimal {
    std::string digits;  // no point
    int exponent = 0;    // of the first digit
};

Decimal split_scientific(std::string_view s) {
    Decimal out;
    const size_t e = s.find('e');
    for (char c : s.substr(0, e))
        if (c != '.') out.digits += c;
    std::string_view exponent = s.substr(e + 1);
    if (exponent.starts_with('+')) exponent.remove_prefix(1);
    std::from_chars(exponent.data(), exponent.data() + exponent.size(), out.exponent);
    return out;
}

/// Places the point, or an exponent of at least two digits.
std::string lay_out(const Decimal& d, bool scientific) {
    std::string out;
    const int n = int(d.digits.size());
    if (scientific) {
        out = d.digits.substr(0, 1);
        if (n > 1) (out += '.') += d.digits.substr(1);
        const int magnitude = std::abs(d.exponent);
        out += d.exponent < 0 ? "e-" : "e+";
        if (magnitude < 10) out += '0';
        out += std::to_string(magnitude);
    } else if (d.exponent < 0) {
        out = "0." + std::string(size_t(-d.exponent - 1), '0') + d.digits;
    } else if (n <= d.exponent + 1) {
        out = d.digits;
        out.append(size_t(d.exponent + 1 - n), '0');
    } else {
        out = d.digits;
        out.insert(size_t(d.exponent) + 1, 1, '.');
    }
    return out;
}

std::string non_finite(double d) {
    return std::isnan(d) ? "nan" : d < 0 ? "-inf" : "inf";
}

std::string fixed_or_scientific(double magnitude, std::chars_format format, int precision) {
    std::string buffer(size_t(precision) + 400, '\0');
    const auto end =
        std::to_chars(buffer.data(), buffer.data() + buffer.size(), magnitude, format, precision);
    buffer.resize(size_t(end.ptr - buffer.data()));
    return buffer;
}

std::string format_general(double magnitude, int precision, bool alternate) {
    precision = std::max(precision, 1);
    Decimal d = split_scientific(
        fixed_or_scientific(magnitude, std::chars_format::scientific, precision - 1));
    const bool scientific = d.exponent < -4 || d.exponent >= precision;
    if (!alternate)
        while (d.digits.size() > 1 && d.digits.back() == '0') d.digits.pop_back();
    std::string out = lay_out(d, scientific);
    if (alternate && out.find('.') == std::string::npos) {
        const size_t e = out.find('e');
        out.insert(e == std::string::npos ? out.size() : e, ".");
    }
    return out;
}

}  // namespace

std::string float_repr(double d) {
    if (!std::isfinite(d)) return non_finite(d);
    if (d == 0) return std::signbit(d) ? "-0.0" : "0.0";
    char buffer[64];
    const auto end =
        std::to_chars(buffer, buffer + sizeof buffer, std::abs(d), std::chars_format::scientific);
    const Decimal decimal = split_scientific({buffer, size_t(end.ptr - buffer)});
    std::string out = lay_out(decimal, decimal.exponent < -4 || decimal.exponent >= 16);
    if (out.find_first_of(".e") == std::string::npos) out += ".0";
    if (d < 0) out.insert(0, 1, '-');
    return out;
}

std::string format_float(double d, char type, int64_t precision, bool alternate) {
    const bool upper = type >= 'A' && type <= 'Z';
    const char lower_type = char(type | 0x20);
    std::string out;
    if (!std::isfinite(d)) {
        out = non_finite(d);
    } else {
        const double magnitude = std::abs(d);
        const int digits = int(precision);
        if (lower_type == 'f') {
            out = fixed_or_scientific(magnitude, std::chars_format::fixed, digits);
        } else if (lower_type == 'e') {
            out = fixed_or_scientific(magnitude, std::chars_format::scientific, digits);
        } else {
            out = format_general(magnitude, digits, alternate);
        }
        if (alternate && lower_type != 'g' && digits == 0) {
            const size_t e = out.find('e');
            out.insert(e == std::string::npos ? out.size() : e, ".");
        }
        if (std::signbit(d)) out.insert(0, 1, '-');
    }
    if (upper)
        for (char& c : out)
            if (c >= 'a' && c <= 'z') c = char(c - 32);
    return out;
}

namespace {

int digit_value(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'z') return c - 'a' + 10;
    if (c >= 'A' && c <= 'Z') return c - 'A' + 10;
    return 99;
}

/// Removes single underscores between digits; false when one stands elsewhere.
bool drop_underscores(std::string_view s, unsigned base, std::string& out) {
    bool digit_before = false;
    for (size_t i = 0; i < s.size(); ++i) {
        const bool digit = digit_value(s[i]) < int(base);
        if (s[i] == '_') {
            if (!digit_before || i + 1 == s.size() || digit_value(s[i + 1]) >= int(base))
                return false;
        } else {
            out += s[i];
        }
        digit_before = digit;
    }
    return true;
}

/// Takes 0x, 0o, 0b when the base asks for it.
bool take_prefix(std::string_view& s, unsigned& base) {
    unsigned prefix_base = 0;
    if (s.size() > 1 && s[0] == '0') {
        const char letter = char(s[1] | 0x20);
        prefix_base = letter == 'x' ? 16 : letter == 'o' ? 8 : letter == 'b' ? 2 : 0;
    }
    if (prefix_base && (base == 0 || base == prefix_base)) {
        s.remove_prefix(2);
        if (s.starts_with('_')) s.remove_prefix(1);
        base = prefix_base;
    } else if (base == 0) {
        base = 10;
        // Python refuses 012 in base 0, but takes 00.
        if (s.size() > 1 && s[0] == '0' && s.find_first_not_of("0_") != std::string_view::npos)
            return false;
    }
    return true;
}

}  // namespace

std::optional<Value> parse_int(std::string_view s, unsigned base, uint32_t max_bits) {
    s = text::strip(s);
    bool negative = false;
    if (!s.empty() && (s[0] == '+' || s[0] == '-')) {
        negative = s[0] == '-';
        s.remove_prefix(1);
    }
    if (!take_prefix(s, base)) return std::nullopt;
    std::string digits;
    if (s.size() > max_bits * 2 || !drop_underscores(s, base, digits) || digits.empty())
        return std::nullopt;
    for (char c : digits)
        if (digit_value(c) >= int(base)) return std::nullopt;
    digits.erase(0, std::min(digits.find_first_not_of('0'), digits.size() - 1));
    // Too wide for certain: do not compute how wide.
    if ((digits.size() - 1) * (std::bit_width(base) - 1u) > max_bits) return std::nullopt;
    BigInt big = BigInt::from_digits(digits, base);
    if (big.bits() > max_bits) return std::nullopt;
    return Value::integer(negative ? -big : std::move(big));
}

std::optional<double> parse_float(std::string_view s) {
    s = text::strip(s);
    std::string clean;
    if (!drop_underscores(s, 10, clean)) return std::nullopt;
    std::string_view body = clean;
    bool negative = false;
    if (!body.empty() && (body[0] == '+' || body[0] == '-')) {
        negative = body[0] == '-';
        body.remove_prefix(1);
    }
    if (body.empty() || body[0] == '+' || body[0] == '-') return std::nullopt;
    double d = 0;
    const auto [end, error] = std::from_chars(body.data(), body.data() + body.size(), d);
    if (end != body.data() + body.size() || error == std::errc::invalid_argument)
        return std::nullopt;
    if (body.find('(') != std::string_view::npos) return std::nullopt;  // C's nan(...)
    if (error == std::errc::result_out_of_range) {
        // Too large or too small: Python gives inf or 0. The exponent's sign, or a leading 0.,
        // tells which.
        const size_t e = body.find_first_of("eE");
        const bool tiny = e == std::string_view::npos ? body[0] == '0' || body[0] == '.'
                                                      : body.substr(e + 1).starts_with('-');
        d = tiny ? 0.0 : std::numeric_limits<double>::infinity();
    }
    return negative ? -d : d;
}

double round_to(double d, int64_t digits) {
    if (!std::isfinite(d) || digits > 323) return d;
    if (digits < -308) return std::copysign(0.0, d);
    if (digits >= 0) {
        const std::string s =
            fixed_or_scientific(std::abs(d), std::chars_format::fixed, int(digits));
        double out = 0;
        std::from_chars(s.data(), s.data() + s.size(), out);
        return std::copysign(out, d);
    }
    // Left of the point: scientific text of the exact value rounds correctly as well.
    const double magnitude = std::abs(d);
    char shortest[64];
    const auto end = std::to_chars(shortest, shortest + sizeof shortest, magnitude,
                                   std::chars_format::scientific);
    const int exponent = split_scientific({shortest, size_t(end.ptr - shortest)}).exponent;
    const int64_t keep = int64_t(exponent) + 1 + digits;  // significant digits that stay
    if (magnitude == 0 || keep < 0) return std::copysign(0.0, d);
    if (keep == 0) {
        const double half = 5 * std::pow(10.0, double(-digits - 1));
        return std::copysign(magnitude > half ? std::pow(10.0, double(-digits)) : 0.0, d);
    }
    const std::string s =
        fixed_or_scientific(magnitude, std::chars_format::scientific, int(keep - 1));
    double out = 0;
    std::from_chars(s.data(), s.data() + s.size(), out);
    return std::copysign(out, d);
}

void floor_divide(double v, double w, double& quotient, double& remainder) {
    remainder = std::fmod(v, w);
    double div = (v - remainder) / w;
    if (remainder != 0) {
        if ((w < 0) != (remainder < 0)) {
            remainder += w;
            div -= 1;
        }
    } else {
        remainder = std::copysign(0.0, w);
    }
    if (div != 0) {
        quotient = std::floor(div);
        if (div - quotient > 0.5) quotient += 1;
    } else {
        quotient = std::copysign(0.0, v / w);
    }
}

}  // namespace m2w::jinja
