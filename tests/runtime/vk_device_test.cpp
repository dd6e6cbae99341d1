// vk_device_test.cpp — instance, list, selection, limits, errors, the validation messenger.
#include <algorithm>
#include <set>

#include "runtime/vk/error.h"
#include "tests/runtime/vk_test_support.h"

namespace m2w::vk {
namespace {

DeviceInfo fake(std::string name, VkPhysicalDeviceType type, std::string unusable = "") {
    DeviceInfo info;
    info.name = std::move(name);
    info.caps.type = type;
    info.unusable = std::move(unusable);
    return info;
}

const std::vector<DeviceInfo> kDevices = {
    fake("NVIDIA GeForce RTX 4090", VK_PHYSICAL_DEVICE_TYPE_DISCRETE_GPU),
    fake("AMD Radeon Graphics (RADV)", VK_PHYSICAL_DEVICE_TYPE_INTEGRATED_GPU),
    fake("llvmpipe (LLVM 15.0.6)", VK_PHYSICAL_DEVICE_TYPE_CPU),
    fake("Old GPU", VK_PHYSICAL_DEVICE_TYPE_DISCRETE_GPU, "older than Vulkan 1.2"),
};

size_t selected(std::string_view spec) {
    auto index = select_device(kDevices, spec);
    EXPECT_TRUE(bool(index)) << spec;
    return index ? *index : ~size_t(0);
}

TEST(vk_select, auto_and_nothing_are_the_first_device) {
    EXPECT_EQ(selected("auto"), 0u);
    EXPECT_EQ(selected(""), 0u);
}

TEST(vk_select, number_is_an_index_and_beyond_the_list_a_name) {
    EXPECT_EQ(selected("0"), 0u);
    EXPECT_EQ(selected("2"), 2u);
    EXPECT_EQ(selected("4090"), 0u);
    EXPECT_EQ(selected("15"), 2u);
}

TEST(vk_select, name_matches_in_part_and_in_any_case) {
    EXPECT_EQ(selected("radeon"), 1u);
    EXPECT_EQ(selected("LLVM"), 2u);
    EXPECT_EQ(selected("geforce rtx"), 0u);
}

TEST(vk_select, unknown_name_lists_what_is_there) {
    auto index = select_device(kDevices, "voodoo");
    ASSERT_FALSE(index);
    EXPECT_EQ(index.error().category, Category::no_device);
    EXPECT_NE(index.error().message.find("\"voodoo\""), std::string::npos);
    for (const auto& device : kDevices)
        EXPECT_NE(index.error().message.find(device.name), std::string::npos) << device.name;
}

TEST(vk_select, unusable_device_says_why) {
    for (const char* spec : {"old", "3"}) {
        auto index = select_device(kDevices, spec);
        ASSERT_FALSE(index) << spec;
        EXPECT_EQ(index.error().category, Category::no_device);
        EXPECT_NE(index.error().message.find("older than Vulkan 1.2"), std::string::npos);
    }
    const std::vector<DeviceInfo> only = {kDevices[3]};
    EXPECT_FALSE(select_device(only, "auto"));
}

TEST(vk_select, empty_list_is_no_device) {
    auto index = select_device({}, "auto");
    ASSERT_FALSE(index);
    EXPECT_EQ(index.error().category, Category::no_device);
}

TEST(vk_caps, each_missing_requirement_has_its_reason) {
    Caps good;
    good.queue_family = 0;
    good.buffer_device_address = good.storage_16bit = good.timeline_semaphore = true;
    EXPECT_EQ(why_unusable(good, VK_API_VERSION_1_2), "");
    std::set<std::string> reasons = {why_unusable(good, VK_API_VERSION_1_1)};
    Caps caps = good;
    caps.queue_family = Caps::kNoQueue;
    reasons.insert(why_unusable(caps, VK_API_VERSION_1_3));
    for (auto field :
         {&Caps::buffer_device_address, &Caps::storage_16bit, &Caps::timeline_semaphore}) {
        caps = good;
        caps.*field = false;
        reasons.insert(why_unusable(caps, VK_API_VERSION_1_3));
    }
    EXPECT_EQ(reasons.size(), 5u);
    EXPECT_EQ(reasons.count(""), 0u);
}

TEST(vk_error, results_map_to_categories_and_carry_their_names) {
    EXPECT_EQ(vk_error(VK_ERROR_DEVICE_LOST, "x").category, Category::device_lost);
    EXPECT_EQ(vk_error(VK_ERROR_OUT_OF_DEVICE_MEMORY, "x").category, Category::out_of_memory);
    EXPECT_EQ(vk_error(VK_ERROR_OUT_OF_HOST_MEMORY, "x").category, Category::out_of_memory);
    EXPECT_EQ(vk_error(VK_ERROR_INCOMPATIBLE_DRIVER, "x").category, Category::no_device);
    EXPECT_EQ(vk_error(VK_ERROR_LAYER_NOT_PRESENT, "x").category, Category::unsupported);
    EXPECT_EQ(vk_error(VK_ERROR_FORMAT_NOT_SUPPORTED, "x").category, Category::internal);
    EXPECT_EQ(vk_error(VK_ERROR_DEVICE_LOST, "vkQueueSubmit").message,
              "vkQueueSubmit: VK_ERROR_DEVICE_LOST (-4)");
}

TEST(vk_instance, devices_are_listed_in_the_order_of_choice) {
    auto instance = Instance::create();
    M2W_NEEDS_VULKAN(instance);
    ASSERT_GET(const auto devices, list_devices(**instance));
    ASSERT_FALSE(devices.empty());
    for (const auto& device : devices) {
        EXPECT_FALSE(device.name.empty());
        EXPECT_FALSE(device.heaps.empty()) << device.name;
        EXPECT_NE(device.handle, VkPhysicalDevice(VK_NULL_HANDLE));
        if (device.api_version < VK_API_VERSION_1_2) continue;
        EXPECT_FALSE(device.driver.empty()) << device.name;
        EXPECT_EQ(device.uuid_str().size(), 32u);
        EXPECT_GT(device.device_local_bytes(), 0u) << device.name;
    }
    EXPECT_TRUE(std::ranges::is_sorted(devices, {}, [](const DeviceInfo& d) {
        return std::pair(!d.unusable.empty(), d.caps.is_cpu);
    }));
}

TEST(vk_instance, without_validation_the_layer_is_off) {
    if (std::getenv("M2W_VALIDATION")) GTEST_SKIP() << "M2W_VALIDATION is set, nothing checked";
    auto instance = Instance::create();
    M2W_NEEDS_VULKAN(instance);
    EXPECT_FALSE((*instance)->validation());
    setenv("M2W_VALIDATION", "1", 1);
    auto switched = Instance::create();
    unsetenv("M2W_VALIDATION");
    ASSERT_OK(switched);
    EXPECT_TRUE((*switched)->validation());
}

TEST_F(VkTest, caps_meet_what_vulkan_promises) {
    const Caps& caps = device_->caps();
    EXPECT_TRUE(caps.buffer_device_address);
    EXPECT_TRUE(caps.storage_16bit);
    EXPECT_TRUE(caps.timeline_semaphore);
    EXPECT_TRUE(caps.robust_buffer_access);  // because validation is on
    EXPECT_GE(caps.max_workgroup_invocations, 128u);
    EXPECT_GE(caps.shared_memory_bytes, 16384u);
    EXPECT_GE(caps.push_constant_bytes, 128u);
    EXPECT_GE(caps.max_storage_buffer_range_bytes, uint64_t(1) << 27);
    EXPECT_GE(caps.max_allocation_bytes, uint64_t(1) << 30);
    for (const uint32_t count : caps.max_workgroup_count) EXPECT_GE(count, 65535u);
    EXPECT_GT(caps.subgroup_size, 0u);
    EXPECT_LE(caps.subgroup_size_min, caps.subgroup_size);
    EXPECT_GE(caps.subgroup_size_max, caps.subgroup_size);
    EXPECT_EQ(caps.coop_matrix, !caps.coop_shapes.empty());
    EXPECT_GT(device_->memory().heap_bytes, 0u);
}

TEST_F(VkTest, validation_catches_a_copy_beyond_the_end) {
    ASSERT_GET(auto small, Buffer::create(*device_, 64, Memory::device, "small"));
    ASSERT_GET(auto large, Buffer::create(*device_, 256, Memory::device, "large"));
    ASSERT_GET(auto commands, Commands::create(*device_));
    ASSERT_OK(commands.begin());
    const VkBufferCopy region{0, 0, 256};  // past what our own assertions would let through
    vkCmdCopyBuffer(commands.handle(), large.handle(), small.handle(), 1, &region);
    const auto messages = log_->messages();
    ASSERT_FALSE(messages.empty());
    EXPECT_NE(messages[0].find("vkCmdCopyBuffer"), std::string::npos) << messages[0];
    log_->clear();
}

TEST_F(VkTest, sync_validation_catches_a_missing_barrier) {
    ASSERT_GET(auto a, Buffer::create(*device_, 64, Memory::device, "a"));
    ASSERT_GET(auto b, Buffer::create(*device_, 64, Memory::device, "b"));
    ASSERT_GET(auto commands, Commands::create(*device_));
    ASSERT_OK(commands.begin());
    commands.fill(a.all(), 1);
    commands.copy(a.all(), b.all());
    const auto messages = log_->messages();
    ASSERT_FALSE(messages.empty());
    EXPECT_NE(messages[0].find("HAZARD"), std::string::npos) << messages[0];
    log_->clear();
}

TEST_F(VkTest, two_devices_of_one_instance_live_side_by_side) {
    ASSERT_GET(auto instance, Instance::create({.validation = true}));
    ASSERT_GET(const auto devices, list_devices(*instance));
    ASSERT_GET(auto first, Device::create(instance, devices[0]));
    ASSERT_GET(auto second, Device::create(instance, devices[0]));
    ASSERT_GET(auto a, Buffer::create(*first, 64, Memory::device, "a"));
    ASSERT_GET(auto b, Buffer::create(*second, 64, Memory::device, "b"));
    EXPECT_EQ(first->memory().allocations, 1u);
    EXPECT_EQ(instance->validation_messages(), std::vector<std::string>());
}

}  // namespace
}  // namespace m2w::vk
