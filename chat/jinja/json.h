// json.h — JSON text to values and back, keeping key order and the difference between 1 and 1.0.
#pragma once
#include <optional>
#include <string>
#include <string_view>

#include "chat/jinja/value.h"
#include "gguf/result.h"

namespace m2w::jinja {

class Runtime;

/// Parses one JSON document. Objects keep their key order (a repeated key keeps its first place and
/// its last value), integers stay exact at any size up to 4300 digits. Errors: usage (not JSON,
/// nested too deep, not UTF-8).
Result<Value> from_json(std::string_view json);

/// How json.dumps writes. The defaults are those of transformers' tojson: nothing but control
/// characters is escaped.
struct JsonStyle {
    bool ensure_ascii = false;
    std::optional<std::string> indent;  // text of one level; none keeps everything on one line
    std::string item_separator = ", ";  // "," is Python's default with indent
    std::string key_separator = ": ";
    bool sort_keys = false;
};

/// Errors: chat_template for what is no JSON (undefined, functions, ...), nested too deep or too
/// large.
Result<std::string> to_json(const Value& v, const JsonStyle& style = {});

/// The same inside a rendering. Throws Failure.
std::string write_json(Runtime& rt, const Value& v, const JsonStyle& style);

/// A copy whose lists and maps belong to the rendering; strings stay shared.
Value import_value(Runtime& rt, const Value& v);

}  // namespace m2w::jinja
