// kernel_check.h — does each kernel of a device compute what the reference does? On inputs made
// here, so that no model is needed. Prints nothing.
#pragma once
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "gguf/dtype.h"
#include "gguf/result.h"
#include "runtime/kernel_check/op_case.h"
#include "runtime/kernel_check/op_rig.h"

namespace m2w::op_check {

/// What a kernel came to over all Steps and batches that the device runs with it.
struct KernelVerdict {
    std::string kernel;  // of the SPIR-V module: "matvec_q4_k"; one may compute two ops
    Op op = Op::count;
    uint32_t n_results = 0;     // outputs that were compared
    double relative_error = 0;  // the largest, ||x - reference|| / ||reference||
    double tolerance = 0;       // of the op's contract; 0: the same bits
    std::string problem{};      // of the first output that is off; empty: there is none
    bool ok() const { return problem.empty(); }
};

struct KernelReport {
    std::string device, driver;  // "llvmpipe (LLVM 15.0.6, 256 bits)", "llvmpipe Mesa 22.3.6"
    std::vector<KernelVerdict> kernels;  // by op, then in the order in which they were first run
    bool ok() const;
};

struct KernelCheckOptions {
    std::string device = "auto";  // as EngineOptions::device
    std::vector<Op> ops{};        // empty: all
    std::vector<DType> types{};   // of weights; empty: all that kernels read
    /// See RigOptions.
    std::function<void(const StepCase&, std::string_view binding, std::span<float>)> spoil{};
};

/// Errors: those of make_vk_backend and of executors, with the op that was run.
Result<KernelReport> verify_kernels(const KernelCheckOptions& options);

}  // namespace m2w::op_check
