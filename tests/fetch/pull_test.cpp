// pull_test.cpp — whole models over HTTP into a cache: names, faults of servers, disks and other
// processes.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <thread>

#include "gguf/fetch/cached_model.h"
#include "gguf/fetch/pins.h"
#include "tests/fetch/fake_server.h"
#include "tests/fetch/fault_server.h"
#include "tests/support/results.h"
#include "tests/support/temporary.h"

namespace m2w::fetch {
namespace {

namespace fs = std::filesystem;
using test::FaultServer;
using test::varied_bytes;

constexpr size_t kFileBytes = 1'500'001;
constexpr uint64_t kChunk = kMinChunkBytes;

class PullTest : public ::testing::Test {
  protected:
    void SetUp() override {
        M2W_SHARED(script, "robust/fault_server.py");
        bytes_ = varied_bytes(kFileBytes);
        if (!files_) {
            files_ = std::make_unique<test::TemporaryFolder>();
            fs::create_directories(files_->path() / "owner/repo/resolve/main");
            fs::copy_file(test::bundled_model(), files_->path() / "tiny.gguf");
            server_ = std::make_unique<FaultServer>(script, files_->path());
        }
        write("m.gguf", bytes_);
        server_->reset();
    }
    static void TearDownTestSuite() {
        server_.reset();
        files_.reset();
    }
    void write(const std::string& name, const std::string& bytes) {
        std::ofstream(files_->path() / name, std::ios::binary) << bytes;
    }
    ModelOptions options() {
        ModelOptions options;
        options.fetch = test::impatient_options();
        options.cache_root = folder_.path() / "cache";
        options.note = [this](const std::string& text) {
            const std::lock_guard lock(mutex_);
            notes_ += text + "\n";
        };
        return options;
    }
    /// SHA-256 of the one file, pulled.
    Result<PullReport> pull(const std::string& path, ModelOptions how) {
        TRY(auto model, CachedModel::open(server_->url(path), std::move(how)));
        TRY(const auto reports, model.pull({}, false));
        EXPECT_EQ(sha256_hex(test::read_text(model.files()[0]->path())), reports[0].sha256);
        return reports[0];
    }
    Result<PullReport> pull(const std::string& path) { return pull(path, options()); }
    uint64_t sent_bytes() const { return server_->stats()["bytes"]; }

