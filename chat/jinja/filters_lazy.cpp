// filters_lazy.cpp — map, select, reject, unique, batch, slice, items as generators.
// Source: Jinja 3.1 documentation, "List of Builtin Filters"; that errors come only when elements
// are asked for was observed on jinja2 3.1.
#include "chat/jinja/filters_lazy.h"

#include "chat/jinja/attributes.h"
#include "chat/jinja/iterators.h"
#include "chat/jinja/operators.h"
#include "chat/jinja/repr.h"

namespace m2w::jinja {
namespace {

/// Starts iterating its subject at the first element asked for.
struct LazySource {
    Value subject;
    Ref<Iterator> it;
    bool started = false;

    /// False once there is nothing to walk: jinja2 skips falsy subjects without looking at the
    /// arguments.
    bool next(Runtime& rt, Value& element) {
        if (!it) return false;
        rt.charge(1);
        return it->next(rt, element);
    }
    bool start(Runtime& rt, bool skip_falsy) {
        started = true;
        if (skip_falsy && !truthy(rt, subject)) return false;
        it = iterate(rt, subject);
        return true;
    }
};

/// Arguments kept for later calls: each call consumes a copy.
struct KeptArguments {
    std::vector<Value> positional;
    std::vector<std::pair<std::string, Value>> named;

    CallArguments copy(Runtime& rt, size_t skip) const {
        rt.charge_values(positional.size() + named.size());
        CallArguments out;
        if (skip < positional.size())
            out.positional.assign(positional.begin() + ptrdiff_t(skip), positional.end());
        out.named = named;
        return out;
    }
};

struct MapSource {
    LazySource source;
    KeptArguments arguments;
    bool by_attribute = false;
    AttributePath path;
    Value fallback = Value::none();
    Value filter;

    void prepare(Runtime& rt) {
        auto& named = arguments.named;
        for (const auto& [name, value] : named) by_attribute |= name == "attribute";
        by_attribute &= arguments.positional.empty();
        if (!by_attribute) {
            if (arguments.positional.empty())
                rt.fail(ErrorKind::runtime, "map requires a filter argument");
            filter = arguments.positional[0];
            return;
        }
        for (const auto& [name, value] : named) {
            if (name == "attribute") {
                path = AttributePath::parse(rt, value);
            } else if (name == "default") {
                fallback = value;
            } else {
                rt.fail(ErrorKind::runtime, "Unexpected keyword argument {}", quote(name));
            }
        }
    }

    bool next(Runtime& rt, Value& element) {
        if (!source.started && source.start(rt, true)) prepare(rt);
        if (!source.next(rt, element)) return false;
        if (by_attribute) {
            element = path.resolve(rt, element, fallback);
            return true;
        }
        CallArguments call = arguments.copy(rt, 1);
        element = apply_filter(rt, filter.is_string() ? filter.as_string() : repr(rt, filter),
                               element, call);
        return true;
    }
};

struct SelectSource {
    LazySource source;
    KeptArguments arguments;
    bool by_attribute = false, keep_if = true;
    AttributePath path;
    Value test;  // none: the element's own truth

    void prepare(Runtime& rt) {
        const auto& positional = arguments.positional;
        if (by_attribute) {
            if (positional.empty())
                rt.fail(ErrorKind::runtime, "Missing parameter for attribute name");
            path = AttributePath::parse(rt, positional[0]);
        }
        const size_t at = by_attribute;
        test = positional.size() > at ? positional[at] : Value::none();
    }

    bool next(Runtime& rt, Value& element) {
        if (!source.started && source.start(rt, true)) prepare(rt);
        while (source.next(rt, element)) {
            const Value subject = path.resolve(rt, element, Value::none());
            if (holds(rt, subject) == keep_if) return true;
        }
        return false;
    }

    bool holds(Runtime& rt, const Value& subject) {
        if (test.is_none()) return truthy(rt, subject);
        CallArguments call = arguments.copy(rt, by_attribute ? 2 : 1);
        return apply_test(rt, test.is_string() ? test.as_string() : repr(rt, test), subject, call);
    }
};

struct UniqueSource {
    LazySource source;
    bool case_sensitive = false;
    AttributePath path;
    Map seen;

    bool next(Runtime& rt, Value& element) {
        if (!source.started) source.start(rt, false);
        while (source.next(rt, element)) {
            const Value key =
                fold_case(rt, path.resolve(rt, element, Value::none()), case_sensitive);
            check_hashable(rt, key);
            if (seen.find(key)) continue;
            rt.check_list_size(seen.size() + 1);
            seen.set(key, Value::none());
            return true;
        }
        return false;
    }
};

struct BatchSource {
    LazySource source;
    int64_t count = 0;
    Value fill = Value::none();
    Value held;
    bool has_held = false;

