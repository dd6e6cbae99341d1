// shard_test.cpp — m2w shard: from a file to shards and back, through the other verbs; damage is
// named; memory stays small.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>

#include "gguf/write.h"
#include "tests/cli/process.h"
#include "tests/support/results.h"
#include "tests/support/temporary.h"

namespace m2w::test {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

RunResult shard(std::vector<std::string> args) {
    args.insert(args.begin(), {m2w_program(), "shard"});
    return run(args);
}

std::map<std::string, std::string> files_in(const fs::path& folder) {
    std::map<std::string, std::string> files;
    for (const auto& entry : fs::directory_iterator(folder))
        files[entry.path().filename()] = read_text(entry.path());
    return files;
}

/// The first file in a folder whose name begins with `prefix`.
fs::path find_file(const fs::path& folder, const std::string& prefix) {
    for (const auto& [name, content] : files_in(folder))
        if (name.starts_with(prefix)) return folder / name;
    return {};
}

void flip_byte(const fs::path& path, size_t at) {
    std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
    file.seekg(std::streamoff(at));
    const char byte = char(file.get() ^ 1);
    file.seekp(std::streamoff(at));
    file.put(byte);
}

TEST(shard, two_runs_give_the_same_files_below_the_cap_and_they_check) {
    TemporaryFolder folder;
    const fs::path a = folder.path() / "a", b = folder.path() / "b";
    const RunResult r = shard({bundled_model().string(), "-o", a.string(), "--max-size", "500KB"});
    ASSERT_EQ(r.status, 0) << r.err;
    EXPECT_EQ(r.err, "");
    const auto files = files_in(a);
    for (const auto& [name, content] : files) EXPECT_TRUE(content.size() <= 500'000) << name;
    const RunResult other_name = run({m2w_program("m2w-shard"), bundled_model().string(), "-o",
                                      b.string(), "--max-size", "500000"});
    ASSERT_EQ(other_name.status, 0) << other_name.err;
    EXPECT_TRUE(files == files_in(b));
    for (const fs::path& path : {a, a / "manifest.json"}) {
        const RunResult checked = shard({"--check", path.string()});
        EXPECT_EQ(checked.status, 0) << checked.err;
        EXPECT_EQ(checked.out, path.string() + ": " + std::to_string(files.size() - 1) +
                                   " shards and 74 tensors are as the manifest says\n");
    }
    const RunResult again =
        shard({bundled_model().string(), "-o", a.string(), "--max-size", "500KB"});
    EXPECT_NE(again.out.find("; 0 written, " + std::to_string(files.size() - 1) + " were there"),
              std::string::npos)
        << again.out;
}

TEST(shard, plan_of_the_model_is_in_the_manifest) {
    TemporaryFolder folder;
    ASSERT_EQ(shard({bundled_model().string(), "-o", folder.path().string(), "--gzip"}).status, 0);
    EXPECT_TRUE(
        find_file(folder.path(), "header-").string() + ".gz" ==
        find_file(folder.path(), find_file(folder.path(), "header-").filename().string() + ".gz"));
    EXPECT_TRUE(fs::exists(folder.path() / "manifest.json.gz"));
    const Json manifest = Json::parse(read_text(folder.path() / "manifest.json"), nullptr, false);
    EXPECT_EQ(manifest["architecture"], "llama");
    EXPECT_EQ(manifest["plan_sha256"].get<std::string>().size(), 64u);
}

TEST(shard, flipped_byte_is_told_with_its_shard_and_tensor) {
    TemporaryFolder folder;
    ASSERT_EQ(shard({bundled_model().string(), "-o", folder.path().string()}).status, 0);
    const fs::path layer = find_file(folder.path(), "layer-05-");
    flip_byte(layer, 2);
    const RunResult checked = shard({"--check", folder.path().string()});
    EXPECT_EQ(checked.status, 3);
    EXPECT_TRUE(checked.out.starts_with(layer.filename().string())) << checked.out;
    EXPECT_NE(checked.out.find("; damaged: blk.5.attn_k.weight\n"), std::string::npos)
        << checked.out;
    EXPECT_TRUE(checked.err.starts_with("error[checksum] ")) << checked.err;

    const RunResult chat = run({m2w_program(), "chat", "--device", "ref", "-m",
                                folder.path().string(), "-p", "What is 12 + 30?", "--temp", "0"});
    EXPECT_EQ(chat.status, 3);
    EXPECT_EQ(chat.out, "");
    EXPECT_NE(chat.err.find(layer.filename().string()), std::string::npos) << chat.err;
}

TEST(shard, arguments_that_make_no_sense_are_refused) {
    TemporaryFolder folder;
    const std::string model = bundled_model().string(), out = (folder.path() / "x").string();
    for (const char* size :
         {"", "0", "4095", "-1", "1 MB", "10mb", "99999999999999999999", "1e9"}) {
        const RunResult r = shard({model, "-o", out, "--max-size", size});
        EXPECT_EQ(r.status, 1) << size;
    }
    EXPECT_EQ(shard({model}).status, 1);
    EXPECT_EQ(shard({}).status, 1);
    EXPECT_EQ(shard({"-o", out}).status, 1);
    EXPECT_EQ(shard({model, "-o", out, "--check", out}).status, 1);
    EXPECT_EQ(shard({"--check", out}).status, 3);
    EXPECT_FALSE(fs::exists(out));
    ASSERT_EQ(shard({model, "-o", out}).status, 0);
    EXPECT_EQ(shard({model, "-o", out, "--max-size", "github"}).status, 1);
    EXPECT_EQ(shard({model, "-o", out, "--max-size", "github", "--force"}).status, 0);
    std::ofstream(folder.path() / "manifest.json") << "{}";
    const RunResult bad = run({m2w_program(), "inspect", folder.path().string()});
    EXPECT_EQ(bad.status, 2);
    EXPECT_TRUE(bad.err.starts_with("error[manifest] ")) << bad.err;
}

TEST(shard, other_verbs_see_the_same_model) {
    TemporaryFolder folder;
    const std::string model = bundled_model().string(), shards = folder.path().string();
    ASSERT_EQ(shard({model, "-o", shards, "--max-size", "500KB"}).status, 0);
    const RunResult compared = run({m2w_program(), "inspect", model, shards});
    EXPECT_EQ(compared.status, 0) << compared.out << compared.err;
    const auto same = [&](std::vector<std::string> command, size_t at) {
        std::vector<std::string> outputs;
        for (const std::string& path : {model, shards, shards + "/manifest.json"}) {
            command[at] = path;
            const RunResult r = run(command);
            EXPECT_EQ(r.status, 0) << command[1] << " " << path << ": " << r.err;
            outputs.push_back(r.out);
        }
        EXPECT_EQ(outputs[1], outputs[0]) << command[1];
        EXPECT_EQ(outputs[2], outputs[0]) << command[1];
    };
    same({m2w_program(), "tokenize", "-m", "", "Hello there!"}, 3);
    same({m2w_program(), "chat", "--device", "ref", "-m", "", "-p", "What is 12 + 30?", "--temp",
          "0"},
         5);
}

class ShardedModels : public testing::TestWithParam<const char*> {};

TEST_P(ShardedModels, compute_the_same_tokens_as_the_file) {
    M2W_SHARED(model, GetParam());
    TemporaryFolder folder;
    const fs::path shards = folder.path() / "shards";
    ASSERT_EQ(shard({model.string(), "-o", shards.string(), "--max-size", "300KB"}).status, 0);
    std::vector<std::map<std::string, std::string>> outputs;
    for (const fs::path& from : {fs::path(model), shards}) {
        const fs::path out = folder.path() / ("out" + std::to_string(outputs.size()));
        const RunResult r = run({m2w_program(), "dump", "-m", from.string(), "--ids",
                                 "1,5,9,2,77,31,4,8", "--greedy", "12", "-o", out.string()});
        ASSERT_EQ(r.status, 0) << r.err;
        outputs.push_back(files_in(out));
    }
    ASSERT_EQ(outputs[0].size(), 3u);
    for (const auto& [name, content] : outputs[0])
        EXPECT_TRUE(content == outputs[1][name]) << name << " differs";
}

INSTANTIATE_TEST_SUITE_P(shared, ShardedModels,
                         testing::Values("model/tiny-f16.gguf", "model/tiny-q8_0.gguf",
                                         "model/tiny-q4_k_m.gguf", "arch/qwen3moe/model-f16.gguf",
                                         "quant/tiny2l-mxfp4_moe.gguf"),
                         [](const auto& test) { return as_test_name(test.param); });

/// Tensors far larger than the memory that is allowed, all zeros: a file without blocks on the
/// disk.
TEST(shard, memory_does_not_grow_with_the_model) {
    constexpr double kMaxMiB = 128;
    TemporaryFolder folder;
    const gguf::KeyValue metadata[] = {
        {"general.architecture", gguf::make_value(std::string("none"))}};
    const gguf::TensorSpec tensors[] = {{"token_embd.weight", DType::q8_0, {4096, 32768}},
                                        {"blk.0.w", DType::f16, {1024, 20000}}};
    const auto header = gguf::write_header(metadata, tensors);
    ASSERT_TRUE(header);
    const fs::path model = folder.path() / "large.gguf";
    std::ofstream(model, std::ios::binary) << header->bytes;
    fs::resize_file(model, header->file_bytes);
    ASSERT_GT(header->file_bytes, 170u << 20);
    const fs::path shards = folder.path() / "shards";
    const RunResult r = shard({model.string(), "-o", shards.string(), "--max-size", "github"});
    ASSERT_EQ(r.status, 0) << r.err;
    EXPECT_TRUE(kSanitized || r.peak_mib < kMaxMiB) << r.peak_mib;
    std::printf("  peak memory of writing %.0f MiB: %.0f MiB\n",
                double(header->file_bytes) / (1 << 20), r.peak_mib);
    const RunResult checked = shard({"--check", shards.string()});
    EXPECT_EQ(checked.status, 0) << checked.err;
    EXPECT_TRUE(kSanitized || checked.peak_mib < kMaxMiB) << checked.peak_mib;
}

}  // namespace
}  // namespace m2w::test
