// parser_test.cpp — every form, read at once and cut at every place.
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "tests/answer/samples.h"
#include "tests/answer/transcript.h"

namespace m2w::test {
namespace {

const CallFormat* call_format(std::string_view name) {
    for (const CallFormat& f : call_formats())
        if (f.name == name) return &f;
    EXPECT_EQ(name, "") << "no such row";
    return nullptr;
}

AnswerFormat format_of(const Sample& sample) {
    AnswerFormat out;
    out.calls = call_format(sample.calls);
    for (const ReasoningFormat& f : reasoning_formats())
        if (f.open == sample.reasoning) out.reasoning = &f;
    EXPECT_EQ(out.reasoning == nullptr, sample.reasoning.empty()) << sample.reasoning;
    if (sample.calls == "header") out.headers = &header_formats()[0];
    if (sample.calls == "atem invoke") out.headers = &header_formats()[1];
    return out;
}

/// What an answer says when it comes in these pieces.
std::string read(const Sample& sample, const std::vector<std::string_view>& pieces,
                 const ToolSet& tools = {}, const AnswerLimits& limits = {}) {
    const AnswerFormat format = format_of(sample);
    Transcript transcript;
    AnswerParser parser(format, tools, transcript.listener(), start_after(sample.prompt, format),
                        limits);
    for (const std::string_view piece : pieces) parser.push(piece);
    parser.finish();
    return transcript.str();
}

ToolSet tools(std::string_view json) {
    auto out = ToolSet::parse(json);
    EXPECT_TRUE(out) << out.error().str();
    return *std::move(out);
}

TEST(answer_parser, reads_every_form_at_once) {
    for (const Sample& s : samples()) EXPECT_EQ(read(s, {s.text}), s.says) << s.calls;
}

TEST(answer_parser, there_is_a_sample_of_every_row) {
    std::set<std::string_view> calls, reasoning;
    for (const Sample& s : samples()) {
        calls.insert(s.calls);
        reasoning.insert(s.reasoning);
    }
    for (const CallFormat& f : call_formats()) EXPECT_TRUE(calls.contains(f.name)) << f.name;
    for (const ReasoningFormat& f : reasoning_formats())
        EXPECT_TRUE(reasoning.contains(f.open)) << f.open;
}

TEST(answer_parser, a_cut_at_any_place_changes_nothing) {
    for (const Sample& s : samples())
        for (size_t cut = 1; cut < s.text.size(); ++cut)
            ASSERT_EQ(read(s, {s.text.substr(0, cut), s.text.substr(cut)}), s.says)
                << s.calls << " cut at " << cut;
}

TEST(answer_parser, byte_by_byte_says_the_same) {
    for (const Sample& s : samples()) {
        std::vector<std::string_view> bytes;
        for (size_t i = 0; i < s.text.size(); ++i) bytes.push_back(s.text.substr(i, 1));
        EXPECT_EQ(read(s, bytes), s.says) << s.calls;
    }
}

/// Also where an answer ends in the midst: the end of a stream is a place like any other.
TEST(answer_parser, an_answer_that_ends_anywhere_says_the_same_byte_by_byte) {
    for (const Sample& s : samples())
        for (size_t end = 1; end < s.text.size(); ++end) {
            const std::string_view text = s.text.substr(0, end);
            std::vector<std::string_view> bytes;
            for (size_t i = 0; i < end; ++i) bytes.push_back(text.substr(i, 1));
            ASSERT_EQ(read(s, bytes), read(s, {text})) << s.calls << " ends at " << end;
        }
}

TEST(answer_parser, events_hold_whole_characters) {
    for (const Sample& s : samples()) {
        const AnswerFormat format = format_of(s);
        const ToolSet none;
        AnswerParser parser(
            format, none,
            [](const AnswerEvent& event) {
                if (event.text.empty()) return;
                EXPECT_NE(uint8_t(event.text.front()) & 0xc0, 0x80);
                EXPECT_LT(uint8_t(event.text.back()), 0xc0);
            },
            start_after(s.prompt, format));
        for (size_t i = 0; i < s.text.size(); ++i) parser.push(s.text.substr(i, 1));
        parser.finish();
    }
}

TEST(answer_parser, text_goes_out_with_the_push_that_brought_it) {
    std::string seen;
    const ToolSet none;
    AnswerParser parser({.calls = call_format("tool_call JSON")}, none,
                        [&](const AnswerEvent& event) { seen += event.text; });
    parser.push("Hello");
    EXPECT_EQ(seen, "Hello");
    parser.push(" wor");
    EXPECT_EQ(seen, "Hello wor");
    parser.push("ld <to");
    EXPECT_EQ(seen, "Hello world");
    parser.push("y>");
    EXPECT_EQ(seen, "Hello world <toy>");
}

TEST(answer_parser, arguments_go_out_as_they_come) {
    std::string seen;
    const ToolSet none;
    AnswerParser parser({.calls = call_format("tool_call JSON")}, none,
                        [&](const AnswerEvent& event) { seen += event.text; });
    parser.push("<tool_call>{\"name\": \"f\", \"arguments\": {\"a\": \"long");
    EXPECT_EQ(seen, "f{\"a\": \"long");
    parser.push("er\"");
    EXPECT_EQ(seen, "f{\"a\": \"longer\"");
}

TEST(answer_parser, control_tokens_are_markers_but_never_text) {
    Transcript transcript;
    const ToolSet none;
    AnswerParser parser({.calls = call_format("tool_call JSON")}, none, transcript.listener());
    parser.push("A");
    parser.push("<|eom|>", true);
    parser.push(" B ");
    parser.push("<tool_call>", true);
    parser.push("{\"name\": \"f\"}");
    parser.push("</tool_call>", true);
    parser.push("<|eom|>", true);
    parser.finish();
    EXPECT_EQ(transcript.str(), "text(A B) call(f {})");
}

TEST(answer_parser, arguments_in_tags_have_the_type_of_their_schema) {
    const ToolSet known = tools(R"([{"type": "function", "function": {"name": "f", "parameters": {
        "properties": {"zip": {"type": "string"}, "n": {"type": "integer"},
                       "maybe": {"type": ["string", "null"]}, "unit": {"enum": ["1", "2"]},
                       "either": {"anyOf": [{"type": "string"}, {"type": "number"}]}}}}}])");
    const std::string_view text =
        "<function=f><parameter=zip>12</parameter><parameter=n>12</parameter>"
        "<parameter=maybe>null</parameter><parameter=unit>1</parameter>"
        "<parameter=either>1</parameter><parameter=new>{'a': 1}</parameter></function>";
    EXPECT_EQ(
        read({"seed function", "", text, ""}, {text}, known),
        "call(f {\"zip\": \"12\", \"n\": 12, \"maybe\": null, \"unit\": \"1\", \"either\": 1, "
        "\"new\": {\"a\": 1}})");
}

