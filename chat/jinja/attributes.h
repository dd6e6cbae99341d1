// attributes.h — object.name, object[key] and object[a:b:c], with the sandbox's rules on what may
// be reached.
#pragma once
#include <string_view>

#include "chat/jinja/runtime.h"

namespace m2w::jinja {

/// object.name: methods and attributes first, then the item of that name; undefined when there is
/// neither. Fails (undefined) on an undefined object.
Value get_attribute(Runtime& rt, const Value& object, std::string_view name);

/// object[key]: the item first, then for a string key the attribute.
Value get_item(Runtime& rt, const Value& object, const Value& key);

/// object[start:stop:step]; none and undefined-by-omission both mean "not given".
Value get_slice(Runtime& rt, const Value& object, const Value& start, const Value& stop,
                const Value& step);

/// Only methods and attributes, no items; nullopt when there is none. For the attr filter.
std::optional<Value> find_attribute(Runtime& rt, const Value& object, std::string_view name);

/// What a path like "a.0.b" reaches: parts of digits are indices.
struct AttributePath {
    std::vector<Value> parts;
    /// From the `attribute` argument of a filter: a string path, an index, or none for the value
    /// itself.
    static AttributePath parse(Runtime& rt, const Value& attribute);
    /// fallback: replaces an undefined step unless it is none.
    Value resolve(Runtime& rt, Value v, const Value& fallback) const;
};

}  // namespace m2w::jinja
