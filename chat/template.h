// template.h — a model's chat template: from its file to the text of a conversation. Knows the
// variables that templates expect, no tokenizer.
#pragma once
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "chat/jinja/template.h"
#include "gguf/file.h"
#include "gguf/result.h"

namespace m2w {

/// A plain message; richer ones (tool calls, parts) are jinja Values.
struct ChatMessage {
    std::string role;
    std::string content;
};

/// [{"role": ..., "content": ...}, ...]
jinja::Value chat_messages(std::span<const ChatMessage> messages);

/// What a template renders. Names and presence of its variables are those of transformers'
/// apply_chat_template.
struct ChatInput {
    jinja::Value messages = jinja::Value::list();
    jinja::Value tools = jinja::Value::none();      // list, or none
    jinja::Value documents = jinja::Value::none();  // list, or none
    bool add_generation_prompt = true;
    std::optional<std::string> bos_token, eos_token;  // undefined in the template when not given
    jinja::Value kwargs;                  // a map of further variables; may override the others
    std::optional<jinja::CivilTime> now;  // what strftime_now sees; the local clock when not given
    /// RenderOptions::forgiving: a conversation shall not fail on an accident of Python.
    bool forgiving = true;
    jinja::Limits limits;
};

/// The variables of one rendering: a map.
jinja::Value chat_globals(const ChatInput& input);

/// Immutable and cheap to copy; renderings may run in parallel.
class ChatTemplate {
  public:
    /// The templates of a model: tokenizer.chat_template, and, where the file names several
    /// (tokenizer.chat_templates), the one for tools. Errors: chat_template (there is none, or it
    /// does not parse), wrong_metadata_type.
    static Result<ChatTemplate> from(const gguf::File& file);
    /// One template. Errors: chat_template.
    static Result<ChatTemplate> from_source(std::string_view source);

    /// The text of a conversation. Errors: chat_template.
    Result<std::string> render(const ChatInput& input) const;
    /// The same with the kind and place of an error.
    jinja::Outcome<jinja::Rendering> render_detailed(const ChatInput& input) const;

    /// What it reads beside the usual variables, sorted: what ChatInput::kwargs may set.
    std::vector<std::string> variables() const;
    /// Of the one that is rendered with tools, or without.
    std::string_view source(bool tools) const {
        return tools && with_tools_ ? *tools_source_ : *source_;
    }

  private:
    ChatTemplate(jinja::Template standard, std::string_view source)
        : standard_(std::move(standard)), source_(std::make_shared<const std::string>(source)) {}

    jinja::Template standard_;
    std::optional<jinja::Template>
        with_tools_;  // the template named "tool_use", used when tools are given
    std::shared_ptr<const std::string> source_, tools_source_;  // shared by the copies
};

}  // namespace m2w
