// filters_value.cpp — filters on single values: numbers, defaults, conversions, JSON.
// Source: Jinja 3.1 documentation, "List of Builtin Filters"; tojson as transformers replaces it.
#include <cmath>

#include "chat/jinja/attributes.h"
#include "chat/jinja/builtins.h"
#include "chat/jinja/iterators.h"
#include "chat/jinja/json.h"
#include "chat/jinja/numbers.h"
#include "chat/jinja/operators.h"
#include "chat/jinja/repr.h"

namespace m2w::jinja {
namespace {

using ast::BinaryOp;

Value absolute(Runtime& rt, Args& a) {
    const Value& v = a[0];
    if (!v.is_number()) rt.fail_type("bad operand type for abs(): '{}'", type_name(v));
    if (v.is(Kind::real)) return Value::real(std::abs(v.as_real()));
    return compare_numbers(v, Value::integer(0)) < 0 ? negate(rt, v) : plus(rt, v);
}

Value attribute(Runtime& rt, Args& a) {
    const std::string_view name = a.string(rt, 1);
    if (a[0].is_undefined()) rt.fail_undefined(a[0]);
    if (auto v = find_attribute(rt, a[0], name)) return *std::move(v);
    return rt.undefined(
        fmt::format("{} has no attribute {}", quote(describe_object(a[0])), quote(name)));
}

Value default_value(Runtime& rt, Args& a) {
    const bool replace = a[0].is_undefined() || (a.flag(rt, 2) && !truthy(rt, a[0]));
    if (!replace) return a[0];
    return a.has(1) ? a[1] : rt.string("");
}

Value file_size(Runtime& rt, Args& a) {
    double bytes = 0;
    if (a[0].is_string()) {
        rt.charge_scan(a[0].as_string().size());
        const auto parsed = parse_float(a[0].as_string());
        if (!parsed) rt.fail_value("could not convert string to float: {}", repr(rt, a[0]));
        bytes = *parsed;
    } else if (a[0].is_number()) {
        bytes = to_double(a[0]);
    } else {
        rt.fail_type("float() argument must be a string or a real number, not '{}'",
                     type_name(a[0]));
    }
    const bool binary = a.flag(rt, 1);
    const double base = binary ? 1024 : 1000;
    if (bytes == 1) return rt.string("1 Byte");
    if (bytes < base)
        return rt.string(fmt::format("{} Bytes", format_float(std::trunc(bytes), 'f', 0, false)));
    double unit = base;
    constexpr std::string_view kPrefixes = "kMGTPEZY";
    for (size_t i = 0;; ++i) {
        unit *= base;
        if (!(bytes < unit) && i + 1 < kPrefixes.size()) continue;
        std::string prefix(1, kPrefixes[i]);
        if (binary) prefix = (i == 0 ? "K" : prefix) + "i";
        return rt.string(
            fmt::format("{} {}B", format_float(base * bytes / unit, 'f', 1, false), prefix));
    }
}

Value to_float(Runtime& rt, Args& a) {
    const Value fallback = a.has(1) ? a[1] : Value::real(0);
    if (a[0].is_undefined()) rt.fail_undefined(a[0]);
    if (a[0].is_number()) {
        const double d = to_double(a[0]);
        if (a[0].is_integral() && std::isinf(d))
            rt.fail(ErrorKind::overflow, "int too large to convert to float");
        return Value::real(d);
    }
    if (!a[0].is_string()) return fallback;
    rt.charge_scan(a[0].as_string().size());
    const auto parsed = parse_float(a[0].as_string());
    return parsed ? Value::real(*parsed) : fallback;
}

Value parse_json(Runtime& rt, Args& a) {
    const std::string_view s = a.string(rt, 0);
    rt.charge(s.size() / 8);
    auto parsed = from_json(s);
    if (!parsed) rt.fail_with(ErrorKind::value, parsed.error().message);
    return import_value(rt, *parsed);
}

/// int(x) of a finite float.
Value truncated(double d) {
    return Value::integer(BigInt::from_double(d));
}

Value to_int(Runtime& rt, Args& a) {
    const Value& v = a[0];
    const Value fallback = a.has(1) ? a[1] : Value::integer(0);
    if (v.is_undefined()) rt.fail_undefined(v);
    if (v.is_integral()) return plus(rt, v);
    if (v.is(Kind::real)) {
        if (std::isinf(v.as_real()))
            rt.fail(ErrorKind::overflow, "cannot convert float infinity to integer");
        return std::isnan(v.as_real()) ? fallback : truncated(v.as_real());
    }
    if (!v.is_string()) return fallback;
    rt.charge_scan(v.as_string().size());
    const int64_t base = a.integer(rt, 2, 10);
    if (base == 0 || (base >= 2 && base <= 36)) {
        const uint64_t digits = std::min<uint64_t>(v.as_string().size(), rt.limits().integer_bits);
        rt.charge(digits * digits / 16384);  // reading them is quadratic
        if (auto parsed = parse_int(v.as_string(), unsigned(base), rt.limits().integer_bits))
            return *std::move(parsed);
    }
    const auto parsed = parse_float(v.as_string());
    return parsed && std::isfinite(*parsed) ? truncated(*parsed) : fallback;
}

Value length_filter(Runtime& rt, Args& a) {
    return Value::integer(length(rt, a[0]));
}

/// Python's pformat for what fits one line; longer containers get one element a line.
std::string pretty(Runtime& rt, const Value& v, size_t column) {
    constexpr size_t kWidth = 80;
    std::string flat = repr(rt, v);
    const bool open = v.is_sequence() || v.is(Kind::map);
    if (!open || flat.size() + column <= kWidth) return flat;
    Nested nested(rt);
    const std::string margin(column + 1, ' ');
    std::string out = v.is(Kind::map) ? "{" : v.is(Kind::list) ? "[" : "(";
    bool first = true;
    const auto add = [&](const std::string& text) {
        rt.check_string_size(out.size() + text.size() + margin.size() + 2);
        if (!std::exchange(first, false)) out += ",\n";
        if (!first && out.back() == '\n') out += margin;
        out += text;
    };
    if (v.is(Kind::map)) {
        for (const auto& [key, value] : v.entries()) {
            const std::string name = fmt::format("{}: ", repr(rt, key));
            add(name + pretty(rt, value, column + 1 + name.size()));
        }
        return out + "}";
    }
    for (const Value& item : v.items()) add(pretty(rt, item, column + 1));
    return out + (v.is(Kind::list) ? "]" : v.items().size() == 1 ? ",)" : ")");
}

Value pretty_print(Runtime& rt, Args& a) {
    return rt.string(pretty(rt, a[0], 0));
}

/// round(i, -n) for integers: to nearest, ties to even.
Value round_integer(Runtime& rt, const Value& v, int64_t precision) {
    if (precision >= 0) return plus(rt, v);
    const Value power = Value::integer(std::min<int64_t>(-precision, 5000));
    const Value unit = apply(rt, BinaryOp::power, Value::integer(10), power);
    const Value quotient = apply(rt, BinaryOp::floor_divide, v, unit);
    const Value rest = apply(rt, BinaryOp::modulo, v, unit);
    const int half = compare_numbers(apply(rt, BinaryOp::multiply, rest, Value::integer(2)), unit);
    const bool odd = compare_numbers(apply(rt, BinaryOp::modulo, quotient, Value::integer(2)),
                                     Value::integer(1)) == 0;
    const bool up = half > 0 || (half == 0 && odd);
    const Value rounded = apply(rt, BinaryOp::add, quotient, Value::integer(up));
    return apply(rt, BinaryOp::multiply, rounded, unit);
}

Value round_number(Runtime& rt, Args& a) {
    const Value& v = a[0];
    const int64_t precision = a.integer(rt, 1, 0);
    const std::string_view method = a.has(2) ? a.string(rt, 2) : "common";
    if (method != "common" && method != "ceil" && method != "floor")
        rt.fail(ErrorKind::runtime, "method must be common, ceil or floor");
    if (!v.is_number()) rt.fail_type("type {} doesn't define __round__ method", type_name(v));
    if (method == "common") {
        if (v.is_integral()) return round_integer(rt, v, precision);
        return Value::real(round_to(v.as_real(), precision));
    }
    const Value scale = apply(rt, BinaryOp::power, Value::integer(10), Value::integer(precision));
    const Value scaled = apply(rt, BinaryOp::multiply, v, scale);
    if (scaled.is_integral()) return apply(rt, BinaryOp::divide, scaled, scale);
    const double d = scaled.as_real();
    if (!std::isfinite(d)) rt.fail(ErrorKind::overflow, "cannot convert float infinity to integer");
    return apply(rt, BinaryOp::divide, truncated(method == "ceil" ? std::ceil(d) : std::floor(d)),
                 scale);
}

Value to_string(Runtime& rt, Args& a) {
    return a[0].is_string() ? a[0] : rt.string(str(rt, a[0]));
}

Value to_json_filter(Runtime& rt, Args& a) {
    JsonStyle style;
    style.ensure_ascii = a.flag(rt, 1);
    if (a.has_value(2)) {
        if (a[2].is_string()) {
            style.indent = std::string(a[2].as_string());
        } else {
            const int64_t width = std::max<int64_t>(a.integer(rt, 2), 0);
            rt.check_string_size(uint64_t(width));
            style.indent = std::string(size_t(width), ' ');
        }
        style.item_separator = ",";
    }
    if (a.has_value(3)) {
        const auto parts = collect(rt, a[3]);
        if (parts.size() != 2 || !parts[0].is_string() || !parts[1].is_string())
            rt.fail_type("separators must be a pair of strings");
        style.item_separator = parts[0].as_string();
        style.key_separator = parts[1].as_string();
    }
    style.sort_keys = a.flag(rt, 4);
    return rt.string(write_json(rt, a[0], style));
}

constexpr Builtin kValueFilters[] = {
    {"abs", absolute, {"x"}, 1},
    {"attr", attribute, {"obj", "name"}, 2},
    {"count", length_filter, {"obj"}, 1},
    {"d", default_value, {"value", "default_value", "boolean"}, 1},
    {"default", default_value, {"value", "default_value", "boolean"}, 1},
    {"filesizeformat", file_size, {"value", "binary"}, 1},
    {"float", to_float, {"value", "default"}, 1},
    {"from_json", parse_json, {"value"}, 1},
    {"int", to_int, {"value", "default", "base"}, 1},
    {"length", length_filter, {"obj"}, 1},
    {"pprint", pretty_print, {"value"}, 1},
    {"round", round_number, {"value", "precision", "method"}, 1},
    {"string", to_string, {"value"}, 1},
    {"tojson", to_json_filter, {"x", "ensure_ascii", "indent", "separators", "sort_keys"}, 1},
};
static_assert(is_sorted_table(kValueFilters));

}  // namespace

std::span<const Builtin> value_filters() {
    return kValueFilters;
}

}  // namespace m2w::jinja