    test::TemporaryFolder folder_;
    std::string bytes_;
    // Shared by the tests: it takes a while to start.
    static inline std::unique_ptr<test::TemporaryFolder> files_;
    static inline std::unique_ptr<FaultServer> server_;
    std::mutex mutex_;
    std::string notes_;
};

TEST_F(PullTest, brings_every_byte_once) {
    ASSERT_GET(const PullReport report, pull("/m.gguf"));
    EXPECT_EQ(report.sha256, sha256_hex(bytes_));
    EXPECT_EQ(sent_bytes(), kFileBytes);
    EXPECT_GT(server_->stats()["connections"], 1);
    server_->reset();
    ASSERT_OK(pull("/m.gguf"));
    EXPECT_EQ(sent_bytes(), 1u) << "one byte, to hear that it is still the same";
}

TEST_F(PullTest, a_header_costs_no_more_than_itself_and_1_mib) {
    ASSERT_GET(const auto file, gguf::File::open(test::bundled_model()));
    uint64_t header_bytes = UINT64_MAX;
    for (const gguf::TensorInfo& t : file->tensors())
        header_bytes = std::min(header_bytes, t.offset_bytes);
    ModelOptions how = options();
    how.fetch.first_bytes = FetchOptions{}.first_bytes;
    ASSERT_GET(const auto model, CachedModel::open(server_->url("/tiny.gguf"), how));
    ASSERT_GET(const auto parsed, model.parse());
    EXPECT_EQ(parsed->tensors().size(), file->tensors().size());
    EXPECT_LE(sent_bytes(), header_bytes + (1u << 20));
    EXPECT_LT(sent_bytes(), fs::file_size(test::bundled_model()) / 4);
    std::vector<std::byte> some(1000), same(1000);
    ASSERT_OK(parsed->read(parsed->tensors()[3], 0, some));
    ASSERT_OK(file->read(file->tensors()[3], 0, same));
    EXPECT_EQ(some, same) << "weights come when they are read";
}

TEST_F(PullTest, a_hub_name_is_verified_with_what_the_hub_says) {
    write("owner/repo/resolve/main/m.gguf", bytes_);
    ModelOptions how = options();
    how.fetch.hub_endpoint = server_->url("");
    ASSERT_GET(auto model, CachedModel::open("hf:owner/repo/m.gguf", how));
    ASSERT_OK(model.pull({}, false));
    ASSERT_GET(const PullReport report, pull("/hf/m.gguf"));
    EXPECT_EQ(report.sha256, sha256_hex(bytes_));
    EXPECT_EQ(report.bytes_fetched, 0u) << "the same SHA-256 is here under another name";
}

TEST_F(PullTest, a_file_that_changes_meanwhile_is_an_error_and_nothing_is_mixed) {
    ModelOptions how = options();
    how.fetch.low_speed_window = std::chrono::seconds(20);  // the server takes time to change bytes
    const auto changed = pull("/etagchange/m.gguf?after=4&content=1", how);
    ASSERT_FALSE(changed);
    EXPECT_EQ(changed.error().category, Category::http_changed) << changed.error().str();
    ASSERT_GET(const PullReport report, pull("/etagchange/m.gguf?after=4&content=1", how));
    std::string now = bytes_;
    for (char& c : now) c ^= 1;
    EXPECT_EQ(report.sha256, sha256_hex(now));
    const auto grown = pull("/sizechange/m.gguf?after=3&by=10");
    ASSERT_FALSE(grown);
    EXPECT_EQ(grown.error().category, Category::http_changed) << grown.error().str();
}

TEST_F(PullTest, a_byte_flipped_on_the_way_is_repaired_where_the_sha256_is_known) {
    ModelOptions how = options();
    how.sha256 = sha256_hex(bytes_);
    const std::string at = std::to_string(20 * kChunk + 7);
    ASSERT_GET(const PullReport report, pull("/corrupt/m.gguf?times=9&at=" + at, how));
    EXPECT_EQ(report.sha256, sha256_hex(bytes_));
    EXPECT_LE(report.repaired.size(), 1u);
    const auto refused = pull("/corrupt/m.gguf?at=" + at, how);
    EXPECT_TRUE(refused) << "the right bytes are in the cache by their SHA-256";
    fs::remove_all(how.cache_root);
    const auto always = pull("/corrupt/m.gguf?at=" + at, how);
    ASSERT_FALSE(always);
    EXPECT_EQ(always.error().category, Category::checksum);
    EXPECT_TRUE(fs::is_empty(how.cache_root / "partial"));
}

TEST_F(PullTest, another_sha256_than_the_hub_says_is_refused_before_anything_is_pulled) {
    ModelOptions how = options();
    how.sha256 = std::string(64, 'a');
    const auto refused = pull("/hf/m.gguf", how);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().category, Category::checksum);
    EXPECT_LE(sent_bytes(), 2 * how.fetch.first_bytes);
}

TEST_F(PullTest, faults_of_a_server_cost_little) {
    for (const char* path :
         {"/drop/m.gguf?after=70000&times=6", "/500/m.gguf?times=2", "/429/m.gguf?times=2",
          "/reset/m.gguf?times=2&rst=1", "/nolength/m.gguf", "/redirect/m.gguf?n=2",
          "/wrongrange/m.gguf?mode=short"}) {
        SCOPED_TRACE(path);
        fs::remove_all(folder_.path() / "cache");
        server_->reset();
        ASSERT_GET(const PullReport report, pull(path));
        EXPECT_EQ(report.sha256, sha256_hex(bytes_));
        EXPECT_LE(sent_bytes(), kFileBytes + kFileBytes / 10);
    }
}

TEST_F(PullTest, a_server_without_ranges_is_said_and_asked_for_everything) {
    ASSERT_GET(const PullReport report, pull("/norange/m.gguf"));
    EXPECT_EQ(report.sha256, sha256_hex(bytes_));
    EXPECT_NE(notes_.find("gives no ranges"), std::string::npos) << notes_;
}

TEST_F(PullTest, the_cache_answers_when_no_server_does) {
    const std::string path = "/429/m.gguf?from=40&times=0&retry=0";
    ASSERT_OK(pull(path));
    for (int i = 0; i < 40; i++)
        EXPECT_TRUE(
            CachedModel::open(server_->url(path), options()));  // by now it answers 429 alone
    notes_.clear();
    ASSERT_GET(const PullReport report, pull(path));
    EXPECT_EQ(report.sha256, sha256_hex(bytes_));
    EXPECT_NE(notes_.find("429"), std::string::npos) << notes_;
    EXPECT_NE(notes_.find("using what is in the cache"), std::string::npos);
}

TEST_F(PullTest, the_cache_answers_when_nobody_listens) {
    M2W_SHARED(script, "robust/fault_server.py");
    std::string url, other;
    {
        const FaultServer server(script, files_->path());
        url = server.url("/m.gguf");
        other = server.url("/ok/m.gguf");
        ASSERT_GET(auto model, CachedModel::open(url, options()));
        ASSERT_OK(model.pull({}, false));
    }
    ASSERT_GET(auto model, CachedModel::open(url, options()));
    EXPECT_TRUE(model.is_complete());
    EXPECT_FALSE(CachedModel::open(other, options()));
    ModelOptions offline = options();
    offline.offline = true;
    ASSERT_OK(CachedModel::open(url, offline));
    const auto unknown = CachedModel::open(other, offline);
    ASSERT_FALSE(unknown);
    EXPECT_NE(unknown.error().message.find("not in the cache: offline"), std::string::npos);
}

TEST_F(PullTest, a_pin_needs_no_server_once_pulled_and_refuses_other_bytes) {
    ASSERT_GET(auto model, CachedModel::open(server_->url("/m.gguf"), options()));
    ASSERT_OK(model.pull({}, false));
    ModelOptions pinned = options();
    pinned.pins = model.identities();
    ASSERT_GET(const Pins pins, parse_pins(print_pins({{"x", pinned.pins}})));
    EXPECT_EQ(pins.at("x")[0].sha256, sha256_hex(bytes_));
    server_->reset();
    ASSERT_OK(CachedModel::open("hf:any/name", pinned));
    EXPECT_EQ(server_->log().size(), 0u);
    write("m.gguf", varied_bytes(kFileBytes, 2));
    fs::remove_all(pinned.cache_root);
    ASSERT_GET(auto other, CachedModel::open("hf:any/name", pinned));
    const auto refused = other.pull({}, false);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().category, Category::checksum);
}

