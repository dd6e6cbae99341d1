// inspect_test.cpp — m2w inspect and m2w devices: what they show of one file, what of the
// difference of two, and that nothing of a file is obeyed.
#include <gtest/gtest.h>

#include <map>
#include <nlohmann/json.hpp>

#include "tests/cli/process.h"
#include "tests/cli/remade_model.h"

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

/// Whether some line has these words, in this order, with any number of spaces between them.
bool has_line(const std::string& text, const std::string& words) {
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);) {
        std::istringstream parts(line);
        std::string squeezed;
        for (std::string word; parts >> word;) squeezed += (squeezed.empty() ? "" : " ") + word;
        if (squeezed == words) return true;
    }
    return false;
}

TEST(inspect, shows_what_a_person_wants_to_know) {
    const RunResult r = inspect({bundled_model().string()});
    EXPECT_EQ(r.status, 0) << r.err;
    for (const char* line : {
             "name m2w Tiny",
             "architecture llama",
             "parameters 7.3 M (7,344,384)",
             "layers 8 of width 256, feed-forward 768",
             "8 attention",
             "heads 4 of width 64, 2 for keys and values",
             "context 2,048 tokens",
             "llama.attention.layer_norm_rms_epsilon f32 1e-05",
             "vocabulary 4,096 tokens",
             "chat template usable: system, tools, parallel calls",
             "Q8_0 57 7.4 MiB 99.8 % 8.50",
             "F32 17 17 KiB 0.2 % 32.00",
             "all 74 7.5 MiB 100.0 % 8.51",
             "context weights cache states activations total",
         })
        EXPECT_TRUE(has_line(r.out, line)) << line << "\n" << r.out;
    EXPECT_FALSE(contains(r.out, "not understood")) << r.out;
    EXPECT_FALSE(contains(r.out, "cannot run")) << r.out;
    EXPECT_FALSE(contains(r.out, "rms_norm")) << "--plan was not asked for";
}

TEST(inspect, memory_grows_with_the_context) {
    TemporaryFolder folder;
    RemadeModel longer;
    longer.value("llama.context_length") = gguf::make_value(uint32_t(131072));
    const auto json = inspect_json({longer.save(folder, "longer.gguf")});
    std::vector<uint32_t> contexts;
    for (const auto& row : json["memory"]) {
        contexts.push_back(row["context"]);
        EXPECT_EQ(row["cache_bytes"], 8 * 2 * 2 * 64 * 2 * uint64_t(contexts.back()));
        EXPECT_EQ(row["total_bytes"].get<uint64_t>(),
                  row["weights_bytes"].get<uint64_t>() + row["cache_bytes"].get<uint64_t>() +
                      row["state_bytes"].get<uint64_t>() + row["activation_bytes"].get<uint64_t>());
    }
    EXPECT_EQ(contexts, (std::vector<uint32_t>{2048, 8192, 32768, 131072}));
}

TEST(inspect, what_is_not_used_is_named) {
    TemporaryFolder folder;
    RemadeModel model;
    model.value("llama.attention.frobs") = gguf::make_value(uint32_t(7));
    for (const int layer : {1, 2, 3, 5})
        model.add("blk." + std::to_string(layer) + ".frob.weight", DType::f16, {8, 4});
    const std::string path = model.save(folder, "more.gguf");
    const RunResult text = inspect({path});
    EXPECT_EQ(text.status, 0) << text.err;
    EXPECT_TRUE(has_line(text.out, "unread key llama.attention.frobs = 7")) << text.out;
    EXPECT_TRUE(has_line(text.out, "unused tensor blk.1-3,5.frob.weight F16 [4][8]")) << text.out;
    const auto json = inspect_json({path});
    EXPECT_EQ(json["not_understood"]["keys"], std::vector<std::string>{"llama.attention.frobs"});
    EXPECT_EQ(json["not_understood"]["tensors"].size(), 4u);
    EXPECT_EQ(json["cannot_run"].size(), 0u);
}

