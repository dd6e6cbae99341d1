// attributes.cpp — lookup of attributes, items and slices. Nothing but the rows of builtins.h, map
// keys and the attributes that opaque objects name themselves can be reached.
#include "chat/jinja/attributes.h"

#include <algorithm>
#include <charconv>

#include "chat/jinja/builtins.h"
#include "chat/jinja/operators.h"
#include "chat/jinja/range.h"
#include "chat/jinja/repr.h"
#include "chat/jinja/text.h"

namespace m2w::jinja {
namespace {

Value missing_attribute(Runtime& rt, const Value& object, std::string_view name) {
    return rt.undefined(
        fmt::format("{} has no attribute {}", quote(describe_object(object)), quote(name)));
}

Value missing_item(Runtime& rt, const Value& object, const Value& key) {
    if (key.is_string()) return missing_attribute(rt, object, key.as_string());
    return rt.undefined(
        fmt::format("{} has no element {}", describe_object(object), repr(rt, key)));
}

Value unsafe_attribute(Runtime& rt, const Value& object, std::string_view name) {
    return rt.undefined(fmt::format("access to attribute {} of '{}' object is unsafe.", quote(name),
                                    type_name(object)),
                        ErrorKind::security);
}

/// Index into n elements, negative ones from the end.
std::optional<uint64_t> element_index(const Value& key, uint64_t n) {
    if (!key.is_int64()) return std::nullopt;
    int64_t i = key.as_int();
    if (i < 0) i += int64_t(n);
    if (i < 0 || uint64_t(i) >= n) return std::nullopt;
    return uint64_t(i);
}

Value character_at(Runtime& rt, const Value& string, uint64_t index) {
    const std::string_view s = string.as_string();
    if (string.string_length() != s.size()) rt.charge_scan(s.size());
    size_t at = text::offset(s, index, string.string_length());
    const size_t begin = at;
    text::next(s, at);
    return rt.string(s.substr(begin, at - begin), string.is_markup());
}

/// object[key] without the fallback to attributes.
std::optional<Value> find_item(Runtime& rt, const Value& object, const Value& key) {
    switch (object.kind()) {
        case Kind::list:
        case Kind::tuple:
            if (const auto i = element_index(key, object.items().size())) return object.items()[*i];
            return std::nullopt;
        case Kind::string:
            if (const auto i = element_index(key, object.string_length()))
                return character_at(rt, object, *i);
            return std::nullopt;
        case Kind::map:
            if (!is_hashable(rt, key)) return std::nullopt;
            if (const Value* v = object.entries().find(key)) return *v;
            return std::nullopt;
        case Kind::opaque:
            return opaque_of(object).item(rt, key);
        default:
            return std::nullopt;
    }
}

}  // namespace

std::optional<Value> find_attribute(Runtime& rt, const Value& object, std::string_view name) {
    if (object.is_undefined()) rt.fail_undefined(object);
    if (object.is(Kind::opaque)) {
        if (auto v = opaque_of(object).attribute(rt, name)) return v;
    } else if (const Builtin* method = find_method(object, name)) {
        if (!method->mutates) return bound_method(rt, object, *method);
        const Value hidden = unsafe_attribute(rt, object, name);
        static_cast<UndefinedObject*>(hidden.object())->refused = bound_method(rt, object, *method);
        return hidden;
    }
    if (object.is(Kind::tuple) && list_of(object).is_group) {
        if (name == "grouper") return object.items()[0];
        if (name == "list") return object.items()[1];
    }
    if (object.is_number() && (name == "real" || name == "numerator")) return plus(rt, object);
    if (object.is_integral() && name == "denominator") return Value::integer(1);
    if (object.is_number() && name == "imag")
        return object.is(Kind::real) ? Value::real(0) : Value::integer(0);
    return std::nullopt;
}

Value get_attribute(Runtime& rt, const Value& object, std::string_view name) {
    if (auto v = find_attribute(rt, object, name)) return *std::move(v);
    if (object.is(Kind::map)) {
        if (const Value* v = object.entries().find(name)) return *v;
    }
    // Python's own attributes exist on every object, and the sandbox refuses them.
    if (name.starts_with("__") && name.ends_with("__")) return unsafe_attribute(rt, object, name);
    return missing_attribute(rt, object, name);
}

Value get_item(Runtime& rt, const Value& object, const Value& key) {
    if (object.is_undefined()) rt.fail_undefined(object);
    if (auto v = find_item(rt, object, key)) return *std::move(v);
    if (key.is_string()) {
        const std::string_view name = key.as_string();
        if (auto v = find_attribute(rt, object, name)) return *std::move(v);
        if (name.starts_with("__") && name.ends_with("__"))
            return unsafe_attribute(rt, object, name);
    }
    return missing_item(rt, object, key);
}

namespace {

std::optional<int64_t> slice_part(Runtime& rt, const Value& v) {
    if (v.is_none()) return std::nullopt;
    if (v.is_int64()) return v.as_int();
    if (v.is(Kind::big_integer)) return v.as_big().is_negative() ? INT64_MIN : INT64_MAX;
    rt.fail_type("slice indices must be integers or None or have an __index__ method");
}

struct SliceRange {
    int64_t start, step, count;
};

/// Python's rules for the elements that start:stop:step selects out of n.
SliceRange resolve_slice(Runtime& rt, const Value& start, const Value& stop, const Value& step,
                         int64_t n) {
    const int64_t by = slice_part(rt, step).value_or(1);
    if (by == 0) rt.fail_value("slice step cannot be zero");
    const int64_t lowest = by < 0 ? -1 : 0, highest = by < 0 ? n - 1 : n;
    const auto clamp = [&](std::optional<int64_t> i, int64_t otherwise) {
        if (!i) return otherwise;
        if (*i < 0) return *i < -n ? lowest : std::max(*i + n, lowest);
        return std::min(*i, highest);
    };
    const int64_t first = clamp(slice_part(rt, start), by < 0 ? highest : lowest);
    const int64_t last = clamp(slice_part(rt, stop), by < 0 ? lowest : highest);
    int64_t count = 0;
    if (by > 0 && first < last) count = (last - first - 1) / by + 1;
    if (by < 0 && first > last)
        count = (first - last - 1) / (by == INT64_MIN ? INT64_MAX : -by) + 1;
    return {first, by, count};
}

Value slice_string(Runtime& rt, const Value& object, const SliceRange& range) {
    const std::string_view s = object.as_string();
    const uint64_t n = object.string_length();
    if (range.count == 0) return rt.string(std::string(), object.is_markup());
    const bool one_piece = range.step == 1 && n == s.size();
    rt.charge_scan(one_piece ? uint64_t(range.count) : s.size());
    if (range.step == 1) {
        const size_t begin = text::offset(s, uint64_t(range.start), n);
        const size_t end = text::offset(s, uint64_t(range.start + range.count), n);
        return rt.string(s.substr(begin, end - begin), object.is_markup());
    }
    std::u32string points;
    for (size_t at = 0; at < s.size();) points += text::next(s, at);
    std::string out;
    for (int64_t i = 0; i < range.count; ++i)
        text::append(out, points[size_t(range.start + i * range.step)]);
    return rt.string(std::move(out), object.is_markup());
}

}  // namespace

Value get_slice(Runtime& rt, const Value& object, const Value& start, const Value& stop,
                const Value& step) {
    if (object.is_undefined()) rt.fail_undefined(object);
    if (object.is_string()) {
        return slice_string(rt, object,
                            resolve_slice(rt, start, stop, step, int64_t(object.string_length())));
    }
    if (object.is_sequence()) {
        const auto items = object.items();
        const SliceRange range = resolve_slice(rt, start, stop, step, int64_t(items.size()));
        std::vector<Value> out;
        out.reserve(size_t(range.count));
        for (int64_t i = 0; i < range.count; ++i)
            out.push_back(items[size_t(range.start + i * range.step)]);
        return object.is(Kind::list) ? rt.list(std::move(out)) : rt.tuple(std::move(out));
    }
    if (const auto* r = opaque_as<Range>(object)) {
        const SliceRange range = resolve_slice(rt, start, stop, step, r->size());
        if (range.count == 0) return rt.make_value<Range>(0, 0, 1);
        const int64_t first = r->at(range.start);
        // With several elements their distance fits; the bound behind the last one may not.
        const int64_t by = range.count > 1 ? range.step * r->step() : r->step();
        const int64_t last = first + (range.count - 1) * by;
        int64_t behind = 0;
        if (__builtin_add_overflow(last, by, &behind)) behind = by > 0 ? INT64_MAX : INT64_MIN;
        return rt.make_value<Range>(first, behind, by);
    }
    if (object.is(Kind::map)) rt.fail_type("unhashable type: 'slice'");
    rt.fail_type("'{}' object is not subscriptable", type_name(object));
}

AttributePath AttributePath::parse(Runtime& rt, const Value& attribute) {
    AttributePath path;
    if (attribute.is_none()) return path;
    if (!attribute.is_string()) {
        path.parts.push_back(attribute);
        return path;
    }
    std::string_view rest = attribute.as_string();
    while (true) {
        const size_t dot = std::min(rest.find('.'), rest.size());
        const std::string_view part = rest.substr(0, dot);
        rt.charge(1);
        int64_t index = 0;
        const auto [end, error] = std::from_chars(part.data(), part.data() + part.size(), index);
        const bool digits = !part.empty() && part[0] != '-' && end == part.data() + part.size();
        path.parts.push_back(digits && error == std::errc() ? Value::integer(index)
                                                            : rt.string(part));
        if (dot == rest.size()) return path;
        rest.remove_prefix(dot + 1);
    }
}

Value AttributePath::resolve(Runtime& rt, Value v, const Value& fallback) const {
    for (const Value& part : parts) {
        rt.charge(1);
        v = get_item(rt, v, part);
        if (v.is_undefined() && !fallback.is_none()) v = fallback;
    }
    return v;
}

}  // namespace m2w::jinja
