// cache_test.cpp — kv_store and attend against the reference, for both cache types.
#include <fmt/format.h>

#include <cmath>

#include "runtime/kernel_check/kernel_cases.h"
#include "tests/kernels/sweep.h"

namespace m2w::test {
namespace {

/// What depends on how rows are read and written, for both types.
class CacheOps : public OpsTest, public testing::WithParamInterface<CacheType> {};
/// What depends on the scores alone. Shaders of attention take half a second each to compile.
class AttentionOps : public OpsTest {};
INSTANTIATE_TEST_SUITE_P(caches, CacheOps, testing::Values(CacheType::f16, CacheType::f32),
                         [](const auto& tested) {
                             return tested.param == CacheType::f16 ? "f16" : "f32";
                         });

StepCase kv_store(uint32_t n_k, uint32_t n_v, float scale) {
    return {.name = fmt::format("n_k={},n_v={},scale={}", n_k, n_v, scale),
            .op = Op::kv_store,
            .params = {{"n_k", n_k}, {"n_v", n_v}},
            .scale = {{"k", scale}, {"v", scale}}};
}

constexpr uint32_t kContext = 150;

TEST_P(CacheOps, store_writes_its_rows_and_no_others) {
    std::vector<StepCase> steps;
    for (const auto [n_k, n_v] : std::vector<std::array<uint32_t, 2>>{
             {1, 1}, {31, 31}, {32, 32}, {33, 33}, {255, 257}, {256, 256}, {257, 255}, {1024, 64}})
        steps.push_back(kv_store(n_k, n_v, 1));
    auto batches = usual_batches();
    for (const uint32_t n_tok : {1u, 9u, 65u}) {
        batches.push_back({.n_tok = n_tok, .pos = 17});
        batches.push_back({.n_tok = n_tok, .pos = kContext - n_tok});  // up to the last slot
    }
    sweep(steps, batches, {.cache = GetParam(), .n_ctx = kContext});
}

/// Rows stored earlier stay when later batches append.
TEST_P(CacheOps, store_appends_batch_by_batch) {
    std::vector<BatchCase> batches;
    for (const uint32_t n_tok : {1u, 2u, 16u, 1u, 130u}) {
        const uint32_t pos = batches.empty() ? 0 : batches.back().pos + batches.back().n_tok;
        batches.push_back({.n_tok = n_tok, .pos = pos});
    }
    sweep(std::vector<StepCase>{kv_store(64, 32, 1)}, batches,
          {.cache = GetParam(), .n_ctx = kContext, .n_batch = 130});
}

/// Grouped heads, dimensions that are not turned, values of another width.
TEST_P(CacheOps, rope_and_store_at_once_equal_the_reference) {
    std::vector<StepCase> steps;
    for (const auto [n_head, n_head_kv, head_dim, n_rot, n_v] :
         std::vector<std::array<uint32_t, 5>>{{1, 1, 2, 2, 1},
                                              {4, 4, 32, 32, 128},
                                              {8, 2, 64, 64, 128},
                                              {3, 1, 80, 20, 33},
                                              {6, 3, 34, 34, 257},
                                              {32, 8, 128, 128, 1024}})
        for (const uint32_t pairing : {0u, 1u})
            steps.push_back(
                {.name = fmt::format("n_head={}/{},head_dim={},n_rot={},pairing={},n_v={}", n_head,
                                     n_head_kv, head_dim, n_rot, pairing, n_v),
                 .op = Op::rope_store,
                 .params = {{"n_head", n_head},
                            {"n_head_kv", n_head_kv},
                            {"head_dim", head_dim},
                            {"n_rot", n_rot},
                            {"pairing", pairing},
                            {"n_v", n_v},
                            f32_param("eps", 1e-6f)}});
    // Heads that the subgroups do not divide, with large and small values beside each other.
    for (const size_t shape : {0, 5, 6, 10}) {
        steps.push_back(steps[shape]);
        steps.back().name += ",qk_norm";
        steps.back().with = {"qk_norm"};
        steps.back().scale = {{"q", 1e-3f}, {"k", 1e4f}};
    }
    auto batches = usual_batches();
    batches.push_back({.n_tok = 9, .pos = kContext - 9});
    sweep(steps, batches, {.cache = GetParam(), .n_ctx = kContext});
}

/// f16 has its largest number at 65504 and its smallest at 6e-8: beyond, values are clamped and
/// flushed, and ties go to even.
TEST_P(CacheOps, store_rounds_values_of_any_magnitude) {
    std::vector<StepCase> steps;
    for (const float scale : {1e-8f, 1e-7f, 1e-5f, 1e-3f, 1e4f, 6e4f, 1e6f, 1e30f})
        steps.push_back(kv_store(200, 200, scale));
    StepCase ties = kv_store(2048, 2048, 0);
    ties.name += ",ties";
    ties.fill = [](std::string_view binding, const BatchCase&, std::span<float> out) {
        // every other number lies halfway between two halves, at all exponents
        for (size_t i = 0; i < out.size(); ++i) {
            const float mantissa = 1 + float(i % 64) * 0x1p-11f;
            out[i] = std::ldexp(mantissa, int(i / 64 % 32) - 16) * (binding == "k" ? 1.0f : -1.0f);
        }
        return true;
    };
    steps.push_back(ties);
    sweep(steps, std::vector<BatchCase>{{.n_tok = 3, .pos = 5}},
          {.cache = GetParam(), .n_ctx = kContext});
}

/// What attend can do beyond the plain formula.
struct AttendMore {
    uint32_t value_dim = 0;  // 0: as head_dim
    float soft_cap = 0;
    uint32_t window = 0;
    float temperature = 0;
    uint32_t temperature_length = 0;
    bool sinks = false;

