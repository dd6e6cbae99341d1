// caps.cpp — asks a device what it can do, and says which of it to switch on.
#include "runtime/vk/caps.h"

#include <algorithm>

#include "runtime/vk/error.h"

namespace m2w::vk {
namespace {

// VK_KHR_cooperative_matrix is of 2023, younger than Debian 12's headers: the numbers and the
// struct are those of the Vulkan registry (extension 507).
constexpr auto kCoopFeaturesType = VkStructureType(1000506000);
constexpr auto kCoopPropertiesType = VkStructureType(1000506001);
constexpr uint32_t kScopeSubgroup = 3;

struct CoopProperties {  // VkCooperativeMatrixPropertiesKHR
    VkStructureType sType;
    void* pNext;
    uint32_t m, n, k;
    uint32_t a, b, c, result;  // VkComponentTypeKHR
    VkBool32 saturating;
    uint32_t scope;
};
using GetCoopProperties = VkResult(VKAPI_PTR*)(VkPhysicalDevice, uint32_t*, CoopProperties*);

/// Puts `link` in front of head's chain.
template <class Head, class Link>
void chain(Head& head, Link& link) {
    link.pNext = head.pNext;
    head.pNext = &link;
}

std::vector<std::string> extension_names(VkPhysicalDevice device) {
    uint32_t count = 0;
    if (vkEnumerateDeviceExtensionProperties(device, nullptr, &count, nullptr)) return {};
    std::vector<VkExtensionProperties> found(count);
    if (vkEnumerateDeviceExtensionProperties(device, nullptr, &count, found.data()) < 0) return {};
    std::vector<std::string> names;
    for (const auto& extension : found) names.emplace_back(extension.extensionName);
    return names;
}

std::vector<CoopMatrixShape> query_coop_shapes(VkInstance instance, VkPhysicalDevice device) {
    // By way of void*: the real type of the function is in newer headers only.
    auto query = reinterpret_cast<GetCoopProperties>(reinterpret_cast<void*>(
        vkGetInstanceProcAddr(instance, "vkGetPhysicalDeviceCooperativeMatrixPropertiesKHR")));
    uint32_t count = 0;
    if (!query || query(device, &count, nullptr) != VK_SUCCESS) return {};
    std::vector<CoopProperties> rows(count, vk_struct<CoopProperties>(kCoopPropertiesType));
    if (query(device, &count, rows.data()) < 0) return {};
    rows.resize(count);
    std::vector<CoopMatrixShape> shapes;
    for (const CoopProperties& row : rows)
        if (row.scope == kScopeSubgroup)
            shapes.push_back({row.m, row.n, row.k, Component(row.a), Component(row.b),
                              Component(row.c), Component(row.result), row.saturating != 0});
    return shapes;
}

void query_limits(const VkPhysicalDeviceLimits& limits, Caps& caps) {
    caps.max_workgroup_invocations = limits.maxComputeWorkGroupInvocations;
    std::copy_n(limits.maxComputeWorkGroupSize, 3, caps.max_workgroup_size.begin());
    std::copy_n(limits.maxComputeWorkGroupCount, 3, caps.max_workgroup_count.begin());
    caps.shared_memory_bytes = limits.maxComputeSharedMemorySize;
    caps.push_constant_bytes = limits.maxPushConstantsSize;
    caps.max_storage_buffer_range_bytes = limits.maxStorageBufferRange;
    caps.max_uniform_range_bytes = limits.maxUniformBufferRange;
    caps.min_uniform_alignment_bytes = limits.minUniformBufferOffsetAlignment;
    caps.max_texel_elements = limits.maxTexelBufferElements;
    caps.min_texel_alignment_bytes = limits.minTexelBufferOffsetAlignment;
    caps.max_allocations = limits.maxMemoryAllocationCount;
    caps.non_coherent_atom_bytes = limits.nonCoherentAtomSize;
    caps.timestamp_period_ns = limits.timestampPeriod;
}

uint32_t compute_queue(VkPhysicalDevice device, uint32_t& timestamp_valid_bits) {
    uint32_t count = 0;
    vkGetPhysicalDeviceQueueFamilyProperties(device, &count, nullptr);
    std::vector<VkQueueFamilyProperties> families(count);
    vkGetPhysicalDeviceQueueFamilyProperties(device, &count, families.data());
    for (uint32_t i = 0; i < count; ++i)
        if (families[i].queueFlags & VK_QUEUE_COMPUTE_BIT) {
            timestamp_valid_bits = families[i].timestampValidBits;
            return i;
        }
    return Caps::kNoQueue;
}

void query_properties(VkPhysicalDevice device, Caps& caps) {
    auto v11 = vk_struct<VkPhysicalDeviceVulkan11Properties>(
        VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_1_PROPERTIES);
    auto v12 = vk_struct<VkPhysicalDeviceVulkan12Properties>(
        VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_2_PROPERTIES);
    auto size = vk_struct<VkPhysicalDeviceSubgroupSizeControlPropertiesEXT>(
        VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SUBGROUP_SIZE_CONTROL_PROPERTIES_EXT);
    auto dot = vk_struct<VkPhysicalDeviceShaderIntegerDotProductPropertiesKHR>(
        VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SHADER_INTEGER_DOT_PRODUCT_PROPERTIES_KHR);
    auto head =
        vk_struct<VkPhysicalDeviceProperties2>(VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2);
    chain(head, v11);
    chain(head, v12);
    if (caps.subgroup_size_control) chain(head, size);
    if (caps.int_dot) chain(head, dot);
    vkGetPhysicalDeviceProperties2(device, &head);
    caps.driver_id = v12.driverID;
    caps.max_allocation_bytes = v11.maxMemoryAllocationSize;
    caps.subgroup_size = v11.subgroupSize;
    caps.subgroup_ops = v11.subgroupSupportedOperations;
    if (!(size.requiredSubgroupSizeStages & VK_SHADER_STAGE_COMPUTE_BIT))
        caps.subgroup_size_control = false;
    caps.subgroup_size_min = caps.subgroup_size_control ? size.minSubgroupSize : v11.subgroupSize;
    caps.subgroup_size_max = caps.subgroup_size_control ? size.maxSubgroupSize : v11.subgroupSize;
    caps.int_dot_accelerated = dot.integerDotProduct4x8BitPackedSignedAccelerated != VK_FALSE;
}

/// Extension that we use where it is offered, and the field that says so.
constexpr struct {
    const char* name;
    bool Caps::*field;
} kExtensions[] = {
    {VK_EXT_SUBGROUP_SIZE_CONTROL_EXTENSION_NAME, &Caps::subgroup_size_control},
    {VK_KHR_SHADER_INTEGER_DOT_PRODUCT_EXTENSION_NAME, &Caps::int_dot},
    {"VK_KHR_cooperative_matrix", &Caps::coop_matrix},
    {VK_EXT_MEMORY_BUDGET_EXTENSION_NAME, &Caps::memory_budget},
};

}  // namespace

FeatureChain::FeatureChain(const Caps& caps) {
    head.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2;
    v11_.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_1_FEATURES;
    v12_.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_2_FEATURES;
    size_control_.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SUBGROUP_SIZE_CONTROL_FEATURES_EXT;
    int_dot_.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SHADER_INTEGER_DOT_PRODUCT_FEATURES_KHR;
    coop_matrix_.sType = kCoopFeaturesType;
    chain(head, v11_);
    chain(head, v12_);
    if (caps.subgroup_size_control) chain(head, size_control_);
    if (caps.int_dot) chain(head, int_dot_);
    if (caps.coop_matrix) chain(head, coop_matrix_);
}

/// The one table of features: Vulkan's field and ours.
template <class F>
void FeatureChain::for_each(Caps& caps, F f) {
    f(head.features.robustBufferAccess, caps.robust_buffer_access);
    f(head.features.shaderInt16, caps.int16);
    f(head.features.shaderInt64, caps.int64);
    f(v11_.storageBuffer16BitAccess, caps.storage_16bit);
    f(v12_.storageBuffer8BitAccess, caps.storage_8bit);
    f(v12_.shaderFloat16, caps.float16);
    f(v12_.shaderInt8, caps.int8);
    f(v12_.scalarBlockLayout, caps.scalar_layout);
    f(v12_.bufferDeviceAddress, caps.buffer_device_address);
    f(v12_.timelineSemaphore, caps.timeline_semaphore);
    f(v12_.shaderSubgroupExtendedTypes, caps.subgroup_extended_types);
    f(v12_.vulkanMemoryModel, caps.memory_model);
    f(v12_.vulkanMemoryModelDeviceScope, caps.memory_model_device_scope);
    f(size_control_.subgroupSizeControl, caps.subgroup_size_control);
    f(size_control_.computeFullSubgroups, caps.full_subgroups);
    f(int_dot_.shaderIntegerDotProduct, caps.int_dot);
    f(coop_matrix_.cooperativeMatrix, caps.coop_matrix);
}

void FeatureChain::enable(const Caps& caps) {
    Caps copy = caps;
    for_each(copy, [](VkBool32& theirs, bool& ours) { theirs = ours; });
}

void FeatureChain::read(Caps& caps) {
    for_each(caps, [](VkBool32& theirs, bool& ours) { ours = theirs != VK_FALSE; });
}

std::vector<const char*> extensions(const Caps& caps) {
    std::vector<const char*> names;
    for (const auto& extension : kExtensions)
        if (caps.*extension.field) names.push_back(extension.name);
    return names;
}

Caps query_caps(VkInstance instance, VkPhysicalDevice device, bool validation,
                bool allow_coop_matrix) {
    VkPhysicalDeviceProperties properties{};
    vkGetPhysicalDeviceProperties(device, &properties);
    Caps caps;
    caps.type = properties.deviceType;
    caps.is_cpu = caps.type == VK_PHYSICAL_DEVICE_TYPE_CPU;
    caps.unified_memory = caps.is_cpu || caps.type == VK_PHYSICAL_DEVICE_TYPE_INTEGRATED_GPU;
    caps.queue_family = compute_queue(device, caps.timestamp_valid_bits);
    query_limits(properties.limits, caps);
    if (properties.apiVersion < VK_API_VERSION_1_2) return caps;

    const auto offered = extension_names(device);
    for (const auto& extension : kExtensions)
        caps.*extension.field = std::ranges::count(offered, extension.name) > 0;
    caps.coop_matrix = caps.coop_matrix && allow_coop_matrix;
    {
        FeatureChain chain(caps);
        vkGetPhysicalDeviceFeatures2(device, &chain.head);
        chain.read(caps);
    }
    query_properties(device, caps);
    caps.robust_buffer_access = caps.robust_buffer_access && validation;
    // Shaders with cooperative matrices must use the Vulkan memory model
    // (SPV_KHR_cooperative_matrix).
    caps.coop_matrix = caps.coop_matrix && caps.memory_model;
    if (caps.coop_matrix) caps.coop_shapes = query_coop_shapes(instance, device);
    return caps;
}

std::string why_unusable(const Caps& caps, uint32_t api_version) {
    if (api_version < VK_API_VERSION_1_2) return "older than Vulkan 1.2";
    if (caps.queue_family == Caps::kNoQueue) return "no compute queue";
    if (!caps.buffer_device_address) return "no buffer device addresses";
    if (!caps.storage_16bit) return "no 16-bit storage";
    if (!caps.timeline_semaphore) return "no timeline semaphores";
    return "";
}

}  // namespace m2w::vk
