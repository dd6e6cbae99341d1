// vk_upload_test.cpp — the uploader: direct and staged, all sizes and offsets, bounded memory.
#include <cstring>

#include "tests/runtime/vk_test_support.h"

namespace m2w::vk {
namespace {

using VkUploadTest = VkTest;
using VkStagedUploadTest = VkDiscreteTest;

std::vector<std::byte> noise(size_t n, uint32_t seed) {
    std::vector<std::byte> out(n);
    for (auto& byte : out) byte = std::byte((seed = seed * 1664525u + 1013904223u) >> 24);
    return out;
}

/// Writes many pieces at odd offsets and compares all of the target, gaps included.
void write_and_compare(Device& device, const UploadOptions& options) {
    constexpr size_t kSizes[] = {1, 3, 4, 15, 16, 17, 1023, 1024, 1025, 4096, 5000, 70001, 3};
    size_t total = 0;
    for (const size_t size : kSizes) total += size + 5;
    ASSERT_GET(auto target, Buffer::create(device, total, Memory::device, "target"));
    std::vector<std::byte> expected(total, std::byte(0xee));
    Uploader uploader(device, options);
    ASSERT_OK(uploader.write(target.all(), expected));
    ASSERT_OK(uploader.flush());
    size_t at = 5;
    for (const size_t size : kSizes) {
        const auto bytes = noise(size, uint32_t(size));
        ASSERT_OK(uploader.write(target.part(at, size), bytes));
        std::memcpy(expected.data() + at, bytes.data(), size);
        at += size + 5;
    }
    ASSERT_OK(uploader.flush());
    std::vector<std::byte> got(total);
    ASSERT_OK(download(device, target.all(), got));
    EXPECT_TRUE(got == expected);
}

TEST_F(VkUploadTest, default_ring_delivers_every_size_and_offset) {
    write_and_compare(*device_, {});
}

TEST_F(VkStagedUploadTest, staged_pieces_larger_than_the_ring_arrive_whole) {
    write_and_compare(*device_, {});
    for (const uint64_t ring : {uint64_t(32), uint64_t(2048), uint64_t(8192), uint64_t(1) << 20})
        write_and_compare(*device_, {.ring_bytes = ring});
}

TEST_F(VkUploadTest, mapped_memory_is_written_directly_and_needs_no_ring) {
    ASSERT_GET(auto target, Buffer::create(*device_, 4096, Memory::upload, "target"));
    Uploader uploader(*device_);
    const uint64_t before = device_->memory().in_use_bytes;
    ASSERT_GET(auto span, uploader.stage(target.part(100, 50)));
    EXPECT_EQ(span.data(), target.mapped() + 100);
    EXPECT_EQ(span.size(), 50u);
    ASSERT_OK(uploader.flush());
    EXPECT_EQ(device_->memory().in_use_bytes, before);
}

TEST_F(VkStagedUploadTest, extra_memory_stays_within_the_ring) {
    const uint64_t bound = (device_->caps().is_cpu ? 8 : 32) << 20;
    ASSERT_GET(auto target, Buffer::create(*device_, 3 * bound, Memory::device, "target"));
    const uint64_t before = device_->memory().in_use_bytes;
    Uploader uploader(*device_);
    const auto bytes = noise(3 * bound, 7);
    ASSERT_OK(uploader.write(target.all(), bytes));
    ASSERT_OK(uploader.flush());
    EXPECT_LE(device_->memory().peak_bytes - before, bound);
    EXPECT_GE(device_->memory().peak_bytes - before, bound - 4096);
    std::vector<std::byte> got(bytes.size());
    ASSERT_OK(download(*device_, target.all(), got));
    EXPECT_TRUE(got == bytes);
}

TEST_F(VkStagedUploadTest, planes_staged_together_are_writable_together) {
    ASSERT_GET(auto target, Buffer::create(*device_, 4096, Memory::device, "target"));
    Uploader uploader(*device_, {.ring_bytes = 2048});
    EXPECT_EQ(uploader.max_stage_bytes(), 1024u);
    std::vector<std::byte> expected(4096, std::byte(0));
    ASSERT_OK(uploader.write(target.all(), expected));
    for (size_t round = 0; round < 4; ++round) {  // each nearly fills a half
        const Slice planes[] = {target.part(round * 512, 500), target.part(2048 + round * 333, 333),
                                target.part(3500, 0)};
        std::span<std::byte> out[3];
        ASSERT_OK(uploader.stage(planes, out));
        EXPECT_EQ(out[2].size(), 0u);
        for (size_t i = 0; i < 2; ++i) {
            ASSERT_EQ(out[i].size(), planes[i].size_bytes);
            EXPECT_EQ(reinterpret_cast<uintptr_t>(out[i].data()) % 16, 0u);
            std::memset(out[i].data(), int(16 * round + i + 1), out[i].size());
            std::memset(expected.data() + planes[i].offset_bytes, int(16 * round + i + 1),
                        out[i].size());
        }
    }
    ASSERT_OK(uploader.flush());
    std::vector<std::byte> got(4096);
    ASSERT_OK(download(*device_, target.all(), got));
    EXPECT_TRUE(got == expected);
}

TEST_F(VkStagedUploadTest, shader_sees_staged_bytes_without_a_barrier_of_its_own) {
    const auto words = pattern(4096);
    ASSERT_GET(auto x, Buffer::create(*device_, 16384, Memory::device, "x"));
    ASSERT_GET(auto y, Buffer::create(*device_, 16384, Memory::device, "y"));
    ASSERT_GET(auto pipelines, Pipelines::create(*device_, {.cache_dir = ""}));
    const SpecConstant constants[] = {{0, 64}, {1, 3}};
    ASSERT_GET(const auto* affine, pipelines->get({"affine", kAffineSpirv, constants, 24}));
    ASSERT_GET(auto commands, Commands::create(*device_));
    Uploader uploader(*device_, {.ring_bytes = 4096});
    ASSERT_OK(uploader.write(x.all(), to_bytes(words)));
    ASSERT_OK(uploader.flush());
    ASSERT_OK(commands.begin());
    commands.dispatch(*affine, AffinePush{x.address(), y.address(), 4096, 1}, {64});
    ASSERT_OK(commands.end());
    ASSERT_OK(commands.submit());
    const auto got = read_words(*device_, y.all());
    for (size_t i = 0; i < got.size(); ++i) ASSERT_EQ(got[i], words[i] * 3 + 1) << i;
}

TEST_F(VkStagedUploadTest, staged_but_never_flushed_bytes_are_dropped_without_harm) {
    ASSERT_GET(auto target, Buffer::create(*device_, 64, Memory::device, "target"));
    Uploader uploader(*device_, {.ring_bytes = 2048});
    ASSERT_OK(uploader.stage(target.all()));
}

}  // namespace
}  // namespace m2w::vk
