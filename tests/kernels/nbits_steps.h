// nbits_steps.h — products of n-bit codes as Steps, among them ONNX Runtime's golden cases
// (tests/support/nbits_cases.h) with what they must give. Runs nothing.
#pragma once
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/kernel_check/op_case.h"
#include "tests/support/nbits_cases.h"

namespace m2w::test {

/// Each number of bits and each kind of zero points and floats; every format is a pipeline of its
/// own, which drivers are slow to compile. The golden cases have 21 more.
inline constexpr NBits kNBitsFormats[] = {
    {.bits = 2, .block = 16, .zero = NBits::Zero::codes},
    {.bits = 4, .block = 256, .zero = NBits::Zero::floats, .halves = true},
    {.bits = 8, .block = 32},
};
/// "bits=4,block=256,floats,halves"
std::string nbits_name(const NBits& format);
op_check::StepCase nbits_matmul(const NBits& format, uint32_t k, uint32_t m,
                                std::vector<std::string_view> with = {});

/// Activations in blocks with scales of their own, near multiples of them: devices divide
/// differently in the last bits, which must not move any across a border.
bool fill_near_multiples(uint32_t block, uint32_t k, const op_check::BatchCase& batch,
                         std::span<float> out);

constexpr double kNBitsRtol = 1e-5;      // what tests of these cases allow
constexpr double kNBitsInt8Rtol = 1e-2;  // and with activations rounded to 8 bits

/// A MatMulNBits.
op_check::StepCase matmul_of(const NBitsCase& golden);
/// The matrix as the second of two, the first of which has all codes inverted.
op_check::StepCase indexed_matmul_of(const NBitsCase& golden);
/// What either gives, with activations rounded to 8 bits or not.
std::vector<float> expected_of(const NBitsCase& golden, bool rounded);
/// How far a result may be from that.
double tolerance_of(const NBitsCase& golden, bool rounded);

/// A GatherBlockQuantized: an embed of rows of the last axis, and the rows.
op_check::StepCase embed_of(const NBitsCase& golden);
op_check::BatchCase gather_of(const NBitsCase& golden);

}  // namespace m2w::test
