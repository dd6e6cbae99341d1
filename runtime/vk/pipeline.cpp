// pipeline.cpp — makes compute pipelines, keeps them, and keeps the driver's cache on disk.
#include "runtime/vk/pipeline.h"

#include <fmt/format.h>

#include <cstring>

#include "runtime/vk/cache_file.h"

#include "runtime/vk/error.h"

namespace m2w::vk {
namespace {

std::string key(const PipelineDesc& desc) {
    std::string out =
        fmt::format("{} push={} subgroup={} sets={}", desc.name, desc.push_constant_bytes,
                    desc.subgroup_size, desc.set_layouts.size());
    for (const auto& [id, value] : desc.constants) out += fmt::format(" {}={}", id, value);
    return out;
}

/// True when the driver made `data` itself, in this version: the header of every pipeline cache
/// says so (VkPipelineCacheHeaderVersionOne).
bool made_here(std::span<const std::byte> data, const DeviceInfo& info) {
    VkPipelineCacheHeaderVersionOne header{};
    if (data.size() < sizeof header) return false;
    std::memcpy(&header, data.data(), sizeof header);
    return header.headerSize >= sizeof header && header.headerSize <= data.size() &&
           header.headerVersion == VK_PIPELINE_CACHE_HEADER_VERSION_ONE &&
           header.vendorID == info.vendor_id && header.deviceID == info.device_id &&
           std::memcmp(header.pipelineCacheUUID, info.pipeline_cache_uuid.data(), VK_UUID_SIZE) ==
               0;
}

}  // namespace

Result<std::unique_ptr<Pipelines>> Pipelines::create(Device& device,
                                                     const PipelineOptions& options) {
    TRY(device.check());
    std::unique_ptr<Pipelines> out(new Pipelines(device));
    const auto dir = options.cache_dir ? *options.cache_dir : default_cache_dir();
    std::vector<std::byte> data;
    if (!dir.empty()) {
        out->cache_file_ = dir / fmt::format("pipelines-{}-{:08x}.bin", device.info().uuid_str(),
                                             device.info().driver_version_id);
        data = read_cache_file(out->cache_file_);
        if (!made_here(data, device.info())) data.clear();
    }
    if (!data.empty()) out->loaded_checksum_ = checksum(data);
    auto info = vk_struct<VkPipelineCacheCreateInfo>(VK_STRUCTURE_TYPE_PIPELINE_CACHE_CREATE_INFO);
    info.initialDataSize = data.size();
    info.pInitialData = data.data();
    TRY(device.check(vkCreatePipelineCache(device.handle(), &info, nullptr, &out->cache_),
                     "vkCreatePipelineCache"));
    return out;
}

Pipelines::~Pipelines() {
    if (!cache_ || !device_.quiesce()) return;
    save();
    const VkDevice device = device_.handle();
    for (const auto& [name, pipeline] : pipelines_)
        vkDestroyPipeline(device, pipeline.handle, nullptr);
    for (const auto& [size, layout] : layouts_) vkDestroyPipelineLayout(device, layout, nullptr);
    vkDestroyPipelineCache(device, cache_, nullptr);
}

Result<const Pipeline*> Pipelines::get(const PipelineDesc& desc) {
    TRY(device_.check());
    const std::string name = key(desc);
    std::lock_guard lock(mutex_);
    if (const auto found = pipelines_.find(name); found != pipelines_.end()) return &found->second;
    TRY(const VkPipelineLayout with, layout(desc));
    TRY(const VkPipeline handle, compile(desc, with));
    Pipeline& out = pipelines_[name];
    out = {handle, with, desc.push_constant_bytes};
    return &out;
}

size_t Pipelines::size() const {
    std::lock_guard lock(mutex_);
    return pipelines_.size();
}

Result<VkPipelineLayout> Pipelines::layout(const PipelineDesc& desc) {
    const uint32_t bytes = desc.push_constant_bytes;
    M2W_ASSERT(bytes % 4 == 0);
    if (bytes > device_.caps().push_constant_bytes)
        return Error{Category::unsupported,
                     fmt::format("{}: {} bytes of push constants, the device takes {}", desc.name,
                                 bytes, device_.caps().push_constant_bytes)};
    const auto layout_key = std::pair(bytes, desc.set_layouts.size());
    if (const auto found = layouts_.find(layout_key); found != layouts_.end()) return found->second;
    const VkPushConstantRange range{VK_SHADER_STAGE_COMPUTE_BIT, 0, bytes};
    auto info =
        vk_struct<VkPipelineLayoutCreateInfo>(VK_STRUCTURE_TYPE_PIPELINE_LAYOUT_CREATE_INFO);
    info.setLayoutCount = uint32_t(desc.set_layouts.size());
    info.pSetLayouts = desc.set_layouts.data();
    info.pushConstantRangeCount = bytes > 0;
    info.pPushConstantRanges = &range;
    VkPipelineLayout out = VK_NULL_HANDLE;
    TRY(device_.check(vkCreatePipelineLayout(device_.handle(), &info, nullptr, &out),
                      "vkCreatePipelineLayout"));
    layouts_[layout_key] = out;
    return out;
}

Result<VkPipeline> Pipelines::compile(const PipelineDesc& desc, VkPipelineLayout with) {
    const Caps& caps = device_.caps();
    std::vector<VkSpecializationMapEntry> entries;
    for (const SpecConstant& constant : desc.constants) {
        const size_t offset = entries.size() * sizeof(SpecConstant) + offsetof(SpecConstant, value);
        entries.push_back({constant.id, uint32_t(offset), sizeof constant.value});
    }
    const VkSpecializationInfo constants{uint32_t(entries.size()), entries.data(),
                                         desc.constants.size_bytes(), desc.constants.data()};
    auto module = vk_struct<VkShaderModuleCreateInfo>(VK_STRUCTURE_TYPE_SHADER_MODULE_CREATE_INFO);
    module.codeSize = desc.spirv.size_bytes();
    module.pCode = desc.spirv.data();
    auto subgroup = vk_struct<VkPipelineShaderStageRequiredSubgroupSizeCreateInfoEXT>(
        VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_REQUIRED_SUBGROUP_SIZE_CREATE_INFO_EXT);
    subgroup.requiredSubgroupSize = desc.subgroup_size;
    auto info =
        vk_struct<VkComputePipelineCreateInfo>(VK_STRUCTURE_TYPE_COMPUTE_PIPELINE_CREATE_INFO);
    info.layout = with;
    info.stage.sType = VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_CREATE_INFO;
    info.stage.stage = VK_SHADER_STAGE_COMPUTE_BIT;
    info.stage.pName = "main";
    info.stage.pSpecializationInfo = &constants;
    if (desc.subgroup_size != 0 && caps.subgroup_size_control) {
        info.stage.pNext = &subgroup;
        if (caps.full_subgroups)
            info.stage.flags = VK_PIPELINE_SHADER_STAGE_CREATE_REQUIRE_FULL_SUBGROUPS_BIT_EXT;
    }
    if (desc.subgroup_size != 0 && (desc.subgroup_size < caps.subgroup_size_min ||
                                    desc.subgroup_size > caps.subgroup_size_max))
        return Error{
            Category::unsupported,
            fmt::format("{}: subgroups of {}, the device has {} to {}", desc.name,
                        desc.subgroup_size, caps.subgroup_size_min, caps.subgroup_size_max)};
    TRY(device_.check(vkCreateShaderModule(device_.handle(), &module, nullptr, &info.stage.module),
                      fmt::format("vkCreateShaderModule {}", desc.name)));
    VkPipeline out = VK_NULL_HANDLE;
    const VkResult result =
        vkCreateComputePipelines(device_.handle(), cache_, 1, &info, nullptr, &out);
    vkDestroyShaderModule(device_.handle(), info.stage.module, nullptr);
    if (result) return device_.fail(result, fmt::format("vkCreateComputePipelines {}", key(desc)));
    return out;
}

bool Pipelines::save() {
    size_t size = 0;
    if (cache_file_.empty() || device_.lost() ||
        vkGetPipelineCacheData(device_.handle(), cache_, &size, nullptr) != VK_SUCCESS)
        return false;
    std::vector<std::byte> data(size);
    if (vkGetPipelineCacheData(device_.handle(), cache_, &size, data.data()) != VK_SUCCESS)
        return false;
    data.resize(size);
    const uint64_t now = checksum(data);
    if (now == loaded_checksum_ || !write_cache_file(cache_file_, data)) return false;
    loaded_checksum_ = now;
    return true;
}

}  // namespace m2w::vk
