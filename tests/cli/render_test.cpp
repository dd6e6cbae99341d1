// render_test.cpp — m2w render on the golden renderings of four public templates and on the unit
// snippets, through its JSON lines.
#include <gtest/gtest.h>

#include <map>
#include <nlohmann/json.hpp>
#include <sstream>

#include "tests/cli/process.h"
#include "tests/support/temporary.h"

namespace m2w::test {
namespace {

using OrderedJson = nlohmann::ordered_json;

constexpr const char* kNow = "2026-07-04T12:00:00";

RunResult render(std::vector<std::string> args, const std::string& input) {
    args.insert(args.begin(), {m2w_program(), "render", "--jsonl"});
    return run(args, {.input = input, .timeout_s = 300});
}

std::vector<std::string> text_lines(const std::string& text) {
    std::vector<std::string> out;
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);) out.push_back(line);
    return out;
}

std::vector<OrderedJson> lines_of(const std::string& text) {
    std::vector<OrderedJson> out;
    for (const std::string& line : text_lines(text))
        out.push_back(OrderedJson::parse(line, nullptr, false));
    return out;
}

/// The pass rule of the golden data: the output, or the lenient one; an error where one is due.
bool passes(const OrderedJson& golden, const OrderedJson& got) {
    if (got.contains("output"))
        return got["output"] == golden.value("output", OrderedJson()) ||
               got["output"] == golden.value("lenient_output", OrderedJson());
    if (!golden.contains("error") || !got.contains("error")) return false;
    if (golden["error_kind"] != "raise") return true;
    return got["error_kind"] == "raise" &&
           got["error"].get<std::string>().find(golden["error"].get<std::string>()) !=
               std::string::npos;
}

/// One input line for a golden record: its case, as cases.json has it, and the record's settings.
std::string input_of(const OrderedJson& golden, const OrderedJson& cases, size_t id) {
    const OrderedJson* found = nullptr;
    for (const OrderedJson& one : cases["common"])
        if (one["id"] == golden["case"]) found = &one;
    const OrderedJson extra =
        cases["extra"].value(golden["template"].get<std::string>(), OrderedJson::array());
    for (const OrderedJson& one : extra)
        if (one["id"] == golden["case"]) found = &one;
    if (!found) return "";
    OrderedJson record{{"id", id}};
    for (const char* key : {"messages", "tools", "documents", "kwargs"})
        if (found->contains(key)) record[key] = (*found)[key];
    record["add_generation_prompt"] = golden["agp"];
    record["bos_token"] = golden["bos"];
    record["eos_token"] = golden["eos"];
    return record.dump() + "\n";
}

TEST(render, golden_renderings_of_public_templates_are_byte_identical) {
    M2W_SHARED(folder, "chat");
    const OrderedJson cases = OrderedJson::parse(read_text(folder / "cases.json"), nullptr, false);
    ASSERT_FALSE(cases.is_discarded());
    for (const std::string name : {"meta-llama-Llama-3.1-8B-Instruct", "Qwen-Qwen2.5-7B-Instruct",
                                   "Qwen-Qwen3-0.6B", "google-gemma-2-2b-it"}) {
        const std::vector<OrderedJson> golden =
            lines_of(read_text(folder / "golden" / (name + ".jsonl")));
        ASSERT_GT(golden.size(), 20u) << name;
        std::string input;
        for (size_t i = 0; i < golden.size(); ++i) input += input_of(golden[i], cases, i);
        const RunResult r = render(
            {"--template", (folder / "templates" / (name + ".jinja")).string(), "--now", kNow},
            input);
        ASSERT_EQ(r.status, 0) << r.err;
        const std::vector<OrderedJson> out = lines_of(r.out);
        ASSERT_EQ(out.size(), golden.size()) << name;
        for (size_t i = 0; i < golden.size(); ++i) {
            EXPECT_EQ(out[i]["id"], i);
            EXPECT_TRUE(passes(golden[i], out[i])) << golden[i] << "\n  got " << out[i];
        }
    }
}

