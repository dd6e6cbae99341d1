// rope_test.cpp — rope_table and rope against the reference, and rope_table at large positions
// against long double.
#include <fmt/format.h>

#include <cmath>
#include <numbers>

#include "runtime/model/rope_turns.h"
#include "tests/kernels/sweep.h"

namespace m2w::test {
namespace {

class RopeOps : public OpsTest {};

StepCase table(uint32_t n_pairs, float magnitude) {
    return {
        .name = fmt::format("n_pairs={},magnitude={}", n_pairs, magnitude),
        .op = Op::rope_table,
        .params = {{"n_pairs", n_pairs}, f32_param("magnitude", magnitude), {"short_context", 0}}};
}

TEST_F(RopeOps, table_of_any_size_equals_the_reference) {
    std::vector<StepCase> steps;
    for (const uint32_t n_pairs : {1u, 8u, 31u, 32u, 33u, 40u, 64u, 128u})
        steps.push_back(table(n_pairs, n_pairs == 31 ? 1.2079f : 1.0f));
    auto batches = usual_batches();
    for (const uint32_t pos : {1u, 511u, 4095u}) batches.push_back({.n_tok = 17, .pos = pos});
    sweep(steps, batches);
}

/// Long factors count where the context is longer than the short one, however far pos is.
TEST_F(RopeOps, table_takes_the_turns_of_its_context) {
    std::vector<StepCase> steps;
    for (const uint32_t short_context : {49u, 50u, 51u}) {
        steps.push_back(table(24, 1));
        steps.back().name += fmt::format(",short_context={}", short_context);
        steps.back().params.back().second = short_context;
        steps.back().with = {"turns_long"};
    }
    const auto batches = std::vector<BatchCase>{{.n_tok = 5}, {.n_tok = 3, .pos = 47}};
    sweep(steps, batches, {.n_ctx = 50});
    auto rig = make_rig(steps, {.n_ctx = 50});
    ASSERT_TRUE(rig) << rig.error().str();
    ASSERT_TRUE((*rig)->run({.n_tok = 3, .pos = 7}));
    for (StepCase& step : steps) step.with.clear();
    auto short_only = make_rig(steps, {.n_ctx = 50});
    ASSERT_TRUE(short_only) << short_only.error().str();
    ASSERT_TRUE((*short_only)->run({.n_tok = 3, .pos = 7}));
    for (size_t i = 0; i < steps.size(); ++i) {
        const bool same = (*rig)->output(Side::reference, i, "y") ==
                          (*short_only)->output(Side::reference, i, "y");
        EXPECT_EQ(same, i > 0) << steps[i].name;
    }
}

/// Phases at and around the eighths of a turn, where the kernel changes its branch.
TEST_F(RopeOps, table_at_the_borders_of_the_octants_equals_the_reference) {
    StepCase step = table(8 * 5, 1);
    for (uint32_t eighth = 0; eighth < 8; ++eighth)
        for (const int32_t off : {-1, 0, 1, -1000, 1000}) {
            step.words.push_back(0x80000000u);
            step.words.push_back(eighth * 0x20000000u + uint32_t(off));
        }
    // pos 1: the phases are the turns themselves
    sweep(std::vector<StepCase>{step},
          std::vector<BatchCase>{{.pos = 1}, {.n_tok = 9, .pos = 1}, {.n_tok = 3, .pos = 0}});
}

std::vector<uint32_t> usual_turns(uint32_t n_pairs, float base) {
    RopeHparams rope;
    rope.dimension_count = 2 * n_pairs;
    rope.freq_base = base;
    rope.scaling_factor = 1;
    return rope_turns(rope, {});
}

constexpr uint32_t kLargePositions[] = {99999,   100000,     131071,     1000000,
                                        1048576, 0x7ffffff0, 0x80000000, 0xfffffff0};

TEST_F(RopeOps, table_at_large_positions_equals_the_reference) {
    std::vector<StepCase> steps;
    for (const float base : {10000.0f, 500000.0f, 1e6f}) {
        steps.push_back(table(64, 1));
        steps.back().name += fmt::format(",base={}", base);
        steps.back().words = usual_turns(64, base);
    }
    std::vector<BatchCase> batches;
    for (const uint32_t pos : kLargePositions) batches.push_back({.n_tok = 9, .pos = pos});
    sweep(steps, batches);
}

/// Angles in long double, from the formula alone. Not across 2^32: there is no such position.
TEST_F(RopeOps, table_at_large_positions_equals_cos_and_sin_of_the_true_angle) {
    for (const float base : {10000.0f, 1e6f}) {
        StepCase step = table(64, 1);
        step.words = usual_turns(64, base);
        auto rig = make_rig(std::vector<StepCase>{step}, {});
        ASSERT_TRUE(rig) << rig.error().str();
        for (const uint32_t pos : kLargePositions) {
            const auto ran = (*rig)->run({.n_tok = 9, .pos = pos});
            ASSERT_TRUE(ran) << ran.error().str();
            std::vector<float> expected;
            for (uint32_t t = 0; t < 9; ++t)
                for (uint32_t i = 0; i < 64; ++i) {
                    const long double theta = std::pow((long double)base, -2.0L * i / 128);
                    const long double angle =
                        std::fmod((pos + t) * theta, 2 * std::numbers::pi_v<long double>);
                    expected.push_back(float(std::cos(angle)));
                    expected.push_back(float(std::sin(angle)));
                }
            for (const Side side : {Side::reference, Side::device, Side::gpu})
                EXPECT_EQ(difference((*rig)->output(side, 0, "y"), expected, 1e-6), "")
                    << side_name(side) << ", base " << base << ", pos " << pos;
        }
    }
}

const char* pairing_name(Pairing pairing) {
    return pairing == Pairing::adjacent ? "adjacent" : "halves";
}

StepCase rope(uint32_t n_head, uint32_t head_dim, uint32_t n_rot, Pairing pairing) {
    return {.name = fmt::format("n_head={},head_dim={},n_rot={},{}", n_head, head_dim, n_rot,
                                pairing_name(pairing)),
            .op = Op::rope,
            .params = {{"n_head", n_head},
                       {"head_dim", head_dim},
                       {"n_rot", n_rot},
                       {"pairing", uint32_t(pairing)}}};
}

TEST_F(RopeOps, rotation_of_any_heads_equals_the_reference) {
    std::vector<StepCase> steps;
    for (const Pairing pairing : {Pairing::adjacent, Pairing::halves})
        for (const auto [n_head, head_dim, n_rot] :
             std::vector<std::array<uint32_t, 3>>{{1, 2, 2},
                                                  {1, 16, 16},
                                                  {3, 32, 32},
                                                  {5, 64, 64},
                                                  {7, 80, 80},
                                                  {6, 96, 96},
                                                  {4, 128, 128},
                                                  {2, 256, 256},
                                                  {3, 64, 2},
                                                  {3, 64, 16},
                                                  {5, 80, 20},
                                                  {2, 96, 48},
                                                  {4, 128, 64},
                                                  {2, 256, 64},
                                                  {3, 96, 94}})
            steps.push_back(rope(n_head, head_dim, n_rot, pairing));
    sweep(steps, usual_batches());
}

TEST_F(RopeOps, rotation_of_tiny_and_huge_values_equals_the_reference) {
    std::vector<StepCase> steps;
    for (const float scale : {1e-6f, 1e4f}) {
        steps.push_back(rope(3, 64, 64, Pairing::halves));
        steps.back().name += fmt::format(",scale={}", scale);
        steps.back().scale["x"] = scale;
    }
    sweep(steps, std::vector<BatchCase>{{.n_tok = 5}});
}

}  // namespace
}  // namespace m2w::test
