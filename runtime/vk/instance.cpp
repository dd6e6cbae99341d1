// instance.cpp — makes the instance, lists and selects devices.
#include "runtime/vk/instance.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <cctype>
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <numeric>

#include "runtime/vk/error.h"

namespace m2w::vk {
namespace {

constexpr char kValidationLayer[] = "VK_LAYER_KHRONOS_validation";
// The Vulkan version in which VK_KHR_cooperative_matrix appeared; layers carry its number.
constexpr uint32_t kCoopMatrixSpec = VK_MAKE_API_VERSION(0, 1, 3, 255);

VKAPI_ATTR VkBool32 VKAPI_CALL on_message(VkDebugUtilsMessageSeverityFlagBitsEXT,
                                          VkDebugUtilsMessageTypeFlagsEXT,
                                          const VkDebugUtilsMessengerCallbackDataEXT* data,
                                          void* log) {
    static_cast<ValidationLog*>(log)->add(data->pMessage ? data->pMessage : "");
    return VK_FALSE;  // the call goes on as it would without the layer
}

VkDebugUtilsMessengerCreateInfoEXT messenger_info(ValidationLog* log) {
    auto info = vk_struct<VkDebugUtilsMessengerCreateInfoEXT>(
        VK_STRUCTURE_TYPE_DEBUG_UTILS_MESSENGER_CREATE_INFO_EXT);
    info.messageSeverity = VK_DEBUG_UTILS_MESSAGE_SEVERITY_WARNING_BIT_EXT |
                           VK_DEBUG_UTILS_MESSAGE_SEVERITY_ERROR_BIT_EXT;
    // Not "general": the loader uses it to complain of other vendors' drivers.
    info.messageType = VK_DEBUG_UTILS_MESSAGE_TYPE_VALIDATION_BIT_EXT;
    info.pfnUserCallback = on_message;
    info.pUserData = log;
    return info;
}

/// The Vulkan version that the installed validation layer was made for. Errors: unsupported.
Result<uint32_t> find_validation_layer() {
    uint32_t count = 0;
    vkEnumerateInstanceLayerProperties(&count, nullptr);
    std::vector<VkLayerProperties> layers(count);
    if (vkEnumerateInstanceLayerProperties(&count, layers.data()) >= 0)
        for (const auto& layer : layers)
            if (std::strcmp(layer.layerName, kValidationLayer) == 0) return layer.specVersion;
    return Error{Category::unsupported,
                 fmt::format("validation asked for, but {} is not installed (Debian and Ubuntu: "
                             "package vulkan-validationlayers)",
                             kValidationLayer)};
}

std::string_view env(const char* name) {
    const char* value = std::getenv(name);
    return value ? value : "";
}

DeviceInfo query_device(const Instance& instance, VkPhysicalDevice device) {
    VkPhysicalDeviceProperties properties{};
    vkGetPhysicalDeviceProperties(device, &properties);
    DeviceInfo info;
    info.handle = device;
    info.name = properties.deviceName;
    info.driver_version_id = properties.driverVersion;
    info.api_version = properties.apiVersion;
    info.vendor_id = properties.vendorID;
    info.device_id = properties.deviceID;
    std::copy_n(properties.pipelineCacheUUID, VK_UUID_SIZE, info.pipeline_cache_uuid.begin());
    info.caps = query_caps(instance.handle(), device, instance.validation(),
                           instance.coop_matrix_allowed());
    info.unusable = why_unusable(info.caps, info.api_version);

    VkPhysicalDeviceMemoryProperties memory{};
    vkGetPhysicalDeviceMemoryProperties(device, &memory);
    for (uint32_t i = 0; i < memory.memoryHeapCount; ++i)
        info.heaps.push_back({memory.memoryHeaps[i].size, (memory.memoryHeaps[i].flags &
                                                           VK_MEMORY_HEAP_DEVICE_LOCAL_BIT) != 0});
    if (info.api_version < VK_API_VERSION_1_2) return info;

    auto v12 = vk_struct<VkPhysicalDeviceVulkan12Properties>(
        VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_2_PROPERTIES);
    auto v11 = vk_struct<VkPhysicalDeviceVulkan11Properties>(
        VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_1_PROPERTIES);
    v11.pNext = &v12;
    auto head =
        vk_struct<VkPhysicalDeviceProperties2>(VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2);
    head.pNext = &v11;
    vkGetPhysicalDeviceProperties2(device, &head);
    info.driver = v12.driverName;
    info.driver_version = v12.driverInfo;
    std::copy_n(v11.deviceUUID, VK_UUID_SIZE, info.uuid.begin());
    return info;
}

constexpr struct {
    VkPhysicalDeviceType type;
    std::string_view name;
} kTypes[] = {
    // in the order of choice
    {VK_PHYSICAL_DEVICE_TYPE_DISCRETE_GPU, "discrete GPU"},
    {VK_PHYSICAL_DEVICE_TYPE_INTEGRATED_GPU, "integrated GPU"},
    {VK_PHYSICAL_DEVICE_TYPE_VIRTUAL_GPU, "virtual GPU"},
    {VK_PHYSICAL_DEVICE_TYPE_CPU, "CPU"},
    {VK_PHYSICAL_DEVICE_TYPE_OTHER, "other"},
};

size_t type_rank(VkPhysicalDeviceType type) {
    for (size_t i = 0; i < std::size(kTypes); ++i)
        if (kTypes[i].type == type) return i;
    return std::size(kTypes) - 1;
}

std::string lower(std::string_view text) {
    std::string out(text);
    for (char& c : out) c = char(std::tolower(static_cast<unsigned char>(c)));
    return out;
}

Error no_device(std::span<const DeviceInfo> devices, std::string message) {
    message += devices.empty() ? "; there is no Vulkan device" : "; there is:";
    for (size_t i = 0; i < devices.size(); ++i) {
        message +=
            fmt::format("{} {}: {} ({})", i ? "," : "", i, devices[i].name, devices[i].type_name());
        if (!devices[i].unusable.empty()) message += " unusable: " + devices[i].unusable;
    }
    return {Category::no_device, std::move(message)};
}

}  // namespace

void ValidationLog::add(std::string message) {
    std::lock_guard lock(mutex_);
    messages_.push_back(std::move(message));
}

std::vector<std::string> ValidationLog::messages() const {
    std::lock_guard lock(mutex_);
    return messages_;
}

void ValidationLog::clear() {
    std::lock_guard lock(mutex_);
    messages_.clear();
}

Result<std::shared_ptr<Instance>> Instance::create(const InstanceOptions& options) {
    std::shared_ptr<Instance> instance(new Instance);
    TRY(instance->init(options));
    return instance;
}

Result<void> Instance::init(InstanceOptions options) {
    const std::string_view wish = env("M2W_VALIDATION");
    options.sync_validation |= wish == "sync";
    options.validation |= options.sync_validation || wish == "1";

    auto app = vk_struct<VkApplicationInfo>(VK_STRUCTURE_TYPE_APPLICATION_INFO);
    app.pApplicationName = app.pEngineName = "m2w";
    app.apiVersion = VK_API_VERSION_1_2;
    auto info = vk_struct<VkInstanceCreateInfo>(VK_STRUCTURE_TYPE_INSTANCE_CREATE_INFO);
    info.pApplicationInfo = &app;

    const char* layer = kValidationLayer;
    const char* extension_list[] = {VK_EXT_DEBUG_UTILS_EXTENSION_NAME,
                                    VK_EXT_VALIDATION_FEATURES_EXTENSION_NAME};
    const VkValidationFeatureEnableEXT sync =
        VK_VALIDATION_FEATURE_ENABLE_SYNCHRONIZATION_VALIDATION_EXT;
    auto features = vk_struct<VkValidationFeaturesEXT>(VK_STRUCTURE_TYPE_VALIDATION_FEATURES_EXT);
    features.enabledValidationFeatureCount = 1;
    features.pEnabledValidationFeatures = &sync;
    auto messenger = messenger_info(log_.get());
    if (options.validation) {
        TRY(const uint32_t layer_spec, find_validation_layer());
        coop_matrix_allowed_ = layer_spec >= kCoopMatrixSpec;
        info.enabledLayerCount = 1;
        info.ppEnabledLayerNames = &layer;
        info.enabledExtensionCount = options.sync_validation ? 2 : 1;
        info.ppEnabledExtensionNames = extension_list;
        info.pNext = &messenger;  // hears vkCreateInstance and vkDestroyInstance, too
        if (options.sync_validation) messenger.pNext = &features;
    }
    if (const VkResult result = vkCreateInstance(&info, nullptr, &instance_)) {
        if (result == VK_ERROR_INCOMPATIBLE_DRIVER)
            return Error{Category::no_device,
                         "no Vulkan driver is installed (without a GPU, Mesa's lavapipe will do; "
                         "Debian and Ubuntu: package mesa-vulkan-drivers)"};
        return vk_error(result, "vkCreateInstance");
    }
    validation_ = options.validation;
    if (!validation_) return {};
    auto create = reinterpret_cast<PFN_vkCreateDebugUtilsMessengerEXT>(
        vkGetInstanceProcAddr(instance_, "vkCreateDebugUtilsMessengerEXT"));
    messenger.pNext = nullptr;
    if (const VkResult result = create(instance_, &messenger, nullptr, &messenger_))
        return vk_error(result, "vkCreateDebugUtilsMessengerEXT");
    return {};
}

Instance::~Instance() {
    if (messenger_) {
        auto destroy = reinterpret_cast<PFN_vkDestroyDebugUtilsMessengerEXT>(
            vkGetInstanceProcAddr(instance_, "vkDestroyDebugUtilsMessengerEXT"));
        destroy(instance_, messenger_, nullptr);
    }
    // The first one of a process stays, so that drivers stay loaded: NVIDIA's 580.159.04 could not
    // be loaded again after some dozen instances that were each the only one.
    static std::atomic<VkInstance> kept{VK_NULL_HANDLE};
    VkInstance none = VK_NULL_HANDLE;
    if (instance_ && !kept.compare_exchange_strong(none, instance_))
        vkDestroyInstance(instance_, nullptr);
}

uint64_t DeviceInfo::device_local_bytes() const {
    return std::accumulate(heaps.begin(), heaps.end(), uint64_t(0), [](uint64_t sum, auto& heap) {
        return sum + (heap.device_local ? heap.size_bytes : 0);
    });
}

std::string_view DeviceInfo::type_name() const {
    return kTypes[type_rank(caps.type)].name;
}

std::string DeviceInfo::api_version_str() const {
    return fmt::format("{}.{}.{}", VK_API_VERSION_MAJOR(api_version),
                       VK_API_VERSION_MINOR(api_version), VK_API_VERSION_PATCH(api_version));
}

std::string DeviceInfo::uuid_str() const {
    std::string out;
    for (uint8_t byte : uuid) out += fmt::format("{:02x}", byte);
    return out;
}

Result<std::vector<DeviceInfo>> list_devices(const Instance& instance) {
    uint32_t count = 0;
    if (const VkResult result = vkEnumeratePhysicalDevices(instance.handle(), &count, nullptr)) {
        // Drivers that find no hardware say so here.
        if (result == VK_ERROR_INITIALIZATION_FAILED) return std::vector<DeviceInfo>();
        return vk_error(result, "vkEnumeratePhysicalDevices");
    }
    std::vector<VkPhysicalDevice> handles(count);
    const VkResult result = vkEnumeratePhysicalDevices(instance.handle(), &count, handles.data());
    if (result < 0) return vk_error(result, "vkEnumeratePhysicalDevices");
    handles.resize(count);
    std::vector<DeviceInfo> devices;
    for (VkPhysicalDevice handle : handles) devices.push_back(query_device(instance, handle));
    std::ranges::stable_sort(devices, {}, [](const DeviceInfo& d) {
        return std::pair(!d.unusable.empty(), type_rank(d.caps.type));
    });
    return devices;
}

Result<size_t> select_device(std::span<const DeviceInfo> devices, std::string_view spec) {
    const bool automatic = spec.empty() || spec == "auto";
    size_t chosen = devices.size();
    size_t number = 0;
    const auto parsed = std::from_chars(spec.data(), spec.data() + spec.size(), number);
    if (parsed.ec == std::errc() && parsed.ptr == spec.data() + spec.size() &&
        number < devices.size()) {
        chosen = number;
    } else {
        const std::string wanted = automatic ? "" : lower(spec);
        const auto found = std::ranges::find_if(devices, [&](const DeviceInfo& device) {
            return lower(device.name).find(wanted) != std::string::npos;
        });
        chosen = size_t(found - devices.begin());
    }
    if (chosen == devices.size())
        return no_device(devices, automatic ? "no device to run on"
                                            : fmt::format("no device matches \"{}\"", spec));
    if (!devices[chosen].unusable.empty())
        return no_device(devices, fmt::format("{} cannot be used: {}", devices[chosen].name,
                                              devices[chosen].unusable));
    return chosen;
}

}  // namespace m2w::vk
