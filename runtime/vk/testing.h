// testing.h — faults on demand, for tests of what happens then. No product code includes this but
// to define it.
#pragma once
#include <cstdint>

#include "runtime/vk/device.h"

namespace m2w::vk {

struct TestHooks {
    /// The next submission reports VK_ERROR_DEVICE_LOST.
    static void lose_device(Device& device) { device.lose_next_submit_ = true; }
    /// The nth allocation of device memory from now on (1: the next) reports
    /// VK_ERROR_OUT_OF_DEVICE_MEMORY; 0 takes it back.
    static void fail_allocation(Device& device, uint32_t nth) { device.fail_allocation_in_ = nth; }
};

}  // namespace m2w::vk