    std::string name() const {
        return fmt::format(",value_dim={},cap={},window={},temperature={}/{}{}", value_dim,
                           soft_cap, window, temperature, temperature_length,
                           sinks ? ",sinks" : "");
    }
};

StepCase attend(uint32_t n_head, uint32_t n_head_kv, uint32_t head_dim, float scale = 0,
                const AttendMore& more = {}) {
    if (scale == 0) scale = 1 / std::sqrt(float(head_dim));
    StepCase step{
        .name = fmt::format("n_head={},n_head_kv={},head_dim={}", n_head, n_head_kv, head_dim),
        .op = Op::attend,
        .params = {{"n_head", n_head},
                   {"n_head_kv", n_head_kv},
                   {"head_dim", head_dim},
                   {"value_dim", more.value_dim ? more.value_dim : head_dim},
                   f32_param("scale", scale),
                   f32_param("soft_cap", more.soft_cap),
                   {"window", more.window},
                   f32_param("temperature", more.temperature),
                   {"temperature_length", more.temperature_length}}};
    if (more.sinks) step.with = {"sinks"};
    return step;
}

StepCase attend(uint32_t n_head, uint32_t n_head_kv, uint32_t head_dim, const AttendMore& more) {
    StepCase step = attend(n_head, n_head_kv, head_dim, 0, more);
    step.name += more.name();
    return step;
}

/// A timeline from position 0 to the last slot, in batches of all usual sizes; behind each batch
/// lies NaN.
std::vector<BatchCase> timeline(std::span<const uint32_t> sizes) {
    std::vector<BatchCase> batches;
    uint32_t pos = 0;
    for (const uint32_t n_tok : sizes) {
        batches.push_back({.n_tok = n_tok, .pos = pos});
        pos += n_tok;
    }
    return batches;
}
constexpr uint32_t kSizes[] = {1, 1, 2, 3, 7, 1, 8, 9, 16, 17, 1, 64, 65, 1};
constexpr uint32_t kEnd = 196;  // their sum

RigOptions full_context(CacheType cache) {
    return {.cache = cache, .n_ctx = kEnd, .n_batch = 65};
}

TEST_P(CacheOps, attention_of_any_heads_equals_the_reference) {
    std::vector<StepCase> steps;
    using Heads = std::vector<std::array<uint32_t, 2>>;
    // How a cache is read does not depend on the heads: one type meets all of them.
    const bool all = GetParam() == CacheType::f16;
    for (const uint32_t head_dim :
         all ? std::vector{16u, 80u, 96u, 128u, 256u} : std::vector{16u, 80u})
        steps.push_back(attend(2, 1, head_dim));
    for (const auto [n_head, n_head_kv] : all ? Heads{{1, 1},
                                                      {3, 3},
                                                      {4, 2},
                                                      {6, 2},
                                                      {9, 3},
                                                      {8, 2},
                                                      {12, 4},
                                                      {8, 1},
                                                      {14, 2},
                                                      {16, 2}}
                                              : Heads{{1, 1}, {9, 3}, {14, 2}})
        steps.push_back(attend(n_head, n_head_kv, 32));
    sweep(steps, timeline(kSizes), full_context(GetParam()));
}

/// More queries than the GPU kernel splits (512), and fewer.
TEST_P(CacheOps, attention_of_many_queries_equals_the_reference) {
    const std::vector<StepCase> steps{attend(9, 3, 64), attend(8, 8, 16)};
    const uint32_t sizes[] = {56, 57, 64, 65, 130};
    sweep(steps, timeline(sizes), {.cache = GetParam(), .n_ctx = 400, .n_batch = 130});
}

/// More subgroups than a grid is wide (65,535 on many devices).
TEST_F(AttentionOps, attention_of_a_grid_in_two_directions_equals_the_reference) {
    sweep(std::vector<StepCase>{attend(512, 1, 16)}, std::vector<BatchCase>{{.n_tok = 130}},
          {.cache = CacheType::f16, .n_ctx = 130, .n_batch = 130});
}

/// Scores of +-1e3, where exp() of one overflows.
TEST_F(AttentionOps, attention_with_huge_scores_is_finite_and_equals_the_reference) {
    std::vector<StepCase> steps;
    for (const float sign : {1.0f, -1.0f}) {
        steps.push_back(attend(4, 2, 64, sign));
        steps.back().name += sign > 0 ? ",plus" : ",minus";
        // Exact in f16, and so are the products: scores are whole numbers, far apart.
        steps.back().fill = [](std::string_view binding, const BatchCase& batch,
                               std::span<float> out) {
            if (binding == "v") return false;
            Random random(fmt::format("{} {}", binding, batch.name()));
            for (float& x : out) x = float(random.below(41)) - 20;
            return true;
        };
    }
    sweep(steps, timeline(kSizes), full_context(CacheType::f16));
}

TEST_F(AttentionOps, attention_with_equal_scores_is_the_mean) {
    std::vector<StepCase> steps;
    for (const float score : {0.0f, 1000.0f, -1000.0f}) {
        steps.push_back(attend(4, 2, 64, 1));
        steps.back().name += fmt::format(",score={}", score);
        steps.back().fill = [score](std::string_view binding, const BatchCase&,
                                    std::span<float> out) {
            if (binding == "v") return false;
            for (float& x : out) x = binding == "q" ? score / 64 : 1;
            return true;
        };
    }
    sweep(steps, timeline(kSizes), full_context(CacheType::f16));
}

TEST_F(AttentionOps, attention_over_tiny_and_huge_values_equals_the_reference) {
    std::vector<StepCase> steps;
    for (const float scale : {1e-6f, 1e-3f, 1e4f}) {
        steps.push_back(attend(4, 2, 32));
        steps.back().name += fmt::format(",v={}", scale);
        steps.back().scale = {{"v", scale}};
    }
    sweep(steps, timeline(kSizes), full_context(CacheType::f16));
}

/// Room in the ring for the batch after the largest one, which the rig fills with NaN.
RigOptions ring_context(CacheType cache) {
    return {.cache = cache, .n_ctx = kEnd, .n_batch = 66};
}

/// Windows below, at and above what a batch, a subgroup and the ring hold; one that never ends.
TEST_P(CacheOps, attention_in_a_window_equals_the_reference_while_the_ring_wraps) {
    std::vector<StepCase> steps;
    for (const uint32_t window : {1u, 2u, 7u, 8u, 9u, 31u, 32u, 33u, 64u, 100u, 195u, 1000u})
        steps.push_back(attend(4, 2, 16, {.window = window}));
    steps.push_back(attend(9, 3, 64, {.window = 40}));
    sweep(steps, timeline(kSizes), ring_context(GetParam()));
}

/// The oldest position of the window counts, the one before it does not, on every side.
TEST_F(AttentionOps, attention_sees_exactly_its_window) {
    constexpr uint32_t kWindow = 5;
    StepCase step = attend(1, 1, 4, {.window = kWindow});
    // Equal scores, and of position j the value 2^-(j mod 16): the mean shows which positions
    // count.
    step.fill = [](std::string_view binding, const BatchCase& batch, std::span<float> out) {
        for (size_t i = 0; i < out.size(); ++i)
            out[i] = binding == "v" ? std::ldexp(1.0f, -int((batch.pos + i / 4) % 16)) : 0.0f;
        return true;
    };
    auto rig = make_rig(std::vector<StepCase>{step}, ring_context(CacheType::f16));
    ASSERT_TRUE(rig) << rig.error().str();
    for (const BatchCase& batch : timeline(kSizes)) {
        const auto ran = (*rig)->run(batch);
        ASSERT_TRUE(ran) << ran.error().str();
        std::vector<float> expected;
        for (uint32_t t = 0; t < batch.n_tok; ++t) {
            const uint32_t last = batch.pos + t, first = last < kWindow ? 0 : last + 1 - kWindow;
            float sum = 0;
            for (uint32_t j = first; j <= last; ++j) sum += std::ldexp(1.0f, -int(j % 16));
            expected.insert(expected.end(), 4, sum / float(last + 1 - first));
        }
        for (const Side side : {Side::reference, Side::device, Side::gpu})
            EXPECT_EQ(difference((*rig)->output(side, 0, "y"), expected, 1e-6), "")
                << side_name(side) << " " << batch.name();
    }
}

TEST_P(CacheOps, attention_with_values_of_another_width_equals_the_reference) {
    std::vector<StepCase> steps;
    using Widths = std::vector<std::array<uint32_t, 2>>;
    for (const auto [head_dim, value_dim] :
         GetParam() == CacheType::f16
             ? Widths{{16, 24}, {24, 16}, {64, 4}, {4, 64}, {80, 128}, {192, 128}}
             : Widths{{16, 24}, {80, 128}})
        steps.push_back(attend(4, 2, head_dim, {.value_dim = value_dim}));
    sweep(steps, timeline(kSizes), full_context(GetParam()));
}

TEST_F(AttentionOps, attention_with_capped_scores_sinks_and_temperature_equals_the_reference) {
    std::vector<StepCase> steps;
    for (const float cap : {1.0f, 50.0f}) steps.push_back(attend(4, 2, 32, {.soft_cap = cap}));
    steps.push_back(attend(4, 2, 32, {.sinks = true}));
    steps.push_back(attend(6, 1, 32, {.window = 9, .sinks = true}));
    steps.push_back(attend(4, 2, 32, {.temperature = 0.25f, .temperature_length = 7}));
    steps.push_back(attend(4, 4, 32,
                           {.soft_cap = 3,
                            .window = 20,
                            .temperature = 0.1f,
                            .temperature_length = 16,
                            .sinks = true}));
    // A sink far above and far below all scores takes nearly all and nothing.
    for (const float scale : {60.0f, 1e4f, 1e30f}) {
        steps.push_back(attend(8, 2, 16, {.window = scale > 1e4f ? 7u : 0u, .sinks = true}));
        steps.back().name += fmt::format(",scale={}", scale);
        steps.back().scale = {{"sinks", scale}};
    }
    sweep(steps, timeline(kSizes), ring_context(CacheType::f16));
}

/// A window's ring that wraps, too.
TEST_P(CacheOps, rope_and_attention_at_once_equal_the_reference) {
    std::vector<StepCase> steps = kernel_cases(Op::rope_attend, {});
    if (GetParam() == CacheType::f32) steps.resize(1);  // heads do not depend on the type
    sweep(steps, kernel_batches(Op::rope_attend),
          {.cache = GetParam(), .n_ctx = kCheckedContext, .n_batch = 1});
}

}  // namespace
}  // namespace m2w::test
