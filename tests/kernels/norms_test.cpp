// norms_test.cpp — rms_norm, layer_norm and add_rms_norm against the reference.
#include <fmt/format.h>

#include <cmath>

#include "tests/kernels/sweep.h"

namespace m2w::test {
namespace {

class NormOps : public OpsTest, public testing::WithParamInterface<Op> {
  protected:
    StepCase norm(uint32_t n, uint32_t groups, float eps, float scale) const {
        StepCase step{.name = fmt::format("n={},groups={},eps={},scale={}", n, groups, eps, scale),
                      .op = GetParam(),
                      .params = {{"n", n}, {"groups", groups}, f32_param("eps", eps)},
                      .with = {"w"},
                      .scale = {{"x", scale}}};
        if (step.op == Op::layer_norm) step.with.push_back("bias");
        return step;
    }
};
INSTANTIATE_TEST_SUITE_P(norms, NormOps, testing::Values(Op::rms_norm, Op::layer_norm),
                         [](const auto& tested) {
                             return std::string(op_info(tested.param).name);
                         });

/// 256 is where the GPU kernel begins to share a row between subgroups.
TEST_P(NormOps, any_width_equals_the_reference) {
    std::vector<StepCase> steps;
    for (const uint32_t n : {1u, 2u, 31u, 32u, 33u, 255u, 256u, 257u, 511u, 513u, 4096u, 5000u})
        steps.push_back(norm(n, 1, 1e-5f, 1));
    sweep(steps, usual_batches());
}

TEST_P(NormOps, each_group_is_normalised_by_itself) {
    std::vector<StepCase> steps;
    for (const uint32_t groups : {2u, 3u, 8u, 33u})
        for (const uint32_t n : {16u, 64u, 80u, 128u, 300u})
            steps.push_back(norm(n, groups, 1e-6f, 1));
    for (StepCase& step : steps)
        step.fill = [](std::string_view, const BatchCase&, std::span<float> out) {
            Random random("groups");
            random.fill(out, 1);
            for (size_t i = 0; i < out.size(); ++i) out[i] *= 1 + float(i * 7 / out.size());
            return true;
        };
    const BatchCase batches[] = {{}, {.n_tok = 3}, {.n_tok = 17}, {.n_tok = 65}};
    sweep(steps, batches);
}

/// More groups than a grid is wide (65,535 on many devices).
TEST_P(NormOps, grid_in_two_directions_equals_the_reference) {
    sweep(std::vector<StepCase>{norm(4, 512, 1e-5f, 1)}, std::vector<BatchCase>{{.n_tok = 130}});
}

/// With x of 1e-3 and eps 1e-6 both weigh the same; with 1e-6 eps is all there is.
TEST_P(NormOps, near_zero_rows_show_eps_inside_the_root) {
    std::vector<StepCase> steps;
    for (const float eps : {1e-5f, 1e-6f})
        for (const float scale : {1e-3f, 1e-6f, 1e-12f, 0.0f})
            for (const uint32_t n : {33u, 300u}) steps.push_back(norm(n, 1, eps, scale));
    sweep(steps, std::vector<BatchCase>{{}, {.n_tok = 9}});
}

TEST_P(NormOps, huge_values_equal_the_reference) {
    std::vector<StepCase> steps;
    for (const float scale : {1e4f, 1e15f})
        for (const uint32_t n : {33u, 4096u}) steps.push_back(norm(n, 1, 1e-5f, scale));
    sweep(steps, std::vector<BatchCase>{{}, {.n_tok = 9}});
}

TEST_P(NormOps, weights_of_other_types_and_logits_rows_equal_the_reference) {
    std::vector<StepCase> steps;
    for (const DType dtype : {DType::f16, DType::bf16}) {
        steps.push_back(norm(257, 1, 1e-5f, 1));
        steps.back().name += "," + type_name(dtype) + ",n_out";
        steps.back().vector_type = dtype;
        steps.back().rows = Rows::n_out;
    }
    const BatchCase batches[] = {{.n_tok = 9, .n_out = 2}, {.n_tok = 9, .n_out = 9}};
    sweep(steps, batches);
}

TEST_P(NormOps, weights_and_biases_that_are_absent_change_nothing) {
    std::vector<StepCase> steps;
    for (const uint32_t n : {33u, 300u}) {
        steps.push_back(norm(n, 2, 1e-5f, 1));
        steps.back().with.clear();
        steps.back().name += ",alone";
    }
    if (GetParam() == Op::layer_norm)
        for (const std::string_view only : {"w", "bias"}) {
            steps.push_back(norm(64, 1, 1e-5f, 1));
            steps.back().with = {only};
            steps.back().name += fmt::format(",{}", only);
        }
    sweep(steps, std::vector<BatchCase>{{}, {.n_tok = 9}});
}

/// Rows around 64 with a spread of 1: the mean of the squares would lose the spread.
TEST_P(NormOps, rows_far_from_zero_equal_the_reference) {
    std::vector<StepCase> steps;
    for (const uint32_t n : {33u, 300u, 4096u}) {
        steps.push_back(norm(n, 1, 1e-5f, 1));
        steps.back().name += ",far";
        steps.back().fill = [](std::string_view, const BatchCase&, std::span<float> out) {
            Random("far").fill(out, 1);
            for (float& x : out) x = 64 + std::round(x * 64) / 64;  // exact differences
            return true;
        };
    }
    sweep(steps, std::vector<BatchCase>{{}, {.n_tok = 9}});
}

using AddNormOps = OpsTest;

StepCase add_norm(uint32_t n, std::vector<std::string_view> with, float x_scale = 1) {
    StepCase step{.name = fmt::format("n={},x={}", n, x_scale),
                  .op = Op::add_rms_norm,
                  .params = {{"n", n}, f32_param("scale", -0.7f), f32_param("eps", 1e-6f)},
                  .with = std::move(with),
                  .scale = {{"x", x_scale}}};
    for (const std::string_view binding : step.with) step.name += fmt::format(",{}", binding);
    return step;
}

/// 256 is where the GPU kernel begins to share a row between subgroups.
TEST_F(AddNormOps, norms_around_a_sum_of_any_width_equal_the_reference) {
    std::vector<StepCase> steps;
    for (const uint32_t n : {1u, 31u, 33u, 256u, 257u, 5000u})
        steps.push_back(add_norm(n, {"x_w", "w", "y2"}));
    for (const float x_scale : {1e-3f, 1e-6f, 1e15f})
        steps.push_back(add_norm(300, {"x_w", "w", "y2"}, x_scale));
    steps.back().scale["residual"] = 1e15f;  // behind the norm x is as large as its weight
    sweep(steps, usual_batches());
}

TEST_F(AddNormOps, norms_that_are_absent_change_nothing) {
    std::vector<StepCase> steps;
    for (const uint32_t n : {33u, 300u}) {
        steps.push_back(add_norm(n, {}));
        steps.push_back(add_norm(n, {"x_w"}));
        steps.push_back(add_norm(n, {"y2"}));
        steps.push_back(add_norm(n, {"w", "y2"}));
        steps.back().rows = Rows::n_out;
    }
    sweep(steps, std::vector<BatchCase>{{}, {.n_tok = 9, .n_out = 2}});
}

}  // namespace
}  // namespace m2w::test
