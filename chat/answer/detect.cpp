// detect.cpp — renders a call with the template and looks which row of the table reads it back.
#include "chat/answer/detect.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "chat/answer/marker.h"
#include "chat/jinja/json.h"

namespace m2w {
namespace {

using jinja::Value;

constexpr std::string_view kProbeTools = R"([{"type": "function", "function": {
    "name": "probe_tool", "description": "Probe.", "parameters": {"type": "object", "properties": {
        "place": {"type": "string", "description": "A place."},
        "count": {"type": "integer", "description": "A count."}}, "required": ["place"]}}}])";
constexpr std::string_view kProbeName = "probe_tool";
constexpr std::string_view kProbeArguments = R"({"place": "nowhere at all", "count": 7})";

constexpr CallStyle kStyles[] = {{false, false}, {true, false}, {false, true}, {true, true}};

Value object(std::initializer_list<std::pair<std::string_view, Value>> members) {
    jinja::Map map;
    for (const auto& [key, value] : members) map.set(key, value);
    return Value::map(std::move(map));
}

Value json(std::string_view text) {
    auto value = jinja::from_json(text);
    M2W_ASSERT(value);  // only texts of this file
    return *std::move(value);
}

Value probe_user() {
    return object({{"role", Value::string("user")}, {"content", Value::string("hello")}});
}

Value probe_call(const CallStyle& style) {
    const Value arguments =
        style.arguments_as_text ? Value::string(kProbeArguments) : json(kProbeArguments);
    const Value call = object(
        {{"id", Value::string("call00001")},
         {"type", Value::string("function")},
         {"function", object({{"name", Value::string(kProbeName)}, {"arguments", arguments}})}});
    return object({{"role", Value::string("assistant")},
                   {"content", style.content_none ? Value::none() : Value::string("")},
                   {"tool_calls", Value::list({call})}});
}

std::string render(const ChatTemplate& chat_template, std::vector<Value> messages, bool prompt) {
    ChatInput input;
    input.messages = Value::list(std::move(messages));
    input.tools = json(kProbeTools);
    input.add_generation_prompt = prompt;
    input.bos_token = input.eos_token = "";
    input.now = jinja::CivilTime{};
    auto text = chat_template.render(input);
    return text ? *std::move(text) : std::string();
}

/// What the template makes of the probe's call; empty when it refuses it.
std::string render_probe(const ChatTemplate& chat_template, const CallStyle& style) {
    const Value user = probe_user();
    const std::string rendered = render(chat_template, {user, probe_call(style)}, false);
    return std::string(answer_part(rendered, render(chat_template, {user}, true),
                                   render(chat_template, {user}, false)));
}

/// Whether a row reads exactly the probe's call out of a text.
bool reads_probe(const AnswerFormat& format, std::string_view text) {
    static const ToolSet tools = *ToolSet::parse(kProbeTools);
    int begun = 0, ended = 0, failed = 0;
    bool right_name = true;
    std::string arguments;
    AnswerParser parser(format, tools, [&](const AnswerEvent& event) {
        begun += event.kind == AnswerEvent::Kind::call_begin;
        ended += event.kind == AnswerEvent::Kind::call_end;
        failed += event.kind == AnswerEvent::Kind::call_failed;
        if (event.kind == AnswerEvent::Kind::call_begin) right_name &= event.text == kProbeName;
        if (event.kind == AnswerEvent::Kind::call_arguments) arguments += event.text;
    });
    parser.push(text);
    parser.finish();
    return begun == 1 && ended == 1 && failed == 0 && right_name &&
           nlohmann::json::parse(arguments, nullptr, false) ==
               nlohmann::json::parse(kProbeArguments);
}

/// An answer with reasoning, under the names that templates have for it.
Value probe_reasoning() {
    const Value thought = Value::string("a thought");
    return object({{"role", Value::string("assistant")},
                   {"content", Value::string("a text")},
                   {"reasoning_content", thought},
                   {"reasoning", thought}});
}

/// Where markers are looked for: the template's source, what it renders (a source may put its
/// markers together from parts), and the vocabulary.
class Clues {
  public:
    Clues(const ChatTemplate& chat_template, const HasTokenFn& has_token)
        : text_(chat_template.source(true)), has_token_(has_token) {
        text_ += render(chat_template, {probe_user(), probe_reasoning()}, false);
        text_ += render(chat_template, {probe_user()}, true);
    }
    bool in_template(std::string_view marker) const {
        return !marker.empty() && text_.find(marker) != text_.npos;
    }
    bool anywhere(std::string_view marker) const {
        return in_template(marker) || (!marker.empty() && has_token_ && has_token_(marker));
    }

  private:
    std::string text_;
    const HasTokenFn& has_token_;
};

/// The row whose opening marker the model is seen to use, or else whose closing one is there: some
/// templates only cut reasoning off.
const ReasoningFormat* detect_reasoning(const Clues& clues) {
    for (const ReasoningFormat& f : reasoning_formats())
        if (clues.anywhere(f.open)) return &f;
    for (const ReasoningFormat& f : reasoning_formats())
        if (clues.in_template(f.close)) return &f;
    return nullptr;
}

}  // namespace

std::string_view answer_part(std::string_view rendered, std::string_view prompt,
                             std::string_view before) {
    if (rendered.starts_with(prompt)) return rendered.substr(prompt.size());
    const auto differ =
        std::mismatch(rendered.begin(), rendered.end(), before.begin(), before.end());
    return rendered.substr(size_t(differ.first - rendered.begin()));
}

AnswerForms detect_answer_forms(const ChatTemplate& chat_template, const HasTokenFn& has_token) {
    AnswerForms forms;
    const Clues clues(chat_template, has_token);
    for (const HeaderFormat& f : header_formats())
        if (!forms.format.headers && clues.in_template(f.open[0]) && clues.in_template(f.end) &&
            clues.in_template(f.reasoning))
            forms.format.headers = &f;
    forms.format.reasoning = detect_reasoning(clues);
    forms.shows_tools =
        render(chat_template, {probe_user()}, true).find(kProbeName) != std::string::npos;

    for (const CallStyle& style : kStyles) {
        const std::string text = render_probe(chat_template, style);
        for (const CallFormat& f : call_formats()) {
            AnswerFormat format = forms.format;
            format.calls = &f;
            if (!reads_probe(format, text)) continue;
            forms.format = format;
            forms.style = style;
            forms.rendered = true;
            return forms;
        }
    }
    for (const CallFormat& f : call_formats())
        if (!forms.format.calls && clues.anywhere(f.open)) forms.format.calls = &f;
    return forms;
}

}  // namespace m2w
