// cache_test.cpp — files of the cache, over a server in memory: what is fetched, what is kept, what
// is believed.
#include "gguf/fetch/cache.h"

#include <fcntl.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <fstream>
#include <thread>

#include "gguf/fetch/pull.h"
#include "tests/fetch/fake_server.h"
#include "tests/support/results.h"
#include "tests/support/temporary.h"

namespace m2w::fetch {
namespace {

namespace fs = std::filesystem;
using test::FakeServer;
using test::varied_bytes;

constexpr uint64_t kChunk = kMinChunkBytes;  // of files this small
constexpr size_t kFileBytes = 20 * kChunk + 777;

class CacheTest : public ::testing::Test {
  protected:
    std::shared_ptr<CachedFile> open(FakeServer& server,
                                     const std::string& url = "http://test/model.gguf") {
        auto file = cache().open(server.identity(url), options(server));
        EXPECT_TRUE(file) << file.error().str();
        return file ? *file : nullptr;
    }
    CachedFileOptions options(FakeServer& server) {
        CachedFileOptions options;
        options.fetch = server.fetch();
        options.note = [this](const std::string& text) {
            const std::lock_guard lock(mutex_);
            notes_.push_back(text);
        };
        return options;
    }
    std::shared_ptr<CachedFile> open_offline(const RemoteIdentity& identity) {
        auto file = cache().find(identity, {});
        EXPECT_TRUE(file) << file.error().str();
        return file ? *file : nullptr;
    }
    Cache cache() const { return Cache(folder_.path() / "cache"); }

    /// Pulls and completes, as a verb does.
    Result<PullReport> pull_whole(FakeServer& server, const PullOptions& how = {}) {
        TRY(const auto file, cache().open(server.identity(), options(server)));
        TRY(const PullReport report, pull(*file, server.identity().sha256, how));
        TRY(cache().complete(*file, report.sha256));
        return report;
    }
    void flip(const fs::path& path, uint64_t at) {
        std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
        file.seekg(std::streamoff(at));
        const char c = char(file.get() ^ 1);
        file.seekp(std::streamoff(at));
        file.put(c);
    }
    static std::string read(CachedFile& file, uint64_t offset, size_t size) {
        std::string out(size, '\0');
        const auto done = file.read(offset, std::as_writable_bytes(std::span(out)));
        EXPECT_TRUE(done) << done.error().str();
        return done ? out : "";
    }