    bool next(Runtime& rt, Value& element) {
        if (!source.started) source.start(rt, false);
        std::vector<Value> row;
        if (has_held) row.push_back(std::exchange(held, Value()));
        has_held = false;
        Value item;
        while (source.next(rt, item)) {
            if (int64_t(row.size()) == count) {
                // A count of 0 gives an empty row first, then rows that never fill: as jinja2 does.
                held = item;
                has_held = true;
                element = rt.list(std::move(row));
                return true;
            }
            rt.check_list_size(row.size() + 1);
            row.push_back(item);
        }
        if (row.empty()) return false;
        if (!fill.is_none() && int64_t(row.size()) < count) {
            rt.check_list_size(uint64_t(count));
            row.resize(size_t(count), fill);
        }
        element = rt.list(std::move(row));
        return true;
    }
};

struct SliceSource {
    Value subject;
    int64_t slices = 0;
    Value fill = Value::none();
    std::vector<Value> items;
    bool started = false;
    int64_t number = 0, offset = 0;

    bool next(Runtime& rt, Value& element) {
        if (!std::exchange(started, true)) {
            items = collect(rt, subject);
            if (slices == 0)
                rt.fail(ErrorKind::zero_division, "integer division or modulo by zero");
        }
        if (number >= slices) return false;
        rt.charge(1);
        const int64_t n = int64_t(items.size()), each = n / slices, extra = n % slices;
        const int64_t start = offset + number * each;
        if (number < extra) ++offset;
        const int64_t end = offset + (number + 1) * each;
        std::vector<Value> row(items.begin() + start, items.begin() + end);
        if (!fill.is_none() && number >= extra) row.push_back(fill);
        ++number;
        element = rt.list(std::move(row));
        return true;
    }
};

struct ItemsSource {
    LazySource source;

    bool next(Runtime& rt, Value& element) {
        if (!source.started) {
            const Value subject = source.subject;
            if (!subject.is_undefined() && !subject.is(Kind::map))
                rt.fail_type("Can only get item pairs from a mapping.");
            source.start(rt, true);
        }
        if (!source.next(rt, element)) return false;
        const Value* value = source.subject.entries().find(element);
        element = rt.tuple({element, value ? *value : Value::none()});
        return true;
    }
};

Value select(Runtime& rt, Args& a, bool by_attribute, bool keep_if) {
    SelectSource s;
    s.source.subject = a[0];
    s.arguments = {std::move(a.rest), std::move(a.named)};
    s.by_attribute = by_attribute;
    s.keep_if = keep_if;
    return make_generator(rt, std::move(s));
}

}  // namespace

Value map_filter(Runtime& rt, Args& a) {
    MapSource s;
    s.source.subject = a[0];
    s.arguments = {std::move(a.rest), std::move(a.named)};
    return make_generator(rt, std::move(s));
}

Value select_filter(Runtime& rt, Args& a) {
    return select(rt, a, false, true);
}
Value reject_filter(Runtime& rt, Args& a) {
    return select(rt, a, false, false);
}
Value selectattr_filter(Runtime& rt, Args& a) {
    return select(rt, a, true, true);
}
Value rejectattr_filter(Runtime& rt, Args& a) {
    return select(rt, a, true, false);
}

Value unique_filter(Runtime& rt, Args& a) {
    UniqueSource s;
    s.source.subject = a[0];
    s.case_sensitive = a.flag(rt, 1);
    s.path = AttributePath::parse(rt, a.has(2) ? a[2] : Value::none());
    return make_generator(rt, std::move(s));
}

Value batch_filter(Runtime& rt, Args& a) {
    BatchSource s;
    s.source.subject = a[0];
    s.count = a.integer(rt, 1);
    if (a.has(2)) s.fill = a[2];
    return make_generator(rt, std::move(s));
}

Value slice_filter(Runtime& rt, Args& a) {
    SliceSource s;
    s.subject = a[0];
    s.slices = a.integer(rt, 1);
    if (a.has(2)) s.fill = a[2];
    return make_generator(rt, std::move(s));
}

Value items_filter(Runtime& rt, Args& a) {
    ItemsSource s;
    s.source.subject = a[0];
    return make_generator(rt, std::move(s));
}

}  // namespace m2w::jinja
