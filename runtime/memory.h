// memory.h — will it fit? Weights, caches and activations against a device, before anything is
// allocated.
#pragma once
#include <cstdint>
#include <string>

#include "gguf/result.h"
#include "runtime/executor.h"

namespace m2w {

/// What running a model takes on its device, in bytes.
struct MemoryEstimate {
    uint64_t weights_bytes = 0;
    uint64_t cache_bytes = 0;       // keys and values for n_ctx positions, or for a window of them
    uint64_t state_bytes = 0;       // of recurrent layers, in n_slots slots
    uint64_t activation_bytes = 0;  // for batches of n_batch tokens
    uint64_t total_bytes() const {
        return weights_bytes + cache_bytes + state_bytes + activation_bytes;
    }
};

/// Rows of a cache: n_ctx, or with a window a ring, in which the rows that the first query of a
/// batch sees outlive the batch's own.
uint32_t cache_rows(const PlanCache& cache, const ExecutorOptions& options);

MemoryEstimate estimate_memory(const Plan& plan, const ExecutorOptions& options);

/// The largest n_ctx, at most the model's, with which the model fits into `available_bytes`; 0 when
/// not even one position does.
uint32_t largest_context(const Plan& plan, ExecutorOptions options, uint64_t available_bytes);

/// Errors: out_of_memory, with the numbers and the context length that would fit.
Result<void> check_fits(const Plan& plan, const ExecutorOptions& options, DeviceMemory device);

/// Main memory that is free for use now, in bytes; 0 when the system does not say.
uint64_t available_main_memory();

/// "1.3 GiB", "812 KiB".
std::string format_bytes(uint64_t bytes);

}  // namespace m2w
