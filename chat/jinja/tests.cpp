// tests.cpp — the tests behind `is`.
// Source: Jinja 3.1 documentation, "List of Builtin Tests".
#include "chat/jinja/builtins.h"
#include "chat/jinja/iterators.h"
#include "chat/jinja/numbers.h"
#include "chat/jinja/operators.h"
#include "chat/jinja/repr.h"

namespace m2w::jinja {
namespace {

template <Kind K>
Value is_kind(Runtime&, Args& a) {
    return Value::boolean(a[0].is(K));
}

template <bool Expected>
Value is_bool(Runtime&, Args& a) {
    return Value::boolean(a[0].is(Kind::boolean) && a[0].as_bool() == Expected);
}

template <ast::CompareOp Op>
Value compares(Runtime& rt, Args& a) {
    return Value::boolean(compare(rt, Op, a[0], a[1]));
}

Value is_callable(Runtime&, Args& a) {
    // jinja2's Undefined has a __call__ method, if only to fail.
    return Value::boolean(a[0].is_undefined() ||
                          (a[0].is(Kind::opaque) && opaque_of(a[0]).callable()));
}

Value is_defined(Runtime&, Args& a) {
    return Value::boolean(!a[0].is_undefined());
}

bool divides(Runtime& rt, const Value& v, const Value& by) {
    const Value remainder = apply(rt, ast::BinaryOp::modulo, v, by);
    return remainder.is_number() && compare_numbers(remainder, Value::integer(0)) == 0;
}

Value is_divisible_by(Runtime& rt, Args& a) {
    return Value::boolean(divides(rt, a[0], a[1]));
}

Value is_even(Runtime& rt, Args& a) {
    return Value::boolean(divides(rt, a[0], Value::integer(2)));
}

Value is_odd(Runtime& rt, Args& a) {
    const Value remainder = apply(rt, ast::BinaryOp::modulo, a[0], Value::integer(2));
    return Value::boolean(equals(rt, remainder, Value::integer(1)));
}

Value is_escaped(Runtime&, Args& a) {
    return Value::boolean(a[0].is_markup());
}

Value is_filter(Runtime& rt, Args& a) {
    check_hashable(rt, a[0]);
    return Value::boolean(a[0].is_string() && find_filter(a[0].as_string()) &&
                          a[0].as_string() != "from_json");
}

Value is_test(Runtime& rt, Args& a) {
    check_hashable(rt, a[0]);
    return Value::boolean(a[0].is_string() && find_test(a[0].as_string()));
}

Value is_in(Runtime& rt, Args& a) {
    return Value::boolean(contains(rt, a[1], a[0]));
}

Value is_integer(Runtime&, Args& a) {
    return Value::boolean(a[0].is(Kind::integer) || a[0].is(Kind::big_integer));
}

Value is_iterable(Runtime& rt, Args& a) {
    return Value::boolean(bool(try_iterate(rt, a[0])));
}

/// str(value).name()
Value text_predicate(Runtime& rt, const Args& a, std::string_view name) {
    const Value s = rt.string(str(rt, a[0]));
    CallArguments none;
    return find_method(s, name)->call(rt, &s, none);
}

Value is_lower(Runtime& rt, Args& a) {
    return text_predicate(rt, a, "islower");
}

Value is_upper(Runtime& rt, Args& a) {
    return text_predicate(rt, a, "isupper");
}

Value is_number(Runtime&, Args& a) {
    return Value::boolean(a[0].is_number());
}

/// The same object; scalars and strings count as the same when they are equal and of one type.
Value is_same_as(Runtime& rt, Args& a) {
    if (a[0].kind() != a[1].kind() || a[0].is_undefined()) return Value::boolean(false);
    if (a[0].is_number() || a[0].is_string() || a[0].is_none())
        return Value::boolean(equals(rt, a[0], a[1]));
    return Value::boolean(a[0].object() == a[1].object());
}

/// Has a length and items; undefined has both, if only to fail.
Value is_sequence(Runtime& rt, Args& a) {
    const Value& v = a[0];
    const bool plain = v.is_string() || v.is_sequence() || v.is(Kind::map) || v.is_undefined();
    return Value::boolean(
        plain || (v.is(Kind::opaque) && opaque_of(v).has_items() && opaque_of(v).length(rt)));
}

using ast::CompareOp;

constexpr Builtin kTests[] = {
    {"!=", compares<CompareOp::ne>, {"value", "other"}, 2},
    {"<", compares<CompareOp::lt>, {"value", "other"}, 2},
    {"<=", compares<CompareOp::le>, {"value", "other"}, 2},
    {"==", compares<CompareOp::eq>, {"value", "other"}, 2},
    {">", compares<CompareOp::gt>, {"value", "other"}, 2},
    {">=", compares<CompareOp::ge>, {"value", "other"}, 2},
    {"boolean", is_kind<Kind::boolean>, {"value"}, 1},
    {"callable", is_callable, {"value"}, 1},
    {"defined", is_defined, {"value"}, 1},
    {"divisibleby", is_divisible_by, {"value", "num"}, 2},
    {"eq", compares<CompareOp::eq>, {"value", "other"}, 2},
    {"equalto", compares<CompareOp::eq>, {"value", "other"}, 2},
    {"escaped", is_escaped, {"value"}, 1},
    {"even", is_even, {"value"}, 1},
    {"false", is_bool<false>, {"value"}, 1},
    {"filter", is_filter, {"value"}, 1},
    {"float", is_kind<Kind::real>, {"value"}, 1},
    {"ge", compares<CompareOp::ge>, {"value", "other"}, 2},
    {"greaterthan", compares<CompareOp::gt>, {"value", "other"}, 2},
    {"gt", compares<CompareOp::gt>, {"value", "other"}, 2},
    {"in", is_in, {"value", "seq"}, 2},
    {"integer", is_integer, {"value"}, 1},
    {"iterable", is_iterable, {"value"}, 1},
    {"le", compares<CompareOp::le>, {"value", "other"}, 2},
    {"lessthan", compares<CompareOp::lt>, {"value", "other"}, 2},
    {"lower", is_lower, {"value"}, 1},
    {"lt", compares<CompareOp::lt>, {"value", "other"}, 2},
    {"mapping", is_kind<Kind::map>, {"value"}, 1},
    {"ne", compares<CompareOp::ne>, {"value", "other"}, 2},
    {"none", is_kind<Kind::none>, {"value"}, 1},
    {"number", is_number, {"value"}, 1},
    {"odd", is_odd, {"value"}, 1},
    {"sameas", is_same_as, {"value", "other"}, 2},
    {"sequence", is_sequence, {"value"}, 1},
    {"string", is_kind<Kind::string>, {"value"}, 1},
    {"test", is_test, {"value"}, 1},
    {"true", is_bool<true>, {"value"}, 1},
    {"undefined", is_kind<Kind::undefined>, {"value"}, 1},
    {"upper", is_upper, {"value"}, 1},
};
static_assert(is_sorted_table(kTests));

}  // namespace

std::span<const Builtin> all_tests() {
    return kTests;
}

}  // namespace m2w::jinja
