// literal.h — values and calls as models write them when it is not quite JSON, to JSON: Python's
// literals and calls, and objects with bare keys and quotes of their own. Knows no markers of
// calls.
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace m2w {

/// JSON of a text as a string of its own. The text is valid UTF-8.
std::string json_string(std::string_view text);
/// The text of a JSON string; empty when it is none.
std::string json_string_value(const std::string& json);
/// Whether a text is one JSON value and nothing else but white space around it.
bool is_json(std::string_view text);

/// One value as JSON text: JSON as it stands; else True, False and None, single quotes, tuples, a
/// comma before the end, bare keys, and strings in <|"|> or <escape>. Nothing when it is no value,
/// or deeper nested than JsonScanner::kMaxDepth.
std::optional<std::string> literal_to_json(std::string_view text);

struct LiteralCall {
    std::string name;
    std::vector<std::string> positional;  // JSON, in order; of arguments without a name
    std::string arguments;                // JSON object of the others
};
/// f(a=1), [f(a=1), g(b="x")], f(a=1); g(): calls with Python's literals. print(f()) and f.call()
/// are f(). Nothing when it is anything else.
std::optional<std::vector<LiteralCall>> read_python_calls(std::string_view text);
/// call:NAME{key:value, ...}
std::optional<LiteralCall> read_braced_call(std::string_view text);

}  // namespace m2w
