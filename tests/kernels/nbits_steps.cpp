// nbits_steps.cpp — the arrays of golden cases as those of StepCases.
#include "tests/kernels/nbits_steps.h"

#include <fmt/format.h>

#include <cmath>

namespace m2w::test {

using namespace op_check;

namespace {

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

Bytes times(const Bytes& bytes, std::byte flip) {
    Bytes out = bytes;
    for (const std::byte b : bytes) out.push_back(b);
    for (size_t i = 0; i < bytes.size(); ++i) out[i] ^= flip;
    return out;
}

/// Whether the case's own result, "Y", is that of rounded activations.
bool computed_rounded(const NBitsCase& golden) {
    return golden.facts["attrs"].value("accuracy_level", 0) == 4;
}

}  // namespace

std::string nbits_name(const NBits& format) {
    constexpr const char* kZeros[] = {"middle", "codes", "floats"};
    return fmt::format("bits={},block={},{}{}{}", format.bits, format.block,
                       kZeros[size_t(format.zero)], format.halves ? ",halves" : "",
                       format.int8_activations ? ",int8" : "");
}

StepCase nbits_matmul(const NBits& format, uint32_t k, uint32_t m,
                      std::vector<std::string_view> with) {
    StepCase step{.name = fmt::format("{},k={},m={}", nbits_name(format), k, m),
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

StepCase matmul_of(const NBitsCase& golden) {
    const Blob *zeros = golden.find("zero_points"), *bias = golden.find("bias");
    StepCase step = nbits_matmul(
        format_of(golden), golden.attr("K"), golden.attr("N"),
        bias ? std::vector<std::string_view>{"bias"} : std::vector<std::string_view>{});
    step.name = golden.name;
    store(step, golden.tensors.at("B").bytes, golden.tensors.at("scales").bytes,
          zeros ? &zeros->bytes : nullptr);
    if (bias) step.stored["bias"] = as_f32(*bias);
    fill_with(step, golden.tensors.at("A").floats());
    return step;
}

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

std::vector<float> expected_of(const NBitsCase& golden, bool rounded) {
    return golden.tensors.at(rounded && computed_rounded(golden) ? "Y" : "Y_f64").floats();
}

double tolerance_of(const NBitsCase& golden, bool rounded) {
    return rounded && !computed_rounded(golden) ? kNBitsInt8Rtol : kNBitsRtol;
}

StepCase embed_of(const NBitsCase& golden) {
    const GatherTable table = gather_table(golden);
    StepCase step{.name = golden.name,
                  .op = Op::embed,
                  .params = {{"n", uint32_t(table.cols)}, f32_param("scale", 1)},
                  .nbits = table.format,
                  .n_vocab = uint32_t(table.rows)};
    store(step, table.codes, table.scales,
          table.format.zero == NBits::Zero::middle ? nullptr : &table.zeros);
    return step;
}

BatchCase gather_of(const NBitsCase& golden) {
    BatchCase batch{.tokens = gathered_rows(golden)};
    batch.n_tok = uint32_t(batch.tokens.size());
    return batch;
}

}  // namespace m2w::test
