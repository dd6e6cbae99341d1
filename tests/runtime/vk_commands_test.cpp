// vk_commands_test.cpp — recording, submitting again, barriers, indirect dispatches, timestamps.
#include <thread>

#include "tests/runtime/vk_test_support.h"

namespace m2w::vk {
namespace {

class VkCommandsTest : public VkTest {
  protected:
    void SetUp() override {
        VkTest::SetUp();
        if (!device_) return;
        ASSERT_GET(pipelines_, Pipelines::create(*device_, {.cache_dir = ""}));
        const SpecConstant constants[] = {{0, 64}, {1, 1}};
        ASSERT_GET(affine_, pipelines_->get({"affine", kAffineSpirv, constants, 24}));
        ASSERT_GET(slow_, pipelines_->get({"slow", kSlowSpirv, {}, 16}));
    }
    void TearDown() override {
        pipelines_.reset();
        VkTest::TearDown();
    }
    std::unique_ptr<Pipelines> pipelines_;
    const Pipeline* affine_ = nullptr;
    const Pipeline* slow_ = nullptr;
};

TEST_F(VkCommandsTest, chain_of_dispatches_with_barriers_runs_in_order) {
    ASSERT_GET(auto x, Buffer::create(*device_, 4096, Memory::device, "x"));
    ASSERT_GET(auto commands, Commands::create(*device_));
    ASSERT_OK(commands.begin());
    commands.fill(x.all(), 7);
    commands.barrier(Stage::transfer, Stage::compute);
    for (uint32_t i = 1; i <= 50; ++i) {
        commands.dispatch(*affine_, AffinePush{x.address(), x.address(), 1024, i}, {16});
        commands.barrier(Stage::compute, Stage::compute);
    }
    ASSERT_OK(commands.end());
    ASSERT_OK(commands.submit());
    EXPECT_EQ(read_words(*device_, x.all()), std::vector<uint32_t>(1024, 7 + 50 * 51 / 2));
}

TEST_F(VkCommandsTest, one_recording_runs_as_often_as_submitted) {
    ASSERT_GET(auto x, Buffer::create(*device_, 4096, Memory::device, "x"));
    Uploader uploader(*device_);
    ASSERT_OK(uploader.write(x.all(), to_bytes(std::vector<uint32_t>(1024, 0))));
    ASSERT_OK(uploader.flush());
    ASSERT_GET(auto commands, Commands::create(*device_));
    ASSERT_OK(commands.begin());
    commands.barrier(Stage::compute, Stage::compute);  // after its own earlier submission
    commands.dispatch(*affine_, AffinePush{x.address(), x.address(), 1024, 3}, {16});
    ASSERT_OK(commands.end());
    uint64_t last = 0;
    for (int i = 0; i < 20; ++i) {
        ASSERT_GET(const uint64_t serial, commands.submit());
        EXPECT_GT(serial, last);
        last = serial;
    }
    ASSERT_OK(commands.wait());
    ASSERT_GET(const bool done, device_->done(last));
    EXPECT_TRUE(done);
    EXPECT_EQ(read_words(*device_, x.all()), std::vector<uint32_t>(1024, 60));
}

TEST_F(VkCommandsTest, indirect_dispatch_takes_its_grid_from_memory) {
    ASSERT_GET(auto x, Buffer::create(*device_, 4096, Memory::device, "x"));
    ASSERT_GET(auto args, Buffer::create(*device_, 256, Memory::device, "args"));
    ASSERT_GET(auto commands, Commands::create(*device_));
    const AffinePush push{x.address(), x.address(), 1024, 1};
    for (const uint32_t groups_x : {0u, 1u, 5u}) {
        ASSERT_OK(commands.begin());
        commands.fill(x.all(), 0);
        commands.fill(args.part(4, 4), groups_x);
        commands.fill(args.part(8, 8), 1);
        commands.barrier(Stage::transfer, Stage::compute | Stage::indirect);
        commands.dispatch_indirect(*affine_, push, args.part(4, 12));
        ASSERT_OK(commands.end());
        ASSERT_OK(commands.submit());
        const auto got = read_words(*device_, x.all());
        for (size_t i = 0; i < got.size(); ++i) ASSERT_EQ(got[i], i < groups_x * 64 ? 1u : 0u) << i;
    }
}

TEST_F(VkCommandsTest, indirect_arguments_may_come_from_a_shader) {
    ASSERT_GET(auto x, Buffer::create(*device_, 4096, Memory::device, "x"));
    ASSERT_GET(auto args, Buffer::create(*device_, 12, Memory::device, "args"));
    ASSERT_GET(auto commands, Commands::create(*device_));
    ASSERT_OK(commands.begin());
    commands.fill(x.all(), 0);
    commands.fill(args.all(), 0);
    commands.barrier(Stage::transfer, Stage::compute);
    commands.dispatch(*affine_, AffinePush{args.address(), args.address(), 3, 1}, {1});
    commands.barrier(Stage::compute, Stage::indirect);
    commands.dispatch_indirect(*affine_, AffinePush{x.address(), x.address(), 1024, 9}, args.all());
    ASSERT_OK(commands.end());
    ASSERT_OK(commands.submit());
    const auto got = read_words(*device_, x.all());
    EXPECT_EQ(got[63], 9u);
    EXPECT_EQ(got[64], 0u);
}

TEST_F(VkCommandsTest, timestamps_grow_with_the_work_between_them) {
    ASSERT_GET(auto x, Buffer::create(*device_, 256, Memory::device, "x"));
    ASSERT_GET(auto commands, Commands::create(*device_, 3));
    ASSERT_OK(commands.begin());
    commands.fill(x.all(), 1);
    commands.barrier(Stage::transfer, Stage::compute);
    EXPECT_EQ(commands.timestamp(), 0u);
    commands.dispatch(*slow_, SlowPush{x.address(), 1, 0}, {1});
    commands.barrier(Stage::compute, Stage::compute);
    EXPECT_EQ(commands.timestamp(), 1u);
    commands.dispatch(*slow_, SlowPush{x.address(), 60000, 0}, {64});
    EXPECT_EQ(commands.timestamp(), 2u);
    ASSERT_OK(commands.end());
    ASSERT_OK(commands.submit_and_wait());  // the first use of a pipeline may compile it
    for (int round = 0; round < 2; ++round) {
        ASSERT_OK(commands.submit_and_wait());
        auto ns = commands.timestamps_ns();
        if (device_->caps().timestamp_valid_bits == 0) {
            ASSERT_FALSE(ns);
            EXPECT_EQ(ns.error().category, Category::unsupported);
            continue;
        }
        ASSERT_OK(ns);
        ASSERT_EQ(ns->size(), 3u);
        EXPECT_EQ((*ns)[0], 0.0);
        EXPECT_GT((*ns)[1], 0.0);
        EXPECT_GT((*ns)[2] - (*ns)[1], (*ns)[1]);
        EXPECT_GT((*ns)[2], 1e5);  // a million dependent steps take more than 0.1 ms anywhere
        EXPECT_LT((*ns)[2], 60e9);
    }
}

TEST_F(VkCommandsTest, wait_gives_up_in_time_and_succeeds_later) {
    ASSERT_GET(auto x, Buffer::create(*device_, 256, Memory::device, "x"));
    ASSERT_GET(auto commands, Commands::create(*device_));
    ASSERT_OK(commands.begin());
    commands.fill(x.all(), 1);
    commands.barrier(Stage::transfer, Stage::compute);
    commands.dispatch(*slow_, SlowPush{x.address(), 60000, 0}, {64});
    ASSERT_OK(commands.end());
    ASSERT_OK(commands.submit());
    auto waited = commands.wait(std::chrono::milliseconds(1));
    ASSERT_FALSE(waited);
    EXPECT_EQ(waited.error().category, Category::resource_limit);
    ASSERT_OK(commands.wait());
}

TEST_F(VkCommandsTest, resources_dropped_in_flight_are_freed_after_the_work) {
    ASSERT_GET(auto commands, Commands::create(*device_));
    ASSERT_GET(auto x, Buffer::create(*device_, 256, Memory::device, "x"));  // goes first
    ASSERT_OK(commands.begin());
    commands.fill(x.all(), 1);
    commands.barrier(Stage::transfer, Stage::compute);
    commands.dispatch(*slow_, SlowPush{x.address(), 60000, 0}, {64});
    ASSERT_OK(commands.end());
    ASSERT_OK(commands.submit());
}  // the fixture checks that the validation layer had nothing to say

TEST_F(VkCommandsTest, two_threads_share_a_device) {
    const auto work = [&](uint32_t add, std::vector<uint32_t>& out) {
        auto x = Buffer::create(*device_, 4096, Memory::device, "x");
        auto commands = Commands::create(*device_);
        if (!x || !commands || !commands->begin()) return;
        commands->fill(x->all(), 0);
        commands->barrier(Stage::transfer, Stage::compute);
        for (int i = 0; i < 20; ++i) {
            commands->dispatch(*affine_, AffinePush{x->address(), x->address(), 1024, add}, {16});
            commands->barrier(Stage::compute, Stage::compute);
        }
        if (!commands->end()) return;
        for (int i = 0; i < 10; ++i)
            if (!commands->submit_and_wait()) return;
        out = read_words(*device_, x->all());
    };
    std::vector<uint32_t> a, b;
    std::thread other(work, 5, std::ref(a));
    work(11, b);
    other.join();
    EXPECT_EQ(a, std::vector<uint32_t>(1024, 100));
    EXPECT_EQ(b, std::vector<uint32_t>(1024, 220));
}

TEST(vk_split_groups, grid_covers_the_count_and_wastes_less_than_a_row) {
    Caps caps;
    caps.max_workgroup_count = {65535, 65535, 65535};
    for (const uint64_t count : {uint64_t(1), uint64_t(65535), uint64_t(65536), uint64_t(131071),
                                 uint64_t(1) << 24, uint64_t(65535) * 65535}) {
        const Groups groups = split_groups(count, caps);
        EXPECT_LE(groups.x, 65535u);
        EXPECT_LE(groups.y, 65535u);
        EXPECT_GE(uint64_t(groups.x) * groups.y, count);
        EXPECT_LT(uint64_t(groups.x) * groups.y - count, groups.y);
    }
}

TEST_F(VkCommandsTest, split_grid_on_the_device_reaches_every_element_once) {
    Caps narrow = device_->caps();
    narrow.max_workgroup_count[0] = 7;
    ASSERT_GET(auto x, Buffer::create(*device_, 4000, Memory::device, "x"));
    ASSERT_GET(auto commands, Commands::create(*device_));
    ASSERT_OK(commands.begin());
    commands.fill(x.all(), 0);
    commands.barrier(Stage::transfer, Stage::compute);
    const Groups groups = split_groups(16, narrow);
    EXPECT_EQ(groups.y, 3u);
    commands.dispatch(*affine_, AffinePush{x.address(), x.address(), 1000, 1}, groups);
    ASSERT_OK(commands.end());
    ASSERT_OK(commands.submit());
    EXPECT_EQ(read_words(*device_, x.all()), std::vector<uint32_t>(1000, 1));
}

}  // namespace
}  // namespace m2w::vk
