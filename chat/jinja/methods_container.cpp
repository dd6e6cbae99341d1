// methods_container.cpp — the methods of lists, tuples, maps and numbers. Those marked `mutates`
// are refused by the sandbox unless the rendering is forgiving. Source: Python 3.11 library
// reference, "Built-in Types"; the sandbox's list: jinja2 3.1 sandbox documentation.
#include <algorithm>
#include <cmath>

#include "chat/jinja/builtins.h"
#include "chat/jinja/iterators.h"
#include "chat/jinja/map_views.h"
#include "chat/jinja/numbers.h"
#include "chat/jinja/operators.h"
#include "chat/jinja/repr.h"
#include "chat/jinja/sorting.h"

namespace m2w::jinja {
namespace {

// --- list and tuple
// -------------------------------------------------------------------------------

Value count(Runtime& rt, Args& a) {
    int64_t n = 0;
    for (const Value& v : a[0].items()) n += equals(rt, v, a[1]);
    return Value::integer(n);
}

Value index(Runtime& rt, Args& a) {
    const auto items = a[0].items();
    const int64_t n = int64_t(items.size());
    const auto bound = [&](size_t i, int64_t otherwise) {
        const int64_t v = a.integer(rt, i, otherwise);
        return v < 0 ? std::max<int64_t>(v + n, 0) : v;
    };
    const int64_t end = std::min(bound(3, n), n);
    for (int64_t i = bound(2, 0); i < end; ++i)
        if (equals(rt, items[size_t(i)], a[1])) return Value::integer(i);
    rt.fail_value("{} is not in {}", repr(rt, a[1]), type_name(a[0]));
}

Value copy_list(Runtime& rt, Args& a) {
    return rt.list({a[0].items().begin(), a[0].items().end()});
}

/// Position of an element counted from either end, or a failure that names the method.
size_t position(Runtime& rt, const Args& a, int64_t i, std::string_view method) {
    const int64_t n = int64_t(a[0].items().size());
    if (n == 0) rt.fail(ErrorKind::lookup, "{} from empty list", method);
    if (i < 0) i += n;
    if (i < 0 || i >= n) rt.fail(ErrorKind::lookup, "{} index out of range", method);
    return size_t(i);
}

Value pop_item(Runtime& rt, Args& a) {
    auto& items = list_of(a[0]).items;
    const size_t i = position(rt, a, a.integer(rt, 1, -1), "pop");
    rt.charge_values(items.size() - i);
    Value out = std::move(items[i]);
    items.erase(items.begin() + ptrdiff_t(i));
    return out;
}

Value clear_list(Runtime& rt, Args& a) {
    const auto dropped = std::exchange(list_of(a[0]).items, {});
    rt.recount(a[0]);
    return Value::none();
}

Value append(Runtime& rt, Args& a) {
    auto& items = list_of(a[0]).items;
    rt.check_list_size(items.size() + 1);
    items.push_back(a[1]);
    rt.recount(a[0]);
    return Value::none();
}

Value extend(Runtime& rt, Args& a) {
    auto more = collect(rt, a[1]);
    auto& items = list_of(a[0]).items;
    rt.check_list_size(items.size() + more.size());
    items.insert(items.end(), more.begin(), more.end());
    rt.recount(a[0]);
    return Value::none();
}

Value insert(Runtime& rt, Args& a) {
    auto& items = list_of(a[0]).items;
    const int64_t n = int64_t(items.size());
    int64_t i = a.integer(rt, 1);
    if (i < 0) i = std::max<int64_t>(i + n, 0);
    rt.check_list_size(items.size() + 1);
    rt.charge_values(items.size());
    items.insert(items.begin() + ptrdiff_t(std::min(i, n)), a[2]);
    rt.recount(a[0]);
    return Value::none();
}

Value remove(Runtime& rt, Args& a) {
    auto& items = list_of(a[0]).items;
    for (size_t i = 0; i < items.size(); ++i) {
        if (!equals(rt, items[i], a[1])) continue;
        rt.charge_values(items.size() - i);
        const Value dropped = std::move(items[i]);
        items.erase(items.begin() + ptrdiff_t(i));
        return Value::none();
    }
    rt.fail_value("list.remove(x): x not in list");
}

Value reverse(Runtime& rt, Args& a) {
    auto& items = list_of(a[0]).items;
    rt.charge_values(items.size());
    std::reverse(items.begin(), items.end());
    return Value::none();
}

Value sort_list(Runtime& rt, Args& a) {
    std::vector<Value> items = list_of(a[0]).items;
    const std::vector<Value> keys = items;
    list_of(a[0]).items = sort_by_keys(rt, std::move(items), keys, a.flag(rt, 1));
    return Value::none();
}

// --- map
// ------------------------------------------------------------------------------------------

Value get(Runtime& rt, Args& a) {
    check_hashable(rt, a[1]);
    if (const Value* v = a[0].entries().find(a[1])) return *v;
    return a.has(2) ? a[2] : Value::none();
}

template <MapView::What What>
Value view(Runtime& rt, Args& a) {
    return rt.make_value<MapView>(a[0], What);
}

Value copy_map(Runtime& rt, Args& a) {
    return rt.map(a[0].entries());
}

Value clear_map(Runtime& rt, Args& a) {
    map_of(a[0]).entries.clear();
    rt.recount(a[0]);
    return Value::none();
}

Value pop_key(Runtime& rt, Args& a) {
    check_hashable(rt, a[1]);
    Map& entries = map_of(a[0]).entries;
    const Value* found = entries.find(a[1]);
    if (!found) {
        if (a.has(2)) return a[2];
        rt.fail(ErrorKind::lookup, "KeyError: {}", repr(rt, a[1]));
    }
    const Value out = *found;
    rt.charge(entries.size());
    entries.erase(a[1]);
    return out;
}

Value pop_last(Runtime& rt, Args& a) {
    Map& entries = map_of(a[0]).entries;
    if (entries.empty()) rt.fail(ErrorKind::lookup, "popitem(): dictionary is empty");
    const auto [key, value] = entries.at(entries.size() - 1);
    rt.charge(entries.size());
    entries.erase(key);
    return rt.tuple({key, value});
}

void set_entry(Runtime& rt, Map& entries, const Value& key, const Value& value) {
    check_hashable(rt, key);
    rt.check_list_size((entries.size() + 1) * 2);
    entries.set(key, value);
}

Value set_default(Runtime& rt, Args& a) {
    check_hashable(rt, a[1]);
    Map& entries = map_of(a[0]).entries;
    if (const Value* v = entries.find(a[1])) return *v;
    const Value value = a.has(2) ? a[2] : Value::none();
    set_entry(rt, entries, a[1], value);
    rt.recount(a[0]);
    return value;
}

Value update(Runtime& rt, Args& a) {
    Map merged = a[0].entries();
    rt.charge_values(merged.size());
    if (!a.rest.empty()) merge_into(rt, merged, a.rest[0]);
    for (auto& [key, value] : a.named) set_entry(rt, merged, rt.string(key), value);
    map_of(a[0]).entries = std::move(merged);
    rt.recount(a[0]);
    return Value::none();
}

// --- numbers
// --------------------------------------------------------------------------------------

Value is_integer(Runtime&, Args& a) {
    return Value::boolean(std::isfinite(a[0].as_real()) &&
                          std::trunc(a[0].as_real()) == a[0].as_real());
}

Value bit_length(Runtime&, Args& a) {
    return Value::integer(to_big(a[0]).bits());
}

Value conjugate(Runtime& rt, Args& a) {
    return plus(rt, a[0]);
}

constexpr Builtin kListMethods[] = {
    {"append", append, {"self", "object"}, 2, false, true},
    {"clear", clear_list, {"self"}, 1},
    {"copy", copy_list, {"self"}, 1},
    {"count", count, {"self", "value"}, 2},
    {"extend", extend, {"self", "iterable"}, 2, false, true},
    {"index", index, {"self", "value", "start", "stop"}, 2},
    {"insert", insert, {"self", "index", "object"}, 3, false, true},
    {"pop", pop_item, {"self", "index"}, 1},
    {"remove", remove, {"self", "value"}, 2, false, true},
    {"reverse", reverse, {"self"}, 1, false, true},
    {"sort", sort_list, {"self", "reverse"}, 1, false, true},
};
static_assert(is_sorted_table(kListMethods));

constexpr Builtin kTupleMethods[] = {
    {"count", count, {"self", "value"}, 2},
    {"index", index, {"self", "value", "start", "stop"}, 2},
};
static_assert(is_sorted_table(kTupleMethods));

constexpr Builtin kMapMethods[] = {
    {"clear", clear_map, {"self"}, 1, false, true},
    {"copy", copy_map, {"self"}, 1},
    {"get", get, {"self", "key", "default"}, 2},
    {"items", view<MapView::What::items>, {"self"}, 1},
    {"keys", view<MapView::What::keys>, {"self"}, 1},
    {"pop", pop_key, {"self", "key", "default"}, 2, false, true},
    {"popitem", pop_last, {"self"}, 1, false, true},
    {"setdefault", set_default, {"self", "key", "default"}, 2, false, true},
    {"update", update, {"self"}, 1, true, true},
    {"values", view<MapView::What::values>, {"self"}, 1},
};
static_assert(is_sorted_table(kMapMethods));

constexpr Builtin kIntegerMethods[] = {
    {"bit_length", bit_length, {"self"}, 1},
    {"conjugate", conjugate, {"self"}, 1},
};
static_assert(is_sorted_table(kIntegerMethods));

constexpr Builtin kRealMethods[] = {
    {"conjugate", conjugate, {"self"}, 1},
    {"is_integer", is_integer, {"self"}, 1},
};
static_assert(is_sorted_table(kRealMethods));

}  // namespace

std::span<const Builtin> list_methods() {
    return kListMethods;
}
std::span<const Builtin> tuple_methods() {
    return kTupleMethods;
}
std::span<const Builtin> map_methods() {
    return kMapMethods;
}
std::span<const Builtin> integer_methods() {
    return kIntegerMethods;
}
std::span<const Builtin> real_methods() {
    return kRealMethods;
}

}  // namespace m2w::jinja
