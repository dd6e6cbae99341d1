// long_rope_test.cpp — two sets of RoPE factors: a session's context decides which one rotates,
// from its first token on, and both give what a file with that set alone gives.
#include <gtest/gtest.h>

#include "runtime/model/fuzz/blueprint.h"
#include "tests/runtime/engines.h"
#include "tests/support/golden.h"

namespace m2w {
namespace {

using test::Blueprint;
using test::Target;

constexpr uint32_t kOriginal = 24;  // of the 64 positions that the model goes up to
const std::vector<float> kShort{1, 1.1f, 1.3f, 2}, kLong{1, 3, 9, 27};

class long_rope : public test::EngineTest, public testing::WithParamInterface<Target> {
  protected:
    /// Logits of 20 tokens.
    std::vector<float> logits(const Blueprint& blueprint, uint32_t n_ctx) {
        const auto model = blueprint.model();
        EXPECT_TRUE(bool(model)) << model.error().str();
        const auto engine = open(*model, GetParam(), {.cache = CacheType::f32});
        EXPECT_TRUE(bool(engine)) << engine.error().str();
        auto session = Session::create(*engine, {.n_ctx = n_ctx, .cache = CacheType::f32});
        EXPECT_TRUE(bool(session)) << session.error().str();
        std::vector<uint32_t> tokens;
        for (uint32_t i = 0; i < 20; ++i) tokens.push_back(i * 7 % 40);
        const auto out = session->eval(tokens);
        EXPECT_TRUE(bool(out)) << out.error().str();
        return test::copy(*out);
    }

    static Blueprint with_both() {
        Blueprint blueprint("phi3");
        blueprint.set("rope.scaling.original_context_length", kOriginal);
        blueprint.set("rope.scaling.attn_factor", 1.2f);
        blueprint.add("rope_factors_short.weight", {4}).add("rope_factors_long.weight", {4});
        return blueprint.fill("rope_factors_short.weight", kShort)
            .fill("rope_factors_long.weight", kLong);
    }

    static Blueprint with_one(const std::vector<float>& factors) {
        Blueprint blueprint("phi3");
        blueprint.set("rope.scaling.attn_factor", 1.2f);
        return blueprint.add("rope_freqs.weight", {4}).fill("rope_freqs.weight", factors);
    }
};

TEST_P(long_rope, context_beyond_the_original_one_takes_the_long_factors) {
    M2W_NEEDS(GetParam());
    const auto short_logits = logits(with_one(kShort), 64),
               long_logits = logits(with_one(kLong), 64);
    EXPECT_GT(test::relative_error(short_logits, long_logits), 1e-3);
    EXPECT_EQ(logits(with_both(), kOriginal), short_logits);
    EXPECT_EQ(logits(with_both(), kOriginal + 1), long_logits);
}

INSTANTIATE_TEST_SUITE_P(targets, long_rope, testing::Values(Target::reference, Target::vulkan),
                         [](const auto& at) { return test::target_name(at.param); });

}  // namespace
}  // namespace m2w
