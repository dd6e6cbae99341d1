// tool_set.cpp — JSON Schema as far as types go: "type", "enum", "anyOf".
#include "chat/answer/tool_set.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "chat/answer/literal.h"

namespace m2w {
namespace {

using Json = nlohmann::ordered_json;
using Bit = ArgumentTypes::Bit;

struct TypeName {
    std::string_view name;
    Bit bit;
};
constexpr TypeName kTypeNames[] = {{"string", Bit::string},  {"number", Bit::number},
                                   {"integer", Bit::number}, {"boolean", Bit::boolean},
                                   {"null", Bit::null},      {"array", Bit::list},
                                   {"object", Bit::object}};

uint8_t bits_of_name(const Json& type) {
    if (type.is_string())
        for (const TypeName& t : kTypeNames)
            if (t.name == type.get_ref<const std::string&>()) return t.bit;
    return ArgumentTypes::kAny;
}

uint8_t bits_of_value(const Json& value) {
    switch (value.type()) {
        case Json::value_t::string:
            return Bit::string;
        case Json::value_t::boolean:
            return Bit::boolean;
        case Json::value_t::null:
            return Bit::null;
        case Json::value_t::array:
            return Bit::list;
        case Json::value_t::object:
            return Bit::object;
        default:
            return Bit::number;
    }
}

uint8_t bits_of_schema(const Json& schema, int depth = 0) {
    constexpr int kMaxDepth = 8;
    if (!schema.is_object() || depth > kMaxDepth) return ArgumentTypes::kAny;
    uint8_t bits = 0;
    if (const auto type = schema.find("type"); type != schema.end()) {
        if (!type->is_array()) return bits_of_name(*type);
        for (const Json& one : *type) bits |= bits_of_name(one);
    } else if (const auto values = schema.find("enum");
               values != schema.end() && values->is_array()) {
        for (const Json& one : *values) bits |= bits_of_value(one);
    } else {
        for (const char* key : {"anyOf", "oneOf"})
            if (const auto any = schema.find(key); any != schema.end() && any->is_array())
                for (const Json& one : *any) bits |= bits_of_schema(one, depth + 1);
    }
    return bits ? bits : ArgumentTypes::kAny;
}

/// Depth that nlohmann's parser, which recurses on destruction, is handed.
bool is_flat_enough(std::string_view json) {
    constexpr int kMaxDepth = 256;
    int depth = 0, deepest = 0;
    for (const char c : json) {
        depth += (c == '{' || c == '[') - (c == '}' || c == ']');
        deepest = std::max(deepest, depth);
    }
    return deepest <= kMaxDepth;
}

}  // namespace

Result<ToolSet> ToolSet::parse(std::string_view json) {
    ToolSet out;
    if (json.empty()) return out;
    const Json list = is_flat_enough(json) ? Json::parse(json, nullptr, false) : Json();
    if (!list.is_array()) return Error{Category::usage, "tools: expected a JSON list of tools"};
    if (list.size() > kMaxTools)
        return Error{
            Category::resource_limit,
            fmt::format("tools: {} of them, at most {} are taken", list.size(), kMaxTools)};
    Json wrapped = Json::array();
    for (const Json& tool : list) {
        const auto inner = tool.is_object() ? tool.find("function") : tool.end();
        const Json& function = inner != tool.end() ? *inner : tool;
        const std::string where = fmt::format("tools[{}]", wrapped.size());
        if (!function.is_object() || !function.contains("name") || !function["name"].is_string() ||
            function["name"].get_ref<const std::string&>().empty())
            return Error{Category::usage,
                         where + R"(: expected {"type": "function", "function": {"name": ...}})"};
        const std::string name = function["name"];
        if (out.contains(name))
            return Error{Category::usage, fmt::format("{}: a second tool named {}", where, name)};
        auto& arguments = out.tools_[name];
        if (const auto schema = function.find("parameters");
            schema != function.end() && schema->is_object())
            if (const auto properties = schema->find("properties");
                properties != schema->end() && properties->is_object())
                for (const auto& [key, value] : properties->items())
                    arguments.push_back({key, {bits_of_schema(value)}});
        wrapped.push_back({{"type", "function"}, {"function", function}});
    }
    if (!wrapped.empty()) out.json_ = wrapped.dump(-1, ' ', false, Json::error_handler_t::replace);
    return out;
}

ArgumentTypes ToolSet::types_of(std::string_view tool, std::string_view argument) const {
    if (const auto found = tools_.find(tool); found != tools_.end())
        for (const Argument& a : found->second)
            if (a.name == argument) return a.types;
    return {};
}

std::string_view ToolSet::argument_at(std::string_view tool, size_t index) const {
    const auto found = tools_.find(tool);
    if (found == tools_.end() || index >= found->second.size()) return {};
    return found->second[index].name;
}

std::string argument_to_json(std::string_view text, ArgumentTypes types) {
    if (types.bits == Bit::string) return json_string(text);
    if (auto value = literal_to_json(text)) {
        const char c = value->front();
        const uint8_t bit = c == '{'               ? Bit::object
                            : c == '['             ? Bit::list
                            : c == '"'             ? Bit::string
                            : c == 't' || c == 'f' ? Bit::boolean
                            : c == 'n'             ? Bit::null
                                                   : Bit::number;
        // Quotes around a string are part of it: such a text is written without any.
        if (bit != Bit::string && (types.bits & bit || !(types.bits & Bit::string)))
            return *std::move(value);
    }
    return json_string(text);
}

}  // namespace m2w
