// template.cpp — the variables of a chat template, and where a model file keeps its templates.
// Variables: transformers' apply_chat_template. Keys: llama.cpp's gguf-py
// (tokenizer.chat_template.NAME for named ones).
#include "chat/template.h"

#include <fmt/core.h>

#include <algorithm>
#include <ctime>
#include <set>

namespace m2w {

using jinja::Value;

Value chat_messages(std::span<const ChatMessage> messages) {
    std::vector<Value> out;
    for (const ChatMessage& m : messages) {
        jinja::Map map;
        map.set("role", Value::string(m.role));
        map.set("content", Value::string(m.content));
        out.push_back(Value::map(std::move(map)));
    }
    return Value::list(std::move(out));
}

Value chat_globals(const ChatInput& input) {
    jinja::Map map;
    map.set("messages", input.messages);
    map.set("tools", input.tools);
    map.set("documents", input.documents);
    map.set("add_generation_prompt", Value::boolean(input.add_generation_prompt));
    if (input.bos_token) map.set("bos_token", Value::string(*input.bos_token));
    if (input.eos_token) map.set("eos_token", Value::string(*input.eos_token));
    if (input.kwargs.is(jinja::Kind::map))
        for (const auto& [name, value] : input.kwargs.entries()) map.set(name, value);
    return Value::map(std::move(map));
}

namespace {

jinja::CivilTime local_time() {
    const std::time_t now = std::time(nullptr);
    std::tm t{};
    localtime_r(&now, &t);
    return {t.tm_year + 1900, t.tm_mon + 1, t.tm_mday, t.tm_hour, t.tm_min, t.tm_sec};
}

Result<jinja::Template> parse_key(const gguf::File& file, const std::string& key,
                                  std::string_view source) {
    auto parsed = jinja::Template::parse(source);
    if (!parsed)
        return Error{Category::chat_template,
                     fmt::format("{}: {} ({})", key, parsed.error().message, file.name())};
    return parsed;
}

}  // namespace

Result<ChatTemplate> ChatTemplate::from_source(std::string_view source) {
    TRY(auto parsed, jinja::Template::parse(source));
    return ChatTemplate(std::move(parsed), source);
}

Result<ChatTemplate> ChatTemplate::from(const gguf::File& file) {
    const std::string key = "tokenizer.chat_template";
    TRY(const auto standard, file.find_string(key));
    TRY(const auto* names, file.find_strings("tokenizer.chat_templates"));
    std::optional<jinja::Template> with_tools;
    std::string_view tools_source;
    if (names && std::find(names->begin(), names->end(), "tool_use") != names->end()) {
        const std::string tools_key = key + ".tool_use";
        TRY(const auto source, file.find_string(tools_key));
        if (source) {
            TRY(with_tools, parse_key(file, tools_key, *source));
            tools_source = *source;
        }
    }
    if (!standard && !with_tools)
        return Error{Category::chat_template, fmt::format("{} is missing ({})", key, file.name())};
    if (!standard) return ChatTemplate(*std::move(with_tools), tools_source);
    TRY(auto parsed, parse_key(file, key, *standard));
    ChatTemplate out(std::move(parsed), *standard);
    out.with_tools_ = std::move(with_tools);
    out.tools_source_ = std::make_shared<const std::string>(tools_source);
    return out;
}

std::vector<std::string> ChatTemplate::variables() const {
    std::set<std::string> names = standard_.usage().variables;
    if (with_tools_) names.merge(with_tools_->usage().variables);
    for (const char* usual :
         {"messages", "tools", "documents", "add_generation_prompt", "bos_token", "eos_token"})
        names.erase(usual);
    return {names.begin(), names.end()};
}

jinja::Outcome<jinja::Rendering> ChatTemplate::render_detailed(const ChatInput& input) const {
    jinja::RenderOptions options;
    options.now = input.now ? *input.now : local_time();
    options.forgiving = input.forgiving;
    options.limits = input.limits;
    const bool use_tools = with_tools_ && !input.tools.is_none() && !input.tools.is_undefined();
    return (use_tools ? *with_tools_ : standard_).render_detailed(chat_globals(input), options);
}

Result<std::string> ChatTemplate::render(const ChatInput& input) const {
    auto outcome = render_detailed(input);
    if (const auto* error = std::get_if<jinja::RenderError>(&outcome))
        return jinja::to_error(*error);
    return std::get<jinja::Rendering>(std::move(outcome)).text;
}

}  // namespace m2w
