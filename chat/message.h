// message.h — one message of a conversation, and how chat templates see it. Knows no session.
#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "chat/answer/detect.h"
#include "chat/jinja/value.h"
#include "chat/tool_call.h"
#include "tokenizer/tokenizer.h"

namespace m2w {

enum class Role : uint8_t { system, user, assistant, tool };
/// "system", "user", "assistant", "tool": the names that templates know.
std::string_view role_name(Role role);

struct Message {
    Role role = Role::user;
    std::string text;
    std::string prompt_text;  // guarded: plain text in it cannot become a control token
    // Of the assistant:
    std::string reasoning = {};
    std::vector<ToolCall> calls = {};
    // Of a tool:
    std::string call_id = {}, tool_name = {};
};

/// The message as templates know it, under the names of transformers and OpenAI's interface. No
/// text in it can become a control token.
jinja::Value message_value(const Message& message, const Tokenizer& tokenizer,
                           const CallStyle& style);

/// The value with all strings in it guarded.
jinja::Value guarded(const Tokenizer& tokenizer, const jinja::Value& value);

/// Gives an id to each call that has none of its own. Nine letters and digits: the only form that
/// all chat templates take (Mistral's refuse any other). before: the messages so far.
void name_calls(std::vector<ToolCall>& calls, std::span<const Message> before);

}  // namespace m2w
