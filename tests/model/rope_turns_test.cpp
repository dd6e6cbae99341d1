// rope_turns_test.cpp — rotation frequencies against formulas in long double, written another way
// round than the code's.
#include "runtime/model/rope_turns.h"

#include <gtest/gtest.h>

#include <cfloat>
#include <cmath>
#include <numbers>

#include "runtime/model/fuzz/blueprint.h"
#include "tests/support/results.h"

namespace m2w {
namespace {

constexpr long double kPi = std::numbers::pi_v<long double>;
/// Two roundings of the last bits of a long double, whatever its size here.
constexpr long double kTolerance = 16 * LDBL_EPSILON;

/// The fraction of a turn that pair i advances by in one position.
long double turns_of(const std::vector<uint32_t>& words, size_t i) {
    return (words[2 * i] * 0x1p-32L + words[2 * i + 1]) * 0x1p-32L;
}

/// exp(-2 i ln(base) / d) / 2 pi, the same as base^(-2 i / d) / 2 pi.
long double expected(float base, uint32_t dims, uint32_t i) {
    return std::exp(-2.0L * i * std::log((long double)base) / dims) / (2 * kPi);
}

void expect_near(long double got, long double want, const std::string& what) {
    const long double whole = std::floor(want);
    EXPECT_LE(std::fabs(got - (want - whole)), kTolerance * std::max(1.0L, want)) << what;
}

TEST(rope_turns, first_pair_turns_by_one_radian) {
    // 2^64 / 2 pi = 0x28be60db9391054a.7f..., the digits of 2 / pi two bits further right.
    for (const float base : {10'000.0f, 1e6f}) {
        const auto words = rope_turns({.dimension_count = 64, .freq_base = base}, {});
        EXPECT_EQ(words[1], 0x28be60dbu);
        EXPECT_NEAR(double(words[0]), double(0x9391054au), LDBL_MANT_DIG >= 64 ? 4 : 4096);
    }
}

TEST(rope_turns, all_pairs_follow_the_powers_of_the_base) {
    for (const float base : {10'000.0f, 500'000.0f, 1e6f, 1.5f}) {
        for (const uint32_t dims : {2u, 4u, 64u, 100u, 128u}) {
            const auto words = rope_turns({.dimension_count = dims, .freq_base = base}, {});
            ASSERT_EQ(words.size(), dims);
            for (uint32_t i = 0; i < dims / 2; ++i)
                expect_near(turns_of(words, i), expected(base, dims, i),
                            "base " + std::to_string(base) + " pair " + std::to_string(i));
        }
    }
}

TEST(rope_turns, linear_scaling_divides) {
    RopeHparams rope{.dimension_count = 32, .freq_base = 10'000.0f};
    rope.scaling = RopeScaling::linear;
    for (const float factor : {1.0f, 4.0f, 2.5f, 0.5f, 0.01f}) {
        rope.scaling_factor = factor;
        const auto words = rope_turns(rope, {});
        for (uint32_t i = 0; i < 16; ++i)
            expect_near(turns_of(words, i), expected(10'000.0f, 32, i) / factor,
                        "factor " + std::to_string(factor) + " pair " + std::to_string(i));
    }
}

/// The factors of Llama 3.1's scaling, from its definition (Meta, llama-models,
/// models/llama3/model.py, apply_scaling): long wavelengths are divided by the factor, short ones
/// kept, those between blended.
std::vector<float> llama3_factors(float base, uint32_t dims, long double factor, long double low,
                                  long double high, long double original_context) {
    std::vector<float> out;
    for (uint32_t i = 0; i < dims / 2; ++i) {
        const long double wavelength = 1 / expected(base, dims, i);
        const long double smooth = (original_context / wavelength - low) / (high - low);
        const long double blend = std::clamp(smooth, 0.0L, 1.0L);
        out.push_back(float(1 / ((1 - blend) / factor + blend)));
    }
    return out;
}

TEST(rope_turns, llama3_factors_divide_each_pair) {
    const uint32_t dims = 64;
    const float base = 500'000.0f;
    const auto factors = llama3_factors(base, dims, 8, 1, 4, 8192);
    EXPECT_EQ(factors.front(), 1.0f);  // the example has kept, blended and divided pairs
    EXPECT_EQ(factors.back(), 8.0f);
    EXPECT_TRUE(
        std::any_of(factors.begin(), factors.end(), [](float f) { return f > 1.0f && f < 8.0f; }));
    const auto words = rope_turns({.dimension_count = dims, .freq_base = base}, factors);
    for (uint32_t i = 0; i < dims / 2; ++i)
        expect_near(turns_of(words, i), expected(base, dims, i) / factors[i],
                    "pair " + std::to_string(i));
}

TEST(rope_turns, factors_and_linear_scaling_multiply) {
    RopeHparams rope{.dimension_count = 4, .freq_base = 100.0f};
    rope.scaling = RopeScaling::linear;
    rope.scaling_factor = 2;
    const std::vector<float> factors{3.0f, 5.0f};
    const auto words = rope_turns(rope, factors);
    expect_near(turns_of(words, 0), 1 / (2 * kPi) / 6, "pair 0");
    expect_near(turns_of(words, 1), 1 / (2 * kPi) / 10 / 10, "pair 1");
}

TEST(rope_turns, plan_of_a_file_carries_its_scaling) {
    test::Blueprint blueprint("llama");
    blueprint.set("rope.scaling.factor", 4.0f)
        .set("rope.scaling.type", "linear")
        .set("rope.freq_base", 300.0f)
        .add("rope_freqs.weight", {4})
        .fill("rope_freqs.weight", {1, 2, 3, 8});
    ASSERT_GET(const auto model, blueprint.model());
    const Plan& plan = model->plan();
    ASSERT_EQ(plan.constants.size(), 1u);
    const std::vector<float> factors{1, 2, 3, 8};
    for (uint32_t i = 0; i < 4; ++i)
        expect_near(turns_of(plan.constants[0].words, i), expected(300.0f, 8, i) / 4 / factors[i],
                    "pair " + std::to_string(i));
}

TEST(rope_turns, factors_that_are_no_divisors_are_refused) {
    for (const float bad : {0.0f, -1.0f, std::numeric_limits<float>::quiet_NaN(),
                            std::numeric_limits<float>::infinity()}) {
        test::Blueprint blueprint("llama");
        blueprint.add("rope_freqs.weight", {4}).fill("rope_freqs.weight", {1, bad, 3, 8});
        const std::string got = test::outcome(blueprint.model());
        EXPECT_TRUE(
            got.starts_with("nan_scale: rope_freqs.weight: expected factors above 0, file has "))
            << got;
    }
}

/// Fast pairs keep their speed, slow ones are divided by the factor, with a ramp in between.
TEST(rope_turns, yarn_scales_the_slow_pairs_only) {
    RopeHparams rope{.dimension_count = 64,
                     .freq_base = 10'000,
                     .scaling = RopeScaling::yarn,
                     .scaling_factor = 8,
                     .original_context = 4096,
                     .yarn_beta_fast = 32,
                     .yarn_beta_slow = 1,
                     .yarn_ext_factor = 1};
    const auto ratio = [&](uint32_t i) {  // to the unscaled speed
        const auto words = rope_turns(rope, {});
        const double turns = (words[2 * i] * 0x1p-32 + words[2 * i + 1]) * 0x1p-32;
        return turns * 2 * std::numbers::pi * std::pow(10'000.0, i / 32.0);
    };
    // The pair that turns 32 times in 4096 positions is 10.46, the one that turns once 22.5.
    for (const bool truncates : {true, false}) {
        rope.yarn_truncates = truncates;
        EXPECT_NEAR(ratio(0), 1, 1e-9);
        EXPECT_NEAR(ratio(10), 1, 1e-9);
        EXPECT_NEAR(ratio(23), 1.0 / 8, 1e-9);
        EXPECT_NEAR(ratio(31), 1.0 / 8, 1e-9);
    }
    const double low = 32 * std::log(4096 / (32 * 2 * std::numbers::pi)) / std::log(1e4),
                 high = 32 * std::log(4096 / (2 * std::numbers::pi)) / std::log(1e4);
    EXPECT_NEAR(ratio(16), 1 - (16 - low) / (high - low) * 7 / 8, 1e-9);
    rope.yarn_truncates = true;
    EXPECT_NEAR(ratio(16), 1 - (16 - std::floor(low)) / (std::ceil(high) - std::floor(low)) * 7 / 8,
                1e-9);
}

}  // namespace
}  // namespace m2w
