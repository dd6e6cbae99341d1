// hosted_test.cpp — shards on a server, as a user meets them: what comes, what comes once, and what
// damage leads to.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "gguf/sha256.h"
#include "tests/cli/process.h"
#include "tests/cli/remade_model.h"
#include "tests/fetch/fault_server.h"
#include "tests/support/results.h"
#include "tests/support/temporary.h"

namespace m2w::test {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

void flip_byte(const fs::path& path, size_t at) {
    std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
    file.seekg(std::streamoff(at));
    const char byte = char(file.get() ^ 1);
    file.seekp(std::streamoff(at));
    file.put(byte);
}

class HostedShardsTest : public ::testing::Test {
  protected:
    void SetUp() override {
        M2W_SHARED(script, "robust/fault_server.py");
        setenv("M2W_CACHE", cache().c_str(), 1);
        fs::create_directories(files());
        // Cutting writes every file through to the disk, which is once enough.
        if (!one_) {
            shard(bundled_model(), "one");
            one_ = std::make_unique<TemporaryFolder>();
            fs::copy(files() / "one", one_->path());
        } else {
            fs::copy(one_->path(), files() / "one");
        }
        server_ = std::make_unique<FaultServer>(script, files());
    }
    void TearDown() override { unsetenv("M2W_CACHE"); }
    static void TearDownTestSuite() { one_.reset(); }

    fs::path cache() const { return folder_.path() / "cache"; }
    fs::path files() const { return folder_.path() / "files"; }
    std::string url(const std::string& path = "/one/manifest.json") const {
        return server_->url(path);
    }
    uint64_t sent_bytes() const { return server_->stats()["bytes"]; }

    RunResult m2w(std::vector<std::string> args) const {
        args.insert(args.begin(), m2w_program());
        return run(args);
    }
    void shard(const fs::path& model, const std::string& name) const {
        const RunResult r =
            m2w({"shard", model.string(), "-o", (files() / name).string(), "--max-size", "2MB"});
        ASSERT_EQ(r.status, 0) << r.err;
    }
    RunResult ask(const std::string& model, std::vector<std::string> more = {}) const {
        std::vector<std::string> args{"chat", "--temp", "0", "-p", "What is 12 + 30?", "-m", model};
        args.insert(args.end(), more.begin(), more.end());
        return m2w(args);
    }
    /// The first file of a sharded model on the server whose name begins like this.
    fs::path file(const std::string& prefix, const std::string& model = "one") const {
        for (const auto& entry : fs::directory_iterator(files() / model))
            if (entry.path().filename().string().starts_with(prefix)) return entry.path();
        ADD_FAILURE() << prefix;
        return {};
    }
    fs::path blob_of(const fs::path& file) const {
        return cache() / "blobs" / sha256_hex(read_text(file));
    }
    uint64_t size_of(const std::string& model) const {
        uint64_t bytes = 0;
        for (const auto& entry : fs::directory_iterator(files() / model))
            bytes += entry.file_size();
        return bytes;
    }

