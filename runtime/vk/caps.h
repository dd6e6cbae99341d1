// caps.h — limits and features of a physical device, those that we use, as one struct. Opens
// nothing.
#pragma once
#include <vulkan/vulkan_core.h>

#include <array>
#include <cstdint>
#include <string>
#include <vector>

namespace m2w::vk {

/// Number formats of cooperative matrices, with Vulkan's numbers (VkComponentTypeKHR).
enum class Component : uint32_t { f16 = 0, f32 = 1, f64 = 2, i8 = 3, i32 = 5, u8 = 7, u32 = 9 };

/// One shape that VK_KHR_cooperative_matrix offers at subgroup scope: [m][n] += [m][k] * [k][n].
struct CoopMatrixShape {
    uint32_t m = 0, n = 0, k = 0;
    Component a{}, b{}, c{}, result{};
    bool saturating = false;
};

/// Every bool says "offered, and switched on by Device::create" (robust_buffer_access: only with
/// validation).
struct Caps {
    static constexpr uint32_t kNoQueue = ~0u;

    VkPhysicalDeviceType type = VK_PHYSICAL_DEVICE_TYPE_OTHER;
    VkDriverId driver_id{};
    bool is_cpu = false;          // the device is the host's processor (lavapipe, SwiftShader)
    bool unified_memory = false;  // device memory is host memory: integrated GPU or CPU

    uint32_t subgroup_size = 0, subgroup_size_min = 0, subgroup_size_max = 0;
    bool subgroup_size_control = false;  // a pipeline may pin its size within min..max
    bool full_subgroups = false;         // ... and ask for no partly filled ones
    VkSubgroupFeatureFlags subgroup_ops = 0;

    uint32_t max_workgroup_invocations = 0;
    std::array<uint32_t, 3> max_workgroup_size{}, max_workgroup_count{};
    uint32_t shared_memory_bytes = 0, push_constant_bytes = 0;
    uint64_t max_storage_buffer_range_bytes = 0, max_allocation_bytes = 0;
    uint64_t max_uniform_range_bytes = 0, min_uniform_alignment_bytes = 0;
    uint64_t max_texel_elements = 0, min_texel_alignment_bytes = 0;
    uint32_t max_allocations = 0;
    uint64_t non_coherent_atom_bytes = 0;
    double timestamp_period_ns = 0;
    uint32_t timestamp_valid_bits = 0;  // of queue_family; 0: no timestamps
    uint32_t queue_family = kNoQueue;   // the one family we use: it has compute

    bool float16 = false, int8 = false, int16 = false, int64 = false;
    bool storage_8bit = false, storage_16bit = false, scalar_layout = false;
    bool buffer_device_address = false, timeline_semaphore = false;
    bool subgroup_extended_types = false;  // subgroup operations on 8-, 16- and 64-bit types
    bool memory_model = false, memory_model_device_scope = false;
    bool int_dot = false;              // VK_KHR_shader_integer_dot_product
    bool int_dot_accelerated = false;  // ... and packed signed 4x8 is faster than by hand
    bool coop_matrix = false;          // VK_KHR_cooperative_matrix
    std::vector<CoopMatrixShape> coop_shapes;
    bool memory_budget = false;  // VK_EXT_memory_budget
    bool robust_buffer_access = false;
};

/// The feature structs that we use, linked. Serves for asking and for switching on.
struct FeatureChain {
    /// Links the structs of the extensions that `caps` names; everything is off.
    explicit FeatureChain(const Caps& caps);
    FeatureChain(const FeatureChain&) = delete;  // linked by address
    FeatureChain& operator=(const FeatureChain&) = delete;
    /// Switches on what `caps` has.
    void enable(const Caps& caps);
    /// Sets the features of `caps` to what is on here.
    void read(Caps& caps);

    VkPhysicalDeviceFeatures2 head{};

  private:
    template <class F>
    void for_each(Caps& caps, F f);
    VkPhysicalDeviceVulkan11Features v11_{};
    VkPhysicalDeviceVulkan12Features v12_{};
    VkPhysicalDeviceSubgroupSizeControlFeaturesEXT size_control_{};
    VkPhysicalDeviceShaderIntegerDotProductFeaturesKHR int_dot_{};
    struct CoopMatrix {  // VkPhysicalDeviceCooperativeMatrixFeaturesKHR
        VkStructureType sType;
        void* pNext;
        VkBool32 cooperativeMatrix, cooperativeMatrixRobustBufferAccess;
    } coop_matrix_{};
};

/// Names of the device extensions that `caps` uses.
std::vector<const char*> extensions(const Caps& caps);

/// Asks the device. allow_coop_matrix: false when a validation layer is on that is older than the
/// extension and would call it an error. A device under Vulkan 1.2 gets only type, queue and
/// limits.
Caps query_caps(VkInstance instance, VkPhysicalDevice device, bool validation,
                bool allow_coop_matrix);

/// Why we cannot use a device, or "" when we can. api_version: of the device.
std::string why_unusable(const Caps& caps, uint32_t api_version);

}  // namespace m2w::vk
