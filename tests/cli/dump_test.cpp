// dump_test.cpp — m2w dump against what Hugging Face transformers computes in double precision, and
// the four golden conversations for every weight type of the bundled model.
#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>
#include <span>

#include "chat/conversation.h"
#include "tests/cli/npy.h"
#include "tests/cli/process.h"
#include "tests/support/temporary.h"

namespace m2w::test {
namespace {

using Json = nlohmann::json;

/// ||x - golden|| / ||golden||
double relative_error(std::span<const float> x, std::span<const float> golden) {
    double difference = 0, norm = 0;
    for (size_t i = 0; i < golden.size(); ++i) {
        difference += (double(x[i]) - golden[i]) * (double(x[i]) - golden[i]);
        norm += double(golden[i]) * golden[i];
    }
    return std::sqrt(difference / norm);
}

std::string joined(const Json& ids) {
    std::string out;
    for (const Json& id : ids) {
        if (!out.empty()) out += ',';
        out += id.dump();
    }
    return out;
}

RunResult dump(const std::string& model, const Json& ids, size_t n_greedy,
               const std::filesystem::path& folder, const std::string& device = "ref") {
    return run({m2w_program(), "dump", "-m", model, "--ids", joined(ids), "--greedy",
                std::to_string(n_greedy), "--device", device, "-o", folder.string()},
               {.timeout_s = 600});
}

class Architectures : public testing::TestWithParam<const char*> {};

TEST_P(Architectures, the_reference_agrees_at_every_layer_and_in_every_token) {
    constexpr double kTolerance = 1e-4;
    M2W_SHARED(folder, std::string("arch/") + GetParam());
    const Json golden = Json::parse(read_text(folder / "golden.json"));
    TemporaryFolder out;
    const RunResult r = dump((folder / "model-f16.gguf").string(), golden["prompt_ids"],
                             golden["greedy_ids"].size(), out.path() / "new folder");
    ASSERT_EQ(r.status, 0) << r.err;

    const Npy hidden = read_npy(out.path() / "new folder/hidden.npy");
    const Npy golden_hidden = read_npy(folder / "hidden.npy");
    ASSERT_EQ(golden_hidden.shape.size(), 3u);
    ASSERT_EQ(hidden.shape, golden_hidden.shape);
    const size_t per_layer = hidden.shape[1] * hidden.shape[2];
    for (size_t i = 0; i < hidden.shape[0]; ++i)
        EXPECT_LE(relative_error(std::span(hidden.data).subspan(i * per_layer, per_layer),
                                 std::span(golden_hidden.data).subspan(i * per_layer, per_layer)),
                  kTolerance)
            << "hidden[" << i << "]";

    const Npy logits = read_npy(out.path() / "new folder/logits.npy");
    const Npy golden_logits = read_npy(folder / "logits.npy");
    ASSERT_EQ(golden_logits.shape.size(), 2u);
    ASSERT_EQ(logits.shape, golden_logits.shape);
    EXPECT_LE(relative_error(logits.data, golden_logits.data), kTolerance);
    EXPECT_EQ(Json::parse(read_text(out.path() / "new folder/greedy.json"))["ids"],
              golden["greedy_ids"]);
}

INSTANTIATE_TEST_SUITE_P(dump, Architectures,
                         testing::Values("llama", "llama-rope3", "llama-bias", "mistral", "qwen2",
                                         "qwen3"),
                         [](const auto& one) {
                             std::string name = one.param;
                             for (char& c : name)
                                 if (c == '-') c = '_';
                             return name;
                         });

class WeightTypes : public testing::TestWithParam<const char*> {};

TEST_P(WeightTypes, golden_conversations_come_out_token_by_token) {
    const std::string type = GetParam();
    M2W_SHARED(path, "model/golden.json");
    const auto file = shared_dir() / "model" / ("tiny-" + type + ".gguf");
    const Json golden = Json::parse(read_text(path));
    ASSERT_EQ(golden.size(), 4u);
    EngineOptions options;
    options.device = "ref";
    const auto loaded = LoadedModel::load(file, options);
    ASSERT_TRUE(loaded) << loaded.error().str();
    const Tokenizer& tokenizer = (*loaded)->tokenizer();

    for (const auto& [name, one] : golden.items()) {
        const Json& expected = one["greedy"][type];
        // Messages through template and tokenizer.
        ConversationOptions chat_options;
        chat_options.sampling.temperature = 0;
        auto chat = Conversation::create(*loaded, chat_options);
        ASSERT_TRUE(chat);
        std::vector<Message> messages;
        for (const Json& m : one["messages"]) {
            const std::string text = m["content"];
            const Role role = m["role"] == "system" ? Role::system
                              : m["role"] == "user" ? Role::user
                                                    : Role::assistant;
            messages.push_back({role, text, tokenizer.guard(text)});
        }
        const auto ids = chat->prompt_ids(messages);
        ASSERT_TRUE(ids) << ids.error().str();
        EXPECT_EQ(Json(*ids), one["prompt_ids"]) << name;
        // Greedy decoding, with the precision that the golden ids were computed in.
        TemporaryFolder out;
        const RunResult r =
            dump(file.string(), one["prompt_ids"], expected["ids"].size(), out.path());
        ASSERT_EQ(r.status, 0) << r.err;
        EXPECT_EQ(Json::parse(read_text(out.path() / "greedy.json"))["ids"], expected["ids"])
            << name;
    }
}

/// The first question of a golden conversation without a history, as a chat answers it.
TEST_P(WeightTypes, golden_first_turns_come_out_of_a_chat) {
    const std::string type = GetParam();
    M2W_SHARED(path, "model/golden.json");
    const auto file = shared_dir() / "model" / ("tiny-" + type + ".gguf");
    const Json golden = Json::parse(read_text(path));
    for (const auto& [name, one] : golden.items()) {
        const Json& messages = one["messages"];
        const bool has_system = messages[0]["role"] == "system";
        if (messages.size() != (has_system ? 2u : 1u)) continue;
        const Json& expected = one["greedy"][type];
        std::vector<std::string> command{
            m2w_program(), "chat",
            "-m",          file.string(),
            "--device",    "ref",
            "--temp",      "0",
            "-n",          std::to_string(expected["ids"].size()),
            "-p",          messages.back()["content"].get<std::string>()};
        if (has_system) {
            command.push_back("-s");
            command.push_back(messages[0]["content"].get<std::string>());
        }
        const RunResult r = run(command);
        EXPECT_EQ(r.status, 0) << r.err;
        EXPECT_EQ(r.out, expected["text"].get<std::string>() + "\n") << name;
    }
}

INSTANTIATE_TEST_SUITE_P(dump, WeightTypes, testing::Values("f16", "q8_0", "q4_0", "q4_k_m"),
                         [](const auto& one) { return std::string(one.param); });

TEST(dump, nothing_is_written_for_a_mistake) {
    TemporaryFolder out;
    const auto model = bundled_model().string();
    const auto attempt = [&](const std::string& ids) {
        return run({m2w_program(), "dump", "-m", model, "--ids", ids, "-o",
                    (out.path() / "dump").string()});
    };
    for (const char* ids : {"", "1,", ",1", "1 2", "a", "-1", "99999999999", "4096"})
        EXPECT_EQ(attempt(ids).status, 1) << ids;
    EXPECT_FALSE(std::filesystem::exists(out.path() / "dump"));
    EXPECT_EQ(attempt("1,2").status, 0);
    EXPECT_FALSE(std::filesystem::exists(out.path() / "dump/greedy.json")) << "not asked for";
    EXPECT_EQ(run({m2w_program(), "dump", "-m", model, "--ids", "1", "-o", "/proc/none"}).status,
              3);
}

}  // namespace
}  // namespace m2w::test
