// verb_render.cpp — m2w render: messages to a prompt as JSON lines, with a model's template, one
// from a file, or one in the line itself.
#include <CLI/CLI.hpp>

#include <fmt/format.h>

#include "chat/jinja/json.h"
#include "chat/template.h"
#include "gguf/file.h"
#include "tokenizer/tokenizer.h"
#include "tools/model_argument.h"
#include "tools/verbs.h"

namespace m2w::tools {
namespace {

using jinja::Value;

constexpr size_t kMaxTemplateBytes = jinja::Limits{}.source_bytes;

/// What the lines of one run share.
struct Renderer {
    std::optional<ChatTemplate> chat_template;
    std::optional<std::string> bos_token, eos_token;  // the model's, where a line names none
    std::optional<jinja::CivilTime> now;
};

Error bad_record(const std::string& what) {
    return {Category::usage, what};
}

/// A member, or `fallback` where the record has none or null.
Value member(const Value& record, std::string_view key, Value fallback) {
    const Value* found = record.get(key);
    return found && !found->is_none() ? *found : fallback;
}

Result<std::optional<std::string>> token_of(const Value& record, std::string_view key,
                                            const std::optional<std::string>& fallback) {
    const Value* found = record.get(key);
    if (!found) return fallback;
    if (found->is_none()) return std::optional<std::string>();
    if (!found->is_string()) return bad_record(fmt::format("\"{}\": expected a string", key));
    return std::optional(std::string(found->as_string()));
}

using Outcome = jinja::Outcome<jinja::Rendering>;

/// {"template", "context"}: a bare snippet, with nothing but the context as its variables.
Result<Outcome> render_snippet(const Value& record, const Renderer& renderer) {
    const Value& source = *record.get("template");
    if (!source.is_string()) return bad_record("\"template\": expected a string");
    auto parsed = jinja::Template::parse_detailed(source.as_string());
    if (auto* error = std::get_if<jinja::RenderError>(&parsed)) return Outcome(std::move(*error));
    jinja::RenderOptions options;
    options.now = renderer.now;
    options.forgiving = true;
    const Value context = member(record, "context", Value::map({}));
    return std::get<jinja::Template>(parsed).render_detailed(context, options);
}

Result<Outcome> render_messages(const Value& record, const Renderer& renderer) {
    if (!renderer.chat_template)
        return bad_record(
            "no template: the record has none, and neither -m nor --template is given");
    const Value* messages = record.get("messages");
    if (!messages) return bad_record("expected \"messages\" or \"template\"");
    ChatInput input;
    input.messages = *messages;
    input.tools = member(record, "tools", Value::none());
    input.documents = member(record, "documents", Value::none());
    input.kwargs = member(record, "kwargs", Value::map({}));
    const Value prompt = member(record, "add_generation_prompt", Value::boolean(false));
    if (!prompt.is(jinja::Kind::boolean))
        return bad_record("\"add_generation_prompt\": expected a bool");
    input.add_generation_prompt = prompt.as_bool();
    TRY(input.bos_token, token_of(record, "bos_token", renderer.bos_token));
    TRY(input.eos_token, token_of(record, "eos_token", renderer.eos_token));
    input.now = renderer.now;
    return renderer.chat_template->render_detailed(input);
}

/// {"id", "output"}, or {"id", "error", "error_kind", "error_detail"}: the kind is "raise" when the
/// template itself refuses its input, "exception" for every other error; the detail names it.
Result<void> answer_record(const std::string& line, const Renderer& renderer) {
    TRY(const Value record, jinja::from_json(line));
    if (!record.is(jinja::Kind::map)) return bad_record("expected a JSON object");
    const bool snippet = record.get("template") && record.get("context");
    TRY(const Outcome outcome,
        snippet ? render_snippet(record, renderer) : render_messages(record, renderer));
    jinja::Map out;
    if (const Value* id = record.get("id")) out.set("id", *id);
    if (const auto* error = std::get_if<jinja::RenderError>(&outcome)) {
        const bool raised = error->kind == jinja::ErrorKind::raise;
        out.set("error", Value::string(raised ? error->message : error->str()));
        out.set("error_kind", Value::string(raised ? "raise" : "exception"));
        out.set("error_detail", Value::string(jinja::error_kind_name(error->kind)));
    } else {
        out.set("output", Value::string(std::get<jinja::Rendering>(outcome).text));
    }
    TRY(const std::string json, jinja::to_json(Value::map(std::move(out)), {.ensure_ascii = true}));
    return print(json + "\n");
}

Result<void> use_model(const std::string& model, const ModelAccess& access, Renderer& renderer) {
    TRY(const auto file, open_model(model, access, Reads::header));
    TRY(renderer.chat_template, ChatTemplate::from(*file));
    TRY(const auto tokenizer, Tokenizer::from(*file));
    if (const auto id = tokenizer->bos_id()) renderer.bos_token = tokenizer->piece(*id);
    if (const auto id = tokenizer->eos_id()) renderer.eos_token = tokenizer->piece(*id);
    return {};
}

}  // namespace

Result<void> render(const Args& args) {
    CLI::App app(
        "Renders chat templates: JSON lines {id, messages, tools, documents, "
        "add_generation_prompt, "
        "bos_token, eos_token, kwargs} or {id, template, context} in, {id, output} or {id, error, "
        "error_kind, error_detail} out.",
        "m2w render");
    std::string model, source, now;
    bool jsonl = false;
    ModelAccess access;
    auto* from_model = app.add_option("-m,--model", model, "model with a chat template");
    add_access_options(app, access);
    app.add_option("--template", source, "file with a template")->excludes(from_model);
    app.add_option("--now", now, "the time that templates see, as 2026-07-04T12:00:00");
    app.add_flag("--jsonl", jsonl, "JSON lines from standard input (the only form)")->required();
    TRY(const bool go_on, parse(app, args));
    if (!go_on) return {};

    Renderer renderer;
    if (!now.empty()) {
        renderer.now = jinja::CivilTime::parse(now);
        if (!renderer.now)
            return Error{Category::usage,
                         fmt::format("--now: expected a time as 2026-07-04T12:00:00, got {}", now)};
    }
    if (!model.empty()) {
        TRY(use_model(model, access, renderer));
    }
    if (!source.empty()) {
        TRY(const std::string text, read_all(source, kMaxTemplateBytes));
        TRY(renderer.chat_template, ChatTemplate::from_source(text));
    }
    return for_each_input_line(
        [&](const std::string& line) { return answer_record(line, renderer); });
}

}  // namespace m2w::tools