TEST(render, unit_snippets_pass_as_far_as_they_are_core) {
    M2W_SHARED(path, "chat/jinja_unit.jsonl");
    const std::string text = read_text(path);
    const std::vector<OrderedJson> golden = lines_of(text);
    std::string input;
    // The lines themselves, not a copy: 1.0 and the order of keys must come through.
    for (const std::string& line : text_lines(text)) input += line + "\n";
    const RunResult r = render({"--now", kNow}, input);
    ASSERT_EQ(r.status, 0) << r.err;
    const std::vector<OrderedJson> out = lines_of(r.out);
    ASSERT_EQ(out.size(), golden.size());
    std::map<std::string, std::pair<int, int>> tiers;
    for (size_t i = 0; i < golden.size(); ++i) {
        EXPECT_EQ(out[i]["id"], golden[i]["id"]);
        const std::string tier = golden[i]["tier"];
        const bool passed = passes(golden[i], out[i]);
        tiers[tier].first += passed;
        ++tiers[tier].second;
        EXPECT_TRUE(passed || tier == "extended") << golden[i] << "\n  got " << out[i];
    }
    for (const auto& [tier, count] : tiers)
        std::printf("%s: %d of %d\n", tier.c_str(), count.first, count.second);
}

TEST(render, a_model_gives_its_template_and_its_tokens) {
    const RunResult r = render({"-m", bundled_model().string()},
                               R"({"id": "x", "messages": [{"role": "user", "content": "hi"}], )"
                               R"("add_generation_prompt": true})"
                               "\n");
    EXPECT_EQ(r.status, 0) << r.err;
    EXPECT_EQ(lines_of(r.out).at(0)["output"],
              "<|im_start|>user\nhi<|im_end|>\n<|im_start|>assistant\n");
}

TEST(render, key_order_and_kinds_of_numbers_survive) {
    const RunResult r = render({}, R"({"id": 1, "template": "{{ x | tojson }} {{ y }} {{ z }}", )"
                                   R"("context": {"x": {"b": 1, "a": 1.0}, "y": 1.0, "z": 1}})"
                                   "\n");
    EXPECT_EQ(lines_of(r.out).at(0)["output"], R"({"b": 1, "a": 1.0} 1.0 1)");
}

TEST(render, now_is_what_templates_see) {
    const RunResult r =
        render({"--now", "1999-12-31T23:59:58"},
               R"({"id": 1, "template": "{{ strftime_now('%Y-%m-%d %H:%M:%S') }}", "context": {}})"
               "\n");
    EXPECT_EQ(lines_of(r.out).at(0)["output"], "1999-12-31 23:59:58");
    EXPECT_EQ(render({"--now", "yesterday"}, "").status, 1);
}

TEST(render, errors_of_templates_are_answers_and_say_their_kind) {
    const RunResult r = render(
        {},
        "{\"id\": 1, \"template\": \"{{ raise_exception('no system role') }}\", \"context\": {}}\n"
        "{\"id\": 2, \"template\": \"{% if %}\", \"context\": {}}\n"
        "{\"id\": 3, \"template\": \"{% for i in range(99999) %}{% for j in range(99999) %}"
        "{% endfor %}{% endfor %}\", \"context\": {}}\n");
    ASSERT_EQ(r.status, 0) << r.err;
    const auto out = lines_of(r.out);
    EXPECT_EQ(out.at(0)["error"], "no system role");
    EXPECT_EQ(out.at(0)["error_kind"], "raise");
    EXPECT_EQ(out.at(1)["error_kind"], "exception");
    EXPECT_EQ(out.at(1)["error_detail"], "syntax");
    EXPECT_EQ(out.at(2)["error_detail"], "limit");
}

TEST(render, mistakes_of_the_caller_end_it) {
    EXPECT_EQ(render({}, "{\"id\": 1, \"messages\": []}\n").status, 1) << "no template at all";
    EXPECT_EQ(render({"-m", bundled_model().string()}, "{\"id\": 1}\n").status, 1);
    EXPECT_EQ(render({"-m", bundled_model().string()}, "{\n").status, 1);
    EXPECT_EQ(render({"-m", "a", "--template", "b"}, "").status, 1);
    EXPECT_EQ(render({"--template", "/nonexistent"}, "").status, 3);
    EXPECT_EQ(run({m2w_program(), "render"}).status, 1) << "--jsonl is the only form";
}

}  // namespace
}  // namespace m2w::test
