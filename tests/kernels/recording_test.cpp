// recording_test.cpp — one executor, batches of changing shapes, positions and tokens: recorded
// commands are used again only for what they were recorded for.
#include "tests/kernels/sweep.h"

namespace m2w::test {
namespace {

class RecordingOps : public OpsTest {};

TEST_F(RecordingOps, batches_of_changing_shapes_on_one_executor_equal_the_reference) {
    const std::vector<StepCase> steps{
        {.name = "embed",
         .op = Op::embed,
         .params = {{"n", 64}, f32_param("scale", 1)},
         .weight_type = DType::q8_0,
         .n_vocab = 50},
        {.name = "table",
         .op = Op::rope_table,
         .params = {{"n_pairs", 8}, f32_param("magnitude", 1), {"short_context", 0}}},
        {.name = "matmul",
         .op = Op::matmul,
         .params = {{"k", 64}, {"m", 33}, {"m2", 0}, {"m3", 0}},
         .rows = Rows::n_out},
        {.name = "take_rows", .op = Op::take_rows, .params = {{"n", 33}}},
        {.name = "store", .op = Op::kv_store, .params = {{"n_k", 16}, {"n_v", 16}}},
    };
    std::vector<BatchCase> batches;
    uint32_t pos = 0;
    for (const auto [n_tok, n_out] : std::vector<std::array<uint32_t, 2>>{{1, 1},
                                                                          {1, 1},
                                                                          {9, 1},
                                                                          {9, 1},
                                                                          {9, 9},
                                                                          {1, 1},
                                                                          {9, 2},
                                                                          {2, 2},
                                                                          {16, 3},
                                                                          {1, 1},
                                                                          {16, 3},
                                                                          {3, 1}}) {
        batches.push_back({.n_tok = n_tok, .pos = pos, .n_out = n_out});
        pos += n_tok;
    }
    batches.push_back({.n_tok = 9, .pos = 3, .n_out = 2});  // back, as after a cut
    sweep(steps, batches, {.n_ctx = 100, .n_batch = 16});
}

}  // namespace
}  // namespace m2w::test
