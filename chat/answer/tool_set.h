// tool_set.h — the tools that a model may call: their names, and of which type their arguments are.
// Calls none.
#pragma once
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "gguf/result.h"

namespace m2w {

/// Types of JSON Schema that a value may have, one bit each.
struct ArgumentTypes {
    enum Bit : uint8_t { string = 1, number = 2, boolean = 4, null = 8, list = 16, object = 32 };
    static constexpr uint8_t kAny = 63;
    uint8_t bits = kAny;  // kAny: the schema does not say
    bool operator==(const ArgumentTypes&) const = default;
};

/// Immutable.
class ToolSet {
  public:
    /// No tools.
    ToolSet() = default;
    /// A JSON list of tools as OpenAI's interface has them: {"type": "function", "function":
    /// {"name", "description", "parameters": JSON Schema}}, or what is in "function" alone. An
    /// empty text is no tools. Errors: usage (no such list, a tool without a name, two of one
    /// name), resource_limit (more than kMaxTools).
    static Result<ToolSet> parse(std::string_view json);
    static constexpr size_t kMaxTools = 1024;

    bool empty() const { return tools_.empty(); }
    bool contains(std::string_view name) const { return tools_.find(name) != tools_.end(); }
    /// Of an argument; any when the tool or its schema does not say.
    ArgumentTypes types_of(std::string_view tool, std::string_view argument) const;
    /// The name of the argument at that place of the schema; empty when there is none.
    std::string_view argument_at(std::string_view tool, size_t index) const;
    /// The list that was parsed, each tool as {"type": "function", "function": ...}. Empty: none.
    const std::string& json() const { return json_; }

  private:
    struct Argument {
        std::string name;
        ArgumentTypes types;
    };
    std::map<std::string, std::vector<Argument>, std::less<>> tools_;
    std::string json_;
};

/// A value that a model wrote without quotes around strings, as JSON: as its schema has it, or,
/// where that leaves it open, as the value that its text spells, or else as a string.
std::string argument_to_json(std::string_view text, ArgumentTypes types);

}  // namespace m2w
