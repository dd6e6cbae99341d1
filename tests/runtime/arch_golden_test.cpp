// arch_golden_test.cpp — one small model an architecture against what transformers, or a numpy
// program after the published modeling code (tests/golden/arch), computes from the same weights:
// the residual stream at every layer, the logits, 16 greedy tokens.
#include <fmt/format.h>

#include <tuple>

#include "tests/runtime/engines.h"
#include "tests/support/golden.h"

namespace m2w {
namespace {

using test::Target;

constexpr const char* kModels[] = {
    "llama",   "llama-rope3", "llama-bias", "mistral",   "mistral3-text",  "qwen2",
    "qwen3",   "gemma",       "gemma2",     "gemma3",    "phi3",           "olmo2",
    "smollm3", "granite",     "stablelm",   "cohere2",   "starcoder2",     "glm4",
    "ernie45", "nemotron",    "seed-oss",   "apertus",   "hunyuan-dense",  "arcee",
    "mixtral", "qwen3moe",    "granitemoe", "deepseek2", "deepseek2-lite", "lfm2",
    "lfm2moe", "falcon-h1",   "qwen35",     "qwen3next", "gpt-oss"};

/// Logits of these models reach 6 to 48: with errors of a thousandth, closer ones may swap.
constexpr float kTie = 0.01f;

struct Setting {
    Target target;
    CacheType cache;
};

std::string setting_name(const Setting& s) {
    return test::target_name(s.target) + (s.cache == CacheType::f16 ? "_f16" : "_f32");
}

class arch_golden : public test::EngineTest,
                    public testing::WithParamInterface<std::tuple<const char*, Setting>> {};

/// The largest error over all taps.
double hidden_error(Session& session, const test::Npy& hidden) {
    const Plan& plan = session.engine().model().plan();
    EXPECT_EQ(plan.taps.size(), hidden.shape[0]);
    double worst = 0;
    for (size_t i = 0; i < plan.taps.size(); ++i) {
        auto value = session.executor().read_value(plan.taps[i].value);
        EXPECT_TRUE(bool(value)) << value.error().str();
        if (!value) return INFINITY;
        const double error = test::relative_error(*value, hidden[i]);
        if (!(error <= worst)) worst = error;  // NaN stays
    }
    return worst;
}

TEST_P(arch_golden, every_layer_the_logits_and_the_greedy_tokens_agree) {
    const auto& [name, setting] = GetParam();
    M2W_SHARED(folder, fmt::format("arch/{}", name));
    M2W_NEEDS(setting.target);
    ASSERT_GET(const test::ArchGolden golden, test::read_arch_golden(folder));
    ASSERT_GET(const auto model, test::load_model(folder / "model-f16.gguf"));
    ASSERT_GET(const auto engine, open(model, setting.target, {.cache = setting.cache}));
    const uint32_t n_prompt = uint32_t(golden.prompt_ids.size()),
                   n_greedy = uint32_t(golden.greedy_ids.size());
    ASSERT_EQ(n_greedy, 16u);
    ASSERT_GET(auto session, Session::create(engine, {.n_ctx = n_prompt + n_greedy,
                                                      .n_batch = n_prompt,
                                                      .cache = setting.cache,
                                                      .keep_values = true,
                                                      .all_logits = true}));
    ASSERT_GET(auto logits, session.eval_all(golden.prompt_ids));
    const double hidden = hidden_error(session, golden.hidden);
    const double head = test::relative_error(logits, golden.logits.data);
    EXPECT_LE(hidden, test::bound(setting.target));
    EXPECT_LE(head, test::bound(setting.target));
    fmt::print("  {} {}: hidden {:.1e}, logits {:.1e}\n", name, setting_name(setting), hidden,
               head);

    logits = logits.last(model->plan().n_vocab);
    for (uint32_t i = 0; i < n_greedy; ++i) {
        const uint32_t id = golden.greedy_ids[i], best = test::argmax(logits);
        // Where two tokens are nearly tied, a device may prefer the other: by less than the tie.
        const bool tied = setting.target == Target::vulkan && golden.greedy_margins[i] < kTie;
        ASSERT_TRUE(best == id || (tied && logits[best] - logits[id] < kTie))
            << "token " << i << " is " << best << ", expected " << id << ", margin "
            << golden.greedy_margins[i];
        ASSERT_GET(logits, session.eval(std::span(&id, 1)));
    }
    EXPECT_EQ(session.position(), session.n_ctx());
}

constexpr const char* kExpertModels[] = {"mixtral",   "qwen3moe",       "granitemoe",
                                         "deepseek2", "deepseek2-lite", "lfm2moe"};

/// Chunks of a prompt take other kernels, whose sums differ in the last bits: no token may change
/// its experts for that.
class expert_golden : public arch_golden {};

TEST_P(expert_golden, prompt_in_chunks_of_any_size_gives_the_same_logits) {
    const auto& [name, setting] = GetParam();
    M2W_SHARED(folder, fmt::format("arch/{}", name));
    M2W_NEEDS(setting.target);
    ASSERT_GET(const test::ArchGolden golden, test::read_arch_golden(folder));
    ASSERT_GET(const auto model, test::load_model(folder / "model-f16.gguf"));
    ASSERT_GET(const auto engine, open(model, setting.target, {.cache = setting.cache}));
    const std::span<const uint32_t> prompt = golden.prompt_ids;
    for (const size_t chunk : {1, 7, 16}) {
        SCOPED_TRACE(fmt::format("chunks of {}", chunk));
        ASSERT_GET(auto session, Session::create(engine, {.n_ctx = uint32_t(prompt.size()),
                                                          .n_batch = uint32_t(chunk),
                                                          .cache = setting.cache,
                                                          .all_logits = true}));
        std::vector<float> logits;
        for (size_t at = 0; at < prompt.size(); at += chunk) {
            const auto piece = prompt.subspan(at, std::min(chunk, prompt.size() - at));
            ASSERT_GET(const auto some, session.eval_all(piece));
            logits.insert(logits.end(), some.begin(), some.end());
        }
        EXPECT_LE(test::relative_error(logits, golden.logits.data), test::bound(setting.target));
    }
}

std::string param_name(const testing::TestParamInfo<std::tuple<const char*, Setting>>& at) {
    return test::as_test_name(std::get<0>(at.param)) + "_" + setting_name(std::get<1>(at.param));
}

// The reference with an f16 cache rounds keys and values as the golden does not, so it is held to
// what a GPU is held to, in session_test.cpp.
const auto kSettings = testing::Values(Setting{Target::reference, CacheType::f32},
                                       Setting{Target::vulkan, CacheType::f16},
                                       Setting{Target::vulkan, CacheType::f32});
INSTANTIATE_TEST_SUITE_P(shared, arch_golden,
                         testing::Combine(testing::ValuesIn(kModels), kSettings), param_name);
INSTANTIATE_TEST_SUITE_P(shared, expert_golden,
                         testing::Combine(testing::ValuesIn(kExpertModels), kSettings), param_name);

}  // namespace
}  // namespace m2w
