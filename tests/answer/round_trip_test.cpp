// round_trip_test.cpp — calls that the real chat templates render, read back from their golden
// renderings.
#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "chat/answer/detect.h"
#include "tests/jinja/chats.h"
#include "tests/support/results.h"
#include "tests/support/shared.h"

namespace m2w::test {
namespace {

using jinja::Value;
using jinja::test::GoldenChat;
using jinja::test::GoldenTemplate;
using jinja::test::member;

struct Call {
    std::string name, arguments;  // arguments: JSON, keys in order of the alphabet
    bool operator==(const Call&) const = default;
};

void PrintTo(const Call& call, std::ostream* out) {
    *out << call.name << " " << call.arguments;
}

std::string canonical(const std::string& json) {
    return nlohmann::json::parse(json, nullptr, false).dump();
}

/// The calls of a message.
std::vector<Call> calls_of(const Value& message) {
    std::vector<Call> out;
    const Value* calls = message.get("tool_calls");
    if (!calls || !calls->is_sequence()) return out;
    for (const Value& call : calls->items()) {
        const Value* function = call.get("function");
        const Value& f = function ? *function : call;
        const Value* arguments = f.get("arguments");
        if (!arguments) return {};
        const std::string json = arguments->is_string() ? std::string(arguments->as_string())
                                                        : *jinja::to_json(*arguments);
        out.push_back({member(f, "name").value_or(""), canonical(json)});
    }
    return out;
}

/// Whether a rendering has a call in it at all.
bool shows(std::string_view rendered, const Call& call) {
    const auto arguments = nlohmann::json::parse(call.arguments, nullptr, false);
    return rendered.find(call.name) != rendered.npos &&
           (!arguments.is_object() || arguments.empty() ||
            rendered.find(arguments.begin().key()) != rendered.npos);
}

struct Reading {
    std::vector<Call> calls;
    std::string failed;  // what the parser said of calls that it could not read
};

Reading read(const AnswerFormat& format, const ToolSet& tools, std::string_view text) {
    Reading out;
    AnswerParser parser(format, tools, [&](const AnswerEvent& event) {
        if (event.kind == AnswerEvent::Kind::call_begin)
            out.calls.push_back({std::string(event.text), ""});
        if (event.kind == AnswerEvent::Kind::call_arguments)
            out.calls.back().arguments += event.text;
        if (event.kind == AnswerEvent::Kind::call_failed) out.failed += event.text;
    });
    parser.push(text);
    parser.finish();
    for (Call& call : out.calls) call.arguments = canonical(call.arguments);
    return out;
}

/// One template with what it needs to render.
class Subject {
  public:
    explicit Subject(const GoldenTemplate& golden)
        : template_(*ChatTemplate::from_source(golden.source)),
          forms_(detect_answer_forms(template_)) {}

    const AnswerForms& forms() const { return forms_; }

    /// The part that message `index` brought to a golden rendering, and perhaps a little of the
    /// markers around it.
    std::string_view part(const GoldenChat& chat, size_t index, std::string_view golden) const {
        const std::string prompt = render(chat, index, true), before = render(chat, index, false);
        const auto messages = chat.input.messages.items();
        size_t begin = size_t(answer_part(golden, prompt, before).data() - golden.data());
        // A template that renders the messages before otherwise when more follow: behind their
        // text.
        if (const auto text = index > 0 ? member(messages[index - 1], "content") : std::nullopt;
            text && !text->empty())
            if (const size_t at = golden.find(*text, begin); at != golden.npos)
                begin = at + text->size();
        if (index + 1 == messages.size()) return golden.substr(begin);
        // The message ends where the rendering up to it and the golden one part, or, where the
        // template ends its last message otherwise, before the next one's text.
        const std::string after = render(chat, index + 1, false);
        const auto differ = std::mismatch(golden.begin(), golden.end(), after.begin(), after.end());
        size_t end = size_t(differ.first - golden.begin());
        if (const auto text = member(messages[index + 1], "content"); text && !text->empty())
            if (const size_t at = golden.find(*text, begin); at != golden.npos)
                end = std::max(end, at);
        return end > begin ? golden.substr(begin, end - begin) : std::string_view();
    }

    /// The first n messages of a conversation.
    std::string render(const GoldenChat& chat, size_t n, bool prompt) const {
        const auto all = chat.input.messages.items();
        ChatInput input = chat.input;
        input.messages = Value::list({all.begin(), all.begin() + ptrdiff_t(n)});
        input.add_generation_prompt = prompt;
        auto text = template_.render(input);
        return text ? *std::move(text) : std::string();
    }