    test::TemporaryFolder folder_;
    std::mutex mutex_;
    std::vector<std::string> notes_;
};

TEST_F(CacheTest, a_read_brings_little_more_than_it_needs) {
    FakeServer server(varied_bytes(kFileBytes));
    const auto file = open(server);
    EXPECT_EQ(read(*file, 100, 50), server.bytes.substr(100, 50));
    EXPECT_EQ(server.sent_bytes, kChunk / 4);
    EXPECT_EQ(read(*file, 0, 3 * kChunk), server.bytes.substr(0, 3 * kChunk));
    EXPECT_EQ(server.sent_bytes, 3 * kChunk) << "what was there is not fetched again";
    EXPECT_EQ(server.requests().size(), 4u);
    EXPECT_EQ(read(*file, kFileBytes - 1, 1), server.bytes.substr(kFileBytes - 1));
}

TEST_F(CacheTest, reads_outside_of_the_file_are_truncated) {
    FakeServer server(varied_bytes(1000));
    const auto file = open(server);
    std::byte out[2];
    EXPECT_EQ(file->read(999, out).error().category, Category::truncated);
    EXPECT_EQ(file->read(UINT64_MAX, out).error().category, Category::truncated);
    EXPECT_TRUE(file->view({UINT64_MAX, 2}).empty());
    EXPECT_EQ(server.sent_bytes, 0u);
}

TEST_F(CacheTest, an_empty_file_is_complete_at_once) {
    FakeServer server("");
    ASSERT_GET(const PullReport report, pull_whole(server));
    EXPECT_EQ(report.sha256, sha256_hex(""));
    EXPECT_EQ(open(server)->size_bytes(), 0u);
}

TEST_F(CacheTest, what_was_brought_is_there_after_reopening_and_offline) {
    FakeServer server(varied_bytes(kFileBytes));
    read(*open(server), 0, 5 * kChunk + 10);
    server.forget();
    const auto again = open(server);
    EXPECT_EQ(read(*again, 0, 5 * kChunk), server.bytes.substr(0, 5 * kChunk));
    EXPECT_EQ(server.sent_bytes, 0u);
    const auto offline = open_offline(server.identity());
    ASSERT_TRUE(offline);
    EXPECT_EQ(read(*offline, 0, 5 * kChunk), server.bytes.substr(0, 5 * kChunk));
    std::byte out[1];
    const auto missing = offline->read(7 * kChunk, out);
    EXPECT_EQ(test::outcome(missing),
              "io: http://test/model.gguf: chunk 7 (bytes 458752 to 524287) of 1311497 bytes is "
              "not in the cache: offline");
}

TEST_F(CacheTest, a_request_that_breaks_off_keeps_what_came) {
    FakeServer server(varied_bytes(kFileBytes));
    server.on_piece = [](uint64_t at, std::string&) -> Result<void> {
        if (at >= 90'000) return Error{Category::http_truncated, "cut"};
        return {};
    };
    std::vector<std::byte> out(2 * kChunk);
    EXPECT_EQ(open(server)->read(0, out).error().category, Category::http_truncated);
    server.on_piece = nullptr;
    server.forget();
    read(*open(server), 0, 2 * kChunk);
    // The last piece before the cut began at byte 20,000 of chunk 1.
    EXPECT_EQ(server.sent_bytes, kChunk - 30'000) << "to the byte";
}

TEST_F(CacheTest, pull_brings_everything_once_and_right) {
    FakeServer server(varied_bytes(kFileBytes));
    server.tells_sha256 = true;
    std::vector<PullProgress> seen;
    PullOptions how;
    how.progress = [&](const PullProgress& p) { seen.push_back(p); };
    ASSERT_GET(const PullReport report, pull_whole(server, how));
    EXPECT_EQ(report.sha256, sha256_hex(server.bytes));
    EXPECT_EQ(report.bytes_fetched, kFileBytes);
    EXPECT_EQ(server.sent_bytes, kFileBytes);
    ASSERT_FALSE(seen.empty());
    EXPECT_EQ(seen.back().bytes_done, kFileBytes);
    EXPECT_EQ(seen.back().front_bytes, kFileBytes);
    EXPECT_EQ(test::read_text(cache().root() / "blobs" / report.sha256), server.bytes);
    EXPECT_FALSE(fs::exists(cache().root() / "partial" / sha256_hex(server.identity().url)));
    server.forget();
    const auto file = open(server);
    EXPECT_TRUE(file->is_complete());
    EXPECT_EQ(read(*file, 0, kFileBytes), server.bytes);
    EXPECT_EQ(server.sent_bytes, 0u);
}

TEST_F(CacheTest, the_same_bytes_at_another_address_are_not_fetched_again) {
    FakeServer server(varied_bytes(kFileBytes));
    server.tells_sha256 = true;
    ASSERT_OK(pull_whole(server));
    server.forget();
    const auto file = open(server, "http://mirror/same.gguf");
    EXPECT_EQ(read(*file, 0, kFileBytes), server.bytes);
    EXPECT_EQ(server.sent_bytes, 0u);
}

TEST_F(CacheTest, what_is_asked_for_first_comes_first) {
    FakeServer server(varied_bytes(kFileBytes));
    PullOptions how;
    how.connections = 1;
    how.order = {{10 * kChunk, kChunk}, {2 * kChunk, 1}};
    ASSERT_OK(pull_whole(server, how));
    const auto requests = server.requests();
    ASSERT_GE(requests.size(), 3u);
    EXPECT_EQ(requests[0].offset_bytes, 10 * kChunk);
    EXPECT_EQ(requests[1].offset_bytes, 2 * kChunk);
    EXPECT_EQ(requests[2].offset_bytes, 0u);
    EXPECT_EQ(server.sent_bytes, kFileBytes);
}

TEST_F(CacheTest, a_server_without_ranges_is_asked_once) {
    FakeServer server(varied_bytes(kFileBytes));
    server.has_ranges = false;
    const auto file = open(server);
    EXPECT_EQ(read(*file, 8 * kChunk, 5), server.bytes.substr(8 * kChunk, 5));
    ASSERT_OK(pull(*file, "", {}));
    ASSERT_LE(server.requests().size(), 2u);
}

TEST_F(CacheTest, content_without_etag_or_sha256_is_never_resumed) {
    FakeServer server(varied_bytes(kFileBytes));
    server.has_etag = false;
    read(*open(server), 0, 3 * kChunk);
    server.bytes = varied_bytes(kFileBytes, 1);  // nothing shows it
    ASSERT_GET(const PullReport report, pull_whole(server));
    EXPECT_EQ(report.sha256, sha256_hex(server.bytes));
    EXPECT_TRUE(fs::is_empty(cache().root() / "partial"));
}

TEST_F(CacheTest, other_content_starts_over_and_nothing_is_mixed) {
    FakeServer server(varied_bytes(kFileBytes));
    read(*open(server), 0, 9 * kChunk);
    server.bytes = varied_bytes(kFileBytes, 1);
    server.forget();
    ASSERT_GET(const PullReport report, pull_whole(server));
    EXPECT_EQ(report.sha256, sha256_hex(server.bytes));
    EXPECT_EQ(server.sent_bytes, kFileBytes);
}

TEST_F(CacheTest, who_has_the_old_content_open_keeps_it) {
    FakeServer old(varied_bytes(kFileBytes)), now(varied_bytes(kFileBytes, 1));
    const auto before = open(old);
    read(*before, 0, 4 * kChunk);
    const auto after = open(now);
    EXPECT_EQ(read(*after, 0, kFileBytes), now.bytes);
    EXPECT_EQ(read(*before, 0, kFileBytes), old.bytes);
}

TEST_F(CacheTest, a_flipped_byte_of_a_complete_file_costs_exactly_its_chunk) {
    FakeServer server(varied_bytes(kFileBytes));
    ASSERT_GET(const PullReport report, pull_whole(server));
    const fs::path blob = cache().root() / "blobs" / report.sha256;
    flip(blob, 5 * kChunk + 3);
    ASSERT_GET(const auto faults, cache().verify({}));
    ASSERT_EQ(faults.size(), 1u);
    EXPECT_NE(faults[0].what.find("chunk 5 (bytes 327680 to 393215)"), std::string::npos)
        << faults[0].what;

    RemoteIdentity identity = server.identity();
    identity.sha256 = report.sha256;
    const auto offline = open_offline(identity);
    std::vector<std::byte> all(kFileBytes);
    const auto refused = offline->read(0, all);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().category, Category::checksum);
    EXPECT_NE(refused.error().message.find("chunk 5 (bytes 327680 to 393215) is damaged"),
              std::string::npos);
    EXPECT_TRUE(offline->view({5 * kChunk, 10}).empty());
    EXPECT_EQ(offline->view({4 * kChunk, 10}).size(), 10u);

    server.forget();
    EXPECT_EQ(read(*open(server), 0, kFileBytes), server.bytes);
    ASSERT_EQ(server.requests().size(), 1u);
    EXPECT_EQ(server.requests()[0].offset_bytes, 5 * kChunk);
    EXPECT_EQ(server.requests()[0].size_bytes, kChunk);
    EXPECT_EQ(test::read_text(blob), server.bytes) << "and it is whole again";
    ASSERT_GET(const auto none, cache().verify({}));
    EXPECT_TRUE(none.empty());
}

TEST_F(CacheTest, a_flipped_byte_of_an_incomplete_file_costs_exactly_its_chunk) {
    FakeServer server(varied_bytes(kFileBytes));
    read(*open(server), 0, 9 * kChunk);
    flip(cache().root() / "partial" / sha256_hex(server.identity().url) / "data", 7 * kChunk);
    server.forget();
    EXPECT_EQ(read(*open(server), 0, 9 * kChunk), server.bytes.substr(0, 9 * kChunk));
    ASSERT_EQ(server.requests().size(), 1u);
    EXPECT_EQ(server.requests()[0].offset_bytes, 7 * kChunk);
    EXPECT_EQ(server.sent_bytes, kChunk);
}

TEST_F(CacheTest, a_cut_file_is_damaged_where_it_is_cut) {
    FakeServer server(varied_bytes(kFileBytes));
    ASSERT_GET(const PullReport report, pull_whole(server));
    fs::resize_file(cache().root() / "blobs" / report.sha256, 18 * kChunk);
    server.forget();
    EXPECT_EQ(read(*open(server), 0, kFileBytes), server.bytes);
    EXPECT_EQ(server.sent_bytes, kFileBytes) << "its name no longer says what it is: all anew";
}

TEST_F(CacheTest, a_complete_file_without_its_journal_gets_a_new_one) {
    FakeServer server(varied_bytes(kFileBytes));
    ASSERT_GET(const PullReport report, pull_whole(server));
    server.forget();
    const fs::path journal = cache().root() / "blobs" / (report.sha256 + ".journal");
    for (const char* instead : {"", "no journal\n"}) {
        fs::remove(journal);
        if (*instead) std::ofstream(journal) << instead;
        EXPECT_EQ(read(*open(server), 0, kFileBytes), server.bytes);
    }
    EXPECT_EQ(server.sent_bytes, 0u);
}

TEST_F(CacheTest, a_byte_flipped_in_the_stream_is_found_named_and_repaired) {
    FakeServer server(varied_bytes(kFileBytes));
    server.tells_sha256 = true;
    std::atomic<int> flips = 1;
    server.on_piece = [&](uint64_t at, std::string& piece) -> Result<void> {
        const uint64_t bad = 11 * kChunk + 5;
        if (at <= bad && bad < at + piece.size() && flips-- > 0) piece[bad - at] ^= 4;
        return {};
    };
    ASSERT_GET(const PullReport report, pull_whole(server));
    EXPECT_EQ(report.repaired, std::vector<uint64_t>{11});
    EXPECT_EQ(test::read_text(cache().root() / "blobs" / report.sha256), server.bytes);
    EXPECT_EQ(server.sent_bytes, 2 * kFileBytes);
}

TEST_F(CacheTest, bytes_that_another_process_repairs_after_they_were_read_here_are_named) {
    // Two open files are two processes to flock(2).
    for (const size_t n_read : {size_t{10}, size_t(kChunk)}) {
        SCOPED_TRACE(n_read);
        fs::remove_all(cache().root());
        FakeServer right(varied_bytes(kFileBytes)), damaged(varied_bytes(kFileBytes));
        right.tells_sha256 = damaged.tells_sha256 = true;
        damaged.bytes[11 * kChunk + 5] ^= 4;
        RemoteIdentity identity = right.identity();
        ASSERT_GET(const auto here, cache().open(identity, options(right)));
        ASSERT_GET(const auto other, cache().open(identity, options(damaged)));
        std::vector<std::byte> bytes(n_read);
        ASSERT_OK(other->read(11 * kChunk, bytes));
        EXPECT_NE(read(*here, 11 * kChunk, n_read), right.bytes.substr(11 * kChunk, n_read))
            << "nothing shows it yet";
        damaged.bytes = right.bytes;
        ASSERT_GET(const PullReport theirs, pull(*other, identity.sha256, {}));
        EXPECT_EQ(theirs.repaired, std::vector<uint64_t>{11});
        ASSERT_OK(cache().complete(*other, theirs.sha256));
        ASSERT_GET(const PullReport report, pull(*here, identity.sha256, {}));
        EXPECT_EQ(report.repaired, std::vector<uint64_t>{11});
        EXPECT_EQ(report.sha256, identity.sha256);
    }
}

TEST_F(CacheTest, a_server_that_always_sends_other_bytes_is_an_error) {
    FakeServer server(varied_bytes(kFileBytes));
    server.tells_sha256 = true;
    server.on_piece = [&](uint64_t at, std::string& piece) -> Result<void> {
        if (at == 0) piece[0] ^= 1;
        return {};
    };
    const auto refused = pull_whole(server);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().category, Category::checksum);
    EXPECT_NE(refused.error().message.find("same bytes twice"), std::string::npos);
    EXPECT_FALSE(cache().has_complete(server.identity().sha256));
    EXPECT_TRUE(fs::is_empty(cache().root() / "partial")) << "wrong bytes are not kept";
}

TEST_F(CacheTest, a_server_that_never_sends_the_same_bytes_is_named_with_the_chunk) {
    FakeServer server(varied_bytes(kFileBytes));
    server.tells_sha256 = true;
    std::atomic<int> n = 0;
    server.on_piece = [&](uint64_t at, std::string& piece) -> Result<void> {
        if (at == 0) piece[0] = char(n++);
        return {};
    };
    const auto refused = pull_whole(server);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().category, Category::checksum);
    EXPECT_NE(refused.error().message.find("chunk 0 (bytes 0 to 65535) came with other bytes"),
              std::string::npos)
        << refused.error().str();
}

TEST_F(CacheTest, a_damaged_chunk_that_comes_damaged_again_is_an_error) {
    FakeServer server(varied_bytes(kFileBytes));
    ASSERT_GET(const PullReport report, pull_whole(server));
    flip(cache().root() / "blobs" / report.sha256, 3 * kChunk);
    server.on_piece = [](uint64_t, std::string& piece) -> Result<void> {
        piece[0] ^= 1;
        return {};
    };
    std::vector<std::byte> all(kFileBytes);
    const auto refused = open(server)->read(0, all);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().category, Category::checksum);
    EXPECT_NE(refused.error().message.find("chunk 3 "), std::string::npos);
    EXPECT_EQ(server.requests().size(), 21u + 2u) << "asked for twice";
}

