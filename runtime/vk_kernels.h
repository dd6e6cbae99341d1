// vk_kernels.h — which kernel runs a Step on a device, with which constants and grid. The only
// place that tunes.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "gguf/nbits.h"
#include "runtime/executor.h"
#include "runtime/vk/commands.h"
#include "runtime/vk/pipeline.h"

namespace m2w {

/// How a class of devices likes its kernels. The defaults are the best of a sweep on an H200
/// (driver 580.159, 2026-11-21, Llama-3.2-1B Q8_0 shapes): matvec 64 x 1 row 1.15 ms a token, 128 x
/// 2 1.68 ms, 128 x 4 2.67 ms; rms_norm 512 0.16 ms, 128 0.39 ms; attend with 16 splits 0.45 ms at
/// 600 positions. Chosen from the device's caps; see docs/adr and vk_kernels.cpp for the figures.
struct KernelProfile {
    uint32_t subgroup_size = 32;
    uint32_t elementwise_size = 256;  // local size of kernels without subgroup work
    uint32_t matvec_size = 64;        // local size of matvec
    uint32_t matvec_rows = 1;         // weight rows a subgroup
    uint32_t matvec_cols = 8;         // activation rows a matvec handles at once
    bool int_dot = false;             // integer dot products: the device has them, and so do we
    bool matmat = true;        // more activation rows than that go to matmat (shared-memory tiles)
    bool short_cuts = true;    // single rows take the Plan's short cuts
    uint32_t norm_size = 512;  // local size of rms_norm when rows are long
    uint32_t attend_splits = 16;  // most subgroups that share the positions of a query
    /// Not 0: weights are read as texels and activations through a uniform window of so many bytes,
    /// because loads by address cost a loop over the lanes: CPU devices
    /// (docs/adr/0009-weights-as-texels-on-cpu-devices.md).
    uint32_t window_bytes = 0;
};

/// as_cpu: whether to take a CPU's profile; a GPU's runs everywhere.
KernelProfile kernel_profile(const vk::Caps& caps, bool as_cpu);

/// The piece of a weight matrix that a dispatch is for.
struct WeightShape {
    DType dtype = DType::f32;
    uint64_t rows = 0;
    bool texels = false;           // can be read as texels
    std::optional<NBits> nbits{};  // n-bit codes, whatever dtype is
};

/// What one dispatch of a Step looks like, apart from its push constants.
struct KernelChoice {
    std::string name;  // of the SPIR-V module
    std::vector<vk::SpecConstant> constants;
    uint32_t subgroup_size = 0;  // pinned where the device allows
    vk::Groups groups;
    uint32_t cols = 0;              // not 0: groups.z is to be ceil(rows * columns_a_row / cols)
    uint32_t columns_a_row = 1;     // slots, where each of them is a column of the product
    uint32_t dispatch_rows = 0;     // not 0: more rows than that take more dispatches
    bool sorted = false;            // reads what expert_order writes
    std::optional<Op> pushed_as{};  // whose push constants it takes, if not the Step's: the Step's
                                    // operands and params are the first of that op's
    bool window = false;  // activations come through a uniform window, which holds dispatch_rows
};

/// The kernel for a Step. rows: of its output; weight: of Steps that have one.
KernelChoice choose_kernel(const KernelProfile& profile, const vk::Caps& caps, const Step& step,
                           CacheType cache, const WeightShape& weight, uint32_t rows);

/// Errors: unsupported (a Step of a shape that no kernel computes).
Result<void> check_kernels(const Plan& plan);

}  // namespace m2w