TEST(answer_parser, code_without_names_of_arguments_takes_them_from_the_schema) {
    const ToolSet known =
        tools(R"([{"name": "f", "parameters": {"properties": {"a": {}, "b": {}}}}])");
    const auto say = [&](std::string_view text) {
        return read({"tool_call_start", "", text, ""}, {text}, known);
    };
    EXPECT_EQ(say("<|tool_call_start|>[f(1, b=2)]<|tool_call_end|>"),
              "call(f {\"a\": 1, \"b\": 2})");
    EXPECT_EQ(say("<|tool_call_start|>[f(1)]<|tool_call_end|>"), "call(f {\"a\": 1})");
    EXPECT_EQ(say("<|tool_call_start|>[f(1, 2, 3)]<|tool_call_end|>"),
              "failed(malformed <|tool_call_start|>[f(1, 2, 3)]<|tool_call_end|>)");
}

TEST(answer_parser, a_bare_call_must_name_a_tool) {
    const ToolSet known = tools(R"([{"name": "f"}])");
    for (const std::string_view text :
         {R"({"name": "g", "parameters": {"a": 1}})", R"({"name": "Ada", "id": 7})"})
        EXPECT_EQ(read({"bare JSON", "", text, ""}, {text}, known),
                  "text(" + std::string(text) + ")");
    const std::string_view text = R"({"name": "f", "parameters": {"a": 1}})";
    EXPECT_EQ(read({"bare JSON", "", text, ""}, {text}, known), "call(f {\"a\": 1})");
}