TEST_F(CacheTest, readers_and_a_pull_share_one_file) {
    FakeServer server(varied_bytes(kFileBytes));
    const auto file = open(server);
    std::vector<std::thread> readers;
    for (uint64_t i = 0; i < 4; i++)
        readers.emplace_back([&, i] {
            for (uint64_t at = i * 999; at + 5000 < kFileBytes; at += 40'001)
                EXPECT_EQ(read(*file, at, 5000), server.bytes.substr(at, 5000));
        });
    EXPECT_TRUE(pull(*file, "", {}));
    for (std::thread& t : readers) t.join();
    EXPECT_EQ(server.sent_bytes, kFileBytes);
}

TEST_F(CacheTest, two_pulls_of_one_file_fetch_it_once) {
    FakeServer server(varied_bytes(kFileBytes));
    server.on_piece = [](uint64_t, std::string&) -> Result<void> {
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
        return {};
    };
    std::vector<std::thread> threads;
    std::atomic<int> right = 0;
    for (int i = 0; i < 2; i++)
        threads.emplace_back([&] {
            const auto report = pull_whole(server);
            EXPECT_TRUE(report) << report.error().str();
            right += report && report->sha256 == sha256_hex(server.bytes);
        });
    for (std::thread& t : threads) t.join();
    EXPECT_EQ(right, 2);
    EXPECT_EQ(server.sent_bytes, kFileBytes);
}

TEST_F(CacheTest, waiting_for_a_process_that_brings_nothing_ends) {
    FakeServer server(varied_bytes(kFileBytes));
    const auto first = open(server);
    ASSERT_GET(
        const Descriptor other,
        open_file(cache().root() / "partial" / sha256_hex(server.identity().url) / "data", O_RDWR));
    const FileLock held = FileLock::try_lock(other);
    ASSERT_TRUE(held);
    CachedFileOptions how = options(server);
    how.patience = std::chrono::milliseconds(200);
    ASSERT_GET(const auto file, cache().open(server.identity(), how));
    std::byte out[1];
    const auto refused = file->read(0, out);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().category, Category::cache);
    EXPECT_FALSE(notes_.empty());
}

