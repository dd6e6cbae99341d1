// rms_norm_test.cpp — rms_norm against the reference.
#include <fmt/format.h>

#include "tests/kernels/sweep.h"

namespace m2w::test {
namespace {

class RmsNormOps : public OpsTest {};

StepCase rms_norm(uint32_t n, uint32_t groups, float eps, float scale) {
    return {.name = fmt::format("n={},groups={},eps={},scale={}", n, groups, eps, scale),
            .op = Op::rms_norm,
            .params = {{"n", n}, {"groups", groups}, f32_param("eps", eps)},
            .scale = {{"x", scale}}};
}

/// 256 is where the GPU kernel begins to share a row between subgroups.
TEST_F(RmsNormOps, any_width_equals_the_reference) {
    std::vector<StepCase> steps;
    for (const uint32_t n : {1u, 2u, 31u, 32u, 33u, 255u, 256u, 257u, 511u, 513u, 4096u, 5000u})
        steps.push_back(rms_norm(n, 1, 1e-5f, 1));
    sweep(steps, usual_batches());
}

TEST_F(RmsNormOps, each_group_is_normalised_by_itself) {
    std::vector<StepCase> steps;
    for (const uint32_t groups : {2u, 3u, 8u, 33u})
        for (const uint32_t n : {16u, 64u, 80u, 128u, 300u})
            steps.push_back(rms_norm(n, groups, 1e-6f, 1));
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
TEST_F(RmsNormOps, grid_in_two_directions_equals_the_reference) {
    sweep(std::vector<StepCase>{rms_norm(4, 512, 1e-5f, 1)},
          std::vector<BatchCase>{{.n_tok = 130}});
}

/// With x of 1e-3 and eps 1e-6 both weigh the same; with 1e-6 eps is all there is.
TEST_F(RmsNormOps, near_zero_rows_show_eps_inside_the_root) {
    std::vector<StepCase> steps;
    for (const float eps : {1e-5f, 1e-6f})
        for (const float scale : {1e-3f, 1e-6f, 1e-12f, 0.0f})
            for (const uint32_t n : {33u, 300u}) steps.push_back(rms_norm(n, 1, eps, scale));
    sweep(steps, std::vector<BatchCase>{{}, {.n_tok = 9}});
}

TEST_F(RmsNormOps, huge_values_equal_the_reference) {
    std::vector<StepCase> steps;
    for (const float scale : {1e4f, 1e15f})
        for (const uint32_t n : {33u, 4096u}) steps.push_back(rms_norm(n, 1, 1e-5f, scale));
    sweep(steps, std::vector<BatchCase>{{}, {.n_tok = 9}});
}

TEST_F(RmsNormOps, weights_of_other_types_and_logits_rows_equal_the_reference) {
    std::vector<StepCase> steps;
    for (const DType dtype : {DType::f16, DType::bf16}) {
        steps.push_back(rms_norm(257, 1, 1e-5f, 1));
        steps.back().name += "," + type_name(dtype) + ",n_out";
        steps.back().vector_type = dtype;
        steps.back().rows = Rows::n_out;
    }
    const BatchCase batches[] = {{.n_tok = 9, .n_out = 2}, {.n_tok = 9, .n_out = 9}};
    sweep(steps, batches);
}

}  // namespace
}  // namespace m2w::test
