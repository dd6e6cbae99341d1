// op_case.cpp — shapes from contracts, random numbers, random weight blocks.
#include "runtime/kernel_check/op_case.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>

#include "gguf/float16.h"
#include "gguf/result.h"
#include "kernels/contract_shapes.h"

namespace m2w::op_check {
namespace {

uint64_t named(std::string_view name, const StepCase& step) {
    if (name == "n_tok" || name == "n_out" || name == "rows" || name == "n_ctx" || name == "n_rows")
        return 1;
    if (name == "n_vocab") return step.n_vocab;
    return step.param(name);
}

void put_half(std::byte* at, float value) {
    const uint16_t half = f32_to_f16(value);
    std::memcpy(at, &half, 2);
}

/// How large weights get, root mean square, if the scales of a block are 1: without the minimum,
/// and from the minimum.
struct WeightSize {
    DType dtype;
    float rms, minimum_rms;
};
constexpr WeightSize kSizes[] = {
    {DType::q8_0, 74, 0},
    {DType::q4_0, 4.6f, 0},
    {DType::q4_1, 8.8f, 1},
    {DType::q5_0, 9.2f, 0},
    {DType::q5_1, 18, 1},
    {DType::q4_k, 36 * 8.8f, 36},
    {DType::q5_k, 36 * 18, 36},
    {DType::q6_k, 74 * 18.5f, 0},
    {DType::q2_k, 8.8f * 1.9f, 8.8f},
    {DType::q3_k, 18.5f * 2.3f, 0},
    {DType::iq4_nl, 68, 0},
    {DType::iq4_xs, 68 * 18.5f, 0},
    {DType::iq3_s, 18.5f * 7, 0},
    {DType::iq3_xxs, 4.6f * 26, 0},
    {DType::iq2_s, 2.3f * 22, 0},
    {DType::iq2_xs, 2.3f * 22, 0},
    {DType::iq2_xxs, 2.3f * 22, 0},
    {DType::iq1_s, 9.2f * 0.8f, 0},
    {DType::iq1_m, 9.2f * 0.8f, 0},
    {DType::mxfp4, 2.9f, 0},
    {DType::nvfp4, 2.9f, 0},
    {DType::tq1_0, 0.8f, 0},
    {DType::tq2_0, 1.2f, 0},
    {DType::q1_0, 1, 0},
    {DType::q2_0, 1.2f, 0},
};

/// Scales of a block, at its floats; what is no half is about as large.
void put_scales(const FloatFields& floats, std::byte* block, float scale, float minimum,
                Random& random) {
    std::byte* at = block + floats.offset;
    scale *= 1 + 0.5f * random.unit();
    switch (floats.format) {
        case FloatFormat::f16:
            put_half(at, scale);
            if (floats.count > 1) put_half(at + 2, minimum * random.unit());
            return;
        case FloatFormat::f16_quarters:
            for (int quarter = 0; quarter < 4; ++quarter)
                at[2 * quarter + 1] = (at[2 * quarter + 1] & std::byte{15}) |
                                      std::byte((f32_to_f16(scale) >> (4 * quarter) & 15) << 4);
            return;
        case FloatFormat::e8m0:
            *at = std::byte(std::clamp(std::ilogb(scale) + 127, 0, 252));
            return;
        case FloatFormat::e4m3:
            for (uint32_t i = 0; i < floats.count; ++i)
                at[i] =
                    std::byte(std::clamp(std::ilogb(scale) + 7, 0, 14) << 3 | int(random.below(8)));
            return;
        default:
            M2W_ASSERT(false && "blocks have no such floats");
    }
}

}  // namespace

std::string BatchCase::name() const {
    return fmt::format("n_tok={},pos={},n_out={}", n_tok, pos, n_out);
}

uint32_t StepCase::param(std::string_view param_name) const {
    for (const auto& [name_, value] : params)
        if (name_ == param_name) return value;
    const auto& all = op_info(op).params;
    const auto* known = std::find_if(std::begin(all), std::end(all),
                                     [&](const Param& p) { return p.name == param_name; });
    M2W_ASSERT(known != std::end(all) && known->optional && "the case lacks a param");
    return 0;
}

StepCase gated(StepCase product, Activation activation, float limit, float up_shift) {
    product.name += fmt::format(",gated_by={}", uint32_t(activation) + 1);
    if (limit > 0) product.name += fmt::format(",limit={},up_shift={}", limit, up_shift);
    const uint32_t m = product.param("m");
    for (auto& [name, value] : product.params)
        if (name == "m2") value = m;
    product.params.push_back({"gated_by", uint32_t(activation) + 1});
    product.params.push_back(f32_param("limit", limit));
    product.params.push_back(f32_param("up_shift", up_shift));
    product.scale["x"] = 1 / std::sqrt(float(product.param("k")));
    product.scale["bias"] = 1;
    return product;
}

bool StepCase::has(const Binding& binding) const {
    return !binding.optional || std::find(with.begin(), with.end(), binding.name) != with.end();
}

float StepCase::scale_of(std::string_view binding) const {
    const auto at = scale.find(binding);
    return at == scale.end() ? 1.0f : at->second;
}

uint64_t Dims::count() const {
    uint64_t n = 1;
    for (const uint64_t d : dims) n *= d;
    return n;
}

Dims dims_of(const Binding& binding, const StepCase& step) {
    return {
        evaluate_shape(binding.shape, [&](std::string_view name) { return named(name, step); })};
}

Random::Random(std::string_view seed) : state_(0xcbf29ce484222325u) {
    for (const char c : seed) state_ = (state_ ^ uint8_t(c)) * 0x100000001b3u;  // FNV-1a
}

uint64_t Random::next() {  // splitmix64: Steele, Lea and Flood 2014
    uint64_t z = state_ += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

float Random::unit() {
    const double uniform = double(next() >> 11) * 0x1p-53;
    return float((2 * uniform - 1) * std::sqrt(3.0));
}

void Random::fill(std::span<float> out, float scale) {
    for (float& x : out) x = scale * unit();
}

std::vector<std::byte> random_blocks(DType dtype, uint64_t n_blocks, float scale, Random& random) {
    const DTypeInfo& info = dtype_info(dtype);
    std::vector<std::byte> out(n_blocks * info.block_bytes);
    if (info.block_elems == 1) {
        for (uint64_t i = 0; i < n_blocks; ++i) {
            const float value = scale * random.unit();
            const uint16_t narrow = dtype == DType::f16 ? f32_to_f16(value) : f32_to_bf16(value);
            std::memcpy(&out[i * info.block_bytes],
                        dtype == DType::f32 ? static_cast<const void*>(&value) : &narrow,
                        info.block_bytes);
        }
        return out;
    }
    const auto* size = std::find_if(std::begin(kSizes), std::end(kSizes),
                                    [&](const WeightSize& s) { return s.dtype == dtype; });
    M2W_ASSERT(size != std::end(kSizes));
    for (std::byte& b : out) b = std::byte(random.next() >> 56);
    for (uint64_t i = 0; i < n_blocks; ++i)
        put_scales(info.floats, &out[i * info.block_bytes], scale / size->rms,
                   size->minimum_rms > 0 ? scale / size->minimum_rms : 0, random);
    return out;
}

NBitsArrays random_nbits(const NBits& format, uint64_t rows, uint64_t cols, float scale,
                         Random& random) {
    NBitsArrays out;
    out.codes.resize(rows * format.code_bytes(cols));
    for (std::byte& b : out.codes) b = std::byte(random.next() >> 56);
    const float middle = float(1u << (format.bits - 1));
    const auto floats = [&](float mean, float spread) {
        std::vector<float> values(rows * format.blocks(cols));
        for (float& v : values) v = mean + spread * random.unit();
        std::vector<std::byte> bytes(rows * format.scale_bytes(cols));
        for (size_t i = 0; i < values.size(); ++i) {
            if (format.halves)
                put_half(&bytes[2 * i], values[i]);
            else
                std::memcpy(&bytes[4 * i], &values[i], 4);
        }
        return bytes;
    };
    out.scales = floats(scale / middle, scale / middle / 2);
    if (format.zero == NBits::Zero::floats) out.zeros = floats(middle, middle / 3);
    if (format.zero != NBits::Zero::codes) return out;
    out.zeros.resize(rows * format.zero_bytes(cols));
    for (std::byte& b : out.zeros) b = std::byte(random.next() >> 56);
    return out;
}

std::vector<std::byte> stored_uniform(std::string_view seed, uint32_t n, float lo, float hi) {
    std::vector<std::byte> out(size_t(n) * 4);
    Random random(seed);
    for (uint32_t i = 0; i < n; ++i) {
        const float x = lo + (hi - lo) * float(random.below(1u << 20)) * 0x1p-20f;
        std::memcpy(&out[size_t(i) * 4], &x, 4);
    }
    return out;
}

std::vector<DType> weight_types() {
    std::vector<DType> types;
    for (const DTypeInfo& info : all_dtypes())
        if (info.decode) types.push_back(info.dtype);
    return types;
}

std::string type_name(DType dtype) {
    std::string name(dtype_info(dtype).name);
    std::transform(name.begin(), name.end(), name.begin(),
                   [](char c) { return char(std::tolower(static_cast<unsigned char>(c))); });
    return name;
}

}  // namespace m2w::op_check
