// vk_executor.h — runs a Plan on a Vulkan device. Knows ops and devices, no architectures.
#pragma once
#include <memory>
#include <string>

#include "runtime/executor.h"
#include "runtime/vk/instance.h"

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

/// The kernel that a Vulkan backend runs a Step of its Plan with, in a batch of n_tok tokens and
/// n_out rows of logits: what of a matrix comes first decides, where that lies in pieces.
std::string kernel_of(const Backend& backend, uint32_t step, CacheType cache, uint32_t n_tok,
                      uint32_t n_out);

/// The device of a Vulkan backend, or nullptr. Lives as long as the backend.
const vk::DeviceInfo* device_info(const Backend& backend);

/// What the validation layer said about a Vulkan backend so far; empty for others and without
/// validation.
std::vector<std::string> validation_messages(const Backend& backend);

}  // namespace m2w
