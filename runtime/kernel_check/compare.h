// compare.h — what a Step gave on a device against what it gave on the reference, within the
// tolerance of the op's contract. Runs nothing.
#pragma once
#include <span>
#include <string>

#include "runtime/kernel_check/op_rig.h"

namespace m2w::op_check {

/// ||got - expected|| / ||expected||; infinite where a number is none.
double relative_error(std::span<const float> got, std::span<const float> expected);

/// Empty when got is expected within rtol; else what is wrong. Checked are that no number is
/// missing, ||got - expected|| <= rtol ||expected||, and that no single element strays by more than
/// 8 rtol of itself or of the root mean square, whichever is larger. rtol 0: the same bits, but any
/// zero equals any zero.
std::string difference(std::span<const float> got, std::span<const float> expected, double rtol);

struct OutputCheck {
    double relative_error = 0;
    std::string problem;  // empty: as it should be
};

/// An output of a Step, by the tolerance of its op. A cache must hold the new rows and, elsewhere,
/// what it held before.
OutputCheck check_output(const OpRig& rig, Side side, size_t index, const StepCase& step,
                         const Binding& binding, const BatchCase& batch);

}  // namespace m2w::op_check
