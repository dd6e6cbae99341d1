// disk_test.cpp — pulls into disks that are full, small or not to be written, each in a process of
// its own, and processes that share a download.
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include <atomic>
#include <fstream>
#include <thread>

#include "gguf/fetch/cache.h"
#include "gguf/fetch/pull.h"
#include "tests/fetch/fake_server.h"
#include "tests/support/child.h"
#include "tests/support/results.h"
#include "tests/support/temporary.h"

namespace m2w::fetch {
namespace {

namespace fs = std::filesystem;
using test::in_child;
using test::kNoTmpfs;
using test::mount_tmpfs;
using test::varied_bytes;

constexpr size_t kDiskFileBytes = 1'500'001;
constexpr uint64_t kDiskChunk = kMinChunkBytes;

bool is(const Result<PullReport>& result, Category category) {
    if (!result && result.error().category == category) return true;
    std::fprintf(stderr, "expected %s, got %s\n", std::string(category_name(category)).c_str(),
                 test::outcome(result).c_str());
    return false;
}

/// A server in memory and a cache, for children: they have no server of their own.
struct Bench {
    fs::path root;
    test::FakeServer server{varied_bytes(kDiskFileBytes)};

    Result<std::shared_ptr<CachedFile>> open() {
        CachedFileOptions how;
        how.fetch = server.fetch();
        return Cache(root).open(server.identity(), how);
    }
    Result<PullReport> pull() {
        TRY(const auto file, open());
        TRY(const PullReport report, fetch::pull(*file, "", {}));
        TRY(Cache(root).complete(*file, report.sha256));
        return report;
    }
};

TEST(disk, too_small_a_disk_is_an_error_before_the_download) {
    const test::TemporaryFolder folder;
    const int status = in_child([&] { return mount_tmpfs(folder.path(), "size=1m"); },
                                [&] {
                                    Bench bench{folder.path() / "c"};
                                    if (!is(bench.pull(), Category::disk_full)) return 1;
                                    return bench.server.sent_bytes == 0 ? 0 : 2;
                                });
    if (status == -1) GTEST_SKIP() << kNoTmpfs;
    EXPECT_EQ(status, 0);
}

TEST(disk, a_disk_that_fills_up_meanwhile_stops_cleanly_and_keeps_what_came) {
    const test::TemporaryFolder folder;
    const auto work = [&] {
        Bench bench{folder.path() / "c"};
        std::atomic<bool> filled = false;
        const fs::path filler = folder.path() / "filler";
        bench.server.on_piece = [&](uint64_t at, std::string&) -> Result<void> {
            if (at > kDiskFileBytes / 3 && !filled.exchange(true))
                std::ofstream(filler) << std::string(3'000'000, 'x');
            return {};
        };
        if (!is(bench.pull(), Category::disk_full)) return 1;
        fs::remove(filler);
        const uint64_t before = bench.server.sent_bytes;
        bench.server.forget();
        const auto report = bench.pull();
        if (!report || report->sha256 != sha256_hex(bench.server.bytes)) return 2;
        // Only what was on its way when the disk was full came twice.
        return before + bench.server.sent_bytes <= kDiskFileBytes + 8 * kDiskChunk ? 0 : 3;
    };
    const int status = in_child([&] { return mount_tmpfs(folder.path(), "size=1800k"); }, work);
    if (status == -1) GTEST_SKIP() << kNoTmpfs;
    EXPECT_EQ(status, 0);
}

TEST(disk, more_than_is_free_is_an_error_before_the_download) {
    const test::TemporaryFolder folder;
    Bench bench{folder.path() / "c"};
    struct statvfs space {};
    ASSERT_EQ(statvfs(folder.path().c_str(), &space), 0);
    RemoteIdentity identity = bench.server.identity();
    identity.size_bytes = uint64_t(space.f_bavail) * space.f_frsize + (uint64_t{1} << 30);
    CachedFileOptions how;
    how.fetch = bench.server.fetch();
    ASSERT_GET(const auto file, Cache(bench.root).open(identity, how));
    const auto refused = fetch::pull(*file, "", {});
    EXPECT_TRUE(is(refused, Category::disk_full));
    EXPECT_NE(refused.error().message.find(std::to_string(identity.size_bytes)), std::string::npos)
        << refused.error().message;
    EXPECT_TRUE(bench.server.requests().empty());
}

TEST(disk, a_file_that_may_not_grow_is_disk_full) {
    const test::TemporaryFolder folder;
    EXPECT_EQ(in_child([] { return test::limit_file_bytes(1'000'000); },
                       [&] {
                           Bench bench{folder.path() / "c"};
                           if (!is(bench.pull(), Category::disk_full)) return 1;
                           return bench.server.sent_bytes == 0 ? 0 : 2;
                       }),
              0);
}

TEST(disk, a_write_that_fails_meanwhile_stops_cleanly_and_what_is_recorded_comes_once) {
    const test::TemporaryFolder folder;
    const auto work = [&] {
        Bench bench{folder.path() / "c"};
        bench.server.on_piece = [](uint64_t at, std::string&) -> Result<void> {
            // The file has its size by now; what lies behind its middle cannot be written.
            if (at > kDiskFileBytes / 3) test::limit_file_bytes(kDiskFileBytes / 2);
            return {};
        };
        if (!is(bench.pull(), Category::disk_full)) return 1;
        if (fs::exists(bench.root / "blobs" / sha256_hex(bench.server.bytes))) return 2;
        bench.server.on_piece = nullptr;
        bench.server.forget();
        if (!test::limit_file_bytes(RLIM_INFINITY)) return 3;
        const auto partial = bench.open();
        if (!partial) return 4;
        const uint64_t recorded = (*partial)->recorded_bytes();
        if (recorded < kDiskFileBytes / 4 || recorded > kDiskFileBytes / 2) return 5;
        const auto report = bench.pull();
        if (!report || report->sha256 != sha256_hex(bench.server.bytes)) return 6;
        if (test::read_text(bench.root / "blobs" / report->sha256) != bench.server.bytes) return 7;
        return bench.server.sent_bytes == kDiskFileBytes - recorded ? 0 : 8;
    };
    EXPECT_EQ(in_child([] { return true; }, work), 0);
}

TEST(disk, a_read_only_cache_serves_what_it_has_and_says_what_it_cannot) {
    const test::TemporaryFolder folder;
    const fs::path root = folder.path() / "c";
    Bench bench{root};
    ASSERT_OK(bench.pull());
    // As somebody who may read but not write it: root may write everything.
    const auto give_up_rights = [&] {
        if (geteuid() == 0) return setgid(65534) == 0 && setuid(65534) == 0;
        for (const char* sub : {"", "blobs", "refs", "partial"})
            if (fs::exists(root / sub)) chmod((root / sub).c_str(), 0555);
        return true;
    };
    for (const auto& entry : fs::recursive_directory_iterator(folder.path()))
        chmod(entry.path().c_str(), entry.is_directory() ? 0755 : 0444);
    chmod(folder.path().c_str(), 0755);
    const auto work = [&] {
        CachedFileOptions how;
        how.fetch = bench.server.fetch();
        bench.server.forget();
        const auto file = Cache(root).open(bench.server.identity(), how);
        if (!file) return 1;
        std::vector<std::byte> all(kDiskFileBytes);
        if (!(*file)->read(0, all) || bench.server.sent_bytes != 0) return 2;
        bench.server.bytes += "more";
        return is(bench.pull(), Category::cache) ? 0 : 3;
    };
    EXPECT_EQ(in_child(give_up_rights, work), 0);
    for (const auto& entry : fs::recursive_directory_iterator(folder.path()))
        if (entry.is_directory()) chmod(entry.path().c_str(), 0755);
}

TEST(disk, processes_share_one_download) {
    const test::TemporaryFolder folder;
    std::vector<pid_t> children;
    const auto counted = [&](int i) { return folder.path() / ("sent" + std::to_string(i)); };
    for (int i = 0; i < 3; i++) {
        const pid_t pid = fork();
        if (pid == 0) {
            Bench bench{folder.path() / "c"};
            bench.server.on_piece = [](uint64_t, std::string&) -> Result<void> {
                std::this_thread::sleep_for(std::chrono::milliseconds(2));
                return {};
            };
            const auto report = bench.pull();
            std::ofstream(counted(i)) << bench.server.sent_bytes;
            _exit(report && report->sha256 == sha256_hex(bench.server.bytes) ? 0 : 1);
        }
        children.push_back(pid);
    }
    uint64_t sum = 0;
    for (int i = 0; i < 3; i++) {
        int status = 0;
        waitpid(children[size_t(i)], &status, 0);
        EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
        sum += std::stoull("0" + test::read_text(counted(i)));
    }
    EXPECT_EQ(sum, kDiskFileBytes);
    EXPECT_EQ(sha256_hex(test::read_text(folder.path() / "c/blobs" /
                                         sha256_hex(varied_bytes(kDiskFileBytes)))),
              sha256_hex(varied_bytes(kDiskFileBytes)));
}

}  // namespace
}  // namespace m2w::fetch
