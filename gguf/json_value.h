// json_value.h — JSON as manifests and caches need it: text, numbers that count something, lists
// and members. Destroying a value takes no memory, so that having none is an error like any other.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "gguf/result.h"

namespace m2w {

struct JsonValue {
    enum class Kind : uint8_t { other, boolean, number, text, array, object };

    Kind kind = Kind::other;  // other: null, and numbers that are negative or no integers
    uint64_t number = 0;      // of a boolean 0 or 1
    std::string text;
    std::vector<std::string> names;  // of an object's members
    std::vector<JsonValue> items;    // of an array, or the members

    /// A member of an object, or nullptr.
    const JsonValue* find(std::string_view name) const;
};

struct JsonLimits {
    uint32_t depth;   // arrays and objects inside each other
    uint64_t values;  // of any kind: each takes about a hundred bytes
};

/// Errors: manifest (not JSON, or a name twice in an object), resource_limit. Throws
/// std::bad_alloc.
Result<JsonValue> parse_json(std::string_view text, const JsonLimits& limits);

/// The text as a JSON string, with quotes. Bytes that are no UTF-8 are replaced.
std::string json_text(const std::string& text);

}  // namespace m2w