/// A file that m2w cannot run, but that is sound: everything else is shown.
void expect_obstacle(const std::string& path, const std::string& category,
                     const std::string& message, const std::string& needs) {
    const RunResult text = inspect({path});
    EXPECT_EQ(text.status, 0) << text.err;
    EXPECT_TRUE(contains(text.out, "\ncannot run: " + message)) << text.out;
    EXPECT_TRUE(contains(text.out, "\n  needs " + needs)) << text.out;
    EXPECT_TRUE(has_line(text.out, "layers 8 of width 256, feed-forward 768")) << text.out;
    EXPECT_TRUE(has_line(text.out, "context 2,048 tokens")) << text.out;
    EXPECT_TRUE(has_line(text.out, "vocabulary 4,096 tokens")) << text.out;
    EXPECT_TRUE(contains(text.out, "\nmetadata\n"));
    const auto json = inspect_json({path, "--tensors"});
    ASSERT_EQ(json["cannot_run"].size(), 1u);
    EXPECT_EQ(json["cannot_run"][0]["category"], category);
    EXPECT_EQ(json["memory"].size(), 0u);
    EXPECT_EQ(json["layers"], 8);
    EXPECT_NE(inspect({path, "--plan"}).status, 0);
    EXPECT_NE(inspect({path, "--fit", "100"}).status, 0);
}

TEST(inspect, an_unknown_architecture_is_named_and_the_rest_is_shown) {
    TemporaryFolder folder;
    RemadeModel model;
    model.value("general.architecture") = gguf::make_value(std::string("frob3"));
    model.rename_keys("llama.", "frob3.");
    expect_obstacle(model.save(folder, "frob.gguf"), "hyperparameter", "architecture \"frob3\"\n",
                    "a description of this architecture in m2w");
}

TEST(inspect, an_unsupported_weight_type_is_named_and_the_rest_is_shown) {
    TemporaryFolder folder;
    RemadeModel model;
    model.erase_tensor("blk.2.ffn_up.weight");
    model.add("blk.2.ffn_up.weight", DType::q8_1, {256, 768});
    const std::string path = model.save(folder, "q8_1.gguf");
    expect_obstacle(path, "unsupported", "blk.2.ffn_up.weight: weight type Q8_1 is not supported\n",
                    "kernels for Q8_1, or the model in another weight type\n");
    EXPECT_TRUE(contains(inspect({path}).out, "  not supported\n"));
}

TEST(inspect, an_unsupported_tensor_is_named_and_the_rest_is_shown) {
    TemporaryFolder folder;
    RemadeModel model;
    model.add("blk.0.attn_q_norm.weight", DType::f32, {64});
    expect_obstacle(model.save(folder, "norm.gguf"), "unsupported",
                    "blk.0.attn_q_norm.weight: ", "the computation that this tensor is for\n");
}

