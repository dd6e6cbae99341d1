// sweep.h — Steps times batches: every result on the device against the reference, with the
// tolerance of the op's contract. A failure prints the command that runs its case alone.
#pragma once
#include <gtest/gtest.h>

#include <set>
#include <span>
#include <string>
#include <vector>

#include "tests/kernels/op_rig.h"

namespace m2w::test {

/// Empty when got is expected within rtol; else what is wrong. Checked are that no number is
/// missing, ||got - expected|| <= rtol ||expected||, and that no single element strays by more than
/// 8 rtol of itself or of the root mean square, whichever is larger. rtol 0: the same bits, but any
/// zero equals any zero.
std::string difference(std::span<const float> got, std::span<const float> expected, double rtol);

/// Runs all Steps on all batches, in order, and adds a failure for each result that is wrong.
///   M2W_OP_CASE='matmul/q4_k,k=256,m=65'        runs this Step alone
///   M2W_OP_BATCH='n_tok=9,pos=0,n_out=1'        runs this batch alone, or with caches up to it
void sweep(std::span<const StepCase> steps, std::span<const BatchCase> batches,
           const RigOptions& options = {});

/// What was run so far in this process.
struct SweepStats {
    std::set<Op> ops;
    uint64_t results = 0;  // compared with the reference
};
SweepStats& sweep_stats();

/// Ends the test when the machine has no Vulkan driver: loudly, and as a failure in CI.
class OpsTest : public testing::Test {
  protected:
    void SetUp() override;
};

/// n_tok of the batches that most ops are run on; n_out = 1.
std::vector<BatchCase> usual_batches();

}  // namespace m2w::test
