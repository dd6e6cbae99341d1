// vk_pipeline_test.cpp — pipelines: constants, subgroup sizes, memory and disk caches.
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>

#include "runtime/vk/cache_file.h"
#include "tests/runtime/vk_test_support.h"

namespace m2w::vk {
namespace {

using VkPipelineTest = VkTest;

PipelineDesc affine_desc(std::span<const SpecConstant> constants) {
    return {"affine", kAffineSpirv, constants, sizeof(AffinePush)};
}

TEST_F(VkPipelineTest, spec_and_push_constants_reach_the_shader) {
    const auto words = pattern(1000);
    ASSERT_GET(auto x, Buffer::create(*device_, 4000, Memory::device, "x"));
    ASSERT_GET(auto y, Buffer::create(*device_, 4000, Memory::device, "y"));
    Uploader uploader(*device_);
    ASSERT_OK(uploader.write(x.all(), to_bytes(words)));
    ASSERT_OK(uploader.flush());
    ASSERT_GET(auto pipelines, Pipelines::create(*device_, {.cache_dir = ""}));
    ASSERT_GET(auto commands, Commands::create(*device_));
    for (const uint32_t local : {1u, 32u, 100u, 128u})
        for (const uint32_t factor : {5u, 0x80000001u}) {
            const SpecConstant constants[] = {{0, local}, {1, factor}};
            ASSERT_GET(const auto* affine, pipelines->get(affine_desc(constants)));
            ASSERT_OK(commands.begin());
            commands.fill(y.all(), 0xdeadbeef);
            commands.barrier(Stage::transfer, Stage::compute);
            // All but the last two, which must keep their poison.
            commands.dispatch(*affine, AffinePush{x.address(), y.address(), 998, local},
                              split_groups((998 + local - 1) / local, device_->caps()));
            ASSERT_OK(commands.end());
            ASSERT_OK(commands.submit());
            const auto got = read_words(*device_, y.all());
            for (size_t i = 0; i < 998; ++i) ASSERT_EQ(got[i], words[i] * factor + local) << i;
            EXPECT_EQ(got[998], 0xdeadbeefu);
            EXPECT_EQ(got[999], 0xdeadbeefu);
        }
    EXPECT_EQ(pipelines->size(), 8u);
}

TEST_F(VkPipelineTest, same_name_and_constants_are_one_pipeline) {
    ASSERT_GET(auto pipelines, Pipelines::create(*device_, {.cache_dir = ""}));
    const SpecConstant a[] = {{0, 64}, {1, 3}}, b[] = {{0, 64}, {1, 4}};
    ASSERT_GET(const auto* first, pipelines->get(affine_desc(a)));
    ASSERT_GET(const auto* other, pipelines->get(affine_desc(b)));
    ASSERT_GET(const auto* again, pipelines->get(affine_desc(a)));
    EXPECT_EQ(first, again);
    EXPECT_NE(first, other);
    EXPECT_EQ(first->layout, other->layout);
    EXPECT_EQ(pipelines->size(), 2u);
}

TEST_F(VkPipelineTest, pinned_subgroup_size_is_what_the_shader_sees) {
    const Caps& caps = device_->caps();
    ASSERT_GET(auto pipelines, Pipelines::create(*device_, {.cache_dir = ""}));
    ASSERT_GET(auto y, Buffer::create(*device_, 512, Memory::device, "y"));
    ASSERT_GET(auto commands, Commands::create(*device_));
    const SpecConstant constants[] = {{0, 128}};
    for (uint32_t size = caps.subgroup_size_min; size <= caps.subgroup_size_max; size *= 2) {
        ASSERT_GET(const auto* pipeline,
                   pipelines->get({"subgroup", kSubgroupSpirv, constants, 8, size}));
        ASSERT_OK(commands.begin());
        commands.dispatch(*pipeline, SubgroupPush{y.address()}, {1});
        ASSERT_OK(commands.end());
        ASSERT_OK(commands.submit());
        EXPECT_EQ(read_words(*device_, y.all()), std::vector<uint32_t>(128, size));
    }
}

TEST_F(VkPipelineTest, what_the_device_lacks_is_unsupported) {
    ASSERT_GET(auto pipelines, Pipelines::create(*device_, {.cache_dir = ""}));
    const Caps& caps = device_->caps();
    for (const uint32_t size : {caps.subgroup_size_max * 2, caps.subgroup_size_min / 2}) {
        if (size == 0) continue;
        auto refused = pipelines->get({"subgroup", kSubgroupSpirv, {}, 8, size});
        ASSERT_FALSE(refused);
        EXPECT_EQ(refused.error().category, Category::unsupported);
    }
    auto refused = pipelines->get({"subgroup", kSubgroupSpirv, {}, caps.push_constant_bytes + 4});
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().category, Category::unsupported);
    EXPECT_EQ(pipelines->size(), 0u);
}

TEST_F(VkPipelineTest, cache_file_is_written_once_and_read_back) {
    const TempDir dir;
    const auto cache_dir = dir.path() / "made" / "on demand";
    const SpecConstant constants[] = {{0, 64}};
    std::filesystem::path file;
    {
        ASSERT_GET(auto pipelines, Pipelines::create(*device_, {.cache_dir = cache_dir}));
        EXPECT_FALSE(pipelines->cache_loaded());
        ASSERT_OK(pipelines->get(affine_desc(constants)));
        file = pipelines->cache_file();
        EXPECT_FALSE(std::filesystem::exists(file));
    }
    ASSERT_TRUE(std::filesystem::exists(file));
    EXPECT_NE(file.filename().string().find(device_->info().uuid_str()), std::string::npos);
    ASSERT_GET(auto pipelines, Pipelines::create(*device_, {.cache_dir = cache_dir}));
    EXPECT_TRUE(pipelines->cache_loaded());
    ASSERT_OK(pipelines->get(affine_desc(constants)));
    EXPECT_FALSE(pipelines->save());  // nothing new
    size_t files = 0;
    for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator(cache_dir))
        ++files;
    EXPECT_EQ(files, 1u);  // no temporary left
}