  private:
    ChatTemplate template_;
    AnswerForms forms_;
};

/// Messages whose rendering does not hold what they say, by template and case.
struct Lost {
    const char *name, *id, *why;
};
constexpr Lost kLost[] = {
    {"CohereForAI-c4ai-command-r-plus-tool_use", "arg_types",
     "the template's indent breaks lines inside a string, at U+2028"},
    {"GigaChat3-10B-A1.8B", "parallel_calls", "the template renders the first call alone"},
    {"GigaChat3-10B-A1.8B", "calls_no_tools", "the template renders the first call alone"},
    {"Reka-Edge", "x_strange_args", "arguments that are no object"},
    {"google-gemma-4-31B-it-interleaved", "tool_call_str",
     "arguments as text, in braces once more"},
    {"google-gemma-4-31B-it-interleaved", "x_tool_str_args", "arguments as text, without quotes"},
    {"meetkai-functionary-medium-v3.1", "x_python", "code instead of arguments"},
    {"meta-llama-Llama-3.1-8B-Instruct", "x_builtin_call", "quotes that are not escaped"},
    {"meta-llama-Llama-3.3-70B-Instruct", "x_builtin_call", "quotes that are not escaped"},
};

/// Templates that render no calls of earlier turns at all.
constexpr const char* kRenderNone[] = {"HuggingFaceTB-SmolLM3-3B", "LFM2-8B-A1B", "LFM2.5-Instruct",
                                       "google-gemma-2-2b-it", "llama-cpp-rwkv-world"};

bool is_lost(const std::string& name, const std::string& id) {
    return std::ranges::any_of(kLost, [&](const Lost& l) { return name == l.name && id == l.id; });
}

/// What a record says of a rendering; nothing where the template refuses the conversation.
std::optional<std::string> output_of(const GoldenChat& chat) {
    const auto output = member(chat.record, "output");
    return output ? output : member(chat.record, "lenient_output");
}

/// All messages with calls of all records of one template; how many there are.
int round_trip(const GoldenTemplate& golden) {
    int all = 0;
    const Subject subject(golden);
    for (const GoldenChat& chat : golden.chats) {
        const auto output = output_of(chat);
        if (!output) continue;
        const Value& declared = chat.input.tools;
        const auto tools = ToolSet::parse(declared.is_sequence() ? *jinja::to_json(declared) : "");
        const auto messages = chat.input.messages.items();
        for (size_t i = 0; i < messages.size(); ++i) {
            const std::vector<Call> wanted = calls_of(messages[i]);
            if (wanted.empty()) continue;
            const std::string_view part = subject.part(chat, i, *output);
            if (!shows(part, wanted[0])) continue;
            all++;
            const bool known = tools && tools->contains(wanted[0].name);
            const Reading found = read(subject.forms().format, known ? *tools : ToolSet(), part);
            EXPECT_EQ(found.calls == wanted, !is_lost(golden.name, chat.id))
                << golden.name << " case " << chat.id << " message " << i << ": "
                << ::testing::PrintToString(found.calls) << " " << found.failed << "\nin " << part;
        }
    }
    const CallFormat* form = subject.forms().format.calls;
    std::printf("[  FORM    ] %-50s %-26s %d messages\n", golden.name.c_str(),
                form ? std::string(form->name).c_str() : "-", all);
    return all;
}

TEST(round_trip, calls_that_a_template_renders_are_read_back) {
    M2W_SHARED(root, "chat");
    ASSERT_GET(const auto templates, jinja::test::read_golden_templates(root));
    EXPECT_EQ(templates.size(), 51u);
    int total = 0;
    for (const GoldenTemplate& golden : templates) {
        const int messages = round_trip(golden);
        EXPECT_EQ(messages == 0, std::ranges::count(kRenderNone, golden.name) > 0) << golden.name;
        total += messages;
    }
    EXPECT_EQ(total, 770);
}

/// The last answer of the case "reasoning", where a template renders what it was thinking.
TEST(round_trip, reasoning_that_a_template_renders_is_split_off) {
    M2W_SHARED(root, "chat");
    ASSERT_GET(const auto templates, jinja::test::read_golden_templates(root));
    constexpr std::string_view kReasoning = "6*8 = 48.", kText = "48.";
    int rendered = 0;
    for (const GoldenTemplate& golden : templates) {
        const Subject subject(golden);
        const AnswerFormat& format = subject.forms().format;
        for (const GoldenChat& chat : golden.chats) {
            const auto output = output_of(chat);
            if (!output || chat.id != "reasoning") continue;
            std::string_view part = subject.part(chat, 4, *output);
            if (part.find(kReasoning) == part.npos) continue;
            ++rendered;
            ASSERT_TRUE(format.reasoning || format.headers) << golden.name;
            // Without an opening marker in the history it is the prompt that has it.
            AnswerStart start = AnswerStart::text;
            const size_t open = format.reasoning ? part.find(format.reasoning->open) : part.npos;
            if (open != part.npos)
                part.remove_prefix(open);
            else
                start = start_after(subject.render(chat, 4, true), format);
            if (start == AnswerStart::reasoning) part.remove_prefix(part.find(kReasoning));
            std::string reasoning, text;
            const ToolSet none;
            AnswerParser parser(
                format, none,
                [&](const AnswerEvent& event) {
                    (event.kind == AnswerEvent::Kind::reasoning ? reasoning : text) += event.text;
                },
                start);
            parser.push(part);
            parser.finish();
            EXPECT_EQ(reasoning, kReasoning) << golden.name << " in " << part;
            EXPECT_NE(text.find(kText), text.npos) << golden.name << " in " << part;
        }
    }
    EXPECT_EQ(rendered, 14);
}

}  // namespace
}  // namespace m2w::test