TEST_F(PullTest, the_token_is_in_no_file_of_the_cache) {
    ModelOptions how = options();
    how.fetch.token = "m2w-secret";
    std::string url = server_->url("/auth/m.gguf");
    ASSERT_GET(auto model, CachedModel::open(url, how));
    ASSERT_OK(model.pull({}, false));
    url.replace(url.find("//"), 2, "//user:pass-word@");
    EXPECT_FALSE(CachedModel::open(url, options()));
    for (const auto& entry : fs::recursive_directory_iterator(how.cache_root)) {
        if (!entry.is_regular_file() || entry.file_size() > 100'000) continue;
        const std::string text = test::read_text(entry.path());
        EXPECT_EQ(text.find("m2w-secret"), text.npos) << entry.path();
        EXPECT_EQ(text.find("pass-word"), text.npos) << entry.path();
    }
    EXPECT_EQ(notes_.find("pass-word"), notes_.npos);
}

TEST(pins, hostile_ones_are_refused) {
    for (const char* text :
         {"", "[]", "{\"format\":2,\"models\":{}}", "{\"format\":1}",
          "{\"format\":1,\"models\":{\"a\":{}}}",
          "{\"format\":1,\"models\":{\"a\":{\"files\":[]}}}",
          "{\"format\":1,\"models\":{\"a\":{\"files\":[{\"url\":\"u\",\"size\":1}]}}}",
          "{\"format\":1,\"models\":{\"a\":{\"files\":[{\"url\":\"u\",\"size\":1,\"sha256\":"
          "\"../x\"}]}}}"}) {
        const auto got = parse_pins(text);
        ASSERT_FALSE(got) << text;
        EXPECT_EQ(got.error().category, Category::cache);
    }
}

TEST(pins, a_hub_file_is_pinned_at_its_revision) {
    RemoteIdentity identity;
    identity.url = "https://hub/o/r/resolve/main/a/b.gguf";
    identity.revision = "abc123";
    EXPECT_EQ(pin_of("hf:o/r", identity).url, "https://hub/o/r/resolve/abc123/a/b.gguf");
    EXPECT_EQ(pin_of(identity.url, identity).url, identity.url) << "a URL is what was asked for";
}

// Disks: each in a process of its own, which has a small file system to itself.

/// What became of work in a child process: its exit status, or -1 when the child could not get what
/// it needs (`prepare` was false).
int in_child(const std::function<bool()>& prepare, const std::function<int()>& work) {
    constexpr int kNotPrepared = 77;
    const pid_t pid = fork();
    if (pid == 0) _exit(prepare() ? work() : kNotPrepared);
    int status = 0;
    waitpid(pid, &status, 0);
    if (!WIFEXITED(status)) return -1000 - WTERMSIG(status);
    return WEXITSTATUS(status) == kNotPrepared ? -1 : WEXITSTATUS(status);
}

/// A tmpfs at `folder` that only this process sees.
bool mount_tmpfs(const fs::path& folder, const std::string& options) {
    if (unshare(CLONE_NEWNS) != 0 && unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0) return false;
    return mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0 &&
           mount("m2w", folder.c_str(), "tmpfs", 0, options.c_str()) == 0;
}

/// Not every root may mount, and none whose / is no mount point (a chroot).
constexpr const char* kNoTmpfs =
    "no tmpfs can be mounted here; of a full disk only a_file_that_may_not_grow is checked";

bool is(const Result<PullReport>& result, Category category) {
    if (!result && result.error().category == category) return true;
    std::fprintf(stderr, "expected %s, got %s\n", std::string(category_name(category)).c_str(),
                 test::outcome(result).c_str());
    return false;
}

/// A server in memory and a cache, for children: they have no server of their own.
struct Bench {
    fs::path root;
    test::FakeServer server{varied_bytes(kFileBytes)};

    Result<PullReport> pull() {
        CachedFileOptions how;
        how.fetch = server.fetch();
        const Cache cache(root);
        TRY(const auto file, cache.open(server.identity(), how));
        TRY(const PullReport report, fetch::pull(*file, "", {}));
        TRY(cache.complete(*file, report.sha256));
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
            if (at > kFileBytes / 3 && !filled.exchange(true))
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
        return before + bench.server.sent_bytes <= kFileBytes + 8 * kChunk ? 0 : 3;
    };
    const int status = in_child([&] { return mount_tmpfs(folder.path(), "size=1800k"); }, work);
    if (status == -1) GTEST_SKIP() << kNoTmpfs;
    EXPECT_EQ(status, 0);
}

TEST(disk, a_file_that_may_not_grow_is_disk_full) {
    const test::TemporaryFolder folder;
    const auto limit = [] {
        signal(SIGXFSZ, SIG_IGN);
        const rlimit bytes{1'000'000, 1'000'000};
        return setrlimit(RLIMIT_FSIZE, &bytes) == 0;
    };
    EXPECT_EQ(in_child(limit,
                       [&] {
                           Bench bench{folder.path() / "c"};
                           return is(bench.pull(), Category::disk_full) ? 0 : 1;
                       }),
              0);
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
        std::vector<std::byte> all(kFileBytes);
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
    EXPECT_EQ(sum, kFileBytes);
    EXPECT_EQ(sha256_hex(test::read_text(folder.path() / "c/blobs" /
                                         sha256_hex(varied_bytes(kFileBytes)))),
              sha256_hex(varied_bytes(kFileBytes)));
}

}  // namespace
}  // namespace m2w::fetch