TEST_F(CacheTest, stop_ends_a_pull_and_keeps_what_came) {
    FakeServer server(varied_bytes(kFileBytes));
    std::atomic<bool> stop = false;
    server.on_piece = [&](uint64_t at, std::string&) -> Result<void> {
        if (at > 10 * kChunk) stop = true;
        std::this_thread::sleep_for(std::chrono::milliseconds(2));
        return {};
    };
    PullOptions how;
    how.stop = &stop;
    how.connections = 1;
    const auto stopped = pull_whole(server, how);
    ASSERT_FALSE(stopped);
    EXPECT_EQ(stopped.error().category, Category::io);
    EXPECT_GE(open(server)->recorded_bytes(), 10 * kChunk);
}

TEST_F(CacheTest, views_are_of_checked_bytes_only) {
    FakeServer server(varied_bytes(kFileBytes));
    const auto file = open(server);
    EXPECT_TRUE(file->view({0, 10}).empty());
    EXPECT_EQ(server.sent_bytes, 0u) << "a view asks no server";
    read(*file, 0, 2 * kChunk);
    const auto view = file->view({kChunk - 5, 10});
    ASSERT_EQ(view.size(), 10u);
    EXPECT_EQ(std::memcmp(view.data(), server.bytes.data() + kChunk - 5, 10), 0);
    file->done_with({0, 2 * kChunk});
    EXPECT_EQ(std::memcmp(view.data(), server.bytes.data() + kChunk - 5, 10), 0);
}

