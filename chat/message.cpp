// message.cpp — messages to the values that templates read.
#include "chat/message.h"

#include <fmt/format.h>

#include <algorithm>

#include "chat/jinja/json.h"

namespace m2w {

using jinja::Value;

std::string_view role_name(Role role) {
    constexpr std::string_view kNames[] = {"system", "user", "assistant", "tool"};
    return kNames[size_t(role)];
}

Value guarded(const Tokenizer& tokenizer, const Value& value) {
    if (value.is_string()) return Value::string(tokenizer.guard(value.as_string()));
    if (value.is_sequence()) {
        std::vector<Value> items;
        for (const Value& item : value.items()) items.push_back(guarded(tokenizer, item));
        return Value::list(std::move(items));
    }
    if (!value.is(jinja::Kind::map)) return value;
    jinja::Map map;
    for (const auto& [key, item] : value.entries())
        map.set(guarded(tokenizer, key), guarded(tokenizer, item));
    return Value::map(std::move(map));
}

void name_calls(std::vector<ToolCall>& calls, std::span<const Message> before) {
    size_t n = 0;
    for (const Message& m : before) n += m.calls.size();
    for (ToolCall& call : calls) {
        ++n;
        const auto same =
            std::ranges::count(calls, call.id, [](const ToolCall& c) { return c.id; });
        if (call.id.empty() || same > 1) call.id = fmt::format("call{:05}", n);
    }
}

Value message_value(const Message& message, const Tokenizer& tokenizer, const CallStyle& style) {
    const auto text = [&](std::string_view t) { return Value::string(tokenizer.guard(t)); };
    jinja::Map map;
    map.set("role", Value::string(role_name(message.role)));
    const bool none = style.content_none && !message.calls.empty() && message.text.empty();
    map.set("content", none ? Value::none() : Value::string(message.prompt_text));
    if (!message.reasoning.empty())
        for (const char* name : {"reasoning_content", "reasoning"})
            map.set(name, text(message.reasoning));
    if (!message.tool_name.empty()) map.set("name", text(message.tool_name));
    if (!message.call_id.empty()) map.set("tool_call_id", text(message.call_id));
    std::vector<Value> calls;
    for (const ToolCall& call : message.calls) {
        const auto arguments = jinja::from_json(call.arguments);
        jinja::Map function, one;
        function.set("name", text(call.name));
        function.set("arguments", style.arguments_as_text || !arguments
                                      ? text(call.arguments)
                                      : guarded(tokenizer, *arguments));
        one.set("id", text(call.id));
        one.set("type", Value::string("function"));
        one.set("function", Value::map(std::move(function)));
        calls.push_back(Value::map(std::move(one)));
    }
    if (!calls.empty()) map.set("tool_calls", Value::list(std::move(calls)));
    return Value::map(std::move(map));
}

}  // namespace m2w