TEST_F(VkPipelineTest, cache_folder_is_the_users_unless_another_is_given) {
    const TempDir dir;
    setenv("M2W_CACHE_DIR", dir.path().c_str(), 1);
    auto pipelines = Pipelines::create(*device_);
    unsetenv("M2W_CACHE_DIR");
    ASSERT_OK(pipelines);
    EXPECT_EQ((*pipelines)->cache_file().parent_path(), dir.path());
    ASSERT_GET(auto memory_only, Pipelines::create(*device_, {.cache_dir = ""}));
    EXPECT_TRUE(memory_only->cache_file().empty());
    EXPECT_FALSE(memory_only->save());
}

TEST_F(VkPipelineTest, damaged_or_foreign_cache_file_is_ignored_and_replaced) {
    const TempDir dir;
    std::filesystem::path file;
    {
        ASSERT_GET(auto pipelines, Pipelines::create(*device_, {.cache_dir = dir.path()}));
        file = pipelines->cache_file();
    }
    const std::vector<std::byte> good = read_cache_file(file);
    ASSERT_GE(good.size(), sizeof(VkPipelineCacheHeaderVersionOne));
    const auto reload = [&] {
        auto pipelines = Pipelines::create(*device_, {.cache_dir = dir.path()});
        EXPECT_TRUE(bool(pipelines));
        return pipelines && (*pipelines)->cache_loaded();
    };
    EXPECT_TRUE(reload());
    for (const char* text : {"", "m2wcach1", "this is no cache"}) {
        std::ofstream(file, std::ios::binary | std::ios::trunc) << text;
        EXPECT_FALSE(reload()) << text;
        EXPECT_TRUE(reload()) << text;  // replaced by a good one
    }
    // One bit in each field of the Vulkan header, with a right checksum.
    for (const size_t at : {0u, 4u, 8u, 12u, 16u, 31u}) {
        auto foreign = good;
        foreign[at] ^= std::byte(0x10);
        ASSERT_TRUE(write_cache_file(file, foreign));
        EXPECT_FALSE(reload()) << at;
    }
    ASSERT_TRUE(write_cache_file(file, std::span(good).first(20)));
    EXPECT_FALSE(reload());
}

TEST_F(VkPipelineTest, unusable_cache_folder_is_no_error) {
    const TempDir dir;
    std::ofstream(dir.path() / "a file") << "x";
    for (const auto& folder : {std::filesystem::path("/proc/nowhere"), dir.path() / "a file"}) {
        ASSERT_GET(auto pipelines, Pipelines::create(*device_, {.cache_dir = folder}));
        const SpecConstant constants[] = {{0, 64}};
        ASSERT_OK(pipelines->get(affine_desc(constants)));
        EXPECT_FALSE(pipelines->cache_loaded());
        EXPECT_FALSE(pipelines->save());
    }
}

TEST(vk_cache_file, any_flipped_bit_or_cut_is_noticed) {
    const TempDir dir;
    const auto file = dir.path() / "x.bin";
    const auto content = to_bytes(pattern(10));
    ASSERT_TRUE(write_cache_file(file, content));
    EXPECT_EQ(read_cache_file(file), content);
    std::string raw;
    {
        std::ifstream in(file, std::ios::binary);
        raw.assign(std::istreambuf_iterator<char>(in), {});
    }
    ASSERT_EQ(raw.size(), 64u);
    for (size_t at = 0; at < raw.size(); ++at) {
        std::string bad = raw;
        bad[at] = char(bad[at] ^ 1);
        std::ofstream(file, std::ios::binary | std::ios::trunc) << bad;
        EXPECT_TRUE(read_cache_file(file).empty()) << at;
        std::ofstream(file, std::ios::binary | std::ios::trunc) << raw.substr(0, at);
        EXPECT_TRUE(read_cache_file(file).empty()) << at;
    }
}

TEST(vk_cache_file, folder_follows_the_environment) {
    const std::string home = std::getenv("HOME") ? std::getenv("HOME") : "";
    setenv("HOME", "/home/x", 1);
    unsetenv("XDG_CACHE_HOME");
    unsetenv("M2W_CACHE_DIR");
    EXPECT_EQ(default_cache_dir(), "/home/x/.cache/m2w");
    setenv("XDG_CACHE_HOME", "/var/cache/x", 1);
    EXPECT_EQ(default_cache_dir(), "/var/cache/x/m2w");
    setenv("XDG_CACHE_HOME", "not/absolute", 1);
    EXPECT_EQ(default_cache_dir(), "/home/x/.cache/m2w");
    setenv("M2W_CACHE_DIR", "/tmp/here", 1);
    EXPECT_EQ(default_cache_dir(), "/tmp/here");
    unsetenv("M2W_CACHE_DIR");
    unsetenv("XDG_CACHE_HOME");
    unsetenv("HOME");
    EXPECT_EQ(default_cache_dir(), "");
    if (!home.empty()) setenv("HOME", home.c_str(), 1);
}

}  // namespace
}  // namespace m2w::vk