TEST_F(CacheTest, refs_come_back_and_hostile_ones_do_not) {
    FakeServer server("abc");
    const Ref ref{"hf:a/b:Q8_0", {server.identity("u1"), server.identity("u2")}};
    ASSERT_OK(cache().write_ref(ref));
    const auto back = cache().find_ref("hf:a/b:Q8_0");
    ASSERT_TRUE(back);
    EXPECT_EQ(back->parts, ref.parts);
    EXPECT_FALSE(cache().find_ref("hf:a/c"));
    const fs::path path = cache().root() / "refs" / (sha256_hex("x") + ".json");
    for (const char* text : {"", "{}", "[1]", "{\"name\":\"x\",\"parts\":[]}",
                             "{\"name\":\"x\",\"parts\":[{\"url\":\"u\"}]}",
                             "{\"name\":\"y\",\"parts\":[{\"url\":\"u\",\"size\":1}]}"}) {
        std::ofstream(path) << text;
        EXPECT_FALSE(cache().find_ref("x")) << text;
    }
}

TEST_F(CacheTest, entries_are_listed_pruned_and_removed) {
    FakeServer a(varied_bytes(5 * kChunk)), b(varied_bytes(2 * kChunk, 1));
    ASSERT_GET(const PullReport report, pull_whole(a));
    read(*open(b, "http://test/b.gguf"), 0, 10);
    std::ofstream(cache().root() / "blobs" / "README") << "not an entry";
    ASSERT_GET(const auto entries, cache().list());
    ASSERT_EQ(entries.size(), 2u);
    const auto& done = entries[0].complete ? entries[0] : entries[1];
    const auto& part = entries[0].complete ? entries[1] : entries[0];
    EXPECT_EQ(done.key, report.sha256);
    EXPECT_EQ(done.url, "http://test/model.gguf");
    EXPECT_EQ(done.names, std::vector<std::string>{"http://test/model.gguf"});
    EXPECT_FALSE(part.complete);
    EXPECT_EQ(part.size_bytes, 2 * kChunk);
    EXPECT_LT(part.disk_bytes, 2 * kChunk) << "sparse";
    EXPECT_EQ(part.here_bytes, kChunk / 4);
    EXPECT_EQ(done.here_bytes, 5 * kChunk);
    EXPECT_TRUE(entries_to_prune(entries, 100 * kChunk).empty());
    EXPECT_EQ(entries_to_prune(entries, 0).size(), 2u);
    for (const CacheEntry& entry : entries) ASSERT_OK(cache().remove(entry));
    ASSERT_GET(const auto none, cache().list());
    EXPECT_TRUE(none.empty());
    EXPECT_FALSE(cache().find_ref("http://test/model.gguf"));
}

TEST_F(CacheTest, prune_keeps_the_last_used) {
    std::vector<CacheEntry> entries(3);
    for (size_t i = 0; i < 3; i++) {
        entries[i].key = std::to_string(i);
        entries[i].disk_bytes = 10;
        entries[i].last_use_s = int64_t(i);
    }
    const auto pruned = entries_to_prune(entries, 25);
    ASSERT_EQ(pruned.size(), 1u);
    EXPECT_EQ(pruned[0].key, "0");
}

TEST_F(CacheTest, an_unusable_folder_is_a_clear_error) {
    std::ofstream(folder_.path() / "cache") << "a file where the folder should be";
    FakeServer server("abc");
    const auto refused = cache().open(server.identity(), options(server));
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().category, Category::cache);
    EXPECT_NE(refused.error().message.find("M2W_CACHE"), std::string::npos);
}

}  // namespace
}  // namespace m2w::fetch
