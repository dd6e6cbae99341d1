// elementwise_test.cpp — add, glu and take_rows against the reference.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <array>
#include <cmath>

#include "tests/kernels/sweep.h"

namespace m2w::test {
namespace {

constexpr uint32_t kWidths[] = {1, 31, 32, 33, 255, 256, 257, 5000};

class ElementwiseOps : public OpsTest {};

TEST_F(ElementwiseOps, add_of_any_size_equals_the_reference) {
    std::vector<StepCase> steps;
    for (const uint32_t n : kWidths)
        steps.push_back({.name = fmt::format("n={}", n),
                         .op = Op::add,
                         .params = {{"n", n}, f32_param("scale", n == 33 ? 0.22f : 1)}});
    sweep(steps, usual_batches());
}

TEST_F(ElementwiseOps, add_of_logits_rows_and_of_extreme_values_equals_the_reference) {
    std::vector<StepCase> steps;
    for (const float scale : {1e-30f, 1e-6f, 1e4f, 1e30f})
        steps.push_back({.name = fmt::format("n=97,n_out,scale={}", scale),
                         .op = Op::add,
                         .params = {{"n", 97}, f32_param("scale", 1)},
                         .rows = Rows::n_out,
                         .scale = {{"a", scale}, {"b", scale}}});
    sweep(steps, std::vector<BatchCase>{{.n_tok = 9, .n_out = 1}, {.n_tok = 9, .n_out = 9}});
}

/// More workgroups than a grid is wide (65,535 of 256 elements on many devices).
TEST_F(ElementwiseOps, add_of_a_grid_in_two_directions_equals_the_reference) {
    sweep(
        std::vector<StepCase>{
            {.name = "n=4001", .op = Op::add, .params = {{"n", 4001}, f32_param("scale", 1)}}},
        std::vector<BatchCase>{{.n_tok = 4200}});
}

TEST_F(ElementwiseOps, take_rows_takes_the_last_rows) {
    std::vector<StepCase> steps;
    for (const uint32_t n : kWidths)
        steps.push_back(
            {.name = fmt::format("n={}", n), .op = Op::take_rows, .params = {{"n", n}}});
    std::vector<BatchCase> batches;
    for (uint32_t n_out = 1; n_out <= 9; ++n_out) batches.push_back({.n_tok = 9, .n_out = n_out});
    for (const uint32_t n_out : {1u, 2u, 64u, 129u, 130u})
        batches.push_back({.n_tok = 130, .n_out = n_out});
    batches.push_back({});
    sweep(steps, batches);
}

constexpr Activation kActivations[] = {
    Activation::silu,     Activation::gelu_tanh,    Activation::relu,      Activation::sigmoid,
    Activation::identity, Activation::relu_squared, Activation::quick_gelu};

StepCase join(uint32_t groups, std::array<uint32_t, 3> a, std::array<uint32_t, 3> b) {
    StepCase step{
        .name = fmt::format("groups={},a={},b={}", groups, fmt::join(a, "-"), fmt::join(b, "-")),
        .op = Op::join,
        .params = {{"groups", groups},
                   {"a_width", a[0]},
                   {"a_first", a[1]},
                   {"n_a", a[2]},
                   {"b_width", b[0]},
                   {"b_first", b[1]},
                   {"n_b", b[2]}}};
    if (b[2] > 0) step.with = {"b"};
    return step;
}

TEST_F(ElementwiseOps, join_of_any_columns_is_exact) {
    const StepCase steps[] = {
        join(1, {1, 0, 1}, {0, 0, 0}),          join(3, {33, 5, 17}, {0, 0, 0}),
        join(1, {257, 0, 257}, {31, 0, 31}),    join(4, {48, 32, 16}, {33, 1, 32}),
        join(128, {576, 512, 64}, {64, 0, 64}),
    };
    sweep(steps, usual_batches());
}

const char* activation_name(Activation activation) {
    constexpr const char* kNames[] = {"silu",     "gelu_tanh",    "relu",      "sigmoid",
                                      "identity", "relu_squared", "quick_gelu"};
    return kNames[size_t(activation)];
}

std::vector<ParamValue> glu_params(uint32_t n, Activation a, float limit = 0, float up_shift = 0) {
    return {{"n", n},
            {"activation", uint32_t(a)},
            f32_param("limit", limit),
            f32_param("up_shift", up_shift)};
}

TEST_F(ElementwiseOps, glu_of_any_size_equals_the_reference) {
    std::vector<StepCase> steps;
    for (const Activation a : kActivations)
        for (const uint32_t n : kWidths)
            steps.push_back({.name = fmt::format("{},n={}", activation_name(a), n),
                             .op = Op::glu,
                             .params = glu_params(n, a),
                             .scale = {{"gate", 3.0f}}});
    for (StepCase& step : steps) step.with = {"up"};
    const size_t gated = steps.size();
    for (size_t i = 0; i < gated; ++i) {
        steps.push_back(steps[i]);
        steps.back().with.clear();
        steps.back().name += ",alone";
    }
    sweep(steps, usual_batches());
}

/// Gate values evenly over [-limit, limit], zero among them.
StepCase glu_ramp(Activation a, float limit) {
    StepCase step{.name = fmt::format("{},ramp={}", activation_name(a), limit),
                  .op = Op::glu,
                  .params = glu_params(1025, a),
                  .with = {"up"}};
    step.fill = [limit](std::string_view binding, const BatchCase&, std::span<float> out) {
        for (size_t i = 0; i < out.size(); ++i)
            out[i] = binding == "gate" ? limit * (float(i) / 512.0f - 1) : 1.0f;
        return true;
    };
    return step;
}

TEST_F(ElementwiseOps, glu_of_gates_from_tiny_to_huge_is_finite_and_equals_the_reference) {
    std::vector<StepCase> steps;
    for (const Activation a : kActivations)
        for (const float limit : {1e-6f, 1e-3f, 1.0f, 10.0f, 89.0f, 1e3f, 1e4f})
            steps.push_back(glu_ramp(a, limit));
    sweep(steps, std::vector<BatchCase>{{}});
}

/// Gates and ups on both sides of the limit, at it, and next to it: every gate meets every up.
TEST_F(ElementwiseOps, glu_with_limit_and_shift_equals_the_reference) {
    constexpr float kLimit = 7;
    const float ends[] = {
        -1e30f, -100, -7.5f, std::nextafter(-kLimit, -8.0f), -kLimit, std::nextafter(-kLimit, 0.0f),
        -1,     0,    1,     std::nextafter(kLimit, 0.0f),   kLimit,  std::nextafter(kLimit, 8.0f),
        7.5f,   100,  1e30f};
    constexpr size_t kEnds = std::size(ends);
    std::vector<StepCase> steps;
    for (const Activation a : {Activation::silu, Activation::sigmoid, Activation::quick_gelu})
        for (const float up_shift : {0.0f, 1.0f, -3.0f}) {
            StepCase step{.name = fmt::format("{},limit={},up_shift={}", activation_name(a), kLimit,
                                              up_shift),
                          .op = Op::glu,
                          .params = glu_params(kEnds * kEnds, a, kLimit, up_shift),
                          .with = {"up"}};
            step.fill = [&ends](std::string_view binding, const BatchCase&, std::span<float> out) {
                for (size_t i = 0; i < out.size(); ++i)
                    out[i] = ends[(binding == "gate" ? i / kEnds : i) % kEnds];
                return true;
            };
            steps.push_back(step);
            steps.push_back(step);
            steps.back().name += ",alone";
            steps.back().with.clear();
        }
    steps.push_back({.name = "up_shift without a limit",
                     .op = Op::glu,
                     .params = glu_params(333, Activation::quick_gelu, 0, 1),
                     .with = {"up"},
                     .scale = {{"gate", 20.0f}, {"up", 20.0f}}});
    sweep(steps, usual_batches());
}

/// x evenly over [-limit, limit], zero among them.
StepCase ramp(Op op, std::string name, std::vector<ParamValue> params, float limit) {
    StepCase step{.name = fmt::format("{},ramp={}", name, limit), .op = op, .params = params};
    step.params.insert(step.params.begin(), {"n", 1025});
    step.fill = [limit](std::string_view, const BatchCase&, std::span<float> out) {
        for (size_t i = 0; i < out.size(); ++i) out[i] = limit * (float(i % 1025) / 512.0f - 1);
        return true;
    };
    return step;
}

TEST_F(ElementwiseOps, xielu_from_tiny_to_huge_equals_the_reference) {
    std::vector<StepCase> steps;
    for (const auto [alpha_p, alpha_n, beta, eps] :
         std::vector<std::array<float, 4>>{{0.8f, 1.3f, 0.5f, -1e-6f}, {0.1f, 0.6f, 0.5f, -0.3f}})
        for (const float limit : {1e-6f, 1e-3f, 1.0f, 10.0f, 89.0f, 1e3f})
            steps.push_back(ramp(Op::xielu, fmt::format("eps={}", eps),
                                 {f32_param("alpha_p", alpha_p), f32_param("alpha_n", alpha_n),
                                  f32_param("beta", beta), f32_param("eps", eps)},
                                 limit));
    sweep(steps, std::vector<BatchCase>{{}, {.n_tok = 3}});
}

TEST_F(ElementwiseOps, soft_cap_from_tiny_to_huge_equals_the_reference) {
    std::vector<StepCase> steps;
    for (const auto [scale, cap] :
         std::vector<std::array<float, 2>>{{1, 30}, {0.25f, 0}, {-0.5f, 5}, {1, 1e-3f}, {8, 1e4f}})
        for (const float limit : {1e-6f, 1e-3f, 1.0f, 30.0f, 1e4f, 1e30f})
            steps.push_back(ramp(Op::soft_cap, fmt::format("scale={},cap={}", scale, cap),
                                 {f32_param("scale", scale), f32_param("cap", cap)}, limit));
    for (StepCase& step : steps) step.rows = Rows::n_out;
    sweep(steps, std::vector<BatchCase>{{}, {.n_tok = 3, .n_out = 2}});
}

}  // namespace
}  // namespace m2w::test
