// testing.h — a door to what a Backend hides, for fault injection and memory counts in tests. No
// product code includes this but to define it.
#pragma once
#include "runtime/executor.h"
#include "runtime/vk/device.h"

namespace m2w {

/// The device of a Vulkan backend; null for others. Lives as long as the backend.
vk::Device* device_of(const Backend& backend);

/// Of the last batch that a Vulkan executor began before all weights were there: in how many
/// submissions it ran. 0 when there was none.
uint32_t early_submissions(const Executor& executor);

}  // namespace m2w