TEST(answer_parser, what_is_too_large_is_said_to_be_and_costs_no_more_than_its_limit) {
    const AnswerLimits limits{.call_bytes = 60, .calls = 2};
    for (const Sample& s : samples()) {
        std::string longer(s.text);
        if (s.calls.empty() || s.says.find("call(") == s.says.npos) continue;
        const size_t value = longer.find("\"a\": 1");
        if (value == longer.npos) continue;
        longer.replace(value, 6, "\"a\": \"" + std::string(200, 'x') + "\"");
        const std::string once = read(s, {longer}, {}, limits);
        EXPECT_NE(once.find("failed(too_large"), once.npos) << s.calls << once;
        std::vector<std::string_view> bytes;
        for (size_t i = 0; i < longer.size(); ++i)
            bytes.push_back(std::string_view(longer).substr(i, 1));
        EXPECT_EQ(read(s, bytes, {}, limits), once) << s.calls;
    }
    std::string calls, text;
    for (int i = 0; i < 3; ++i) text += "<tool_call>{\"name\": \"f\"}</tool_call>";
    EXPECT_EQ(read({"tool_call JSON", "", text, ""}, {text}, {}, limits),
              "call(f {}) call(f {}) failed(too_large <tool_call>{\"name\": \"f\"}</tool_call>)");
}

TEST(answer_parser, nesting_ends_in_a_failure) {
    for (const char* open : {"[", "{\"a\":"}) {
        std::string deep = "<tool_call>{\"name\": \"f\", \"arguments\": {\"a\": ";
        for (int i = 0; i < 100000; ++i) deep += open;
        const std::string said = read({"tool_call JSON", "", deep, ""}, {deep});
        EXPECT_TRUE(said.starts_with("failed(too_large")) << said.substr(0, 100);
        std::string code = "<|tool_call_start|>[f(a=";
        for (int i = 0; i < 100000; ++i) code += open;
        EXPECT_TRUE(
            read({"tool_call_start", "", code, ""}, {code}).starts_with("failed(truncated"));
    }
}

TEST(answer_parser, white_space_without_end_is_neither_slow_nor_different) {
    const std::string space(3000, ' ');
    for (const Sample& s : samples()) {
        std::string text(s.text);
        for (const char* before : {"{", "1</", "<tool", "["})
            if (const size_t at = text.find(before); at != text.npos) text.insert(at, space);
        std::vector<std::string_view> bytes;
        for (size_t i = 0; i < text.size(); ++i)
            bytes.push_back(std::string_view(text).substr(i, 1));
        EXPECT_EQ(read(s, bytes), read(s, {text})) << s.calls;
    }
}

/// Whatever a model writes, there is an answer, and no call that is not valid.
TEST(answer_parser, parts_of_answers_in_any_order_do_no_harm) {
    uint32_t random = 12345;
    const auto next = [&](size_t n) {
        random = random * 1664525 + 1013904223;
        return size_t(random >> 8) % n;
    };
    for (int round = 0; round < 3000; ++round) {
        const Sample& s = samples()[next(samples().size())];
        std::string text;
        std::vector<size_t> cuts;
        for (int part = 0; part < 6; ++part) {
            const std::string_view from = s.text;
            const size_t begin = next(from.size());
            text += from.substr(begin, 1 + next(40));
            cuts.push_back(text.size());
        }
        std::vector<std::string_view> pieces;
        for (size_t i = 0, at = 0; i < cuts.size(); at = cuts[i++])
            pieces.push_back(std::string_view(text).substr(at, cuts[i] - at));
        EXPECT_EQ(read(s, pieces), read(s, {text})) << s.calls << "\n" << text;
    }
}

TEST(tool_set, refuses_what_is_no_list_of_tools) {
    for (const char* json : {"{", "{}", "[1]", "[{}]", R"([{"name": ""}])",
                             R"([{"name": "f"}, {"name": "f"}])", R"([{"function": "f"}])"}) {
        const auto parsed = ToolSet::parse(json);
        ASSERT_FALSE(parsed) << json;
        EXPECT_EQ(parsed.error().category, Category::usage) << json;
    }
    EXPECT_FALSE(ToolSet::parse(std::string(100000, '[')));
    EXPECT_TRUE(ToolSet::parse("[]")->json().empty());
    EXPECT_EQ(ToolSet::parse(R"([{"name":"f"}])")->json(),
              R"([{"type":"function","function":{"name":"f"}}])");
}

}  // namespace
}  // namespace m2w::test
