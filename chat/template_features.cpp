// template_features.cpp — the conversations that features are found out with. Each carries marks
// that no template contains; a feature is there when its mark is in the text.
#include "chat/template_features.h"

#include <algorithm>
#include <initializer_list>
#include <utility>
#include <vector>

namespace m2w {
namespace {

using jinja::Map;
using jinja::Value;

// Like words, tool names and ids of transformers' templates: some of these check what they get.
constexpr std::string_view kText = "m2wtext", kSystem = "m2wsystem", kThought = "m2wthought",
                           kDocument = "m2wdocument", kResult = "m2wresult";
constexpr std::string_view kTools[] = {"m2wfirst", "m2wsecond"};
constexpr std::string_view kIds[] = {"callm2w01", "callm2w02"};

using Members = std::initializer_list<std::pair<std::string_view, Value>>;

Value object(Members members) {
    Map map;
    for (const auto& [key, value] : members) map.set(key, value);
    return Value::map(std::move(map));
}

Value text(std::string_view s) {
    return Value::string(s);
}

Value message(std::string_view role, std::string_view content) {
    return object({{"role", text(role)}, {"content", text(content)}});
}

Value tool(std::string_view name) {
    const Value city = object({{"type", text("string")}, {"description", text("A city.")}});
    const Value parameters = object({{"type", text("object")},
                                     {"properties", object({{"city", city}})},
                                     {"required", Value::list({text("city")})}});
    return object({{"type", text("function")},
                   {"function", object({{"name", text(name)},
                                        {"description", text("Looks something up.")},
                                        {"parameters", parameters}})}});
}

ChatInput input_of(std::vector<Value> messages) {
    ChatInput input;
    input.messages = Value::list(std::move(messages));
    input.bos_token = input.eos_token = "";
    input.now = jinja::CivilTime{};
    // A template needs a thousandth of it; a hostile one shall not hold up its model.
    input.limits.steps = 50'000;
    input.limits.live_bytes = 32u << 20;
    return input;
}

/// How callers write tool calls; templates know one way or the other.
struct CallStyle {
    bool arguments_as_text;
    bool content_is_none;
};
constexpr CallStyle kCallStyles[] = {{false, false}, {true, false}, {false, true}, {true, true}};

/// Asks, calls the first n tools, gets their results. thought_name: of the calling message's member
/// with its thoughts, if any.
ChatInput with_calls(size_t n, const CallStyle& style, std::string_view thought_name = "") {
    const Value arguments =
        style.arguments_as_text ? text(R"({"city": "Bern"})") : object({{"city", text("Bern")}});
    std::vector<Value> calls, results;
    for (size_t i = 0; i < n; ++i) {
        calls.push_back(
            object({{"id", text(kIds[i])},
                    {"type", text("function")},
                    {"function", object({{"name", text(kTools[i])}, {"arguments", arguments}})}}));
        results.push_back(object({{"role", text("tool")},
                                  {"tool_call_id", text(kIds[i])},
                                  {"name", text(kTools[i])},
                                  {"content", text(kResult)}}));
    }
    Map caller;
    caller.set("role", text("assistant"));
    caller.set("content", style.content_is_none ? Value::none() : text(""));
    caller.set("tool_calls", Value::list(std::move(calls)));
    if (!thought_name.empty()) caller.set(thought_name, text(kThought));
    std::vector<Value> messages{message("user", "Hello"), Value::map(std::move(caller))};
    messages.insert(messages.end(), results.begin(), results.end());
    return input_of(std::move(messages));
}

class Prober {
  public:
    explicit Prober(const ChatTemplate& tmpl) : tmpl_(tmpl) {}

    ChatFeatures run() const {
        ChatFeatures out;
        out.messages = shows(input_of({message("user", kText)}), {kText});
        out.system = shows(input_of({message("system", kSystem), message("user", "Hello")}),
                           {kSystem, "Hello"});
        ChatInput input = input_of({message("user", "Hello")});
        input.tools = Value::list({tool(kTools[0])});
        out.tools = shows(input, {kTools[0]});
        input.tools = Value::none();
        input.documents =
            Value::list({object({{"title", text("A title")}, {"text", text(kDocument)}})});
        out.documents = shows(input, {kDocument});
        for (const CallStyle& style : kCallStyles) {
            out.tool_calls |= shows(with_calls(1, style), {kTools[0], kResult});
            out.parallel_calls |= shows(with_calls(2, style), {kTools[0], kTools[1], kResult});
        }
        out.thinking_switch = find_switch();
        out.thinking = !out.thinking_switch.empty() || shows_thoughts() || drops_old_thoughts() ||
                       begins_with_thoughts();
        return out;
    }

