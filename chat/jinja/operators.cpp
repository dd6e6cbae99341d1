// operators.cpp — truth, equality, order, membership and arithmetic.
// Semantics: Python 3 language reference, "Expressions"; number corner cases observed on
// CPython 3.11.
#include "chat/jinja/operators.h"

#include <algorithm>
#include <cmath>

#include "chat/jinja/iterators.h"
#include "chat/jinja/numbers.h"
#include "chat/jinja/repr.h"
#include "chat/jinja/text.h"

namespace m2w::jinja {

using ast::BinaryOp;
using ast::CompareOp;

bool truthy(Runtime& rt, const Value& v) {
    switch (v.kind()) {
        case Kind::undefined:
        case Kind::none:
            return false;
        case Kind::boolean:
            return v.as_bool();
        case Kind::integer:
            return v.as_int() != 0;
        case Kind::big_integer:
            return true;
        case Kind::real:
            return v.as_real() != 0;
        case Kind::string:
            return !v.as_string().empty();
        case Kind::list:
        case Kind::tuple:
            return !v.items().empty();
        case Kind::map:
            return !v.entries().empty();
        case Kind::opaque:
            return opaque_of(v).truthy(rt);
    }
    return false;
}

namespace {

bool equal_maps(Runtime& rt, const Map& a, const Map& b) {
    if (a.size() != b.size()) return false;
    for (const auto& [key, value] : a) {
        const Value* other = b.find(key);
        if (!other || !equals(rt, value, *other)) return false;
    }
    return true;
}

}  // namespace

bool equals(Runtime& rt, const Value& a, const Value& b) {
    rt.charge(1);
    if (a.is_number() && b.is_number())
        return !is_nan(a) && !is_nan(b) && compare_numbers(a, b) == 0;
    if (a.kind() != b.kind()) return false;
    switch (a.kind()) {
        case Kind::string:
            if (a.as_string().size() != b.as_string().size()) return false;
            rt.charge_copy(a.as_string().size());
            return a.as_string() == b.as_string();
        case Kind::list:
        case Kind::tuple: {
            if (a.object() == b.object()) return true;
            Nested nested(rt);
            const auto x = a.items(), y = b.items();
            if (x.size() != y.size()) return false;
            for (size_t i = 0; i < x.size(); ++i)
                if (!equals(rt, x[i], y[i])) return false;
            return true;
        }
        case Kind::map: {
            if (a.object() == b.object()) return true;
            Nested nested(rt);
            return equal_maps(rt, a.entries(), b.entries());
        }
        case Kind::opaque:
            return opaque_of(a).equals(rt, opaque_of(b));
        default:
            return true;  // undefined and none equal themselves
    }
}

namespace {

[[noreturn]] void fail_order(Runtime& rt, std::string_view op, const Value& a, const Value& b) {
    rt.fail_type("'{}' not supported between instances of '{}' and '{}'", op, type_name(a),
                 type_name(b));
}

/// a op b for the ordering operators.
bool ordered(Runtime& rt, CompareOp op, const Value& a, const Value& b) {
    rt.charge(1);
    const auto decide = [op](int order) {
        switch (op) {
            case CompareOp::lt:
                return order < 0;
            case CompareOp::le:
                return order <= 0;
            case CompareOp::gt:
                return order > 0;
            default:
                return order >= 0;
        }
    };
    if (a.is_undefined()) rt.fail_undefined(a);
    if (b.is_undefined()) rt.fail_undefined(b);
    if (a.is_number() && b.is_number())
        return !is_nan(a) && !is_nan(b) && decide(compare_numbers(a, b));
    if (a.is_string() && b.is_string()) {
        rt.charge_copy(std::min(a.as_string().size(), b.as_string().size()));
        return decide(a.as_string().compare(b.as_string()));
    }
    if (a.is_sequence() && a.kind() == b.kind()) {
        Nested nested(rt);
        const auto x = a.items(), y = b.items();
        size_t i = 0;
        while (i < x.size() && i < y.size() && equals(rt, x[i], y[i])) ++i;
        if (i < x.size() && i < y.size()) return ordered(rt, op, x[i], y[i]);
        return decide(x.size() < y.size() ? -1 : x.size() > y.size());
    }
    constexpr std::string_view kSymbols[] = {"==", "!=", "<", "<=", ">", ">="};
    fail_order(rt, kSymbols[size_t(op)], a, b);
}

}  // namespace

bool less(Runtime& rt, const Value& a, const Value& b) {
    return ordered(rt, CompareOp::lt, a, b);
}

bool compare(Runtime& rt, CompareOp op, const Value& a, const Value& b) {
    switch (op) {
        case CompareOp::eq:
            return equals(rt, a, b);
        case CompareOp::ne:
            return !equals(rt, a, b);
        case CompareOp::in:
            return contains(rt, b, a);
        case CompareOp::not_in:
            return !contains(rt, b, a);
        default:
            return ordered(rt, op, a, b);
    }
}

bool is_hashable(Runtime& rt, const Value& v) {
    rt.charge(1);
    if (v.is_string()) rt.charge_copy(v.as_string().size());
    if (!v.is(Kind::tuple)) return !v.is(Kind::list) && !v.is(Kind::map);
    Nested nested(rt);
    for (const Value& item : v.items())
        if (!is_hashable(rt, item)) return false;
    return true;
}

void check_hashable(Runtime& rt, const Value& v) {
    if (is_hashable(rt, v)) return;
    rt.fail_type("unhashable type: '{}'", v.is(Kind::tuple) ? "list" : type_name(v));
}

bool contains(Runtime& rt, const Value& container, const Value& element) {
    switch (container.kind()) {
        case Kind::undefined:
            return false;
        case Kind::string:
            if (!element.is_string()) {
                rt.fail_type("'in <string>' requires string as left operand, not {}",
                             type_name(element));
            }
            rt.charge_scan(container.as_string().size());
            rt.charge_copy(element.as_string().size());
            return text::find(container.as_string(), element.as_string()) != std::string_view::npos;
        case Kind::map:
            check_hashable(rt, element);
            return container.entries().find(element) != nullptr;
        case Kind::list:
        case Kind::tuple:
            for (const Value& item : container.items())
                if (equals(rt, item, element)) return true;
            return false;
        case Kind::opaque: {
            if (const auto found = opaque_of(container).contains(rt, element)) return *found;
            const auto it = opaque_of(container).iterate(rt);
            if (!it) break;
            Value item;
            while (it->next(rt, item))
                if (equals(rt, item, element)) return true;
            return false;
        }
        default:
            break;
    }
    rt.fail_type("argument of type '{}' is not iterable", type_name(container));
}

namespace {

std::string_view symbol(BinaryOp op) {
    constexpr std::string_view kSymbols[] = {"+", "-", "*", "/", "//", "%", "** or pow()"};
    return kSymbols[size_t(op)];
}

[[noreturn]] void fail_operands(Runtime& rt, BinaryOp op, const Value& a, const Value& b) {
    rt.fail_type("unsupported operand type(s) for {}: '{}' and '{}'", symbol(op), type_name(a),
                 type_name(b));
}

[[noreturn]] void fail_zero(Runtime& rt, std::string message) {
    rt.fail_with(ErrorKind::zero_division, std::move(message));
}

Value checked_integer(Runtime& rt, BigInt big) {
    if (big.bits() > rt.limits().integer_bits)
        rt.fail(ErrorKind::limit, "integer wider than {} bits", rt.limits().integer_bits);
    return Value::integer(std::move(big));
}

/// base ** exponent for a non-negative exponent, by squaring.
Value integer_power(Runtime& rt, const Value& base, const Value& exponent) {
    BigInt result(1), square = to_big(base);
    const bool trivial = square.is_zero() || square.bits() == 1;  // 0, 1, -1
    if (exponent.is(Kind::big_integer) && !trivial)
        rt.fail(ErrorKind::limit, "integer wider than {} bits", rt.limits().integer_bits);
    uint64_t n = exponent.is(Kind::big_integer) ? 2 + exponent.as_big().is_odd()
                                                : uint64_t(exponent.as_int());
    if (trivial && n > 1) n = 2 + (n & 1);
    // Every factor adds at least bits - 1 bits; refuse before computing.
    if (!trivial && n > rt.limits().integer_bits / (square.bits() - 1))
        rt.fail(ErrorKind::limit, "integer wider than {} bits", rt.limits().integer_bits);
    while (true) {
        rt.charge(1 + square.limbs() * square.limbs() / 64);
        if (n & 1) result = result * square;
        n >>= 1;
        if (!n) break;
        square = square * square;
    }
    return checked_integer(rt, std::move(result));
}

Value big_arithmetic(Runtime& rt, BinaryOp op, const Value& a, const Value& b) {
    const BigInt x = to_big(a), y = to_big(b);
    const bool division = op == BinaryOp::floor_divide || op == BinaryOp::modulo;
    rt.charge((x.limbs() + y.limbs()) / 8 + x.limbs() * y.limbs() / (division ? 1 : 64));
    switch (op) {
        case BinaryOp::add:
            return checked_integer(rt, x + y);
        case BinaryOp::subtract:
            return checked_integer(rt, x - y);
        case BinaryOp::multiply:
            return checked_integer(rt, x * y);
        default:
            break;
    }
    BigInt quotient, remainder;
    BigInt::floor_divide(x, y, quotient, remainder);
    return checked_integer(rt, op == BinaryOp::modulo ? std::move(remainder) : std::move(quotient));
}

Value integer_arithmetic(Runtime& rt, BinaryOp op, const Value& a, const Value& b) {
    const bool divides = op == BinaryOp::floor_divide || op == BinaryOp::modulo;
    if (divides && b.is_int64() && b.as_int() == 0)
        fail_zero(rt, op == BinaryOp::modulo ? "integer modulo by zero"
                                             : "integer division or modulo by zero");
    if (a.is_int64() && b.is_int64()) {
        const int64_t x = a.as_int(), y = b.as_int();
        int64_t out = 0;
        switch (op) {
            case BinaryOp::add:
                if (!__builtin_add_overflow(x, y, &out)) return Value::integer(out);
                break;
            case BinaryOp::subtract:
                if (!__builtin_sub_overflow(x, y, &out)) return Value::integer(out);
                break;
            case BinaryOp::multiply:
                if (!__builtin_mul_overflow(x, y, &out)) return Value::integer(out);
                break;
            default: {
                if (y == -1) break;  // the one quotient that may overflow
                int64_t quotient = x / y, remainder = x % y;
                if (remainder != 0 && (remainder < 0) != (y < 0)) {
                    --quotient;
                    remainder += y;
                }
                return Value::integer(op == BinaryOp::modulo ? remainder : quotient);
            }
        }
    }
    return big_arithmetic(rt, op, a, b);
}

/// int / int, rounded once where both are exact doubles or the quotient of their long doubles is.
Value true_divide(Runtime& rt, const Value& a, const Value& b) {
    const double y = to_double(b);
    if (y == 0)
        fail_zero(rt, a.is(Kind::real) || b.is(Kind::real) ? "float division by zero"
                                                           : "division by zero");
    const double x = to_double(a);
    if (a.is_integral() && b.is_integral() && (std::isinf(x) || std::isinf(y)))
        rt.fail(ErrorKind::overflow, "integer division result too large for a float");
    if (a.is_int64() && b.is_int64()) {
        const long double quotient =
            static_cast<long double>(a.as_int()) / static_cast<long double>(b.as_int());
        constexpr int64_t kExact = int64_t(1) << 53;
        if (std::abs(x) > double(kExact) || std::abs(y) > double(kExact))
            return Value::real(double(quotient));
    }
    return Value::real(x / y);
}

Value power(Runtime& rt, const Value& a, const Value& b) {
    if (a.is_integral() && b.is_integral()) {
        const bool negative = b.is(Kind::big_integer) ? b.as_big().is_negative() : b.as_int() < 0;
        if (!negative) return integer_power(rt, a, b);
    }
    const double x = to_double(a), y = to_double(b);
    if (x == 0 && y < 0) fail_zero(rt, "0.0 cannot be raised to a negative power");
    if (x < 0 && std::isfinite(x) && std::isfinite(y) && std::trunc(y) != y)
        rt.fail(ErrorKind::unsupported, "complex numbers are not supported");
    const double out = std::pow(x, y);
    if (std::isinf(out) && std::isfinite(x) && std::isfinite(y))
        rt.fail(ErrorKind::overflow, "Numerical result out of range");
    return Value::real(out);
}

Value float_arithmetic(Runtime& rt, BinaryOp op, const Value& a, const Value& b) {
    const double x = to_double(a), y = to_double(b);
    if ((a.is_integral() && std::isinf(x)) || (b.is_integral() && std::isinf(y)))
        rt.fail(ErrorKind::overflow, "int too large to convert to float");
    switch (op) {
        case BinaryOp::add:
            return Value::real(x + y);
        case BinaryOp::subtract:
            return Value::real(x - y);
        case BinaryOp::multiply:
            return Value::real(x * y);
        default:
            break;
    }
    if (y == 0)
        fail_zero(rt, op == BinaryOp::modulo ? "float modulo" : "float floor division by zero");
    double quotient, remainder;
    floor_divide(x, y, quotient, remainder);
    return Value::real(op == BinaryOp::modulo ? remainder : quotient);
}

Value arithmetic(Runtime& rt, BinaryOp op, const Value& a, const Value& b) {
    if (op == BinaryOp::divide) return true_divide(rt, a, b);
    if (op == BinaryOp::power) return power(rt, a, b);
    if (a.is(Kind::real) || b.is(Kind::real)) return float_arithmetic(rt, op, a, b);
    return integer_arithmetic(rt, op, a, b);
}

Value concatenate(Runtime& rt, const Value& a, const Value& b) {
    if (a.is_string() && b.is_string()) {
        if (a.is_markup() != b.is_markup())
            return a.is_markup() ? concatenate(rt, a, escape(rt, b))
                                 : concatenate(rt, escape(rt, a), b);
        rt.check_string_size(a.as_string().size() + b.as_string().size());
        std::string out;
        out.reserve(a.as_string().size() + b.as_string().size());
        out += a.as_string();
        out += b.as_string();
        return rt.string(std::move(out), a.is_markup());
    }
    if (a.is_sequence() && a.kind() == b.kind()) {
        const auto x = a.items(), y = b.items();
        rt.check_list_size(x.size() + y.size());
        std::vector<Value> out;
        out.reserve(x.size() + y.size());
        out.insert(out.end(), x.begin(), x.end());
        out.insert(out.end(), y.begin(), y.end());
        return a.is(Kind::list) ? rt.list(std::move(out)) : rt.tuple(std::move(out));
    }
    if (a.is_undefined()) rt.fail_undefined(a);
    if (b.is_undefined()) rt.fail_undefined(b);
    if ((a.is_string() && !a.is_markup()) || a.is_sequence())
        rt.fail_type("can only concatenate {} (not \"{}\") to {}", type_name(a), type_name(b),
                     type_name(a));
    fail_operands(rt, BinaryOp::add, a, b);
}

Value repeat(Runtime& rt, const Value& sequence, const Value& times) {
    const int64_t n = times.is_int64() ? std::max<int64_t>(times.as_int(), 0) : INT64_MAX;
    if (sequence.is_string()) {
        const std::string_view s = sequence.as_string();
        if (!s.empty() && uint64_t(n) > rt.limits().value_bytes / s.size())
            rt.check_string_size(UINT64_MAX);
        std::string out;
        if (s.size() == 1) {
            out.assign(size_t(n), s[0]);
        } else if (!s.empty()) {
            out.reserve(s.size() * size_t(n));
            for (int64_t i = 0; i < n; ++i) out += s;
        }
        return rt.string(std::move(out), sequence.is_markup());
    }
    const auto items = sequence.items();
    if (!items.empty() && uint64_t(n) > rt.limits().value_bytes / sizeof(Value) / items.size())
        rt.check_list_size(UINT64_MAX);
    std::vector<Value> out;
    if (!items.empty()) {
        rt.charge_values(items.size() * uint64_t(n));
        out.reserve(items.size() * size_t(n));
        for (int64_t i = 0; i < n; ++i) out.insert(out.end(), items.begin(), items.end());
    }
    return sequence.is(Kind::list) ? rt.list(std::move(out)) : rt.tuple(std::move(out));
}

}  // namespace

Value apply(Runtime& rt, BinaryOp op, const Value& a, const Value& b) {
    if (a.is_number() && b.is_number()) return arithmetic(rt, op, a, b);
    if (op == BinaryOp::add) return concatenate(rt, a, b);
    if (op == BinaryOp::modulo && a.is_string()) return percent_format(rt, a, b);
    if (a.is_undefined()) rt.fail_undefined(a);
    if (b.is_undefined()) rt.fail_undefined(b);
    if (op == BinaryOp::multiply) {
        const bool a_repeats = a.is_string() || a.is_sequence();
        const bool b_repeats = b.is_string() || b.is_sequence();
        if (a_repeats && b.is_integral()) return repeat(rt, a, b);
        if (b_repeats && a.is_integral()) return repeat(rt, b, a);
        if (a_repeats || b_repeats)
            rt.fail_type("can't multiply sequence by non-int of type '{}'",
                         type_name(a_repeats ? b : a));
    }
    fail_operands(rt, op, a, b);
}

Value negate(Runtime& rt, const Value& v) {
    if (v.is(Kind::real)) return Value::real(-v.as_real());
    if (v.is_int64() && v.as_int() != INT64_MIN) return Value::integer(-v.as_int());
    if (v.is_integral()) {
        rt.charge(v.is(Kind::big_integer) ? v.as_big().limbs() / 8 : 0);
        return Value::integer(-to_big(v));
    }
    if (v.is_undefined()) rt.fail_undefined(v);
    rt.fail_type("bad operand type for unary -: '{}'", type_name(v));
}

Value plus(Runtime& rt, const Value& v) {
    if (v.is(Kind::boolean)) return Value::integer(v.as_int());
    if (v.is_number()) return v;
    if (v.is_undefined()) rt.fail_undefined(v);
    rt.fail_type("bad operand type for unary +: '{}'", type_name(v));
}

std::string escape_html(std::string_view s) {
    std::string out;
    out.reserve(s.size());
    for (char c : s) {
        switch (c) {
            case '&':
                out += "&amp;";
                break;
            case '<':
                out += "&lt;";
                break;
            case '>':
                out += "&gt;";
                break;
            case '"':
                out += "&#34;";
                break;
            case '\'':
                out += "&#39;";
                break;
            default:
                out += c;
        }
    }
    return out;
}

Value escape(Runtime& rt, const Value& v) {
    if (v.is_markup()) return v;
    std::string buffer;
    const std::string_view s = str_view(rt, v, buffer);
    rt.charge_scan(s.size());
    return rt.string(escape_html(s), true);
}

}  // namespace m2w::jinja
