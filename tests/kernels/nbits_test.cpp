// nbits_test.cpp — products and rows of n-bit codes: every format against the reference, and ONNX
// Runtime's golden cases on the reference and on the device.
#include "gguf/nbits.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "tests/kernels/nbits_steps.h"
#include "tests/kernels/sweep.h"

namespace m2w::test {
namespace {

using Zero = NBits::Zero;

class NBitsOps : public OpsTest {};

// --- against the reference -----------------------------------------------------------------------

/// k of whole blocks or not, of whole units of eight or not; rows for every kernel.
TEST_F(NBitsOps, matmul_of_any_format_and_shape_equals_the_reference) {
    std::vector<StepCase> steps;
    for (const NBits& format : kNBitsFormats)
        for (const uint32_t k : {5u, 40u, 512u, 1100u})
            steps.push_back(nbits_matmul(format, k, k == 512 ? 65 : 19,
                                         k == 40 ? std::vector<std::string_view>{"bias", "residual"}
                                                 : std::vector<std::string_view>{}));
    sweep(steps, std::vector<BatchCase>{{}, {.n_tok = 9}});
}

TEST_F(NBitsOps, embed_of_any_format_and_width_equals_the_reference) {
    std::vector<StepCase> steps;
    for (const NBits& format : kNBitsFormats)
        for (const uint32_t n : {1u, 33u, 96u, 600u})
            steps.push_back({.name = fmt::format("{},n={}", nbits_name(format), n),
                             .op = Op::embed,
                             .params = {{"n", n}, f32_param("scale", 1.5f)},
                             .nbits = format,
                             .n_vocab = 37});
    sweep(steps, std::vector<BatchCase>{{}, {.n_tok = 40}});
    sweep(steps, std::vector<BatchCase>{{.n_tok = 40}}, {.max_piece_bytes = 6144});
}

/// Three matrices, of which the index takes one for each row, in pieces that end inside them too.
TEST_F(NBitsOps, expert_matmul_of_any_format_equals_the_reference) {
    std::vector<StepCase> steps;
    for (const NBits& format : kNBitsFormats)
        for (const uint32_t k : {40u, 512u}) {
            steps.push_back(
                {.name = fmt::format("{},k={}", nbits_name(format), k),
                 .op = Op::expert_matmul,
                 .params = {{"k", k}, {"m", 33}, {"n_expert", 3}, {"n_used", 2}, {"n_x", 1}},
                 .with = {"ids", "order"},
                 .nbits = format});
            steps.back().fill = [](std::string_view binding, const BatchCase& batch,
                                   std::span<float> out) {
                if (binding == "x") return false;
                Random random(batch.name());
                std::vector<float> ids(out.size());
                for (float& id : ids) id = float(random.below(3));
                std::vector<size_t> order(ids.size());
                for (size_t i = 0; i < order.size(); ++i) order[i] = i;
                std::stable_sort(order.begin(), order.end(),
                                 [&](size_t a, size_t b) { return ids[a] < ids[b]; });
                for (size_t i = 0; i < out.size(); ++i)
                    out[i] = binding == "ids" ? ids[i] : float(order[i]);
                return true;
            };
        }
    sweep(steps, std::vector<BatchCase>{{.n_tok = 17}}, {.max_piece_bytes = 8192});
}

TEST_F(NBitsOps, products_with_rounded_activations_equal_the_reference) {
    std::vector<StepCase> steps;
    for (NBits format : kNBitsFormats) {
        format.int8_activations = true;
        for (const uint32_t k : {5u, 40u, 1100u}) {
            steps.push_back(nbits_matmul(format, k, 19,
                                         k == 40 ? std::vector<std::string_view>{"bias", "residual"}
                                                 : std::vector<std::string_view>{}));
            steps.back().fill = [=](std::string_view binding, const BatchCase& batch,
                                    std::span<float> out) {
                return binding == "x" && fill_near_multiples(format.block, k, batch, out);
            };
        }
    }
    sweep(steps, std::vector<BatchCase>{{}, {.n_tok = 9}});
}

/// Pieces have as many rows of gates as of what they gate, of each array.
TEST_F(NBitsOps, gated_products_equal_the_reference) {
    std::vector<StepCase> steps;
    for (const bool rounded : {false, true}) {
        NBits format = kNBitsFormats[0];
        format.int8_activations = rounded;
        steps.push_back(gated(nbits_matmul(format, 40, 19, {"bias"}), Activation::silu));
        steps.back().name += rounded ? ",rounded" : "";
        steps.back().fill = [](std::string_view, const BatchCase& batch, std::span<float> out) {
            return fill_near_multiples(16, 40, batch, out);
        };
    }
    sweep(steps, std::vector<BatchCase>{{.n_tok = 2}}, {.max_piece_bytes = 512});
}

/// Blocks of zeros, and of numbers whose scale would be subnormal.
TEST_F(NBitsOps, activations_that_cannot_be_rounded_count_as_zero) {
    NBits format{.int8_activations = true};
    StepCase step = nbits_matmul(format, 128, 7);
    step.fill = [](std::string_view, const BatchCase&, std::span<float> out) {
        for (size_t i = 0; i < out.size(); ++i)
            out[i] = i < 32 ? 0.0f : i < 64 ? 1e-37f : i == 64 ? 1.0f : 1e-6f;
        return true;
    };
    sweep(std::span(&step, 1), std::vector<BatchCase>{{}});
    std::vector<float> x{1e-37f, 0, -2, 1.01f, 0.4f, -0.004f, 127, 2.5f, 127, -3.5f, 1};
    round_to_int8(2, 11, x);
    EXPECT_EQ(x[0], 0);
    EXPECT_EQ(x[2], -2);
    EXPECT_FLOAT_EQ(x[3], 64 * 2.0f / 127);
    EXPECT_FLOAT_EQ(x[5], -0.4f / 127);
    EXPECT_EQ(x[7], 2);  // ties go to even ones
    EXPECT_EQ(x[9], -4);
    EXPECT_EQ(x[10], 1);  // the last block is shorter
}

// --- ONNX Runtime's golden cases -----------------------------------------------------------------

using MakeStep = StepCase (*)(const NBitsCase&);

/// Runs the cases of each number of rows at once.
size_t check_matmuls(const std::filesystem::path& folder, MakeStep make, bool rounded,
                     std::vector<uint32_t> numbers_of_rows) {
    size_t n_checked = 0;
    const auto cases = read_nbits_cases(folder, "MatMulNBits");
    for (const uint32_t rows : numbers_of_rows) {
        std::vector<StepCase> steps;
        std::vector<const NBitsCase*> golden;
        for (const NBitsCase& one : cases) {
            if (one.facts["M"] != rows) continue;
            golden.push_back(&one);
            steps.push_back(make(one));
            steps.back().nbits->int8_activations = rounded;
        }
        auto rig = make_rig(steps, {});
        EXPECT_TRUE(rig) << rig.error().str();
        if (!rig) continue;
        const auto ran = (*rig)->run({.n_tok = rows});
        EXPECT_TRUE(ran) << ran.error().str();
        EXPECT_EQ((*rig)->violations(), std::vector<std::string>());
        for (size_t i = 0; i < steps.size(); ++i, ++n_checked)
            for (const Side side : {Side::reference, Side::device, Side::gpu})
                EXPECT_EQ(difference((*rig)->output(side, i, "y"), expected_of(*golden[i], rounded),
                                     tolerance_of(*golden[i], rounded)),
                          "")
                    << steps[i].full_name() << " on " << side_name(side);
    }
    return n_checked;
}

TEST_F(NBitsOps, every_matmul_of_onnx_runtime_agrees) {
    M2W_SHARED(folder, "nbits");
    EXPECT_EQ(check_matmuls(folder, matmul_of, false, {1, 4, 6, 100}), 29u);
}

TEST_F(NBitsOps, every_matmul_of_onnx_runtime_agrees_with_a_weight_index) {
    M2W_SHARED(folder, "nbits");
    EXPECT_EQ(check_matmuls(folder, indexed_matmul_of, false, {1, 4, 6, 100}), 29u);
}

TEST_F(NBitsOps, every_matmul_of_onnx_runtime_agrees_with_rounded_activations) {
    M2W_SHARED(folder, "nbits");
    EXPECT_EQ(check_matmuls(folder, matmul_of, true, {1, 4, 6, 100}), 29u);
}

TEST_F(NBitsOps, matmuls_of_onnx_runtime_agree_with_rounded_activations_and_an_index) {
    M2W_SHARED(folder, "nbits");
    EXPECT_EQ(check_matmuls(folder, indexed_matmul_of, true, {1, 4, 6, 100}), 29u);
}

/// A gather of any number of indices is an embed of rows of the last axis.
TEST_F(NBitsOps, every_gather_of_onnx_runtime_agrees) {
    M2W_SHARED(folder, "nbits");
    const auto cases = read_nbits_cases(folder, "GatherBlockQuantized");
    EXPECT_EQ(cases.size(), 11u);
    for (const NBitsCase& golden : cases) {
        const Blob& expected = golden.tensors.at("Y");
        const StepCase step = embed_of(golden);
        auto rig = make_rig(std::span(&step, 1), {});
        ASSERT_TRUE(rig) << rig.error().str();
        const auto ran = (*rig)->run(gather_of(golden));
        ASSERT_TRUE(ran) << ran.error().str();
        EXPECT_EQ((*rig)->violations(), std::vector<std::string>());
        for (const Side side : {Side::reference, Side::device, Side::gpu}) {
            std::vector<float> y = (*rig)->output(side, 0, "y");
            if (expected.dtype == "float16")  // the operator's own result is rounded to halves
                for (float& v : y) v = f16_to_f32(f32_to_f16(v));
            EXPECT_EQ(difference(y, expected.floats(), kNBitsRtol), "")
                << golden.name << " on " << side_name(side);
        }
    }
}

}  // namespace
}  // namespace m2w::test
