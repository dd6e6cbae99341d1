// recurrent_test.cpp — causal_conv, ssm_scan and gated_delta against the reference: from an empty
// state and from a random one, and what the state is afterwards.
#include <fmt/format.h>

#include "tests/kernels/sweep.h"

namespace m2w::test {
namespace {

class RecurrentOps : public OpsTest {};

/// One token and many, at the start (where the past must not be read) and later.
std::vector<BatchCase> starts_and_continuations() {
    std::vector<BatchCase> batches;
    for (const uint32_t pos : {0u, 3u})
        for (const uint32_t n_tok : {1u, 2u, 3u, 4u, 7u, 16u, 65u})
            batches.push_back({.n_tok = n_tok, .pos = pos});
    return batches;
}

StepCase conv(uint32_t n, uint32_t width, Activation activation, bool bias) {
    StepCase step{.name = fmt::format("n={},width={}{}{}", n, width, bias ? ",bias" : "",
                                      activation == Activation::silu ? ",silu" : ""),
                  .op = Op::causal_conv,
                  .params = {{"n", n}, {"width", width}, {"activation", uint32_t(activation)}}};
    if (bias) step.with = {"bias"};
    return step;
}

TEST_F(RecurrentOps, convolution_of_any_width_equals_the_reference) {
    std::vector<StepCase> steps;
    for (const uint32_t n : {1u, 31u, 33u, 257u, 1030u})
        for (const uint32_t width : {2u, 3u, 4u, 7u})
            steps.push_back(conv(n, width, n % 4 == 1 ? Activation::silu : Activation::identity,
                                 width % 2 == 0));
    sweep(steps, starts_and_continuations());
}

struct ScanCase {
    uint32_t n_head, head_dim, n_group, d_state;
};

StepCase scan(const ScanCase& c, float dt_mean = 0) {
    StepCase step{.name = fmt::format("n_head={},head_dim={},n_group={},d_state={},dt={}", c.n_head,
                                      c.head_dim, c.n_group, c.d_state, dt_mean),
                  .op = Op::ssm_scan,
                  .params = {{"n_head", c.n_head},
                             {"head_dim", c.head_dim},
                             {"n_group", c.n_group},
                             {"d_state", c.d_state}}};
    step.stored["a"] = stored_uniform(step.name, c.n_head, -16, -0.01f);
    step.stored["dt_bias"] = stored_uniform(step.name, c.n_head, dt_mean - 1, dt_mean + 1);
    return step;
}

/// d_state from one lane a column to eight that share it.
TEST_F(RecurrentOps, scan_of_any_shape_equals_the_reference) {
    std::vector<StepCase> steps;
    for (const ScanCase& c : std::vector<ScanCase>{{4, 1, 1, 4},
                                                   {1, 4, 1, 16},
                                                   {3, 20, 3, 12},
                                                   {4, 33, 2, 32},
                                                   {4, 32, 1, 64},
                                                   {2, 64, 1, 128},
                                                   {4, 17, 4, 256}})
        steps.push_back(scan(c));
    sweep(steps, starts_and_continuations());
}

/// Steps of exp(-12), where softplus is easily all rounding, and of 30, where nothing is kept.
TEST_F(RecurrentOps, scan_with_small_and_large_steps_equals_the_reference) {
    std::vector<StepCase> steps;
    for (const float dt_mean : {-12.0f, -6.0f, 6.0f, 30.0f})
        steps.push_back(scan({2, 8, 1, 32}, dt_mean));
    sweep(steps, starts_and_continuations());
}

struct DeltaCase {
    uint32_t n_head, n_head_k, k_dim, v_dim;
    KeyHeads key_heads = KeyHeads::grouped;
};

StepCase delta(const DeltaCase& c, float decay_mean = 0) {
    StepCase step{.name = fmt::format("n_head={},n_head_k={},k_dim={},v_dim={}{},decay={}",
                                      c.n_head, c.n_head_k, c.k_dim, c.v_dim,
                                      c.key_heads == KeyHeads::tiled ? ",tiled" : "", decay_mean),
                  .op = Op::gated_delta,
                  .params = {{"n_head", c.n_head},
                             {"n_head_k", c.n_head_k},
                             {"k_dim", c.k_dim},
                             {"v_dim", c.v_dim},
                             {"key_heads", uint32_t(c.key_heads)},
                             f32_param("eps", 1e-6f)}};
    step.stored["a"] = stored_uniform(step.name, c.n_head, -16, -0.01f);
    step.stored["dt_bias"] = stored_uniform(step.name, c.n_head, decay_mean - 1, decay_mean + 1);
    return step;
}

TEST_F(RecurrentOps, gated_delta_of_any_shape_equals_the_reference) {
    std::vector<StepCase> steps;
    for (const DeltaCase& c : std::vector<DeltaCase>{{4, 4, 4, 1},
                                                     {1, 1, 16, 4},
                                                     {6, 2, 12, 6},
                                                     {6, 2, 12, 6, KeyHeads::tiled},
                                                     {4, 2, 32, 33},
                                                     {8, 4, 64, 32, KeyHeads::tiled},
                                                     {2, 1, 128, 128},
                                                     {4, 1, 256, 9}})
        steps.push_back(delta(c));
    sweep(steps, starts_and_continuations());
}

TEST_F(RecurrentOps, gated_delta_that_keeps_all_or_nothing_equals_the_reference) {
    std::vector<StepCase> steps;
    for (const float decay_mean : {-12.0f, -6.0f, 30.0f})
        steps.push_back(delta({4, 2, 32, 8}, decay_mean));
    sweep(steps, starts_and_continuations());
}

/// Keys and queries of any length count as of length one; those of zeros stay zeros.
TEST_F(RecurrentOps, gated_delta_of_tiny_huge_and_zero_keys_equals_the_reference) {
    std::vector<StepCase> steps;
    for (const float scale : {0.0f, 1e-5f, 1e4f}) {
        steps.push_back(delta({4, 2, 32, 8}));
        steps.back().name += fmt::format(",x={}", scale);
        steps.back().scale = {{"x", scale}};
    }
    sweep(steps, starts_and_continuations());
}

}  // namespace
}  // namespace m2w::test
