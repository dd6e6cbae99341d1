// matmul_test.cpp — matmul of every weight type against the reference.
#include <fmt/format.h>

#include <array>
#include <cmath>

#include "tests/kernels/sweep.h"

namespace m2w::test {
namespace {

class MatmulOps : public OpsTest {};

/// None, one or both of the optional bindings.
const std::vector<std::string_view> kWith[] = {{}, {"bias"}, {"residual"}, {"bias", "residual"}};

StepCase matmul(DType dtype, uint32_t k, uint32_t m, size_t with) {
    StepCase step{.name = fmt::format("{},k={},m={}", type_name(dtype), k, m),
                  .op = Op::matmul,
                  .params = {{"k", k}, {"m", m}, {"m2", 0}, {"m3", 0}},
                  .with = kWith[with],
                  .weight_type = dtype};
    for (const auto optional : step.with) step.name += "," + std::string(optional);
    // As large as the sum, so that a wrong one shows.
    for (const auto optional : step.with) step.scale[optional] = std::sqrt(float(k));
    return step;
}

class MatmulOfType : public MatmulOps, public testing::WithParamInterface<DType> {};

/// Shapes that a type can have: every m with small k, some with large k.
std::vector<StepCase> shapes(DType dtype) {
    const std::vector<uint32_t> every{1, 5, 31, 64, 65, 257};
    const std::pair<uint32_t, std::vector<uint32_t>> kShapes[] = {
        {1, every},     {7, every},      {8, every},   {31, every},  {32, every},
        {33, every},    {64, every},     {100, every}, {256, every}, {512, {5, 31, 64, 65}},
        {768, {1, 65}}, {2048, {5, 65}},
    };
    std::vector<StepCase> steps;
    for (const auto& [k, ms] : kShapes)
        for (const uint32_t m : ms)
            if (k % dtype_info(dtype).block_elems == 0)
                steps.push_back(matmul(dtype, k, m, steps.size() % 4));
    return steps;
}

/// Which columns a tile has is nothing to the loaders; drivers are slow to compile large ones.
TEST_P(MatmulOfType, any_shape_equals_the_reference) {
    sweep(shapes(GetParam()), std::vector<BatchCase>{{}, {.n_tok = 2}});
}

/// Enough activation rows for a GPU's tiles; so long that a CPU's window holds one of them.
TEST_P(MatmulOfType, many_long_rows_equal_the_reference) {
    std::vector<StepCase> steps;
    for (const uint32_t m : {5u, 65u}) steps.push_back(matmul(GetParam(), 8448, m, m % 4));
    sweep(steps, std::vector<BatchCase>{{.n_tok = 9}});
}

INSTANTIATE_TEST_SUITE_P(all, MatmulOfType, testing::ValuesIn(weight_types()),
                         [](const auto& tested) { return type_name(tested.param); });

TEST_F(MatmulOps, any_shape_and_number_of_rows_equals_the_reference) {
    std::vector<BatchCase> batches;
    for (const uint32_t n_tok : {7u, 8u, 64u, 65u, 130u}) batches.push_back({.n_tok = n_tok});
    for (const DType dtype : {DType::f32, DType::q8_0, DType::q4_k}) sweep(shapes(dtype), batches);
}

TEST_F(MatmulOps, any_number_of_rows_equals_the_reference) {
    std::vector<StepCase> steps;
    for (size_t with = 0; with < 4; ++with) {
        steps.push_back(matmul(DType::q8_0, 256, 65, with));
        steps.push_back(matmul(DType::bf16, 33, 65, with));
    }
    sweep(steps, usual_batches());
}

/// Two and three products at once, with borders between them anywhere.
TEST_F(MatmulOps, stacked_products_equal_the_reference) {
    std::vector<StepCase> steps;
    for (const DType dtype : {DType::f16, DType::q8_0, DType::q4_k})
        for (const auto& [m, m2, m3] :
             {std::array{33u, 31u, 0u}, {64u, 32u, 32u}, {1u, 255u, 7u}}) {
            const bool bias = m3 > 0;
            StepCase step = matmul(dtype, 256, m, bias ? 1 : 0);
            step.params = {{"k", 256}, {"m", m}, {"m2", m2}, {"m3", m3}};
            step.name += fmt::format(",m2={},m3={}", m2, m3);
            step.with.push_back("y2");
            if (m3) step.with.push_back("y3");
            steps.push_back(step);
        }
    sweep(steps, std::vector<BatchCase>{{}, {.n_tok = 3}, {.n_tok = 9}, {.n_tok = 130}});
}

/// Gate and up of an element are rows of one owner. A constant is one more pipeline, so there are
/// few.
TEST_F(MatmulOps, gated_products_equal_the_reference) {
    std::vector<StepCase> steps;
    for (const uint32_t m : {1u, 33u, 129u})
        steps.push_back(gated(matmul(DType::q8_0, 256, m, m % 2), Activation::gelu_tanh));
    steps.push_back(gated(matmul(DType::q8_0, 32, 515, 0), Activation::gelu_tanh));
    sweep(steps, std::vector<BatchCase>{{}, {.n_tok = 3}, {.n_tok = 130}});
    sweep(std::array{gated(matmul(DType::q4_k, 256, 33, 1), Activation::gelu_tanh),
                     gated(matmul(DType::bf16, 33, 65, 0), Activation::silu)},
          std::vector<BatchCase>{{.n_tok = 9}});
    sweep(std::array{gated(matmul(DType::q8_0, 256, 33, 1), Activation::quick_gelu, 0.5f, 1)},
          std::vector<BatchCase>{{}});
}

/// A piece has as many rows of the one half as of the other.
TEST_F(MatmulOps, gated_products_of_weights_in_pieces_equal_the_reference) {
    std::vector<StepCase> steps;
    for (const DType dtype : {DType::q8_0, DType::iq2_xxs})
        steps.push_back(gated(matmul(dtype, 256, 33, 1), Activation::silu));
    sweep(steps, std::vector<BatchCase>{{.n_tok = 9}}, {.max_piece_bytes = 2048});
}

/// A matmul's operands are the first of a norm_matmul: one kernel computes both.
StepCase normed(StepCase step, std::vector<std::string_view> with) {
    step.op = Op::norm_matmul;
    step.params.push_back(f32_param("scale", -0.7f));
    step.params.push_back(f32_param("eps", 1e-6f));
    step.with = std::move(with);
    for (const std::string_view optional : step.with) step.name += fmt::format(",{}", optional);
    return step;
}

TEST_F(MatmulOps, products_of_normed_rows_equal_the_reference) {
    const auto product = [](uint32_t k, uint32_t m, std::vector<std::string_view> with) {
        return normed(matmul(DType::q8_0, k, m, 0), std::move(with));
    };
    const std::vector<std::string_view> sum{"stream", "sum"}, all{"stream", "sum", "x_norm"};
    std::vector<StepCase> steps{product(32, 1, {}), product(256, 65, sum), product(640, 33, all)};
    for (const float x_scale : {1e-3f, 1e4f}) {  // eps shows; large numbers
        steps.push_back(product(640, 33, all));
        steps.back().name += fmt::format(",x={}", x_scale);
        steps.back().scale = {{"x", x_scale}, {"stream", x_scale}};
    }
    StepCase stacked = product(256, 65, all);
    stacked.params[2].second = 31;
    stacked.params[3].second = 7;
    stacked.with.insert(stacked.with.end(), {"y2", "y3"});
    stacked.name += ",m2=31,m3=7";
    steps.push_back(stacked);
    // More rows than the workgroups have at once.
    steps.push_back(product(32, 9000, {}));
    sweep(steps, std::vector<BatchCase>{{}});
    sweep(std::array{normed(gated(matmul(DType::bf16, 48, 33, 0), Activation::gelu_tanh), all)},
          std::vector<BatchCase>{{}, {.n_tok = 3}});
}

TEST_F(MatmulOps, products_of_normed_rows_in_pieces_write_the_sum_once) {
    const std::vector<std::string_view> all{"stream", "sum", "x_norm"};
    sweep(std::array{normed(matmul(DType::q8_0, 256, 33, 0), all)},
          std::vector<BatchCase>{{}, {.n_tok = 9}}, {.max_piece_bytes = 2048});
}

TEST_F(MatmulOps, logits_rows_equal_the_reference) {
    std::vector<StepCase> steps;
    for (const DType dtype : {DType::f16, DType::q8_0}) {
        steps.push_back(matmul(dtype, 64, 257, 3));
        steps.back().rows = Rows::n_out;
    }
    const BatchCase batches[] = {{.n_tok = 9, .n_out = 1}, {.n_tok = 9, .n_out = 9}};
    sweep(steps, batches);
}

/// From 1,024 weight rows on, a CPU's lanes take more rows; from 2,048 on its workgroups grow.
TEST_F(MatmulOps, many_weight_rows_equal_the_reference) {
    std::vector<StepCase> steps;
    for (const uint32_t m : {1023u, 1024u, 1030u, 2050u, 4099u, 20000u})
        steps.push_back(matmul(DType::q4_0, 32, m, 1));
    steps.push_back(matmul(DType::f32, 7, 20000, 2));
    sweep(steps, std::vector<BatchCase>{{}, {.n_tok = 9}});
}

/// Rows that a CPU's uniform window (64 KiB) holds: one, less than one, and a number of them that
/// has to be cut for the window's alignment.
TEST_F(MatmulOps, long_rows_equal_the_reference) {
    std::vector<StepCase> steps;
    for (const uint32_t k : {1000u, 1032u, 5000u, 8200u, 16376u, 16384u, 16392u, 16389u})
        steps.push_back(matmul(DType::f16, k, 5, 3));
    steps.push_back(matmul(DType::q4_k, 16640, 5, 0));
    steps.push_back(matmul(DType::q6_k, 14336, 5, 0));
    sweep(steps, std::vector<BatchCase>{{}, {.n_tok = 8}});
}

TEST_F(MatmulOps, tiny_and_huge_values_equal_the_reference) {
    std::vector<StepCase> steps;
    for (const float scale : {1e-6f, 1e-3f, 1e4f})
        for (const DType dtype : {DType::f32, DType::q4_k}) {
            StepCase step = matmul(dtype, 256, 31, 3);
            step.name += fmt::format(",scale={}", scale);
            for (const auto name : {"x", "bias", "residual"}) step.scale[name] = scale;
            steps.push_back(step);
        }
    sweep(steps, std::vector<BatchCase>{{}, {.n_tok = 9}});
}

/// Pieces of 2 KiB hold a few rows, so every matrix falls into many, the last of them shorter.
/// (Every type's planes in pieces: EmbedOps.)
TEST_F(MatmulOps, weights_in_many_pieces_equal_the_reference) {
    std::vector<StepCase> steps;
    for (const DType dtype : {DType::f16, DType::q8_0, DType::q6_k, DType::iq2_xxs, DType::mxfp4}) {
        const uint32_t k = dtype_info(dtype).block_elems == 256 ? 256 : 64;
        for (const uint32_t m : {1u, 65u}) steps.push_back(matmul(dtype, k, m, m == 1 ? 0 : 3));
    }
    sweep(steps, std::vector<BatchCase>{{}, {.n_tok = 9}}, {.max_piece_bytes = 2048});
}

}  // namespace
}  // namespace m2w::test
