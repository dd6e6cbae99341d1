// shard_folder_test.cpp — a folder as the place for shards: what it holds when all is done, after a
// failure, and what it does not touch.
#include "gguf/shards/shard_folder.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <set>

#include "gguf/shards/shard_source.h"
#include "gguf/shards/shard_writer.h"
#include "tests/gguf/shard_samples.h"
#include "tests/gguf/temp_dir.h"
#include "tests/support/shared.h"

namespace m2w::shards {
namespace {

namespace fs = std::filesystem;
using Files = test::MemorySink::Files;

Files files_in(const fs::path& folder) {
    Files files;
    for (const auto& entry : fs::directory_iterator(folder))
        files[entry.path().filename()] = test::read_text(entry.path());
    return files;
}

std::string write_into(const fs::path& folder, const gguf::File& file,
                       const ShardWriteOptions& options = {}) {
    auto sink = open_shard_folder(folder);
    if (!sink) return test::outcome(sink);
    return test::outcome(write_shards(file, **sink, options));
}

class ShardFolder : public testing::Test {
  protected:
    const test::TempDir dir_;
    const fs::path folder_ = dir_.path() / "new/shards";
    const std::shared_ptr<const gguf::File> file_ = test::parse_model(test::sample_model().bytes());
};

TEST_F(ShardFolder, holds_the_manifest_and_its_shards_and_nothing_else) {
    ASSERT_EQ(write_into(folder_, *file_), "ok");
    EXPECT_EQ(files_in(folder_), test::shard(*file_));
    ASSERT_GET(auto manifest, parse_manifest(test::read_text(folder_ / "manifest.json")));
    ASSERT_GET(const auto back, open_shards(std::move(manifest), folder_opener(folder_),
                                            {.location = folder_.string()}));
    std::string bytes(back->parts()[0]->size_bytes(), '?');
    ASSERT_OK(back->parts()[0]->read(0, std::as_writable_bytes(std::span(bytes))));
    EXPECT_EQ(bytes, test::sample_model().bytes());
    for (const gguf::TensorInfo& info : back->tensors())
        back->source(info).done_with(info.offset_bytes, info.size_bytes);
}

TEST_F(ShardFolder, failure_leaves_finished_shards_and_notes_and_no_unfinished_file) {
    std::atomic<bool> stop = false;
    const auto progress = [&](uint64_t done, uint64_t total) { stop = done > total * 3 / 4; };
    ASSERT_EQ(
        write_into(folder_, *file_, {.max_shard_bytes = 4096, .progress = progress, .stop = &stop}),
        "io: interrupted; the same command goes on from here");
    const Files left = files_in(folder_);
    EXPECT_TRUE(left.contains(".m2w-shard.notes"));
    EXPECT_FALSE(left.contains(".m2w-shard.tmp"));
    EXPECT_FALSE(left.contains("manifest.json"));
    EXPECT_GT(left.size(), 2u);
    ASSERT_EQ(write_into(folder_, *file_, {.max_shard_bytes = 4096}), "ok");
    EXPECT_EQ(files_in(folder_), test::shard(*file_, {.max_shard_bytes = 4096}));
}

/// As kill -9 leaves it: half a file, and half a line of the notes.
TEST_F(ShardFolder, what_a_killed_run_left_is_cleared_away) {
    fs::create_directories(folder_);
    std::ofstream(folder_ / ".m2w-shard.tmp") << "half a sha";
    std::ofstream(folder_ / ".m2w-shard.notes") << "m2w-shards 1 of something else\n0 abc";
    ASSERT_EQ(write_into(folder_, *file_), "ok");
    EXPECT_EQ(files_in(folder_), test::shard(*file_));
}

TEST_F(ShardFolder, only_one_run_at_a_time) {
    ASSERT_GET(const auto sink, open_shard_folder(folder_));
    EXPECT_EQ(write_into(folder_, *file_),
              "io: " + folder_.string() + ": another run is writing shards into this folder");
}

TEST_F(ShardFolder, symbolic_links_are_neither_followed_nor_replaced) {
    ASSERT_EQ(write_into(folder_, *file_), "ok");
    const auto outside = dir_.write("outside", "mine");
    std::string head;
    for (const auto& [name, content] : files_in(folder_))
        if (name.starts_with("head-")) head = name;
    fs::remove(folder_ / head);
    fs::create_symlink(outside, folder_ / head);
    EXPECT_EQ(write_into(folder_, *file_),
              "io: " + (folder_ / head).string() + ": is not a regular file");
    EXPECT_TRUE(fs::is_symlink(folder_ / head));
    EXPECT_EQ(write_into(folder_, *file_, {.force = true}), "ok");
    EXPECT_FALSE(fs::is_symlink(folder_ / head));
    EXPECT_EQ(test::read_text(outside), "mine");

    for (const char* own : {".m2w-shard.tmp", ".m2w-shard.notes"}) {
        fs::create_symlink(outside, folder_ / own);
        const std::string outcome = write_into(folder_, *file_);
        EXPECT_EQ(outcome.substr(0, 3), std::string(own).ends_with("tmp") ? "ok" : "io:") << own;
        EXPECT_EQ(test::read_text(outside), "mine");
        fs::remove(folder_ / own);
    }
}

TEST_F(ShardFolder, places_that_cannot_be_written_are_told) {
    const auto file = dir_.write("a file", "x");
    EXPECT_EQ(write_into(file, *file_).substr(0, 3), "io:");
    EXPECT_EQ(write_into("/proc/nowhere", *file_).substr(0, 3), "io:");
}

/// Leaves no half a file, and the next run goes on.
TEST_F(ShardFolder, file_that_may_not_grow_is_an_error) {
    struct rlimit before {};
    ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &before), 0);
    const auto handler = signal(SIGXFSZ, SIG_IGN);
    const struct rlimit small { 3000, before.rlim_max };
    ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &small), 0);
    const std::string outcome = write_into(folder_, *file_);
    setrlimit(RLIMIT_FSIZE, &before);
    signal(SIGXFSZ, handler);
    EXPECT_EQ(outcome, "io: " + (folder_ / ".m2w-shard.tmp").string() + ": File too large");
    EXPECT_FALSE(fs::exists(folder_ / ".m2w-shard.tmp"));
    EXPECT_EQ(write_into(folder_, *file_), "ok");
}

}  // namespace
}  // namespace m2w::shards
