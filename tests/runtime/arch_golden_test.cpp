// arch_golden_test.cpp — one small model an architecture against what transformers, or a numpy
// program after the published modeling code (tests/golden/arch), computes from the same weights:
// the residual stream at every layer, the logits, 16 greedy tokens.
#include <fmt/format.h>

#include <filesystem>
#include <set>
#include <tuple>

#include "tests/runtime/engines.h"
#include "tests/runtime/golden_models.h"
#include "tests/support/golden.h"

namespace m2w {
namespace {

using test::Target;

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

/// A model whose golden data nobody looks at would go unnoticed.
TEST(arch_goldens, are_all_listed) {
    M2W_SHARED(shared_model, "arch/llama");
    const std::set<std::string> listed(std::begin(test::kGoldenModels),
                                       std::end(test::kGoldenModels));
    std::set<std::string> found;
    const std::filesystem::path own(M2W_SOURCE_DIR "/tests/golden/arch");
    for (const auto& folder : {shared_model.parent_path(), own})
        for (const auto& entry : std::filesystem::directory_iterator(folder))
            if (std::filesystem::exists(entry.path() / "golden.json"))
                found.insert(entry.path().filename().string());
    EXPECT_EQ(listed, found);
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
                         testing::Combine(testing::ValuesIn(test::kGoldenModels), kSettings),
                         param_name);

}  // namespace
}  // namespace m2w
