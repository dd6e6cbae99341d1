// vk_executor.h — runs a Plan on a Vulkan device. Knows ops and devices, no architectures.
#pragma once
#include <memory>
#include <string>

#include "runtime/executor.h"

namespace m2w {

struct VkBackendOptions {
    std::string device = "auto";  // as EngineOptions::device
    bool validation = false;
    bool start_early = false;  // as EngineOptions::start_early
    // For tests:
    uint64_t max_piece_bytes = 0;  // 0: the device's limit; small values split weights into pieces
    bool gpu_kernels = false;      // treat a CPU device as a GPU: its kernels, its copies
    bool discrete_memory = false;  // never map device memory (vk::DeviceOptions)
};

/// Opens the device and checks that the Plan fits with `planned` sessions, then uploads the
/// weights. Errors: no_device, unsupported (a shape that no kernel computes), out_of_memory, io,
/// nan_scale, device_lost.
Result<std::unique_ptr<Backend>> make_vk_backend(std::shared_ptr<const Plan> plan,
                                                 std::shared_ptr<const gguf::File> file,
                                                 const VkBackendOptions& options,
                                                 const ExecutorOptions& planned,
                                                 const ProgressFn& progress);

/// What the validation layer said about a Vulkan backend so far; empty for others and without
/// validation.
std::vector<std::string> validation_messages(const Backend& backend);

}  // namespace m2w
