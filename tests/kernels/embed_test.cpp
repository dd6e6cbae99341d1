// embed_test.cpp — embed of every weight type against the reference.
#include <fmt/format.h>

#include "tests/kernels/sweep.h"

namespace m2w::test {
namespace {

class EmbedOps : public OpsTest {};

StepCase embed(DType dtype, uint32_t n, uint32_t n_vocab, float scale) {
    return {.name = fmt::format("{},n={},n_vocab={},scale={}", type_name(dtype), n, n_vocab, scale),
            .op = Op::embed,
            .params = {{"n", n}, f32_param("scale", scale)},
            .weight_type = dtype,
            .n_vocab = n_vocab};
}

std::vector<StepCase> every_type(uint32_t n_vocab) {
    std::vector<StepCase> steps;
    for (const DType dtype : weight_types())
        for (const uint32_t n : {1u, 7u, 8u, 31u, 32u, 33u, 96u, 256u, 257u, 768u})
            if (n % dtype_info(dtype).block_elems == 0)
                steps.push_back(embed(dtype, n, n_vocab, n % 2 ? 1.0f : 27.7f));
    return steps;
}

/// Each batch begins with the first row and ends with the last one.
TEST_F(EmbedOps, any_type_and_width_equals_the_reference) {
    sweep(every_type(67), usual_batches());
}

TEST_F(EmbedOps, every_row_once_and_backwards_equals_the_reference) {
    BatchCase batch{.n_tok = 67};
    for (uint32_t t = 0; t < 67; ++t) batch.tokens.push_back(66 - t);
    sweep(every_type(67), std::vector<BatchCase>{batch});
}

TEST_F(EmbedOps, one_row_again_and_again_equals_the_reference) {
    const BatchCase first{.n_tok = 9, .tokens = std::vector<uint32_t>(9, 0)};
    const BatchCase last{.n_tok = 8, .tokens = std::vector<uint32_t>(8, 66)};
    sweep(every_type(67), std::vector<BatchCase>{first, last});
}

TEST_F(EmbedOps, vocabulary_of_one_equals_the_reference) {
    sweep(every_type(1), std::vector<BatchCase>{{}, {.n_tok = 3}});
}

/// Pieces of 6 KiB: the widest rows fill half of one, the largest grid two thirds.
TEST_F(EmbedOps, weights_in_many_pieces_equal_the_reference) {
    sweep(every_type(67), std::vector<BatchCase>{{}, {.n_tok = 130}}, {.max_piece_bytes = 6144});
}

TEST_F(EmbedOps, tiny_and_huge_scales_equal_the_reference) {
    std::vector<StepCase> steps;
    for (const DType dtype : weight_types())
        for (const float scale : {1e-6f, 1e4f}) steps.push_back(embed(dtype, 256, 5, scale));
    sweep(steps, std::vector<BatchCase>{{.n_tok = 5}});
}

}  // namespace
}  // namespace m2w::test
