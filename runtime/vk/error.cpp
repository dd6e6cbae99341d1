// error.cpp — the table of VkResults.
#include "runtime/vk/error.h"

#include <fmt/format.h>

namespace m2w::vk {
namespace {

struct Row {
    VkResult result;
    std::string_view name;
    Category category;
};

#define M2W_ROW(name, category)         \
    Row {                               \
        name, #name, Category::category \
    }
constexpr Row kResults[] = {
    M2W_ROW(VK_NOT_READY, internal),
    M2W_ROW(VK_TIMEOUT, resource_limit),
    M2W_ROW(VK_INCOMPLETE, internal),
    M2W_ROW(VK_ERROR_OUT_OF_HOST_MEMORY, out_of_memory),
    M2W_ROW(VK_ERROR_OUT_OF_DEVICE_MEMORY, out_of_memory),
    M2W_ROW(VK_ERROR_INITIALIZATION_FAILED, no_device),
    M2W_ROW(VK_ERROR_DEVICE_LOST, device_lost),
    M2W_ROW(VK_ERROR_MEMORY_MAP_FAILED, out_of_memory),
    M2W_ROW(VK_ERROR_LAYER_NOT_PRESENT, unsupported),
    M2W_ROW(VK_ERROR_EXTENSION_NOT_PRESENT, unsupported),
    M2W_ROW(VK_ERROR_FEATURE_NOT_PRESENT, unsupported),
    M2W_ROW(VK_ERROR_INCOMPATIBLE_DRIVER, no_device),
    M2W_ROW(VK_ERROR_TOO_MANY_OBJECTS, resource_limit),
    M2W_ROW(VK_ERROR_FRAGMENTED_POOL, out_of_memory),
    M2W_ROW(VK_ERROR_OUT_OF_POOL_MEMORY, out_of_memory),
    M2W_ROW(VK_ERROR_FRAGMENTATION, out_of_memory),
    M2W_ROW(VK_ERROR_INVALID_OPAQUE_CAPTURE_ADDRESS, internal),
    M2W_ROW(VK_ERROR_INVALID_SHADER_NV, internal),
    M2W_ROW(VK_ERROR_UNKNOWN, internal),
};
#undef M2W_ROW

const Row* find(VkResult result) {
    for (const Row& row : kResults)
        if (row.result == result) return &row;
    return nullptr;
}

}  // namespace

std::string_view result_name(VkResult result) {
    const Row* row = find(result);
    return row ? row->name : "VkResult";
}

Error vk_error(VkResult result, std::string_view what) {
    const Row* row = find(result);
    return {row ? row->category : Category::internal,
            fmt::format("{}: {} ({})", what, result_name(result), int(result))};
}

}  // namespace m2w::vk
