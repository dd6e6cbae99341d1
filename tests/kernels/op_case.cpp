// op_case.cpp — shapes from contracts, random numbers, random weight blocks.
#include "tests/kernels/op_case.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <sstream>

#include "gguf/float16.h"
#include "gguf/result.h"

namespace m2w::test {
namespace {

uint64_t named(std::string_view name, const StepCase& step) {
    if (name == "n_tok" || name == "n_out" || name == "rows" || name == "n_ctx" || name == "n_rows")
        return 1;
    if (name == "n_vocab") return step.n_vocab;
    return step.param(name);
}

/// "2 * n_head + n_rot / 2 - 1": factors of a term from left to right, then the terms.
uint64_t evaluate(const std::string& expression, const StepCase& step) {
    std::istringstream words(expression);
    int64_t sum = 0, term = 1;
    std::string factor, sign = "*";
    do {
        words >> factor;
        const bool digits = std::all_of(factor.begin(), factor.end(), isdigit);
        const int64_t x = int64_t(digits ? std::stoull(factor) : named(factor, step));
        M2W_ASSERT(sign.size() == 1 && sign.find_first_not_of("+-*/") == std::string::npos);
        if (sign == "+" || sign == "-") sum += term;
        term = sign == "*" ? term * x : sign == "/" ? term / x : sign == "-" ? -x : x;
    } while (words >> sign);
    return uint64_t(sum + term);
}

void put_half(std::byte* at, float value) {
    const uint16_t half = f32_to_f16(value);
    std::memcpy(at, &half, 2);
}

/// Where a block's halves are, and how large its weights get if those are 1 (root mean square).
struct HalfPlaces {
    DType dtype;
    int32_t scale_at, minimum_at;  // -1: none
    float rms, minimum_rms;
};
constexpr HalfPlaces kHalves[] = {
    {DType::q8_0, 0, -1, 74, 0},         {DType::q4_0, 0, -1, 4.6f, 0},
    {DType::q4_1, 0, 2, 8.8f, 1},        {DType::q5_0, 0, -1, 9.2f, 0},
    {DType::q5_1, 0, 2, 18, 1},          {DType::q4_k, 0, 2, 36 * 8.8f, 36},
    {DType::q5_k, 0, 2, 36 * 18.0f, 36}, {DType::q6_k, 208, -1, 74 * 18.5f, 0},
};

}  // namespace

std::string BatchCase::name() const {
    return fmt::format("n_tok={},pos={},n_out={}", n_tok, pos, n_out);
}

uint32_t StepCase::param(std::string_view param_name) const {
    for (const auto& [name_, value] : params)
        if (name_ == param_name) return value;
    M2W_ASSERT(!"the case lacks a param");
    return 0;
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
    Dims out;
    const std::string shape(binding.shape);
    for (size_t at = 0; at < shape.size();) {
        const size_t end = shape.find(']', at);
        M2W_ASSERT(shape[at] == '[' && end != std::string::npos);
        out.dims.push_back(evaluate(shape.substr(at + 1, end - at - 1), step));
        at = end + 1;
    }
    return out;
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
    const auto* halves = std::find_if(std::begin(kHalves), std::end(kHalves),
                                      [&](const HalfPlaces& h) { return h.dtype == dtype; });
    M2W_ASSERT(halves != std::end(kHalves));
    for (std::byte& b : out) b = std::byte(random.next() >> 56);
    for (uint64_t i = 0; i < n_blocks; ++i) {
        std::byte* block = &out[i * info.block_bytes];
        put_half(block + halves->scale_at, scale / halves->rms * (1 + 0.5f * random.unit()));
        if (halves->minimum_at >= 0)
            put_half(block + halves->minimum_at, scale / halves->minimum_rms * random.unit());
    }
    return out;
}

std::vector<DType> weight_types() {
    std::vector<DType> types;
    for (const DTypeInfo& info : all_dtypes())
        if (info.repack) types.push_back(info.dtype);
    return types;
}

std::string type_name(DType dtype) {
    std::string name(dtype_info(dtype).name);
    std::transform(name.begin(), name.end(), name.begin(),
                   [](char c) { return char(std::tolower(static_cast<unsigned char>(c))); });
    return name;
}

}  // namespace m2w::test