  private:
    /// The text, or none. Some templates are for tools and refuse to be without.
    std::string render(ChatInput input) const {
        auto text = tmpl_.render(input);
        if (!text && input.tools.is_none()) {
            input.tools = Value::list({tool(kTools[0])});
            text = tmpl_.render(input);
        }
        return text ? *std::move(text) : "";
    }

    bool shows(const ChatInput& input, std::initializer_list<std::string_view> marks) const {
        const std::string rendered = render(input);
        return std::ranges::all_of(
            marks, [&](std::string_view mark) { return rendered.find(mark) != rendered.npos; });
    }

    /// The first variable whose two values make different texts.
    std::string find_switch() const {
        struct Row {
            std::string_view name;
            Value on, off;
        };
        const Row rows[] = {
            {"enable_thinking", Value::boolean(true), Value::boolean(false)},
            {"thinking", Value::boolean(true), Value::boolean(false)},
            {"thinking_mode", text("enabled"), text("disabled")},
            {"reasoning_effort", text("high"), text("low")},
            {"reasoning_effort", text("high"), text("no_think")},
            {"reasoning_strength", text("high"), text("low")},
            {"thinking_budget", Value::integer(512), Value::integer(0)},
            {"thinking_effort", text("high"), text("low")},
        };
        ChatInput input = input_of({message("user", "Hello")});
        for (const Row& row : rows) {
            input.kwargs = object({{row.name, row.on}});
            const std::string on = render(input);
            input.kwargs = object({{row.name, row.off}});
            const std::string off = render(input);
            if (!on.empty() && !off.empty() && on != off) return std::string(row.name);
        }
        return "";
    }

    /// Whether thoughts, under one of their usual names, are in the text: those of the last answer,
    /// or those before calls, which some templates keep while they drop the others.
    bool shows_thoughts() const {
        for (const char* name : {"reasoning_content", "reasoning", "thinking", "thought"}) {
            ChatInput input =
                input_of({message("user", "Hello"), object({{"role", text("assistant")},
                                                            {"content", text(kText)},
                                                            {name, text(kThought)}})});
            input.add_generation_prompt = false;
            if (shows(input, {kThought, kText})) return true;
            for (const CallStyle& style : kCallStyles)
                if (shows(with_calls(1, style, name), {kThought, kResult})) return true;
        }
        return false;
    }

    bool drops_old_thoughts() const {
        const std::string answer = "<think>\n" + std::string(kThought) + "\n</think>\n\n";
        const ChatInput input = input_of(
            {message("user", "Hello"), message("assistant", answer + std::string(kText)),
             message("user", "Again"), message("assistant", "Yes"), message("user", "Goodbye")});
        return shows(input, {kText, "Goodbye"}) && !shows(input, {kThought});
    }

    bool begins_with_thoughts() const {
        ChatInput input = input_of({message("user", "Hello")});
        const std::string with = render(input);
        input.add_generation_prompt = false;
        const std::string without = render(input);
        const size_t shared = with.starts_with(without) ? without.size() : 0;
        return with.find("<think>", shared) != with.npos;
    }

    const ChatTemplate& tmpl_;
};

}  // namespace

std::string ChatFeatures::str() const {
    std::string out;
    const auto add = [&](bool has, std::string_view what) {
        if (!has) return;
        if (!out.empty()) out += ", ";
        out += what;
    };
    add(!messages, "no messages");
    add(system, "system");
    add(tools, "tools");
    add(tool_calls && !parallel_calls, "calls");
    add(parallel_calls, "parallel calls");
    add(documents, "documents");
    add(thinking, "thinking");
    if (!thinking_switch.empty()) out += " (" + thinking_switch + ")";
    return out.empty() ? "messages only" : out;
}

ChatFeatures find_features(const ChatTemplate& tmpl) {
    return Prober(tmpl).run();
}

}  // namespace m2w
