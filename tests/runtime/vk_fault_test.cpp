// vk_fault_test.cpp — a lost device and failing allocations give errors, and tearing down works.
#include <chrono>

#include "runtime/vk/testing.h"
#include "tests/runtime/vk_test_support.h"

namespace m2w::vk {
namespace {

using VkFaultTest = VkDiscreteTest;  // so that uploads allocate and submit

TEST_F(VkFaultTest, after_a_loss_every_call_answers_device_lost) {
    ASSERT_GET(auto x, Buffer::create(*device_, 64, Memory::device, "x"));
    ASSERT_GET(auto pipelines, Pipelines::create(*device_, {.cache_dir = ""}));
    ASSERT_GET(auto commands, Commands::create(*device_, 1));
    Uploader staged(*device_, {.ring_bytes = 4096});
    ASSERT_OK(staged.stage(x.all()));
    ASSERT_OK(commands.begin());
    commands.fill(x.all(), 1);
    ASSERT_OK(commands.end());
    ASSERT_OK(commands.submit_and_wait());

    TestHooks::lose_device(*device_);
    EXPECT_FALSE(device_->lost());
    auto submitted = commands.submit();
    ASSERT_FALSE(submitted);
    EXPECT_EQ(submitted.error().category, Category::device_lost);
    EXPECT_NE(submitted.error().message.find(device_->info().name), std::string::npos);
    EXPECT_TRUE(device_->lost());

    const auto lost = [](const auto& result) {
        return !result && result.error().category == Category::device_lost;
    };
    std::vector<std::byte> out(64);
    EXPECT_TRUE(lost(device_->check()));
    EXPECT_TRUE(lost(device_->wait(1)));
    EXPECT_TRUE(lost(device_->done(1)));
    EXPECT_TRUE(lost(Buffer::create(*device_, 64, Memory::device, "y")));
    EXPECT_TRUE(lost(Arena::create(*device_, std::vector<uint64_t>{64}, "weights")));
    EXPECT_TRUE(lost(Commands::create(*device_)));
    EXPECT_TRUE(lost(Pipelines::create(*device_, {.cache_dir = ""})));
    EXPECT_TRUE(lost(pipelines->get({"subgroup", kSubgroupSpirv, {}, 8})));
    EXPECT_TRUE(lost(commands.submit()));
    EXPECT_TRUE(lost(commands.wait()));
    EXPECT_TRUE(lost(commands.begin()));
    EXPECT_TRUE(lost(staged.stage(x.all())));
    EXPECT_TRUE(lost(staged.write(x.all(), out)));
    EXPECT_TRUE(lost(staged.flush()));
    EXPECT_TRUE(lost(download(*device_, x.all(), out)));
    EXPECT_FALSE(pipelines->save());
}  // the fixture checks that nothing is left, and the layer that nothing was used wrongly

TEST_F(VkFaultTest, loss_in_the_middle_of_an_upload_is_reported_once_and_stays) {
    ASSERT_GET(auto x, Buffer::create(*device_, 1 << 20, Memory::device, "x"));
    Uploader uploader(*device_, {.ring_bytes = 65536});
    const std::vector<std::byte> bytes(1 << 20);
    ASSERT_OK(uploader.write(x.part(0, 65536), std::span(bytes).first(65536)));
    TestHooks::lose_device(*device_);
    auto written = uploader.write(x.all(), bytes);
    ASSERT_FALSE(written);
    EXPECT_EQ(written.error().category, Category::device_lost);
    auto flushed = uploader.flush();
    ASSERT_FALSE(flushed);
    EXPECT_EQ(flushed.error().category, Category::device_lost);
}

TEST_F(VkFaultTest, a_new_device_works_after_the_old_one_was_lost) {
    ASSERT_GET(auto instance, Instance::create({.validation = true}));
    ASSERT_GET(const auto devices, list_devices(*instance));
    ASSERT_GET(auto device, Device::create(instance, devices[0]));
    TestHooks::lose_device(*device);
    {
        ASSERT_GET(auto commands, Commands::create(*device));
        ASSERT_OK(commands.begin());
        ASSERT_OK(commands.end());
        EXPECT_FALSE(commands.submit());
    }
    ASSERT_GET(device, Device::create(instance, devices[0]));
    ASSERT_GET(auto commands, Commands::create(*device));
    ASSERT_OK(commands.begin());
    ASSERT_OK(commands.end());
    ASSERT_OK(commands.submit_and_wait());
    EXPECT_EQ(instance->validation_messages(), std::vector<std::string>());
}

class VkHungTest : public VkTest {
  protected:
    VkHungTest() { options_.wait_timeout = std::chrono::milliseconds(1); }
};

TEST_F(VkHungTest, device_that_does_not_finish_in_time_is_left_alone) {
    using Clock = std::chrono::steady_clock;
    Clock::time_point submitted;
    {
        ASSERT_GET(auto x, Buffer::create(*device_, 4096, Memory::device, "x"));
        ASSERT_GET(auto pipelines, Pipelines::create(*device_, {.cache_dir = ""}));
        ASSERT_GET(const auto* slow, pipelines->get({"slow", kSlowSpirv, {}, 16}));
        ASSERT_GET(auto commands, Commands::create(*device_));
        ASSERT_OK(commands.begin());
        for (int i = 0; i < 8; ++i) {
            commands.dispatch(*slow, SlowPush{x.address(), 60000, 0}, {1024});
            commands.barrier(Stage::compute, Stage::compute);
        }
        ASSERT_OK(commands.end());
        ASSERT_OK(commands.submit());
        submitted = Clock::now();
    }
    EXPECT_FALSE(device_->quiesce());
    EXPECT_EQ(device_->memory().allocations, 1u);  // kept, because the device may still write it
    device_.reset();
    EXPECT_LT(Clock::now() - submitted, std::chrono::milliseconds(500));
}

/// Everything that allocates, once. Returns the error of whatever failed.
Result<void> allocate_all(Device& device) {
    const std::vector<uint64_t> sizes(10, 1000);
    TRY(auto x, Buffer::create(device, 256, Memory::upload, "x"));
    TRY(auto arena, Arena::create(device, sizes, "weights", Memory::device, 4096));
    Uploader uploader(device, {.ring_bytes = 4096});
    TRY(uploader.write(arena[9], std::vector<std::byte>(1000)));
    TRY(uploader.flush());
    return {};
}

TEST_F(VkFaultTest, each_failing_allocation_is_out_of_memory_with_numbers_and_leaks_nothing) {
    uint32_t nth = 1;
    for (; nth < 100; ++nth) {
        TestHooks::fail_allocation(*device_, nth);
        auto result = allocate_all(*device_);
        if (result) break;
        EXPECT_EQ(result.error().category, Category::out_of_memory) << nth;
        EXPECT_NE(result.error().message.find("MiB wanted"), std::string::npos);
        EXPECT_EQ(device_->memory().in_use_bytes, 0u) << nth;
        EXPECT_FALSE(device_->lost());
    }
    EXPECT_EQ(nth, 8u);  // a buffer, four chunks and two halves failed once each
    TestHooks::fail_allocation(*device_, 0);
}

}  // namespace
}  // namespace m2w::vk
