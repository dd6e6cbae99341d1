// pipeline.h — SPIR-V and constants to compute pipelines, each made once; the driver's cache of
// them on disk. No descriptors: shaders get addresses in push constants.
#pragma once
#include <vulkan/vulkan_core.h>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "gguf/result.h"
#include "runtime/vk/device.h"

namespace m2w::vk {

/// layout(constant_id = id). Floats and bools as their 32-bit patterns.
struct SpecConstant {
    uint32_t id = 0, value = 0;
};

struct PipelineDesc {
    std::string_view name;  // of the shader: the same name is the same SPIR-V
    std::span<const uint32_t> spirv;
    std::span<const SpecConstant> constants;
    uint32_t push_constant_bytes = 0;  // multiple of 4
    /// 0: the driver's choice. Else the size that every subgroup has, all of them full:
    /// local_size_x must be a multiple of it.
    uint32_t subgroup_size = 0;
    /// Those of UniformWindow and TexelSets for kernels that read them, else none. All windows have
    /// compatible layouts, and so have all texel sets.
    std::span<const VkDescriptorSetLayout> set_layouts;
};

/// Borrowed from Pipelines. Entry point "main".
struct Pipeline {
    VkPipeline handle = VK_NULL_HANDLE;
    VkPipelineLayout layout = VK_NULL_HANDLE;
    uint32_t push_constant_bytes = 0;
};

struct PipelineOptions {
    /// Folder of the cache file. Not set: default_cache_dir() of cache_file.h. Empty: nothing on
    /// disk.
    std::optional<std::filesystem::path> cache_dir;
};

/// All pipelines of a device. Thread-safe. A cache file that is missing, foreign, damaged or
/// unwritable is ignored: it costs compile time, nothing else.
class Pipelines {
  public:
    /// Reads the cache file. Errors: out_of_memory, device_lost.
    static Result<std::unique_ptr<Pipelines>> create(Device& device,
                                                     const PipelineOptions& options = {});
    Pipelines(const Pipelines&) = delete;
    Pipelines& operator=(const Pipelines&) = delete;
    /// Saves the cache, then destroys the pipelines after all submitted work.
    ~Pipelines();

    /// The pipeline, made at the first call for this (name, constants, subgroup size). Lives as
    /// long as this object. Errors: unsupported (a subgroup size or push constant size that the
    /// device lacks), out_of_memory, device_lost, internal (the driver refuses the shader).
    Result<const Pipeline*> get(const PipelineDesc& desc);
    size_t size() const;
    /// Writes the cache file if the driver's cache has changed since it was read. True: written.
    bool save();
    /// Empty when there is no cache folder.
    const std::filesystem::path& cache_file() const { return cache_file_; }
    /// True when the cache file was found, intact and of this driver.
    bool cache_loaded() const { return loaded_checksum_ != 0; }

  private:
    explicit Pipelines(Device& device) : device_(device) {}
    Result<VkPipelineLayout> layout(const PipelineDesc& desc);
    Result<VkPipeline> compile(const PipelineDesc& desc, VkPipelineLayout with);

    Device& device_;
    std::filesystem::path cache_file_;
    VkPipelineCache cache_ = VK_NULL_HANDLE;
    uint64_t loaded_checksum_ = 0;
    mutable std::mutex mutex_;  // guards the maps
    std::map<std::string, Pipeline, std::less<>> pipelines_;
    // by push constant size and whether there is a uniform window (all windows have compatible
    // layouts)
    std::map<std::pair<uint32_t, size_t>, VkPipelineLayout> layouts_;
};

}  // namespace m2w::vk
