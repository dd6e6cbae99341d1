// nbits_test.cpp — products and rows of n-bit codes: every format against the reference, and ONNX
// Runtime's golden cases on the reference and on the device.
#include "gguf/nbits.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "tests/kernels/sweep.h"
#include "tests/support/nbits_cases.h"

namespace m2w::test {
namespace {

using Zero = NBits::Zero;

class NBitsOps : public OpsTest {};

std::string format_name(const NBits& format) {
    constexpr const char* kZeros[] = {"middle", "codes", "floats"};
    return fmt::format("bits={},block={},{}{}{}", format.bits, format.block,
                       kZeros[size_t(format.zero)], format.halves ? ",halves" : "",
                       format.int8_activations ? ",int8" : "");
}

/// Each number of bits and each kind of zero points and floats; every format is a pipeline of its
/// own, which drivers are slow to compile. The golden cases have 21 more.
const NBits kFormats[] = {
    {.bits = 2, .block = 16, .zero = Zero::codes},
    {.bits = 4, .block = 256, .zero = Zero::floats, .halves = true},
    {.bits = 8, .block = 32},
};

// --- against the reference -----------------------------------------------------------------------

StepCase matmul(const NBits& format, uint32_t k, uint32_t m,
                std::vector<std::string_view> with = {}) {
    StepCase step{.name = fmt::format("{},k={},m={}", format_name(format), k, m),
                  .op = Op::matmul,
                  .params = {{"k", k}, {"m", m}, {"m2", 0}, {"m3", 0}},
                  .with = std::move(with),
                  .nbits = format};
    for (const auto optional : step.with) {
        step.name += "," + std::string(optional);
        step.scale[optional] = std::sqrt(float(k));  // as large as the sum, so that it shows
    }
    return step;
}

/// k of whole blocks or not, of whole units of eight or not; rows for every kernel.
TEST_F(NBitsOps, matmul_of_any_format_and_shape_equals_the_reference) {
    std::vector<StepCase> steps;
    for (const NBits& format : kFormats)
        for (const uint32_t k : {5u, 40u, 512u, 1100u})
            steps.push_back(matmul(format, k, k == 512 ? 65 : 19,
                                   k == 40 ? std::vector<std::string_view>{"bias", "residual"}
                                           : std::vector<std::string_view>{}));
    sweep(steps, std::vector<BatchCase>{{}, {.n_tok = 9}});
}

TEST_F(NBitsOps, embed_of_any_format_and_width_equals_the_reference) {
    std::vector<StepCase> steps;
    for (const NBits& format : kFormats)
        for (const uint32_t n : {1u, 33u, 96u, 600u})
            steps.push_back({.name = fmt::format("{},n={}", format_name(format), n),
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
    for (const NBits& format : kFormats)
        for (const uint32_t k : {40u, 512u}) {
            steps.push_back(
                {.name = fmt::format("{},k={}", format_name(format), k),
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

/// Activations in blocks with scales of their own, near multiples of them: devices divide
/// differently in the last bits, which must not move any across a border.
bool fill_near_multiples(uint32_t block, uint32_t k, const BatchCase& batch, std::span<float> out) {
    Random random(batch.name());
    float scale = 0;
    for (size_t i = 0; i < out.size(); ++i) {
        const bool first = i % k % block == 0;
        if (first) scale = 0.01f * (1.5f + random.unit() / 2);
        const int multiple = first ? 127 : int(random.below(255)) - 127;
        const float near = std::abs(multiple) == 127 ? 0 : 0.2f * random.unit();
        out[i] = scale * (float(multiple) + near);
    }
    return true;
}

TEST_F(NBitsOps, products_with_rounded_activations_equal_the_reference) {
    std::vector<StepCase> steps;
    for (NBits format : kFormats) {
        format.int8_activations = true;
        for (const uint32_t k : {5u, 40u, 1100u}) {
            steps.push_back(matmul(format, k, 19,
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

/// Blocks of zeros, and of numbers whose scale would be subnormal.
TEST_F(NBitsOps, activations_that_cannot_be_rounded_count_as_zero) {
    NBits format{.int8_activations = true};
    StepCase step = matmul(format, 128, 7);
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

constexpr double kRtol = 1e-5;      // what tests of these cases allow
constexpr double kInt8Rtol = 1e-2;  // and with activations rounded to 8 bits

/// The arrays of a case as the step's; `zeros` may be null.
void store(StepCase& step, const Bytes& codes, const Bytes& scales, const Bytes* zeros) {
    step.stored["w"] = codes;
    step.stored["w.scales"] = scales;
    if (zeros) step.stored["w.zeros"] = *zeros;
}

void fill_with(StepCase& step, std::vector<float> x) {
    step.fill = [x = std::move(x)](std::string_view binding, const BatchCase&,
                                   std::span<float> out) {
        if (binding != "x") {  // the one index
            std::fill(out.begin(), out.end(), 1.0f);
            return true;
        }
        M2W_ASSERT(out.size() == x.size());
        std::copy(x.begin(), x.end(), out.begin());
        return true;
    };
}

Bytes as_f32(const Blob& blob) {
    const std::vector<float> values = blob.floats();
    const auto bytes = std::as_bytes(std::span(values));
    return {bytes.begin(), bytes.end()};
}

StepCase matmul_of(const NBitsCase& golden) {
    const Blob *zeros = golden.find("zero_points"), *bias = golden.find("bias");
    StepCase step =
        matmul(format_of(golden), golden.attr("K"), golden.attr("N"),
               bias ? std::vector<std::string_view>{"bias"} : std::vector<std::string_view>{});
    step.name = golden.name;
    store(step, golden.tensors.at("B").bytes, golden.tensors.at("scales").bytes,
          zeros ? &zeros->bytes : nullptr);
    if (bias) step.stored["bias"] = as_f32(*bias);
    fill_with(step, golden.tensors.at("A").floats());
    return step;
}

Bytes times(const Bytes& bytes, std::byte flip) {
    Bytes out = bytes;
    for (const std::byte b : bytes) out.push_back(b);
    for (size_t i = 0; i < bytes.size(); ++i) out[i] ^= flip;
    return out;
}

/// The matrix as the second of two, the first of which has all codes inverted.
StepCase indexed_matmul_of(const NBitsCase& golden) {
    StepCase step = matmul_of(golden);
    step.op = Op::expert_matmul;
    step.params = {{"k", golden.attr("K")},
                   {"m", golden.attr("N")},
                   {"n_expert", 2},
                   {"n_used", 1},
                   {"n_x", 1}};
    step.with.insert(step.with.begin(), "ids");
    for (auto& [array, bytes] : step.stored)
        bytes = times(bytes, array == "w" ? std::byte{255} : std::byte{0});
    return step;
}

using MakeStep = StepCase (*)(const NBitsCase&);

/// Whether the case's own result, "Y", is that of rounded activations.
bool computed_rounded(const NBitsCase& golden) {
    return golden.facts["attrs"].value("accuracy_level", 0) == 4;
}

std::vector<float> expected_of(const NBitsCase& golden, bool rounded) {
    return golden.tensors.at(rounded && computed_rounded(golden) ? "Y" : "Y_f64").floats();
}

/// How far the result may be from the expected one.
double tolerance(const NBitsCase& golden, bool rounded) {
    return rounded && !computed_rounded(golden) ? kInt8Rtol : kRtol;
}

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
                                     tolerance(*golden[i], rounded)),
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
        const GatherTable table = gather_table(golden);
        StepCase step{.name = golden.name,
                      .op = Op::embed,
                      .params = {{"n", uint32_t(table.cols)}, f32_param("scale", 1)},
                      .nbits = table.format,
                      .n_vocab = uint32_t(table.rows)};
        store(step, table.codes, table.scales,
              table.format.zero == Zero::middle ? nullptr : &table.zeros);
        auto rig = make_rig(std::span(&step, 1), {});
        ASSERT_TRUE(rig) << rig.error().str();
        BatchCase batch{.tokens = gathered_rows(golden)};
        batch.n_tok = uint32_t(batch.tokens.size());
        const auto ran = (*rig)->run(batch);
        ASSERT_TRUE(ran) << ran.error().str();
        EXPECT_EQ((*rig)->violations(), std::vector<std::string>());
        for (const Side side : {Side::reference, Side::device, Side::gpu}) {
            std::vector<float> y = (*rig)->output(side, 0, "y");
            if (expected.dtype == "float16")  // the operator's own result is rounded to halves
                for (float& v : y) v = f16_to_f32(f32_to_f16(v));
            EXPECT_EQ(difference(y, expected.floats(), kRtol), "")
                << golden.name << " on " << side_name(side);
        }
    }
}

}  // namespace
}  // namespace m2w::test
