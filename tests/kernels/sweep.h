// sweep.h — Steps times batches: every result on the device against the reference, with the
// tolerance of the op's contract. A failure prints the command that runs its case alone.
#pragma once
#include <gtest/gtest.h>

#include <set>
#include <span>
#include <string>
#include <vector>

#include "runtime/kernel_check/compare.h"

namespace m2w::test {

using namespace op_check;

/// A rig with all sides, on the device $M2W_TEST_DEVICE, else "auto", under the validation layer.
Result<std::unique_ptr<OpRig>> make_rig(std::span<const StepCase> steps, RigOptions options);

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
