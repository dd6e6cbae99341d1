// kernel_cases.h — a few Steps of every op that between them take every kernel of a device through
// its tails and its optional operands. The tests have many more; runs nothing.
#pragma once
#include <span>
#include <vector>

#include "runtime/kernel_check/op_case.h"

namespace m2w::op_check {

/// Steps of one op, of ops with a weight for each of `types`.
std::vector<StepCase> kernel_cases(Op op, std::span<const DType> types);

/// A timeline for kernel_cases of the op, to be run in order on one executor: single tokens, few
/// and many where the op takes them, at the start and later. It needs kCheckedBatch and
/// kCheckedContext.
std::vector<BatchCase> kernel_batches(Op op);
constexpr uint32_t kCheckedBatch = 66;    // one more than the largest batch: see OpRig
constexpr uint32_t kCheckedContext = 96;  // with positions behind the last batch

}  // namespace m2w::op_check
