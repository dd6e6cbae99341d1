// shard_from_test.cpp — m2w shard --from and --check over a server: the same shards as from a file,
// nothing kept, going on after any end; and split models by URL.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <random>
#include <thread>

#include "tests/cli/process.h"
#include "tests/cli/remade_model.h"
#include "tests/fetch/fault_server.h"
#include "tests/support/results.h"
#include "tests/support/temporary.h"

namespace m2w::test {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;
using Files = std::map<std::string, std::string>;

Files files_in(const fs::path& folder) {
    Files files;
    for (const auto& entry : fs::directory_iterator(folder))
        files[entry.path().filename()] = read_text(entry.path());
    return files;
}

/// Takes the manifest out of a folder's files, without what it says of the source.
Json take_manifest(Files& files) {
    Json manifest = Json::parse(files["manifest.json"], nullptr, false);
    files.erase("manifest.json");
    for (const char* member : {"source_url", "source_etag", "manifest_sha256"})
        manifest.erase(member);
    for (Json& part : manifest["parts"]) part.erase("sha256");
    return manifest;
}

uint64_t disk_bytes(const fs::path& folder) {
    uint64_t bytes = 0;
    for (const auto& entry : fs::recursive_directory_iterator(folder)) {
        struct stat info {};
        if (entry.is_regular_file() && ::stat(entry.path().c_str(), &info) == 0)
            bytes += uint64_t(info.st_blocks) * 512;
    }
    return bytes;
}

class ShardFrom : public ::testing::Test {
  protected:
    void SetUp() override {
        M2W_SHARED(script, "robust/fault_server.py");
        files_ = folder_.path() / "files";
        fs::create_directories(files_);
        fs::copy_file(bundled_model(), files_ / "tiny-q8_0.gguf");
        server_ = std::make_unique<FaultServer>(script, files_);
        setenv("M2W_CACHE", cache().c_str(), 1);
        const auto file = gguf::File::open(bundled_model());
        header_bytes_ = file ? (*file)->data_offsets()[0] : 0;
    }
    void TearDown() override { unsetenv("M2W_CACHE"); }

    fs::path cache() const { return folder_.path() / "cache"; }
    std::string url(const std::string& path = "/tiny-q8_0.gguf") const {
        return server_->url(path);
    }
    uint64_t sent_bytes() const { return server_->stats()["bytes"]; }
    fs::path out(const std::string& name) const { return folder_.path() / name; }

    RunResult m2w(std::vector<std::string> args) const {
        args.insert(args.begin(), m2w_program());
        return run(args);
    }
    RunResult shard(std::vector<std::string> args, const std::string& size = "2MB") const {
        args.insert(args.begin(), {"shard", "--max-size", size});
        return m2w(args);
    }

