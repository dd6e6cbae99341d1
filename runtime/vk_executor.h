// vk_executor.h — runs a Plan on a Vulkan device. Knows ops and devices, no architectures.
#pragma once
#include <memory>
#include <string>

#include "runtime/executor.h"

namespace m2w {

struct VkBackendOptions {
    std::string device = "auto";  // as EngineOptions::device
    bool validation = false;
    uint64_t max_piece_bytes = 0;  // 0: the device's limit; tests make weights split into pieces
};

/// Opens the device and checks that the Plan fits with `planned` sessions, then uploads the
/// weights. Errors: no_device, unsupported (a shape that no kernel computes), out_of_memory, io,
/// nan_scale, device_lost.
Result<std::unique_ptr<Backend>> make_vk_backend(std::shared_ptr<const Plan> plan,
                                                 const gguf::File& file,
                                                 const VkBackendOptions& options,
                                                 const ExecutorOptions& planned,
                                                 const ProgressFn& progress);

/// What the validation layer said about a Vulkan backend so far; empty for others and without
/// validation.
std::vector<std::string> validation_messages(const Backend& backend);

}  // namespace m2w
