// filters_list.cpp — filters on sequences that need all elements at once. Lazy ones:
// filters_lazy.cpp. Source: Jinja 3.1 documentation, "List of Builtin Filters".
#include <algorithm>

#include "chat/jinja/attributes.h"
#include "chat/jinja/builtins.h"
#include "chat/jinja/filters_lazy.h"
#include "chat/jinja/iterators.h"
#include "chat/jinja/map_views.h"
#include "chat/jinja/operators.h"
#include "chat/jinja/range.h"
#include "chat/jinja/repr.h"
#include "chat/jinja/sorting.h"
#include "chat/jinja/text.h"

namespace m2w::jinja {

Value fold_case(Runtime& rt, const Value& v, bool case_sensitive) {
    if (case_sensitive || !v.is_string()) return v;
    rt.charge_scan(v.as_string().size());
    return rt.string(text::lower(v.as_string()));
}

namespace {

Value argument_or_none(const Args& a, size_t i) {
    return a.has(i) ? a[i] : Value::none();
}

Value dictsort(Runtime& rt, Args& a) {
    if (a[0].is_undefined()) rt.fail_undefined(a[0]);
    if (!a[0].is(Kind::map)) rt.fail_type("'{}' object has no attribute 'items'", type_name(a[0]));
    const bool case_sensitive = a.flag(rt, 1);
    const std::string_view by = a.has(2) ? a.string(rt, 2) : "key";
    if (by != "key" && by != "value")
        rt.fail(ErrorKind::runtime, "You can only sort by either \"key\" or \"value\"");
    std::vector<Value> items, keys;
    for (const auto& [key, value] : a[0].entries()) {
        rt.charge(1);
        items.push_back(rt.tuple({key, value}));
        keys.push_back(fold_case(rt, by == "key" ? key : value, case_sensitive));
    }
    return rt.list(sort_by_keys(rt, std::move(items), keys, a.flag(rt, 3)));
}

Value first(Runtime& rt, Args& a) {
    Value out;
    if (iterate(rt, a[0])->next(rt, out)) return out;
    return rt.undefined("No first item, sequence was empty.");
}

Value last(Runtime& rt, Args& a) {
    const Value& v = a[0];
    const auto empty = [&] { return rt.undefined("No last item, sequence was empty."); };
    if (v.is_undefined()) return empty();
    if (v.is(Kind::map)) {
        const Map& entries = v.entries();
        return entries.empty() ? empty() : entries.at(entries.size() - 1).first;
    }
    if (const auto* view = opaque_as<MapView>(v)) {
        const Map& entries = view->map().entries();
        if (entries.empty()) return empty();
        const auto& [key, value] = entries.at(entries.size() - 1);
        if (view->what() == MapView::What::items) return rt.tuple({key, value});
        return view->what() == MapView::What::keys ? key : value;
    }
    if (!v.is_string() && !v.is_sequence() && !opaque_as<Range>(v))
        rt.fail_type("'{}' object is not reversible", type_name(v));
    return length(rt, v) == 0 ? empty() : get_item(rt, v, Value::integer(-1));
}

/// Elements beside their sort keys.
struct Keyed {
    std::vector<Value> items, keys;
};

Keyed keyed_by(Runtime& rt, const Value& v, const AttributePath& path, const Value& fallback,
               bool case_sensitive) {
    Keyed out;
    out.items = collect(rt, v);
    for (const Value& item : out.items)
        out.keys.push_back(fold_case(rt, path.resolve(rt, item, fallback), case_sensitive));
    return out;
}

Value groupby(Runtime& rt, Args& a) {
    const AttributePath path = AttributePath::parse(rt, a[1]);
    const Value fallback = argument_or_none(a, 2);
    const bool case_sensitive = a.flag(rt, 3);
    const Keyed keyed = keyed_by(rt, a[0], path, fallback, case_sensitive);
    const std::vector<Value> sorted = sort_by_keys(rt, keyed.items, keyed.keys, false);
    std::vector<Value> groups;
    for (size_t i = 0; i < sorted.size();) {
        const Value grouper = path.resolve(rt, sorted[i], fallback);
        const Value key = fold_case(rt, grouper, case_sensitive);
        std::vector<Value> members;
        while (
            i < sorted.size() &&
            (members.empty() ||
             equals(rt, fold_case(rt, path.resolve(rt, sorted[i], fallback), case_sensitive), key)))
            members.push_back(sorted[i++]);
        const Value group = rt.tuple({grouper, rt.list(std::move(members))});
        list_of(group).is_group = true;
        groups.push_back(group);
    }
    return rt.list(std::move(groups));
}

Value join(Runtime& rt, Args& a) {
    const AttributePath path = AttributePath::parse(rt, argument_or_none(a, 2));
    std::vector<Value> parts;
    for_each(rt, a[0],
             [&](const Value& item) { parts.push_back(path.resolve(rt, item, Value::none())); });
    Value separator = a.has(1) ? a[1] : rt.string("");
    bool markup = false;
    if (rt.autoescape) {
        markup = separator.is_markup() || std::any_of(parts.begin(), parts.end(),
                                                      [](const Value& v) { return v.is_markup(); });
        if (markup) separator = escape(rt, separator);
    }
    std::string out, buffer;
    const std::string between = str(rt, separator);
    for (size_t i = 0; i < parts.size(); ++i) {
        if (markup) parts[i] = escape(rt, parts[i]);
        const std::string_view part = str_view(rt, parts[i], buffer);
        rt.check_string_size(out.size() + between.size() + part.size());
        if (i) out += between;
        out += part;
    }
    return rt.string(std::move(out), markup);
}

Value list(Runtime& rt, Args& a) {
    return rt.list(collect(rt, a[0]));
}

template <bool Largest>
Value extreme(Runtime& rt, Args& a) {
    const AttributePath path = AttributePath::parse(rt, argument_or_none(a, 2));
    const Keyed keyed = keyed_by(rt, a[0], path, Value::none(), a.flag(rt, 1));
    if (keyed.items.empty()) return rt.undefined("No aggregated item, sequence was empty.");
    size_t best = 0;
    for (size_t i = 1; i < keyed.items.size(); ++i) {
        const bool better = Largest ? less(rt, keyed.keys[best], keyed.keys[i])
                                    : less(rt, keyed.keys[i], keyed.keys[best]);
        if (better) best = i;
    }
    return keyed.items[best];
}

Value random(Runtime& rt, Args&) {
    rt.fail(ErrorKind::unsupported,
            "the filter random is not supported: a prompt must not depend on chance");
}

Value reverse(Runtime& rt, Args& a) {
    if (a[0].is_string())
        return get_slice(rt, a[0], Value::none(), Value::none(), Value::integer(-1));
    if (!try_iterate(rt, a[0])) rt.fail_type("argument must be iterable");
    std::vector<Value> items = collect(rt, a[0]);
    std::reverse(items.begin(), items.end());
    const bool reversible = !opaque_as<Iterator>(a[0]);
    const Value out = rt.list(std::move(items));
    return reversible ? opaque_value(iterate(rt, out)) : out;
}

Value sort(Runtime& rt, Args& a) {
    const bool case_sensitive = a.flag(rt, 2);
    const Value attribute = argument_or_none(a, 3);
    std::vector<AttributePath> paths;
    if (attribute.is_string()) {  // "a,b.c": by a, then by b.c
        std::string_view rest = attribute.as_string();
        while (true) {
            const size_t comma = std::min(rest.find(','), rest.size());
            rt.charge(1);
            paths.push_back(AttributePath::parse(rt, rt.string(rest.substr(0, comma))));
            if (comma == rest.size()) break;
            rest.remove_prefix(comma + 1);
        }
    } else {
        paths.push_back(AttributePath::parse(rt, attribute));
    }
    std::vector<Value> items = collect(rt, a[0]), keys;
    for (const Value& item : items) {
        std::vector<Value> parts;
        for (const AttributePath& path : paths)
            parts.push_back(fold_case(rt, path.resolve(rt, item, Value::none()), case_sensitive));
        keys.push_back(parts.size() == 1 ? std::move(parts[0]) : rt.tuple(std::move(parts)));
    }
    return rt.list(sort_by_keys(rt, std::move(items), keys, a.flag(rt, 1)));
}

Value sum(Runtime& rt, Args& a) {
    const AttributePath path = AttributePath::parse(rt, argument_or_none(a, 1));
    Value total = a.has(2) ? a[2] : Value::integer(0);
    if (total.is_string()) rt.fail_type("sum() can't sum strings [use ''.join(seq) instead]");
    for_each(rt, a[0], [&](const Value& item) {
        total = apply(rt, ast::BinaryOp::add, total, path.resolve(rt, item, Value::none()));
    });
    return total;
}

constexpr Builtin kListFilters[] = {
    {"batch", batch_filter, {"value", "linecount", "fill_with"}, 2},
    {"dictsort", dictsort, {"value", "case_sensitive", "by", "reverse"}, 1},
    {"first", first, {"seq"}, 1},
    {"groupby", groupby, {"value", "attribute", "default", "case_sensitive"}, 2},
    {"items", items_filter, {"value"}, 1},
    {"join", join, {"value", "d", "attribute"}, 1},
    {"last", last, {"seq"}, 1},
    {"list", list, {"value"}, 1},
    {"map", map_filter, {"value"}, 1, true},
    {"max", extreme<true>, {"value", "case_sensitive", "attribute"}, 1},
    {"min", extreme<false>, {"value", "case_sensitive", "attribute"}, 1},
    {"random", random, {"seq"}, 1},
    {"reject", reject_filter, {"value"}, 1, true},
    {"rejectattr", rejectattr_filter, {"value"}, 1, true},
    {"reverse", reverse, {"value"}, 1},
    {"select", select_filter, {"value"}, 1, true},
    {"selectattr", selectattr_filter, {"value"}, 1, true},
    {"slice", slice_filter, {"value", "slices", "fill_with"}, 2},
    {"sort", sort, {"value", "reverse", "case_sensitive", "attribute"}, 1},
    {"sum", sum, {"iterable", "attribute", "start"}, 1},
    {"unique", unique_filter, {"value", "case_sensitive", "attribute"}, 1},
};
static_assert(is_sorted_table(kListFilters));

}  // namespace

std::span<const Builtin> list_filters() {
    return kListFilters;
}

}  // namespace m2w::jinja
