// pull_test.cpp — whole models over HTTP into a cache: names and faults of servers.
#include <gtest/gtest.h>

#include <mutex>

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

constexpr size_t kPulledBytes = 1'500'001;
constexpr uint64_t kPullChunk = kMinChunkBytes;

class PullTest : public ::testing::Test {
  protected:
    void SetUp() override {
        M2W_SHARED(script, "robust/fault_server.py");
        bytes_ = varied_bytes(kPulledBytes);
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
    EXPECT_EQ(sent_bytes(), kPulledBytes);
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
    const std::string at = std::to_string(20 * kPullChunk + 7);
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

TEST_F(PullTest, a_byte_flipped_in_the_first_request_is_repaired_too) {
    ModelOptions how = options();
    how.sha256 = sha256_hex(bytes_);
    ASSERT_GET(const PullReport report, pull("/corrupt/m.gguf?times=1&at=100", how));
    EXPECT_EQ(report.repaired, std::vector<uint64_t>{0});
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
        EXPECT_LE(sent_bytes(), kPulledBytes + kPulledBytes / 10);
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
    write("m.gguf", varied_bytes(kPulledBytes, 2));
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
          "{\"format\":1,\"models\":{\"a\":{}}}", "{\"format\":1,\"format\":1,\"models\":{}}",
          "{\"format\":1,\"models\":{\"a\":{\"files\":[]}}}",
          "{\"format\":1,\"models\":{\"a\":{\"files\":[{\"url\":\"u\",\"size\":1}]}}}",
          "{\"format\":1,\"models\":{\"a\":{\"files\":[{\"url\":\"u\",\"size\":1,\"sha256\":"
          "\"../x\"}]}}}"}) {
        const auto got = parse_pins(text);
        ASSERT_FALSE(got) << text;
        EXPECT_EQ(got.error().category, Category::cache);
    }
}

TEST(pins, text_is_one_for_the_same_pins) {
    EXPECT_EQ(print_pins({}), "{\n  \"format\": 1,\n  \"models\": {}\n}\n");
    RemoteIdentity file;
    file.url = "https://host/a \"b\".gguf";
    file.size_bytes = 7;
    file.sha256 = std::string(64, 'a');
    RemoteIdentity second = file;
    second.revision = "main";
    const std::string text = print_pins({{"x", {file, second}}, {"y", {file}}});
    const std::string row =
        "        {\n          \"url\": \"https://host/a \\\"b\\\".gguf\",\n"
        "          \"size\": 7,\n          \"sha256\": \"" +
        file.sha256 + "\"";
    const std::string end = "\n        }";
    EXPECT_EQ(text, "{\n  \"format\": 1,\n  \"models\": {\n    \"x\": {\n      \"files\": [\n" +
                        row + end + ",\n" + row + ",\n          \"revision\": \"main\"" + end +
                        "\n      ]\n    },\n    \"y\": {\n      \"files\": [\n" + row + end +
                        "\n      ]\n    }\n  }\n}\n");
    ASSERT_GET(const Pins back, parse_pins(text));
    EXPECT_EQ(back.at("x")[1].revision, "main");
    EXPECT_EQ(print_pins(back), text);
}

TEST(pins, a_hub_file_is_pinned_at_its_revision) {
    RemoteIdentity identity;
    identity.url = "https://hub/o/r/resolve/main/a/b.gguf";
    identity.revision = "abc123";
    EXPECT_EQ(pin_of("hf:o/r", identity).url, "https://hub/o/r/resolve/abc123/a/b.gguf");
    EXPECT_EQ(pin_of(identity.url, identity).url, identity.url) << "a URL is what was asked for";
}

}  // namespace
}  // namespace m2w::fetch
