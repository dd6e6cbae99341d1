// shard_folder_test.cpp — a folder as the place for shards: what it holds when all is done, after a
// failure, and what it does not touch.
#include "gguf/shards/shard_folder.h"

#include <gtest/gtest.h>
#include <sys/statvfs.h>

#include <algorithm>

#include "gguf/shards/shard_source.h"
#include "gguf/shards/shard_writer.h"
#include "tests/gguf/shard_samples.h"
#include "tests/gguf/temp_dir.h"
#include "tests/support/child.h"
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

TEST_F(ShardFolder, failure_leaves_what_the_next_run_goes_on_from) {
    std::atomic<bool> stop = false;
    const auto progress = [&](uint64_t done, uint64_t total) { stop = done > total * 3 / 4; };
    ASSERT_EQ(
        write_into(folder_, *file_, {.max_shard_bytes = 4096, .progress = progress, .stop = &stop}),
        "io: interrupted; the same command goes on from here");
    const Files left = files_in(folder_);
    EXPECT_TRUE(left.contains(".m2w-shard.notes"));
    EXPECT_TRUE(left.contains(".m2w-shard.tmp")) << "it ended inside of a shard";
    EXPECT_FALSE(left.contains("manifest.json"));
    EXPECT_GT(left.size(), 3u);
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

TEST_F(ShardFolder, unfinished_file_is_found_again_as_long_as_there_are_notes) {
    const std::string text = "0123456789abcdef";
    const auto begin = [&](bool noted) {
        const auto sink = open_shard_folder(folder_);
        ASSERT_OK(sink);
        ASSERT_OK((*sink)->begin(text.size()));
        ASSERT_OK((*sink)->write(0, std::as_bytes(std::span(text))));
        if (noted) {
            ASSERT_OK((*sink)->note("a note"));
        }
    };
    begin(false);
    EXPECT_TRUE(files_in(folder_).empty());
    begin(true);
    {
        ASSERT_GET(const auto sink, open_shard_folder(folder_));
        EXPECT_EQ(sink->notes(), "a note\n");
        ASSERT_GET(const bool other_size, sink->resume(15));
        EXPECT_FALSE(other_size);
        ASSERT_GET(const bool same_size, sink->resume(text.size()));
        EXPECT_TRUE(same_size);
        std::string there(text.size(), '?');
        ASSERT_OK(sink->read(0, std::as_writable_bytes(std::span(there))));
        EXPECT_EQ(there, text);
        ASSERT_OK(sink->clear_notes());
    }
    EXPECT_TRUE(files_in(folder_).empty());
    fs::create_symlink(dir_.write("outside", text), folder_ / ".m2w-shard.tmp");
    ASSERT_GET(const auto sink, open_shard_folder(folder_));
    ASSERT_GET(const bool link, sink->resume(text.size()));
    EXPECT_FALSE(link);
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

/// What a run left that ended with disk_full: finished shards, and notes of them.
bool is_to_go_on_with(const Files& left) {
    return left.contains(".m2w-shard.notes") && !left.contains(".m2w-shard.tmp") &&
           !left.contains("manifest.json") && left.size() > 2;
}

/// A run into what another left: what was finished is kept. 0, or where it went wrong.
int go_on(const fs::path& folder, const gguf::File& file, const ShardWriteOptions& options) {
    const size_t n_finished = files_in(folder).size() - 1;  // but for the notes
    const auto sink = open_shard_folder(folder);
    if (!sink) return 11;
    const auto written = write_shards(file, **sink, options);
    if (!written || written->n_kept < n_finished) return 12;
    return 0;
}

/// Leaves no half a file, and the next run goes on.
TEST_F(ShardFolder, file_that_may_not_grow_is_a_full_disk) {
    const Files want = test::shard(*file_);
    size_t largest = 0;
    for (const auto& [name, content] : want) largest = std::max(largest, content.size());
    const auto work = [&] {
        const std::string outcome = write_into(folder_, *file_);
        if (outcome != "disk_full: " + (folder_ / ".m2w-shard.tmp").string() + ": File too large")
            return 1;
        if (!is_to_go_on_with(files_in(folder_))) return 2;
        if (!test::limit_file_bytes(RLIM_INFINITY)) return 3;
        if (const int wrong = go_on(folder_, *file_, {})) return wrong;
        return files_in(folder_) == want ? 0 : 4;
    };
    EXPECT_EQ(test::in_child([&] { return test::limit_file_bytes(largest - 1); }, work), 0);
}

TEST_F(ShardFolder, shard_larger_than_what_is_free_is_told_before_it_is_begun) {
    ASSERT_GET(const auto sink, open_shard_folder(folder_));
    struct statvfs space {};
    ASSERT_EQ(statvfs(folder_.c_str(), &space), 0);
    const uint64_t need_bytes = uint64_t(space.f_bavail) * space.f_frsize + (uint64_t{1} << 30);
    const std::string outcome = test::outcome(sink->begin(need_bytes));
    EXPECT_EQ(outcome.find("disk_full: " + folder_.string() + ": the next shard needs " +
                           std::to_string(need_bytes) + " bytes, "),
              0u)
        << outcome;
    EXPECT_FALSE(fs::exists(folder_ / ".m2w-shard.tmp"));
}

TEST_F(ShardFolder, disk_that_fills_up_keeps_the_finished_shards_and_the_next_run_goes_on) {
    const ShardWriteOptions options{.max_shard_bytes = 4096};
    const Files want = test::shard(*file_, options);
    // A file takes a page at least, so that not more than half of them fit.
    const std::string room =
        "size=" + std::to_string(want.size() / 2 * size_t(sysconf(_SC_PAGESIZE)));
    const auto work = [&] {
        const std::string outcome = write_into(folder_, *file_, options);
        if (outcome.find("disk_full: " + folder_.string() + ": the next shard needs ") != 0)
            return 1;
        if (!is_to_go_on_with(files_in(folder_))) return 2;
        if (mount("m2w", dir_.path().c_str(), "tmpfs", MS_REMOUNT, "size=16m") != 0) return 3;
        if (const int wrong = go_on(folder_, *file_, options)) return wrong;
        return files_in(folder_) == want ? 0 : 4;
    };
    const int status = test::in_child([&] { return test::mount_tmpfs(dir_.path(), room); }, work);
    if (status == -1) GTEST_SKIP() << test::kNoTmpfs;
    EXPECT_EQ(status, 0);
}

}  // namespace
}  // namespace m2w::shards
