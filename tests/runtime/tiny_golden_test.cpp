// tiny_golden_test.cpp — the four conversations of Tiny in four weight types, decoded greedily from
// their token ids: all ids on the reference; on Vulkan all whose margin is no coin toss.
#include <fmt/format.h>

#include "tests/runtime/engines.h"
#include "tests/support/golden.h"

namespace m2w {
namespace {

using test::Target;

/// Below this distance to the runner-up a GPU may choose otherwise (the shared data's README).
constexpr float kCoinToss = 0.01f;

class tiny_golden : public test::EngineTest, public testing::WithParamInterface<const char*> {};

struct Conversation {
    std::string name;
    std::vector<uint32_t> prompt, greedy;
    float min_margin = 0;
};

std::vector<Conversation> read_conversations(const std::filesystem::path& path,
                                             const std::string& type) {
    std::vector<Conversation> out;
    const nlohmann::json golden = test::read_json(path);
    for (const auto& [name, json] : golden.items()) {
        const auto& greedy = json["greedy"][type];
        out.push_back({name, json["prompt_ids"], greedy["ids"], greedy["min_margin"]});
    }
    return out;
}

/// Logits before each of the greedy tokens, f32 [n_greedy][n_vocab]: of the prompt's last token,
/// then of each token but the last.
Result<std::vector<std::vector<float>>> teacher_forced(const std::shared_ptr<const Engine>& engine,
                                                       const Conversation& talk, CacheType cache) {
    TRY(auto session, Session::create(engine, {.n_ctx = 128, .cache = cache}));
    std::vector<std::vector<float>> rows;
    TRY(auto logits, session.eval(talk.prompt));
    rows.push_back(test::copy(logits));
    for (size_t i = 0; i + 1 < talk.greedy.size(); ++i) {
        TRY(logits, session.eval(std::span(&talk.greedy[i], 1)));
        rows.push_back(test::copy(logits));
    }
    return rows;
}

TEST_P(tiny_golden, four_conversations_are_decoded_token_for_token) {
    M2W_SHARED(folder, "model");
    const std::string type = GetParam();
    M2W_NEEDS(Target::vulkan);
    ASSERT_GET(const auto model, test::load_model(folder / ("tiny-" + type + ".gguf")));
    ASSERT_GET(const auto reference, open(model, Target::reference));
    ASSERT_GET(const auto vulkan, open(model, Target::vulkan));
    const auto conversations = read_conversations(folder / "golden.json", type);
    ASSERT_EQ(conversations.size(), 4u);
    for (const Conversation& talk : conversations) {
        SCOPED_TRACE(talk.name);
        // Teacher forcing the golden ids and asking for each next one is greedy decoding, as long
        // as all agree.
        ASSERT_GET(const auto want, teacher_forced(reference, talk, CacheType::f32));
        ASSERT_GET(const auto got, teacher_forced(vulkan, talk, CacheType::f16));
        ASSERT_GE(talk.greedy.size(), 8u);
        float smallest = INFINITY;
        double worst = 0;
        int n_tosses = 0;
        for (size_t i = 0; i < talk.greedy.size(); ++i) {
            const float margin = test::margin(want[i]);
            EXPECT_EQ(test::argmax(want[i]), talk.greedy[i]) << "reference, token " << i;
            EXPECT_TRUE(margin < kCoinToss || test::argmax(got[i]) == talk.greedy[i])
                << "vulkan, token " << i << ", margin " << margin;
            n_tosses += margin < kCoinToss;
            smallest = std::min(smallest, margin);
            worst = std::max(worst, test::relative_error(got[i], want[i]));
        }
        // The same margins as in float64, so the guard guards what it is meant for.
        EXPECT_NEAR(smallest, talk.min_margin, 1e-3);
        EXPECT_LE(n_tosses, 2);
        EXPECT_LE(worst, test::bound(Target::vulkan));
        fmt::print("  {} {}: {} tokens, {} guarded, logits {:.1e}\n", type, talk.name,
                   talk.greedy.size(), n_tosses, worst);
    }
}

INSTANTIATE_TEST_SUITE_P(shared, tiny_golden, testing::Values("f16", "q8_0", "q4_0", "q4_k_m"),
                         [](const auto& at) { return std::string(at.param); });

}  // namespace
}  // namespace m2w
