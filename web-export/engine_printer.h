// engine_printer.h — a Plan as TypeScript: engine.ts and shaders.ts of a package. Prints text;
// writes no file and knows no architecture.
#pragma once
#include <string>

#include "runtime/model/plan.h"
#include "web-export/kernel_table.h"

namespace m2w::web {

/// What is known of a model besides its Plan.
struct EngineFacts {
    std::string name;
    uint64_t n_params = 0;
    std::string plan_sha256;    // of the Plan as the model has it, before any rewriting
    std::string header_sha256;  // of each of its files before the data section, with commas
};

struct EngineOptions {
    /// Largest buffer of a weight; what a WebGPU device promises. Larger ones are cut by rows.
    uint64_t max_buffer_bytes = 128u << 20;
};

struct PrintedEngine {
    std::string engine_ts, shaders_ts;
};

/// One line a dispatch, in the order of the Plan's Steps; the modules that they use and no others.
/// The same for the same Plan. Errors: those of the kernels and of weight_buffers().
Result<PrintedEngine> print_engine(const Plan& plan, const EngineFacts& facts,
                                   const EngineOptions& options, const KernelSource& kernels);

}  // namespace m2w::web