    TemporaryFolder folder_;
    std::unique_ptr<FaultServer> server_;
    static inline std::unique_ptr<TemporaryFolder> one_;  // the bundled model in shards
};

constexpr const char* kAnswer = "12 + 30 = 42.\n";

TEST_F(HostedShardsTest, a_header_shard_is_enough_to_inspect_and_tokenize) {
    const uint64_t need = fs::file_size(file("manifest")) + fs::file_size(file("header-"));
    for (const char* path : {"/one/manifest.json", "/one/"}) {
        fs::remove_all(cache());
        server_->reset();
        const RunResult r = m2w({"inspect", url(path), "--fit", "512"});
        EXPECT_EQ(r.status, 0) << r.err;
        EXPECT_TRUE(contains(r.out, "memory for a context of 512")) << r.out;
        EXPECT_EQ(sent_bytes(), need) << path;
    }
    EXPECT_EQ(m2w({"tokenize", "-m", url(), "hello"}).out,
              m2w({"tokenize", "-m", bundled_model().string(), "hello"}).out);
    EXPECT_LE(sent_bytes(), need + 1) << "the header is here";
}

TEST_F(HostedShardsTest, pull_brings_every_byte_once_and_copies_out_what_can_be_used) {
    const fs::path out = folder_.path() / "out";
    fs::create_directories(out);
    const RunResult r = m2w({"pull", url(), "-o", out.string()});
    EXPECT_EQ(r.status, 0) << r.err;
    EXPECT_TRUE(contains(r.err, " 100%")) << r.err;
    EXPECT_EQ(sent_bytes(), size_of("one"));
    for (const auto& entry : fs::directory_iterator(files() / "one"))
        EXPECT_EQ(read_text(entry.path()), read_text(out / entry.path().filename()));
    EXPECT_EQ(m2w({"shard", "--check", out.string()}).status, 0);
    EXPECT_EQ(m2w({"pull", url(), "-o", (folder_.path() / "none").string()}).status, 1);

    server_->reset();
    const RunResult again = m2w({"pull", url(), "--verify"});
    EXPECT_EQ(again.status, 0) << again.err;
    EXPECT_TRUE(contains(again.out, blob_of(file("layer-03-")).string())) << again.out;
    EXPECT_EQ(sent_bytes(), 1u) << "whether the manifest is still the same";
}

TEST_F(HostedShardsTest, chat_computes_while_shards_come_and_then_works_offline) {
    EXPECT_EQ(ask(url(), {"--offline"}).status, 3) << "not in the cache yet";
    const RunResult online = ask(url("/one/"));
    EXPECT_EQ(online.status, 0) << online.err;
    EXPECT_EQ(online.out, kAnswer);
    EXPECT_TRUE(contains(online.err, "100%")) << online.err;
    EXPECT_EQ(sent_bytes(), size_of("one"));
    server_->reset();
    EXPECT_EQ(ask(url("/one/"), {"--offline"}).out, kAnswer);
    EXPECT_EQ(server_->log().size(), 0u);
    const std::string address = url();
    server_.reset();
    const RunResult alone = ask(address);
    EXPECT_EQ(alone.out, kAnswer);
    EXPECT_TRUE(contains(alone.err, "using what is in the cache")) << alone.err;
}

TEST_F(HostedShardsTest, every_verb_sees_the_same_model) {
    const auto dump = [&](const std::string& model, const std::string& out) {
        const fs::path folder = folder_.path() / out;
        const RunResult r = m2w(
            {"dump", "-m", model, "--ids", "1,5,9,2,77", "--greedy", "6", "-o", folder.string()});
        EXPECT_EQ(r.status, 0) << r.err;
        std::string all;
        for (const auto& entry : fs::directory_iterator(folder)) all += read_text(entry.path());
        return all;
    };
    EXPECT_EQ(dump(url(), "a"), dump(bundled_model(), "b"));
    const RunResult same = m2w({"inspect", bundled_model(), url()});
    EXPECT_EQ(same.status, 0) << same.out << same.err;
    const RunResult verified = m2w({"verify", url()});
    EXPECT_EQ(verified.status, 0) << verified.out << verified.err;
    const std::string lock = (folder_.path() / "m2w.lock").string();
    EXPECT_EQ(m2w({"pull", url(), "--lock", lock}).status, 0);
    EXPECT_TRUE(contains(read_text(lock), sha256_hex(read_text(file("manifest")))));
    EXPECT_EQ(m2w({"pull", url(), "--lock", lock, "--offline"}).status, 0);
}

TEST_F(HostedShardsTest, models_that_share_shards_share_downloads) {
    RemadeModel model;
    model.value("general.name") = gguf::make_value(std::string("another"));
    shard(model.save(folder_, "two.gguf"), "two");
    EXPECT_EQ(m2w({"pull", url()}).status, 0);
    server_->reset();
    const RunResult r = m2w({"pull", url("/two/")});
    EXPECT_EQ(r.status, 0) << r.err;
    EXPECT_EQ(sent_bytes(),
              fs::file_size(file("manifest", "two")) + fs::file_size(file("header-", "two")));
    EXPECT_EQ(ask(url("/two/"), {"--offline"}).out, kAnswer);
}

TEST_F(HostedShardsTest, removing_a_manifest_removes_the_shards_that_no_other_one_names) {
    RemadeModel model;
    model.value("general.name") = gguf::make_value(std::string("another"));
    shard(model.save(folder_, "two.gguf"), "two");
    const auto n_blobs = [&] {
        const auto range = fs::directory_iterator(cache() / "blobs");
        return std::count_if(begin(range), end(range), [](const auto& entry) {
            return entry.path().extension() != ".journal";
        });
    };
    ASSERT_EQ(m2w({"pull", url()}).status, 0);
    const auto n_alone = n_blobs();
    ASSERT_EQ(m2w({"pull", url("/two/")}).status, 0);
    EXPECT_EQ(n_blobs(), n_alone + 2) << "a manifest and a header";
    const RunResult one = m2w({"cache", "rm", url()});
    EXPECT_EQ(one.status, 0) << one.err;
    EXPECT_TRUE(contains(one.out, "2 files, ")) << one.out;
    EXPECT_EQ(n_blobs(), n_alone);
    EXPECT_EQ(ask(url("/two/"), {"--offline"}).out, kAnswer);
    const RunResult two = m2w({"cache", "rm", url("/two/")});
    EXPECT_EQ(two.status, 0) << two.err;
    EXPECT_EQ(n_blobs(), 0);
    EXPECT_TRUE(fs::is_empty(cache() / "refs"));

    // A manifest that was only looked into, and the beginning of a shard.
    ASSERT_EQ(m2w({"inspect", url()}).status, 0);
    EXPECT_EQ(m2w({"cache", "rm", url()}).status, 0);
    EXPECT_TRUE(contains(m2w({"cache", "list"}).out, "0 files"));
}

TEST_F(HostedShardsTest, a_shard_that_is_damaged_on_the_server_is_named_and_not_used) {
    const fs::path layer = file("layer-05-");
    flip_byte(layer, 1000);
    for (const auto& r : {ask(url()), m2w({"pull", url()})}) {
        EXPECT_EQ(r.status, 3);
        EXPECT_EQ(r.out, "");
        EXPECT_TRUE(contains(r.err, "error[checksum]") &&
                    contains(r.err, layer.filename().string()))
            << r.err;
    }
    EXPECT_EQ(m2w({"inspect", url()}).status, 0) << "its header is right";
    flip_byte(layer, 1000);
    EXPECT_EQ(ask(url()).out, kAnswer) << "nothing wrong was kept";
    fs::remove_all(cache());
    fs::resize_file(layer, 1000);
    const RunResult shorter = m2w({"pull", url()});
    EXPECT_EQ(shorter.status, 3);
    EXPECT_TRUE(contains(shorter.err, "error[checksum]") &&
                contains(shorter.err, "1000 bytes on the server"))
        << shorter.err;
    fs::remove(layer);
    const RunResult gone = m2w({"pull", url()});
    EXPECT_TRUE(contains(gone.err, "error[http_status]") &&
                contains(gone.err, layer.filename().string()))
        << gone.err;
}

TEST_F(HostedShardsTest, a_shard_that_is_damaged_in_the_cache_is_fetched_again_or_named) {
    ASSERT_EQ(m2w({"pull", url()}).status, 0);
    const fs::path layer = file("layer-02-"), blob = blob_of(layer);
    flip_byte(blob, 100'000);
    const RunResult offline = ask(url(), {"--offline"});
    EXPECT_EQ(offline.status, 3);
    EXPECT_EQ(offline.out, "");
    EXPECT_TRUE(contains(offline.err, "error[checksum]") &&
                contains(offline.err, layer.filename().string()) &&
                contains(offline.err, "chunk 1 "))
        << offline.err;
    server_->reset();
    const RunResult online = ask(url());
    EXPECT_EQ(online.out, kAnswer) << online.err;
    EXPECT_LE(sent_bytes(), 1 + (256u << 10)) << "the beginning of that shard and the chunk";
    EXPECT_EQ(read_text(blob), read_text(layer));
    fs::resize_file(blob, 1000);
    EXPECT_EQ(ask(url()).out, kAnswer) << "a file that was cut off is fetched again";
    EXPECT_EQ(read_text(blob), read_text(layer));
}

TEST_F(HostedShardsTest, what_is_no_manifest_is_refused) {
    const auto refused = [&](const std::string& text, const std::string& category) {
        std::ofstream(files() / "bad.json") << text;
        fs::remove_all(cache());
        const RunResult r = m2w({"inspect", url("/bad.json")});
        EXPECT_NE(r.status, 0);
        EXPECT_TRUE(contains(r.err, "error[" + category + "] " + url("/"))) << r.err;
    };
    refused("{}", "manifest");
    refused("{\"format\":\"m2w-shards\",\"version\":2}", "version");
    std::string text = read_text(file("manifest"));
    text.replace(text.find("llama"), 5, "lIama");
    refused(text, "checksum");
    refused("{" + std::string(17u << 20, ' '), "resource_limit");
    // On another path the same shards are missing.
    text = read_text(file("manifest"));
    refused(text, "http_status");
}

TEST_F(HostedShardsTest, a_token_goes_to_shards_as_well) {
    EXPECT_EQ(m2w({"inspect", url("/auth/one/manifest.json")}).status, 3);
    const fs::path token = folder_.path() / "token";
    std::ofstream(token) << "m2w-secret\n";
    const RunResult r = m2w({"pull", url("/auth/one/"), "--token-file", token.string()});
    EXPECT_EQ(r.status, 0) << r.err;
    EXPECT_FALSE(contains(r.err + r.out, "m2w-secret"));
    EXPECT_EQ(server_->stats()["token_leaks"], 0);
}

}  // namespace
}  // namespace m2w::test
