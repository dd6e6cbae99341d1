// formatting.cpp — the format mini-language:
// [[fill]align][sign][#][0][width][grouping][.precision][type]. Source: Python 3.11 library
// reference, "Format Specification Mini-Language".
#include "chat/jinja/formatting.h"

#include <algorithm>
#include <cmath>
#include <optional>

#include "chat/jinja/numbers.h"
#include "chat/jinja/repr.h"
#include "chat/jinja/text.h"

namespace m2w::jinja {

std::string pad(Runtime& rt, std::string_view s, int64_t width, std::string_view fill, char align) {
    const uint64_t length = text::length(s);
    if (width <= 0 || length >= uint64_t(width)) return std::string(s);
    const uint64_t missing = uint64_t(width) - length;
    if (missing > rt.limits().value_bytes) rt.check_string_size(missing);
    rt.check_string_size(s.size() + missing * fill.size());
    const uint64_t left = align == '<' ? 0 : align == '>' ? missing : missing / 2;
    const auto add = [&](std::string& out, uint64_t n) {
        if (fill.size() == 1) {
            out.append(n, fill[0]);
        } else {
            for (uint64_t i = 0; i < n; ++i) out += fill;
        }
    };
    std::string out;
    add(out, left);
    out += s;
    add(out, missing - left);
    return out;
}

NumberText split_number(std::string_view s, std::string_view plus) {
    NumberText out;
    if (s.starts_with('-')) {
        out.sign = "-";
        s.remove_prefix(1);
    } else {
        out.sign = plus;
    }
    size_t end = 0;
    while (end < s.size() && s[end] >= '0' && s[end] <= '9') ++end;
    if (end == 0) end = s.size();  // inf, nan
    out.digits = s.substr(0, end);
    out.rest = s.substr(end);
    return out;
}

std::string group_digits(Runtime& rt, const std::string& digits, char separator, size_t group,
                         int64_t width) {
    if (width > 0) rt.check_string_size(uint64_t(width));
    std::string backwards;
    int64_t remaining = int64_t(digits.size()), missing = width;
    while (true) {
        const int64_t size =
            separator ? std::min(int64_t(group), std::max<int64_t>({remaining, missing, 1}))
                      : std::max<int64_t>({remaining, missing, 1});
        for (int64_t i = 0; i < size; ++i, --remaining)
            backwards += remaining > 0 ? digits[size_t(remaining - 1)] : '0';
        remaining = std::max<int64_t>(remaining, 0);
        missing -= size;
        if (remaining <= 0 && missing <= 0) break;
        backwards += separator;
        --missing;
    }
    return {backwards.rbegin(), backwards.rend()};
}

namespace {

struct Spec {
    std::string fill = " ";
    char align = 0;  // < > ^ =
    char sign = '-';
    bool alternate = false, zero = false;
    int64_t width = 0;
    char grouping = 0;
    std::optional<int64_t> precision;
    char type = 0;
};

bool is_align(char c) {
    return c == '<' || c == '>' || c == '^' || c == '=';
}

int64_t take_number(Runtime& rt, std::string_view s, size_t& at) {
    int64_t n = 0;
    while (at < s.size() && s[at] >= '0' && s[at] <= '9') {
        n = n * 10 + (s[at++] - '0');
        if (n > INT32_MAX) rt.fail_value("Too many decimal digits in format string");
    }
    return n;
}

Spec parse_spec(Runtime& rt, std::string_view s, const Value& v) {
    Spec out;
    size_t at = 0;
    if (!s.empty()) {
        size_t next = 0;
        text::next(s, next);
        if (next < s.size() && is_align(s[next])) {
            out.fill = s.substr(0, next);
            out.align = s[next];
            at = next + 1;
        } else if (is_align(s[0])) {
            out.align = s[0];
            at = 1;
        }
    }
    const auto peek = [&] { return at < s.size() ? s[at] : '\0'; };
    if (peek() == '+' || peek() == '-' || peek() == ' ') out.sign = s[at++];
    if (peek() == '#') out.alternate = true, ++at;
    if (peek() == '0') {
        ++at;
        out.zero = true;
        if (!out.align) {
            out.fill = "0";
            if (!v.is_string()) out.align = '=';
        }
    }
    out.width = take_number(rt, s, at);
    if (peek() == ',' || peek() == '_') out.grouping = s[at++];
    if (peek() == '.') {
        ++at;
        if (peek() < '0' || peek() > '9') rt.fail_value("Format specifier missing precision");
        out.precision = take_number(rt, s, at);
    }
    if (at < s.size()) out.type = s[at++];
    if (at < s.size()) rt.fail_value("Invalid format specifier '{}'", s);
    return out;
}

[[noreturn]] void fail_code(Runtime& rt, const Spec& spec, const Value& v) {
    rt.fail_value("Unknown format code '{}' for object of type '{}'", spec.type, type_name(v));
}

std::string format_text(Runtime& rt, const Spec& spec, const Value& v) {
    if (spec.type && spec.type != 's') fail_code(rt, spec, v);
    if (spec.grouping) rt.fail_value("Cannot specify '{}' with 's'.", spec.grouping);
    if (spec.sign != '-') rt.fail_value("Sign not allowed in string format specifier");
    if (spec.align == '=') rt.fail_value("'=' alignment not allowed in string format specifier");
    std::string_view s = v.as_string();
    if (spec.precision)
        s = s.substr(0, text::offset(s, uint64_t(*spec.precision), v.string_length()));
    return pad(rt, s, spec.width, spec.fill, spec.align ? spec.align : '<');
}

/// Lays out a number: sign and prefix, grouped digits, rest, padding.
std::string finish_number(Runtime& rt, const Spec& spec, const NumberText& n, size_t group) {
    const char align = spec.align ? spec.align : '>';
    const int64_t around = int64_t(n.sign.size() + n.prefix.size() + n.rest.size());
    const bool zeros_inside = align == '=' && spec.fill == "0";
    const bool plain =
        n.digits.find_first_not_of("0123456789abcdefABCDEF") != std::string::npos;  // inf, nan
    std::string digits = n.digits;
    if (!plain && (spec.grouping || zeros_inside))
        digits = group_digits(rt, n.digits, spec.grouping, group,
                              zeros_inside ? spec.width - around : 0);
    if (align == '=') {
        const std::string body = digits + n.rest;
        const int64_t width = spec.width - int64_t(n.sign.size() + n.prefix.size());
        return n.sign + n.prefix + pad(rt, body, width, spec.fill, '>');
    }
    return pad(rt, n.sign + n.prefix + digits + n.rest, spec.width, spec.fill, align);
}

std::string plus_sign(const Spec& spec) {
    return spec.sign == '-' ? "" : std::string(1, spec.sign);
}

std::string format_integer(Runtime& rt, const Spec& spec, const Value& v) {
    if (spec.precision) rt.fail_value("Precision not allowed in integer format specifier");
    const BigInt big = to_big(v);
    if (spec.type == 'c') {
        const auto code = big.to_int64();
        if (!code || *code < 0 || *code > 0x10ffff || (*code >= 0xd800 && *code < 0xe000))
            rt.fail(ErrorKind::overflow, "%c arg not in range(0x110000)");
        std::string s;
        text::append(s, char32_t(*code));
        return pad(rt, s, spec.width, spec.fill, spec.align ? spec.align : '<');
    }
    const char type = char(spec.type | 0x20);
    const unsigned base = type == 'x' ? 16 : type == 'o' ? 8 : type == 'b' ? 2 : 10;
    if (base == 10 && spec.grouping == ',' && spec.type == 'n')
        rt.fail_value("Cannot specify ',' with 'n'.");
    rt.charge(big.limbs() * big.limbs() / 64);
    std::string digits = big.to_string(base);
    NumberText n;
    n.sign = big.is_negative() ? "-" : plus_sign(spec);
    n.digits = digits.substr(big.is_negative() ? 1 : 0);
    if (spec.alternate && base != 10) n.prefix = std::string("0") + spec.type;
    if (spec.type == 'X')
        for (char& c : n.digits)
            if (c >= 'a') c = char(c - 32);
    return finish_number(rt, spec, n, base == 10 ? 3 : 4);
}

/// No type: like 'g', but always with a fraction or an exponent; without precision the shortest
/// text.
std::string format_plain_float(double d, const Spec& spec) {
    if (!spec.precision || !std::isfinite(d)) return float_repr(d);
    const int64_t precision = std::max<int64_t>(*spec.precision, 1);
    std::string s = format_float(d, 'g', precision, spec.alternate);
    if (s.find('e') != std::string::npos) return s;
    const NumberText parts = split_number(s, "");
    if (int64_t(parts.digits.size()) > precision - 1 && parts.digits != "0") {
        s = format_float(d, 'e', precision - 1, false);
        const size_t e = s.find('e'), point = s.find('.');
        if (point == std::string::npos) return s;
        size_t end = e;
        while (s[end - 1] == '0') --end;
        if (s[end - 1] == '.') --end;
        return s.substr(0, end) + s.substr(e);
    }
    return s.find('.') == std::string::npos ? s + ".0" : s;
}

std::string format_real(Runtime& rt, const Spec& spec, const Value& v) {
    double d = to_double(v);
    if (v.is_integral() && std::isinf(d))
        rt.fail(ErrorKind::overflow, "int too large to convert to float");
    if (spec.precision && uint64_t(*spec.precision) > rt.limits().value_bytes)
        rt.check_string_size(uint64_t(*spec.precision));
    rt.charge_scan(uint64_t(spec.precision.value_or(0)));
    std::string s, percent;
    const char type = spec.type == 'n' ? 'g' : spec.type;
    if (!type) {
        s = format_plain_float(d, spec);
    } else if (type == '%') {
        s = format_float(d * 100, 'f', spec.precision.value_or(6), spec.alternate);
        percent = "%";
    } else {
        s = format_float(d, type, spec.precision.value_or(6), spec.alternate);
    }
    NumberText n = split_number(s, plus_sign(spec));
    n.rest += percent;
    return finish_number(rt, spec, n, 3);
}

}  // namespace

std::string format_value(Runtime& rt, const Value& v, std::string_view spec_text) {
    if (spec_text.empty()) return str(rt, v);
    const bool number = v.is_number();
    if (!number && !v.is_string())
        rt.fail_type("unsupported format string passed to {}.__format__", type_name(v));
    const Spec spec = parse_spec(rt, spec_text, v);
    if (v.is_string()) return format_text(rt, spec, v);
    constexpr std::string_view kInteger = "bcdoxXn", kReal = "eEfFgG%n";
    const bool real_type = spec.type && kReal.find(spec.type) != std::string_view::npos;
    if (v.is_integral() && (!spec.type || kInteger.find(spec.type) != std::string_view::npos))
        return format_integer(rt, spec, v);
    if (!real_type && !(v.is(Kind::real) && !spec.type)) fail_code(rt, spec, v);
    return format_real(rt, spec, v);
}

}  // namespace m2w::jinja
