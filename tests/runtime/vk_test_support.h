// vk_test_support.h — a device with validation on for each test, and the test shaders. A test that
// uses it fails on any message of the validation layer.
#pragma once
#include <gtest/gtest.h>
#include <stdlib.h>

#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <numeric>
#include <string>
#include <vector>

#include "runtime/vk/buffer.h"
#include "runtime/vk/commands.h"
#include "runtime/vk/device.h"
#include "runtime/vk/instance.h"
#include "runtime/vk/pipeline.h"
#include "runtime/vk/upload.h"
#include "tests/support/results.h"

namespace m2w::vk {

inline constexpr uint32_t kAffineSpirv[] = {
#include "vk_affine.inc"
};
inline constexpr uint32_t kSubgroupSpirv[] = {
#include "vk_subgroup.inc"
};
inline constexpr uint32_t kSlowSpirv[] = {
#include "vk_slow.inc"
};

/// Push constants of vk_affine.comp, vk_subgroup.comp and vk_slow.comp.
struct AffinePush {
    uint64_t x, y;
    uint32_t n, add;
};
struct SubgroupPush {
    uint64_t y;
};
struct SlowPush {
    uint64_t y;
    uint32_t turns, pad;  // turns: < 65536
};

/// Ends the test when the machine has no Vulkan driver: loudly, and as a failure in CI.
#define M2W_NEEDS_VULKAN(instance)                                                         \
    if (!(instance) && (instance).error().category == Category::no_device) {               \
        if (std::getenv("CI")) FAIL() << (instance).error().str();                         \
        GTEST_SKIP() << "no Vulkan driver, nothing checked: " << (instance).error().str(); \
    }                                                                                      \
    ASSERT_OK(instance)

/// A fresh folder that is removed at the end.
class TempDir {
  public:
    TempDir() {
        std::string name = (std::filesystem::temp_directory_path() / "m2w-test-XXXXXX").string();
        path_ = mkdtemp(name.data());
    }
    TempDir(const TempDir&) = delete;
    TempDir& operator=(const TempDir&) = delete;
    ~TempDir() {
        std::error_code error;
        std::filesystem::remove_all(path_, error);
    }
    const std::filesystem::path& path() const { return path_; }

  private:
    std::filesystem::path path_;
};

/// The device is $M2W_TEST_DEVICE, else "auto".
class VkTest : public testing::Test {
  protected:
    void SetUp() override {
        auto instance = Instance::create({.validation = true, .sync_validation = true});
        M2W_NEEDS_VULKAN(instance);
        log_ = (*instance)->validation_log();
        ASSERT_GET(const auto devices, list_devices(**instance));
        const char* wanted = std::getenv("M2W_TEST_DEVICE");
        ASSERT_GET(const size_t index, select_device(devices, wanted ? wanted : "auto"));
        ASSERT_GET(device_, Device::create(*instance, devices[index], options_));
    }
    void TearDown() override {
        if (device_) {
            EXPECT_EQ(device_->memory().in_use_bytes, 0u);
            EXPECT_EQ(device_->memory().allocations, 0u);
        }
        device_.reset();
        if (log_) {
            EXPECT_EQ(log_->messages(), std::vector<std::string>());
        }
    }

    DeviceOptions options_;
    std::unique_ptr<Device> device_;
    std::shared_ptr<ValidationLog> log_;
};

/// The same with unmapped device memory, whatever the device.
class VkDiscreteTest : public VkTest {
  protected:
    VkDiscreteTest() { options_.discrete_memory = true; }
};

inline std::vector<std::byte> to_bytes(const std::vector<uint32_t>& words) {
    const auto bytes = std::as_bytes(std::span(words));
    return {bytes.begin(), bytes.end()};
}

/// 0x9e3779b9 * i: every word differs, every byte of it, too.
inline std::vector<uint32_t> pattern(size_t n) {
    std::vector<uint32_t> out(n);
    for (size_t i = 0; i < n; ++i) out[i] = uint32_t(i) * 0x9e3779b9u + 1;
    return out;
}

inline std::vector<uint32_t> read_words(Device& device, Slice from) {
    std::vector<uint32_t> out(from.size_bytes / 4);
    auto result = download(device, from, std::as_writable_bytes(std::span(out)));
    EXPECT_TRUE(bool(result)) << result.error().str();
    return out;
}

}  // namespace m2w::vk
