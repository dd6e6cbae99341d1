// error.h — what every call of Vulkan needs: a struct with its type, a VkResult as an Error. Knows
// no device state.
#pragma once
#include <vulkan/vulkan_core.h>

#include <string_view>

#include "gguf/result.h"

namespace m2w::vk {

/// A Vulkan struct, zero but for its type.
template <class T>
T vk_struct(VkStructureType type) {
    T out{};
    out.sType = type;
    return out;
}

/// "VK_ERROR_DEVICE_LOST"; "VkResult" for a code that this build does not know.
std::string_view result_name(VkResult result);

/// The Error for a failed call. what: the call or the thing that failed, e.g. "vkQueueSubmit".
/// Categories: out_of_memory, device_lost, no_device, unsupported, else internal.
Error vk_error(VkResult result, std::string_view what);

}  // namespace m2w::vk