TEST(inspect, an_unsupported_tokenizer_is_named_and_the_rest_is_shown) {
    TemporaryFolder folder;
    RemadeModel model;
    model.value("tokenizer.ggml.model") = gguf::make_value(std::string("plamo2"));
    const std::string path = model.save(folder, "plamo.gguf");
    const auto json = inspect_json({path});
    ASSERT_EQ(json["cannot_run"].size(), 1u);
    EXPECT_EQ(json["cannot_run"][0]["category"], "unsupported");
    EXPECT_TRUE(json["tokenizer"].is_null());
    EXPECT_EQ(json["vocabulary"], 4096);
    EXPECT_EQ(json["memory"].size(), 1u) << "the network itself can be run";
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
    EXPECT_EQ(json["cannot_run"].size(), 0u);
    EXPECT_EQ(json["not_understood"]["keys"].size() + json["not_understood"]["tensors"].size(), 0u);
    ASSERT_EQ(json["weight_types"].size(), 2u);
    EXPECT_EQ(json["weight_types"][0]["type"], "Q8_0");
    EXPECT_EQ(json["weight_types"][0]["tensors"], 57);
    EXPECT_EQ(json["weight_types"][0]["bytes"].get<uint64_t>() +
                  json["weight_types"][1]["bytes"].get<uint64_t>(),
              json["weight_bytes"]);
    EXPECT_NEAR(json["weight_types"][0]["share"].get<double>() +
                    json["weight_types"][1]["share"].get<double>(),
                1, 1e-12);
    EXPECT_EQ(json["layer_kinds"][0]["kind"], "attention");
    ASSERT_EQ(json["memory"].size(), 1u);
    EXPECT_EQ(json["memory"][0]["context"], 2048);
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
    EXPECT_TRUE(contains(r.out, "  chat template  not usable: ")) << r.out;
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

// --- two files -----------------------------------------------------------------------------------

RunResult compare(const std::string& b, std::vector<std::string> options = {}) {
    options.insert(options.begin(), {m2w_program(), "inspect", bundled_model().string(), b});
    return run(options);
}

nlohmann::json json_of(const RunResult& r) {
    return nlohmann::json::parse(r.out, nullptr, false);
}

TEST(inspect_diff, equal_files_are_equal_whatever_the_order) {
    TemporaryFolder folder;
    RemadeModel other;
    std::reverse(other.metadata.begin(), other.metadata.end());
    std::rotate(other.tensors.begin(), other.tensors.begin() + 5, other.tensors.end());
    const std::string path = other.save(folder, "other.gguf");
    const RunResult text = compare(path), json = compare(path, {"--json"});
    EXPECT_EQ(text.status, 0) << text.err;
    EXPECT_TRUE(text.out.ends_with("\nequal\n")) << text.out;
    EXPECT_TRUE(contains(text.out, "tensors: 0 added, 0 removed, 0 changed, 74 equal\n"));
    EXPECT_EQ(json.status, 0);
    EXPECT_EQ(json_of(json)["equal"], true);
}

TEST(inspect_diff, keys_are_told_by_what_changed) {
    TemporaryFolder folder;
    RemadeModel other;
    other.value("general.name") = gguf::make_value(std::string("m2w Teeny"));
    other.value("llama.rope.freq_base") = gguf::make_value(500.0f);
    other.value("general.added") = gguf::make_value(uint32_t(3));
    other.erase("llama.vocab_size");
    auto& tokens = std::get<gguf::Array>(other.value("tokenizer.ggml.tokens").data);
    const std::string was = tokens.strings[300];
    tokens.strings[300] = "\x1b[2Jnew";
    tokens.strings[301] = "other";
    const std::string path = other.save(folder, "other.gguf");
    const RunResult text = compare(path), r = compare(path, {"--json"});
    EXPECT_EQ(text.status, 6);
    EXPECT_EQ(text.err, "");
    EXPECT_TRUE(contains(text.out, "metadata: 1 added, 1 removed, 3 changed, ")) << text.out;
    EXPECT_TRUE(contains(text.out, "from byte 5 on: \"m2w Tiny\" -> \"m2w Teeny\"")) << text.out;
    EXPECT_TRUE(contains(text.out, "4096 x string: 2 differ, first [300]: ")) << text.out;
    EXPECT_TRUE(contains(text.out, "\\x1b[2Jnew")) << text.out;
    EXPECT_FALSE(contains(text.out, "\x1b"));
    EXPECT_TRUE(text.out.ends_with("\ndifferent\n"));

    EXPECT_EQ(r.status, 6);
    const auto json = json_of(r);
    ASSERT_EQ(json["metadata"].size(), 5u) << r.out;
    std::map<std::string, nlohmann::json> by_key;
    for (const auto& change : json["metadata"]) by_key[change["key"]] = change;
    EXPECT_EQ(by_key["general.added"]["change"], "added");
    EXPECT_EQ(by_key["general.added"]["b"]["value"], 3);
    EXPECT_FALSE(by_key["general.added"].contains("a"));
    EXPECT_EQ(by_key["llama.vocab_size"]["change"], "removed");
    EXPECT_EQ(by_key["llama.rope.freq_base"]["b"]["value"], 500);
    const auto& array = by_key["tokenizer.ggml.tokens"];
    EXPECT_EQ(array["first_difference"], 300);
    EXPECT_EQ(array["n_different"], 2);
    EXPECT_EQ(array["a"]["first_different"], was);
    EXPECT_EQ(array["b"]["first_different"], "\x1b[2Jnew");
}

RemadeModel with_other_tensors() {
    RemadeModel other;
    for (const int layer : {0, 1, 2, 5}) {
        auto& norm = other.tensor("blk." + std::to_string(layer) + ".ffn_norm.weight");
        norm.bytes[2] ^= std::byte{1};  // of the first float's fraction
    }
    other.erase_tensor("blk.7.ffn_down.weight");
    other.add("blk.7.extra.weight", DType::f16, {8, 4});
    auto& up = other.tensor("blk.3.ffn_up.weight");
    std::swap(up.spec.dims[0], up.spec.dims[1]);
    auto& query = other.tensor("blk.3.attn_q.weight");
    query = {{query.spec.name, DType::f32, query.spec.dims},
             std::vector<std::byte>(query.spec.dims[0] * query.spec.dims[1] * 4)};
    return other;
}

TEST(inspect_diff, tensors_are_told_by_what_changed) {
    TemporaryFolder folder;
    const std::string path = with_other_tensors().save(folder, "other.gguf");
    const RunResult text = compare(path), r = compare(path, {"--json"});
    EXPECT_EQ(text.status, 6) << text.err;
    EXPECT_TRUE(contains(text.out, "tensors: 1 added, 1 removed, 6 changed, 67 equal\n"))
        << text.out;
    EXPECT_TRUE(contains(text.out, "  ~ blk.0-2,5.ffn_norm.weight ")) << text.out;
    EXPECT_TRUE(contains(text.out, "other weights\n"));
    EXPECT_TRUE(contains(text.out, "  + blk.7.extra.weight ")) << text.out;
    EXPECT_TRUE(contains(text.out, "F16 [4][8]\n")) << text.out;
    EXPECT_TRUE(contains(text.out, "shape [768][256] -> [256][768]\n")) << text.out;
    EXPECT_TRUE(contains(text.out, "type Q8_0 -> F32\n")) << text.out;
    const auto json = json_of(r);
    ASSERT_EQ(json["tensors"].size(), 8u) << r.out;
    EXPECT_EQ(json["equal_tensors"], 67);
    EXPECT_EQ(json["tensors"][0]["name"], "blk.0.ffn_norm.weight");
    EXPECT_EQ(json["tensors"][0]["other_weights"], true);
    EXPECT_EQ(json["tensors"][0]["other_type"], false);
}

TEST(inspect_diff, weights_are_left_out_or_measured_when_asked_for) {
    TemporaryFolder folder;
    const std::string path = with_other_tensors().save(folder, "other.gguf");
    const RunResult quick = compare(path, {"--quick"});
    EXPECT_EQ(quick.status, 6);
    EXPECT_FALSE(contains(quick.out, "ffn_norm")) << quick.out;
    const auto numbers = json_of(compare(path, {"--numbers", "--json"}));
    for (const auto& change : numbers["tensors"]) {
        if (change["name"] == "blk.3.attn_q.weight") {
            EXPECT_NEAR(change["relative_error"], 1, 1e-12) << "against zeros";
        }
        if (change["name"] == "blk.5.ffn_norm.weight") {
            EXPECT_GT(change["relative_error"], 0);
        }
    }
}

TEST(inspect_diff, arguments_are_checked) {
    const std::string model = bundled_model().string();
    EXPECT_EQ(compare("/nonexistent.gguf").status, 3);
    EXPECT_EQ(compare(model, {"--fit", "100"}).status, 1);
    EXPECT_EQ(compare(model, {"--plan"}).status, 1);
    EXPECT_EQ(compare(model, {"--quick", "--numbers"}).status, 1);
    EXPECT_EQ(run({m2w_program(), "inspect", model, "--numbers"}).status, 1);
}

TEST(devices, lists_the_reference_always) {
    const RunResult r = run({m2w_program(), "devices"});
    EXPECT_EQ(r.status, 0) << r.err;
    EXPECT_TRUE(contains(r.out, "\nref  ") || r.out.starts_with("ref  ")) << r.out;
}

}  // namespace
}  // namespace m2w::test
