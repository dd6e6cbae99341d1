// inspect_test.cpp — m2w inspect and m2w devices: what they show, and that nothing of a file is
// obeyed.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "tests/cli/process.h"
#include "tests/support/temporary.h"

namespace m2w::test {
namespace {

RunResult inspect(std::vector<std::string> args) {
    args.insert(args.begin(), {m2w_program(), "inspect"});
    return run(args);
}

nlohmann::json inspect_json(std::vector<std::string> args) {
    args.push_back("--json");
    const RunResult r = inspect(args);
    EXPECT_EQ(r.status, 0) << r.err;
    return nlohmann::json::parse(r.out, nullptr, false);
}

bool contains(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

TEST(inspect, shows_what_a_person_wants_to_know) {
    const RunResult r = inspect({bundled_model().string()});
    EXPECT_EQ(r.status, 0) << r.err;
    EXPECT_TRUE(contains(r.out, "llama, 7.3 M parameters")) << r.out;
    EXPECT_TRUE(contains(r.out, "chat template usable: system, tools, parallel calls\n")) << r.out;
    EXPECT_TRUE(contains(r.out, "57 Q8_0")) << r.out;
    EXPECT_FALSE(contains(r.out, "rms_norm")) << "--plan was not asked for";
}

TEST(inspect, json_holds_the_same_for_programs) {
    const auto json = inspect_json({bundled_model().string()});
    EXPECT_EQ(json["architecture"], "llama");
    EXPECT_EQ(json["layers"], 8);
    EXPECT_EQ(json["embedding_length"], 256);
    EXPECT_EQ(json["context_length"], 2048);
    EXPECT_EQ(json["vocabulary"], 4096);
    EXPECT_EQ(json["chat_template"], "usable");
    EXPECT_EQ(json["chat_template_features"]["parallel_calls"], true);
    EXPECT_EQ(json["chat_template_features"]["thinking"], false);
    EXPECT_EQ(json["metadata"]["general.name"], "m2w Tiny");
    EXPECT_EQ(json["metadata"]["tokenizer.ggml.tokens"]["count"], 4096);
    EXPECT_EQ(json["warnings"].size(), 0u);
    EXPECT_FALSE(json.contains("tensors"));
}

TEST(inspect, tensors_plan_and_fit_come_when_asked_for) {
    const auto json =
        inspect_json({bundled_model().string(), "--tensors", "--plan", "--fit", "1024"});
    ASSERT_EQ(json["tensors"].size(), 74u);
    bool found = false;
    for (const auto& t : json["tensors"])
        if (t["name"] == "blk.0.ffn_down.weight") {
            found = true;
            EXPECT_EQ(t["shape"], (std::vector<int>{256, 768}));
            EXPECT_EQ(t["type"], "Q8_0");
        }
    EXPECT_TRUE(found);
    EXPECT_TRUE(contains(json["plan"], "rms_norm"));
    // Keys and values: 8 layers, 1024 positions, 2 x 2 heads of 64, f16.
    EXPECT_EQ(json["fit"]["cache_bytes"], 8 * 1024 * 2 * 2 * 64 * 2);
    EXPECT_EQ(json["fit"]["total_bytes"], json["fit"]["cache_bytes"].get<uint64_t>() +
                                              json["fit"]["weights_bytes"].get<uint64_t>() +
                                              json["fit"]["activation_bytes"].get<uint64_t>());
    EXPECT_GE(json["fit"]["places"].size(), 1u);

    const RunResult text =
        inspect({bundled_model().string(), "--tensors", "--plan", "--fit", "1024"});
    EXPECT_TRUE(contains(text.out, "blk.0.ffn_down.weight"));
    EXPECT_TRUE(contains(text.out, "[256][768]"));
    EXPECT_TRUE(contains(text.out, "rms_norm"));
    EXPECT_TRUE(contains(text.out, "memory for a context of 1024"));
    EXPECT_EQ(inspect({bundled_model().string(), "--fit", "4096"}).status, 1);
    EXPECT_EQ(inspect({bundled_model().string(), "--fit", "0"}).status, 1);
}

TEST(inspect, control_characters_of_a_file_are_shown_not_obeyed) {
    TemporaryFolder folder;
    const auto model = patched_model(folder, "m2w Tiny", "\x1b[2J\x07hey").string();
    const RunResult text = inspect({model}), json = inspect({model, "--json"});
    EXPECT_TRUE(contains(text.out, "\\x1b[2J\\x07hey")) << text.out;
    EXPECT_FALSE(contains(text.out, "\x1b"));
    EXPECT_FALSE(contains(json.out, "\x1b"));
    EXPECT_EQ(nlohmann::json::parse(json.out, nullptr, false)["metadata"]["general.name"],
              "\x1b[2J\x07hey");
}

TEST(inspect, a_template_that_does_not_parse_is_a_warning) {
    TemporaryFolder folder;
    const auto model = patched_model(folder, "{%- if tools %}", "{%- if ((((( %}").string();
    const RunResult r = inspect({model});
    EXPECT_EQ(r.status, 0) << r.err;
    EXPECT_TRUE(contains(r.out, "warning       chat template not usable")) << r.out;
}

TEST(inspect, weights_that_are_no_numbers_are_found_unless_not_looked_at) {
    TemporaryFolder folder;
    std::string bytes = read_text(bundled_model());
    // The last tensor's last bytes: a float of a norm, or the last block's values. A NaN scale goes
    // into the first block of the first matrix instead, where the directory says it begins.
    const auto json = inspect_json({bundled_model().string(), "--tensors"});
    for (const auto& t : json["tensors"])
        if (t["type"] == "Q8_0") {
            bytes.replace(t["offset_bytes"].get<size_t>(), 2, "\x00\x7e", 2);  // half NaN
            break;
        }
    const auto path = folder.path() / "nan.gguf";
    std::ofstream(path, std::ios::binary) << bytes;
    const RunResult r = inspect({path.string()});
    EXPECT_EQ(r.status, 2);
    EXPECT_TRUE(r.err.starts_with("error[nan_scale] ")) << r.err;
    EXPECT_EQ(inspect({path.string(), "--quick"}).status, 0);
}

TEST(inspect, a_file_that_is_missing_or_refused_has_its_status) {
    EXPECT_EQ(inspect({"/nonexistent.gguf"}).status, 3);
    EXPECT_EQ(inspect({m2w_program()}).status, 2);
    EXPECT_EQ(inspect({}).status, 1);
}

TEST(devices, lists_the_reference_always) {
    const RunResult r = run({m2w_program(), "devices"});
    EXPECT_EQ(r.status, 0) << r.err;
    EXPECT_TRUE(contains(r.out, "\nref  ") || r.out.starts_with("ref  ")) << r.out;
}

}  // namespace
}  // namespace m2w::test
