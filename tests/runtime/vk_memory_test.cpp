// vk_memory_test.cpp — buffers, arenas, what they count.
#include <algorithm>
#include <cstring>

#include "tests/runtime/vk_test_support.h"

namespace m2w::vk {
namespace {

using VkMemoryTest = VkTest;

TEST_F(VkMemoryTest, bytes_go_from_upload_to_device_to_readback) {
    const auto words = pattern(1000);
    ASSERT_GET(auto up, Buffer::create(*device_, 4000, Memory::upload, "up"));
    ASSERT_GET(auto local, Buffer::create(*device_, 4096, Memory::device, "local"));
    ASSERT_GET(auto back, Buffer::create(*device_, 4000, Memory::readback, "back"));
    ASSERT_EQ(up.bytes().size(), 4000u);
    std::memcpy(up.mapped(), words.data(), 4000);
    std::memset(back.mapped(), 0xee, 4000);
    ASSERT_GET(auto commands, Commands::create(*device_));
    ASSERT_OK(commands.begin());
    commands.copy(up.all(), local.part(96, 4000));
    commands.barrier(Stage::transfer, Stage::transfer);
    commands.copy(local.part(96, 4000), back.all());
    commands.barrier(Stage::transfer, Stage::host);
    ASSERT_OK(commands.end());
    ASSERT_OK(commands.submit_and_wait());
    EXPECT_EQ(std::memcmp(back.mapped(), words.data(), 4000), 0);
}

TEST_F(VkMemoryTest, device_memory_is_mapped_where_memory_is_unified) {
    ASSERT_GET(auto local, Buffer::create(*device_, 4096, Memory::device, "local"));
    EXPECT_EQ(local.mapped() != nullptr, device_->caps().unified_memory);
    EXPECT_EQ(local.address() % 16, 0u);
    EXPECT_EQ(local.part(32, 64).address(), local.address() + 32);
}

using VkDiscreteMemoryTest = VkDiscreteTest;

TEST_F(VkDiscreteMemoryTest, unmapped_device_memory_is_reached_by_upload_and_download) {
    const auto words = pattern((17 << 20) / 4);  // more than a download takes at once
    ASSERT_GET(auto local, Buffer::create(*device_, 17 << 20, Memory::device, "local"));
    EXPECT_EQ(local.mapped(), nullptr);
    EXPECT_EQ(local.part(4, 4).mapped(), nullptr);
    Uploader uploader(*device_);
    ASSERT_OK(uploader.write(local.all(), std::as_bytes(std::span(words))));
    ASSERT_OK(uploader.flush());
    EXPECT_TRUE(read_words(*device_, local.all()) == words);
}

TEST_F(VkMemoryTest, counts_follow_the_life_of_buffers) {
    ASSERT_EQ(device_->memory().in_use_bytes, 0u);
    {
        ASSERT_GET(auto a, Buffer::create(*device_, 1 << 20, Memory::device, "a"));
        ASSERT_GET(auto b, Buffer::create(*device_, 1 << 20, Memory::upload, "b"));
        EXPECT_GE(device_->memory().in_use_bytes, 2u << 20);
        EXPECT_EQ(device_->memory().allocations, 2u);
        Buffer moved = std::move(a);
        EXPECT_FALSE(a);
        EXPECT_EQ(moved.size_bytes(), 1u << 20);
        b = std::move(moved);  // frees what b had
        EXPECT_EQ(device_->memory().allocations, 1u);
    }
    EXPECT_EQ(device_->memory().in_use_bytes, 0u);
    EXPECT_GE(device_->memory().peak_bytes, 2u << 20);
}

TEST_F(VkMemoryTest, allocation_beyond_the_device_limit_is_out_of_memory_with_the_numbers) {
    if (device_->caps().max_allocation_bytes > uint64_t(1) << 40)
        GTEST_SKIP() << "the device states no limit, nothing checked";
    auto buffer = Buffer::create(*device_, device_->caps().max_allocation_bytes + 4096,
                                 Memory::device, "too large");
    ASSERT_FALSE(buffer);
    EXPECT_EQ(buffer.error().category, Category::out_of_memory);
    EXPECT_NE(buffer.error().message.find("too large"), std::string::npos);
    EXPECT_NE(buffer.error().message.find("MiB wanted"), std::string::npos);
}

TEST_F(VkMemoryTest, cpu_device_gives_more_than_its_heap) {
    if (!device_->caps().is_cpu) GTEST_SKIP() << "not a CPU device, nothing checked";
    // Never touched, so that the host hands out no pages for it.
    const uint64_t piece = uint64_t(512) << 20;
    std::vector<Buffer> buffers;
    uint64_t sum = 0;
    while (sum <= device_->memory().heap_bytes && buffers.size() < 64) {
        ASSERT_GET(auto buffer, Buffer::create(*device_, piece, Memory::device, "piece"));
        buffers.push_back(std::move(buffer));
        sum += piece;
    }
    EXPECT_EQ(device_->memory().in_use_bytes, sum);
}

TEST_F(VkMemoryTest, arena_packs_in_order_into_chunks_as_large_as_their_content) {
    const std::vector<uint64_t> sizes = {1000, 3000, 1, 0, 4000, 256, 255, 257, 65536 - 256, 16};
    ASSERT_GET(auto arena, Arena::create(*device_, sizes, "weights", Memory::device, 65536));
    ASSERT_EQ(arena.size(), sizes.size());
    EXPECT_EQ(arena.chunk_count(), 3u);  // 65280 shares with nobody
    uint64_t content = 0;
    for (size_t i = 0; i < sizes.size(); ++i) {
        EXPECT_EQ(arena[i].size_bytes, sizes[i]);
        EXPECT_EQ(arena[i].address() % Arena::kAlignment, 0u) << i;
        EXPECT_LE(arena[i].offset_bytes + sizes[i], arena[i].buffer->size_bytes());
        content += (sizes[i] + 255) / 256 * 256;
        for (size_t j = 0; j < i; ++j)  // disjoint, or one of them empty
            EXPECT_TRUE(arena[i].address() >= arena[j].address() + sizes[j] ||
                        arena[j].address() >= arena[i].address() + sizes[i] || sizes[i] == 0 ||
                        sizes[j] == 0)
                << i << " " << j;
    }
    EXPECT_EQ(arena.reserved_bytes(), content + 3 * Arena::kAlignment);
    const Arena moved = std::move(arena);
    EXPECT_EQ(moved[1].buffer->size_bytes(), moved[0].buffer->size_bytes());
}

TEST_F(VkMemoryTest, arena_slices_keep_their_own_bytes) {
    std::vector<uint64_t> sizes;
    for (uint64_t i = 1; i <= 40; ++i) sizes.push_back(i * 52);
    ASSERT_GET(auto arena, Arena::create(*device_, sizes, "weights", Memory::device, 4096));
    EXPECT_GT(arena.chunk_count(), 8u);
    Uploader uploader(*device_);
    for (size_t i = 0; i < sizes.size(); ++i)
        ASSERT_OK(uploader.write(arena[i], std::vector(sizes[i], std::byte(i))));
    ASSERT_OK(uploader.flush());
    for (size_t i = 0; i < sizes.size(); ++i) {
        std::vector<std::byte> out(sizes[i]);
        ASSERT_OK(download(*device_, arena[i], out));
        EXPECT_EQ(out, std::vector(sizes[i], std::byte(i))) << i;
    }
}

TEST_F(VkMemoryTest, arena_refuses_a_slice_larger_than_a_chunk_and_takes_the_largest) {
    const uint64_t limit = Arena::max_slice_bytes(device_->caps(), 65536);
    EXPECT_EQ(limit, 65536u - 256);
    auto refused = Arena::create(*device_, std::vector<uint64_t>{16, limit + 1}, "weights",
                                 Memory::device, 65536);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().category, Category::resource_limit);
    EXPECT_NE(refused.error().message.find(std::to_string(limit)), std::string::npos);
    EXPECT_NE(refused.error().message.find(std::to_string(limit + 1)), std::string::npos);
    EXPECT_EQ(device_->memory().allocations, 0u);
    ASSERT_GET(auto arena, Arena::create(*device_, std::vector<uint64_t>{limit}, "weights",
                                         Memory::device, 65536));
    EXPECT_EQ(arena.reserved_bytes(), 65536u);
    EXPECT_LE(Arena::max_slice_bytes(device_->caps()), uint64_t(1) << 30);
}

TEST_F(VkMemoryTest, empty_arena_holds_nothing) {
    ASSERT_GET(auto arena, Arena::create(*device_, {}, "weights"));
    EXPECT_EQ(arena.size(), 0u);
    EXPECT_EQ(arena.chunk_count(), 0u);
}

TEST(VkSliceDeathTest, part_beyond_the_end_is_an_assertion) {
    testing::FLAGS_gtest_death_test_style = "fast";
    const Slice slice{nullptr, 0, 100};
    EXPECT_DEATH(slice.part(40, 61), "assertion failed");
    EXPECT_DEATH(slice.part(~uint64_t(0), 2), "assertion failed");
    EXPECT_EQ(slice.part(40, 60).size_bytes, 60u);
}

}  // namespace
}  // namespace m2w::vk