    TemporaryFolder folder_;
    fs::path files_;
    std::unique_ptr<FaultServer> server_;
    uint64_t header_bytes_ = 0;
    const uint64_t model_bytes_ = fs::file_size(bundled_model());
};

TEST_F(ShardFrom, a_url_gives_the_shards_of_the_file_and_nothing_is_kept) {
    ASSERT_EQ(shard({bundled_model(), "-o", out("local")}).status, 0);
    Files local = files_in(out("local"));
    const Json manifest = take_manifest(local);
    for (const char* path : {"/tiny-q8_0.gguf", "/hf/tiny-q8_0.gguf"}) {
        fs::remove_all(cache());
        fs::remove_all(out("remote"));
        server_->reset();
        const RunResult r = shard({"--from", url(path), "-o", out("remote")});
        ASSERT_EQ(r.status, 0) << r.err;
        Files remote = files_in(out("remote"));
        const Json whole = Json::parse(remote["manifest.json"], nullptr, false);
        EXPECT_EQ(whole["source_url"], url(path));
        EXPECT_EQ(whole["parts"][0].contains("sha256"), std::string(path).starts_with("/hf/"));
        EXPECT_EQ(take_manifest(remote), manifest);
        EXPECT_TRUE(remote == local);
        EXPECT_LE(sent_bytes(), model_bytes_ + (1u << 20)) << "the parser looks ahead";
        EXPECT_LE(disk_bytes(cache()), header_bytes_ + (1u << 20) + (64u << 10));
        const RunResult again = shard({"--from", url(path), "-o", out("remote")});
        EXPECT_EQ(again.status, 0) << again.err;
    }
    ASSERT_EQ(shard({"--from", bundled_model(), "-o", out("path")}).status, 0);
    EXPECT_TRUE(files_in(out("path")) == files_in(out("local")));
    EXPECT_EQ(shard({"--from", url(), bundled_model(), "-o", out("both")}).status, 1);
    EXPECT_EQ(shard({"--from", url("/none.gguf"), "-o", out("none")}).status, 3);
    EXPECT_FALSE(fs::exists(out("none")));
}

/// Starts the program with its output thrown away.
pid_t start(const std::vector<std::string>& command) {
    const pid_t pid = fork();
    if (pid != 0) return pid;
    if (!std::freopen("/dev/null", "w", stdout) || !std::freopen("/dev/null", "w", stderr))
        _exit(125);
    std::vector<char*> argv;
    for (const std::string& arg : command) argv.push_back(const_cast<char*>(arg.c_str()));
    argv.push_back(nullptr);
    execv(argv[0], argv.data());
    _exit(126);
}

/// Weights of about so many MB, most of them in one tensor.
std::string large_model(size_t megabytes) {
    const gguf::KeyValue metadata[] = {
        {"general.architecture", gguf::make_value(std::string("none"))}};
    const uint64_t rows = megabytes * 700;
    const std::vector<gguf::TensorSpec> tensors{{"token_embd.weight", DType::q8_0, {1024, rows}},
                                                {"blk.0.norm", DType::f32, {1000}},
                                                {"blk.0.w", DType::q6_k, {1024, rows / 3}},
                                                {"output.weight", DType::f16, {200, rows / 16}}};
    std::mt19937_64 random(1);
    std::vector<std::vector<std::byte>> bytes;
    for (const gguf::TensorSpec& tensor : tensors) {
        const DTypeInfo& type = dtype_info(tensor.dtype);
        const uint64_t n_rows = tensor.dims.size() > 1 ? tensor.dims[1] : 1;
        bytes.emplace_back(size_t(tensor.dims[0] / type.block_elems * type.block_bytes * n_rows));
        for (size_t at = 0; at + 8 <= bytes.back().size(); at += 8) {
            const uint64_t word = random();
            std::memcpy(bytes.back().data() + at, &word, sizeof(word));
        }
    }
    const std::vector<std::span<const std::byte>> spans(bytes.begin(), bytes.end());
    const auto file = gguf::write_file(metadata, tensors, spans);
    EXPECT_TRUE(file) << file.error().str();
    return file ? *file : "";
}

/// What is fetched twice is a piece of a MiB, and a byte to see that the file is the same. More
/// kills, a larger model, larger shards: M2W_KILLS, M2W_KILLS_MB, M2W_KILLS_SHARDS.
TEST_F(ShardFrom, killed_at_random_moments_it_goes_on_inside_of_the_shard_that_was_under_way) {
    constexpr uint64_t kPieceBytes = 1u << 20;
    const auto asked = [](const char* name, const char* usual) {
        const char* value = getenv(name);
        return std::string(value ? value : usual);
    };
    const uint64_t n_kills = std::stoul(asked("M2W_KILLS", "6"));
    const size_t megabytes = std::stoul(asked("M2W_KILLS_MB", "12"));
    const std::string size = asked("M2W_KILLS_SHARDS", "8MB");
    const std::string model = large_model(megabytes);
    std::ofstream(files_ / "large.gguf", std::ios::binary) << model;
    ASSERT_EQ(shard({files_ / "large.gguf", "-o", out("local")}, size).status, 0);
    Files local = files_in(out("local"));
    const Json manifest = take_manifest(local);
    const std::vector<std::string> command{m2w_program(), "shard",
                                           "--max-size",  size,
                                           "--from",      url("/slow/large.gguf?kbps=16000"),
                                           "-o",          out("remote")};
    std::mt19937 random(1);
    std::uniform_int_distribution<int> moment_ms(50, 700);
    uint64_t kills = 0, kills_of_run = 0, runs = 0, twice = 0;
    while (kills < n_kills || kills_of_run > 0) {
        const pid_t pid = start(command);
        int status = 0;
        if (kills < n_kills) {
            std::this_thread::sleep_for(std::chrono::milliseconds(moment_ms(random)));
            kill(pid, SIGKILL);
        }
        waitpid(pid, &status, 0);
        if (WIFSIGNALED(status)) {
            kills++;
            kills_of_run++;
            continue;
        }
        ASSERT_EQ(WEXITSTATUS(status), 0);
        Files remote = files_in(out("remote"));
        EXPECT_EQ(take_manifest(remote), manifest);
        EXPECT_TRUE(remote == local);
        const uint64_t sent = sent_bytes();
        EXPECT_LE(sent, model.size() + (1u << 20) + model.size() / 100 + kills_of_run * kPieceBytes)
            << "the parser looks ahead";
        twice += sent - std::min<uint64_t>(sent, model.size());
        runs++;
        kills_of_run = 0;
        fs::remove_all(cache());
        fs::remove_all(out("remote"));
        server_->reset();
    }
    std::printf("%d kills, %d runs to the end, %.1f kB fetched twice a kill\n", int(kills),
                int(runs), double(twice) / double(kills) / 1000);
}

TEST_F(ShardFrom, check_reads_what_the_server_has_now) {
    ASSERT_EQ(shard({bundled_model(), "-o", files_ / "s"}).status, 0);
    ASSERT_EQ(m2w({"pull", url("/s/")}).status, 0);
    for (const char* path : {"/s/", "/s/manifest.json"}) {
        server_->reset();
        const RunResult r = m2w({"shard", "--check", url(path)});
        EXPECT_EQ(r.status, 0) << r.err;
        EXPECT_TRUE(contains(r.out, "shards are as the manifest says")) << r.out;
        EXPECT_GE(sent_bytes(), model_bytes_) << "not from the cache";
    }
    fs::path layer;
    for (const auto& entry : fs::directory_iterator(files_ / "s"))
        if (entry.path().filename().string().starts_with("layer-04-")) layer = entry.path();
    std::string bytes = read_text(layer);
    bytes[bytes.size() / 2] ^= 1;
    std::ofstream(layer, std::ios::binary) << bytes;
    const RunResult damaged = m2w({"shard", "--check", url("/s/")});
    EXPECT_EQ(damaged.status, 3);
    EXPECT_TRUE(damaged.out.starts_with(layer.filename().string())) << damaged.out;
    EXPECT_TRUE(contains(damaged.err, "error[checksum]")) << damaged.err;
    fs::remove(layer);
    const RunResult missing = m2w({"shard", "--check", url("/s/")});
    EXPECT_TRUE(contains(missing.err, "error[http_status]")) << missing.err;
    EXPECT_EQ(m2w({"shard", "--check", url()}).status, 1) << "a model that is not sharded";
    EXPECT_EQ(m2w({"shard", "--check", url("/s/"), "--offline"}).status, 3);
    EXPECT_EQ(m2w({"shard", "--check", url("/s/"), "-o", out("x")}).status, 1);
}

/// The bundled model in two files, as split models are.
class SplitByUrl : public ShardFrom {
  protected:
    void SetUp() override {
        ShardFrom::SetUp();
        RemadeModel model;
        const size_t n = model.tensors.size();
        const auto all = model.tensors;
        model.value("split.count") = gguf::make_value(uint16_t(2));
        model.value("split.tensors.count") = gguf::make_value(int32_t(n));
        model.value("split.no") = gguf::make_value(uint16_t(0));
        model.tensors.resize(n / 2);
        model.save(folder_, "files/m-00001-of-00002.gguf");
        model.tensors.assign(all.begin() + n / 2, all.end());
        model.metadata.clear();
        model.value("split.count") = gguf::make_value(uint16_t(2));
        model.value("split.tensors.count") = gguf::make_value(int32_t(n));
        model.value("split.no") = gguf::make_value(uint16_t(1));
        model.save(folder_, "files/m-00002-of-00002.gguf");
    }
    std::string first() const { return url("/m-00001-of-00002.gguf"); }
};

TEST_F(SplitByUrl, every_verb_sees_the_model_that_the_files_are) {
    const std::string local = files_ / "m-00001-of-00002.gguf";
    const uint64_t bytes = fs::file_size(local) + fs::file_size(files_ / "m-00002-of-00002.gguf");
    const RunResult inspected = m2w({"inspect", first(), "--tensors"});
    EXPECT_EQ(inspected.status, 0) << inspected.err;
    EXPECT_LE(sent_bytes(), header_bytes_ + (2u << 20)) << "headers alone";
    const auto tensors_of = [](const std::string& text) { return text.substr(text.find("blk.0")); };
    EXPECT_EQ(tensors_of(inspected.out),
              tensors_of(m2w({"inspect", "--quick", local, "--tensors"}).out));
    fs::remove_all(cache());
    server_->reset();
    const RunResult chat =
        m2w({"chat", "--temp", "0", "-p", "What is 12 + 30?", "-m", url("/m-00002-of-00002.gguf")});
    EXPECT_EQ(chat.out, "12 + 30 = 42.\n") << chat.err;
    EXPECT_EQ(sent_bytes(), bytes) << "any part names all, and nothing comes twice";
    const RunResult pulled = m2w({"pull", first(), "-o", folder_.path()});
    EXPECT_EQ(pulled.status, 0) << pulled.err;
    for (const char* name : {"m-00001-of-00002.gguf", "m-00002-of-00002.gguf"})
        EXPECT_EQ(read_text(folder_.path() / name), read_text(files_ / name));
    const RunResult same = m2w({"inspect", local, first(), "--offline"});
    EXPECT_EQ(same.status, 0) << same.out << same.err;

    fs::remove_all(cache());
    ASSERT_EQ(shard({local, "-o", out("local")}).status, 0);
    const RunResult sharded = shard({"--from", first(), "-o", out("remote")});
    ASSERT_EQ(sharded.status, 0) << sharded.err;
    Files a = files_in(out("local")), b = files_in(out("remote"));
    EXPECT_EQ(take_manifest(a), take_manifest(b));
    EXPECT_TRUE(a == b);
}

}  // namespace
}  // namespace m2w::test
