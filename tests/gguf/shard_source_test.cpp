// shard_source_test.cpp — the way back: a sharded model is the file that it was, in a folder and in
// memory, and says which shard and which tensor is damaged.
#include "gguf/shards/shard_source.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "gguf/plane_source.h"
#include "gguf/repack.h"
#include "gguf/shards/check_shards.h"
#include "tests/gguf/shard_samples.h"
#include "tests/gguf/temp_dir.h"

namespace m2w::shards {
namespace {

using test::MemorySink;
using Files = MemorySink::Files;
namespace fs = std::filesystem;

constexpr uint64_t kSmall = 4096;

std::string all_of(const Source& source, size_t piece) {
    std::string out(source.size_bytes(), '?');
    for (size_t at = 0; at < out.size(); at += piece) {
        const auto bytes = std::as_writable_bytes(std::span(out)).subspan(at);
        const auto read = source.read(at, bytes.first(std::min(piece, bytes.size())));
        EXPECT_TRUE(read) << read.error().str();
        if (!read) return out;
    }
    return out;
}

Result<std::shared_ptr<const gguf::File>> open_files(const Files& files,
                                                     const ShardReadOptions& options = {}) {
    TRY(auto manifest, test::manifest_of(files));
    return open_shards(std::move(manifest), test::opener_of(files), options);
}

TEST(shard_source, every_byte_of_the_model_file_comes_back) {
    const std::string bytes = test::sample_model().bytes();
    for (const uint64_t cap : {700u, 4096u, 25'000'000u}) {
        const Files files = test::shard(*test::parse_model(bytes), {.max_shard_bytes = cap});
        ASSERT_GET(const auto file, open_files(files, {.location = "there"}));
        EXPECT_EQ(file->name(), "there/sample.gguf");
        for (const size_t piece : {size_t(1), size_t(7), size_t(1000), bytes.size()})
            EXPECT_EQ(all_of(*file->parts()[0], piece), bytes) << cap << " " << piece;
    }
}

TEST(shard_source, reads_outside_are_refused) {
    const Files files = test::shard(*test::parse_model(test::sample_model().bytes()));
    ASSERT_GET(const auto file, open_files(files));
    const Source& source = *file->parts()[0];
    std::byte out[2];
    EXPECT_EQ(test::outcome(source.read(source.size_bytes() - 1, out)).substr(0, 9), "truncated");
    EXPECT_EQ(test::outcome(source.read(UINT64_MAX, out)).substr(0, 9), "truncated");
    EXPECT_EQ(test::outcome(source.read(source.size_bytes(), {})), "ok");
    EXPECT_TRUE(source.view(0, 1).empty());
}

TEST(shard_source, planes_are_those_of_the_blocks_wherever_the_rows_were_cut) {
    const auto original = test::parse_model(test::sample_model().bytes());
    const Files files = test::shard(*original, {.max_shard_bytes = 700});
    ASSERT_GET(const auto file, open_files(files));
    for (const gguf::TensorInfo& info : file->tensors()) {
        const DTypeInfo& type = dtype_info(info.dtype);
        if (!type.decode) continue;
        const gguf::PlaneSource* source = gguf::plane_source(*file, info);
        ASSERT_TRUE(source);
        EXPECT_FALSE(gguf::plane_source(*original, info));
        const uint64_t total = info.size_bytes / type.block_bytes;
        for (const auto& [first, n] : {std::pair<uint64_t, uint64_t>{0, total},
                                       {total / 3, total - total / 3},
                                       {total - 1, 1}}) {
            std::vector<std::byte> blocks(n * type.block_bytes), expected(blocks.size()),
                got(blocks.size());
            ASSERT_OK(original->read(info, first * type.block_bytes, blocks));
            std::byte *to[4] = {}, *from[4] = {};
            for (uint32_t p = 0, at = 0; p < type.n_planes(); ++p) {
                to[p] = expected.data() + at;
                from[p] = got.data() + at;
                at += uint32_t(n * type.planes[p].bytes_per_block);
            }
            repack(type, blocks.data(), n, to);
            ASSERT_OK(source->read_planes(info, first, n, from));
            EXPECT_EQ(got, expected) << info.name << " " << first;
        }
    }
}

class Counting {
  public:
    explicit Counting(const Files& files) : inner_(test::opener_of(files)) {}
    ShardOpener opener() {
        return [this](const std::string& file) {
            opened.push_back(file);
            return inner_(file);
        };
    }
    std::vector<std::string> opened;

  private:
    ShardOpener inner_;
};

TEST(shard_source, opening_needs_the_header_shards_alone) {
    const Files files =
        test::shard(*test::parse_model(test::sample_model().bytes()), {.max_shard_bytes = 700});
    Counting counting(files);
    ASSERT_GET(auto manifest, test::manifest_of(files));
    ASSERT_GET(const auto file, open_shards(std::move(manifest), counting.opener()));
    EXPECT_GT(counting.opened.size(), 1u);
    for (const std::string& name : counting.opened)
        EXPECT_TRUE(name.starts_with("header-")) << name;
    std::byte byte[1];
    ASSERT_OK(file->read(*file->find_tensor("output.weight"), 0, byte));
    EXPECT_TRUE(counting.opened.back().starts_with("head-"));
}

TEST(shard_source, flipped_byte_is_told_with_its_shard_before_anything_is_used) {
    Files files = test::shard(*test::parse_model(test::sample_model().bytes()));
    std::string damaged;
    for (auto& [name, content] : files)
        if (name.starts_with("layer-10-")) {
            damaged = name;
            content[100] ^= 0x10;
        }
    ASSERT_GET(const auto file, open_files(files));
    std::byte bytes[144];
    const auto read = file->read(*file->find_tensor("blk.10.attn_q.weight"), 0, bytes);
    EXPECT_EQ(test::outcome(read).substr(0, 10 + damaged.size()), "checksum: " + damaged);
    EXPECT_EQ(test::outcome(file->read(*file->find_tensor("output.weight"), 0, bytes)), "ok");
    ASSERT_GET(const auto careless, open_files(files, {.verify = false}));
    EXPECT_EQ(
        test::outcome(careless->read(*careless->find_tensor("blk.10.attn_q.weight"), 0, bytes)),
        "ok");
}

TEST(shard_source, missing_cut_and_foreign_shards_are_told) {
    const Files good = test::shard(*test::parse_model(test::sample_model().bytes()));
    std::byte bytes[4];
    for (const bool verify : {true, false}) {
        for (const auto& [name, content] : good) {
            if (name == "manifest.json") continue;
            Files files = good;
            files[name].pop_back();
            const auto file = open_files(files, {.verify = verify});
            if (name.starts_with("header-")) {
                EXPECT_EQ(test::outcome(file).substr(0, 9), "checksum:");
                continue;
            }
            ASSERT_OK(file);
            size_t n_failed = 0;
            for (const gguf::TensorInfo& info : (*file)->tensors())
                n_failed += !(*file)->read(info, 0, bytes);
            EXPECT_GT(n_failed, 0u) << name;
        }
    }
    Files files = good;
    std::erase_if(files, [](const auto& entry) { return entry.first.starts_with("head-"); });
    ASSERT_GET(const auto file, open_files(files));
    EXPECT_EQ(test::outcome(file->read(*file->find_tensor("output.weight"), 0, bytes)).substr(0, 3),
              "io:");
}

/// A header shard that is sound in itself, but not of this model.
TEST(shard_source, header_with_other_tensors_than_the_manifest_is_refused) {
    const auto file = test::parse_model(test::sample_model().bytes());
    const Files files = test::shard(*file);
    ASSERT_GET(Manifest manifest, test::manifest_of(files));
    manifest.tensors[1].info.name = "blk.10.attn_k.weight";
    EXPECT_EQ(test::outcome(open_shards(manifest, test::opener_of(files))),
              "manifest: tensors[1], blk.10.attn_k.weight, is another than the header shard says");
}

TEST(shard_source, split_model_comes_back_in_its_parts) {
    const test::TempDir dir;
    std::vector<std::string> parts;
    for (const uint16_t i : {uint16_t(0), uint16_t(1)}) {
        test::SampleModel model;
        model.set("split.no", gguf::make_value(i));
        model.set("split.count", gguf::make_value(uint16_t(2)));
        model.set("split.tensors.count", gguf::make_value(int32_t(4)));
        model.add("blk.0.w" + std::to_string(i), DType::q5_1, {64, 30});
        model.add(i ? "output.weight" : "token_embd.weight", DType::q8_0, {64, 30});
        parts.push_back(model.bytes());
        dir.write(i ? "m-00002-of-00002.gguf" : "m-00001-of-00002.gguf", parts.back());
    }
    ASSERT_GET(const auto original, gguf::File::open(dir.path() / "m-00001-of-00002.gguf"));
    const Files files = test::shard(*original);
    EXPECT_EQ(files.size(), 1u + 2u + 3u);
    ASSERT_GET(const auto file, open_files(files, {.location = "x"}));
    ASSERT_EQ(file->parts().size(), 2u);
    for (size_t i = 0; i < 2; ++i) EXPECT_EQ(all_of(*file->parts()[i], 999), parts[i]);
    EXPECT_EQ(file->find_tensor("output.weight")->part, 1u);
}

TEST(check_shards, good_model_has_no_faults_and_progress_ends_at_all) {
    const Files files =
        test::shard(*test::parse_model(test::sample_model().bytes()), {.max_shard_bytes = kSmall});
    ASSERT_GET(const Manifest manifest, test::manifest_of(files));
    uint64_t last = 0, all = 1;
    ASSERT_GET(const auto faults,
               check_shards(manifest, test::opener_of(files), [&](uint64_t done, uint64_t total) {
                   last = done;
                   all = total;
               }));
    EXPECT_TRUE(faults.empty());
    EXPECT_EQ(last, all);
}

TEST(check_shards, each_flipped_byte_names_its_shard_and_its_tensor) {
    const Files good =
        test::shard(*test::parse_model(test::sample_model().bytes()), {.max_shard_bytes = kSmall});
    ASSERT_GET(const Manifest manifest, test::manifest_of(good));
    for (size_t i = 0; i < manifest.tensors.size(); ++i) {
        const ShardedTensor& tensor = manifest.tensors[i];
        const ShardPiece& piece = tensor.pieces.back();
        Files files = good;
        const std::string& shard = manifest.shards[piece.shard].file;
        files[shard][piece.offset_bytes] ^= 1;
        ASSERT_GET(const auto faults, check_shards(manifest, test::opener_of(files), {}));
        ASSERT_EQ(faults.size(), 1u) << tensor.info.name;
        EXPECT_EQ(faults[0].file, shard);
        EXPECT_EQ(faults[0].error.category, Category::checksum);
        EXPECT_EQ(faults[0].tensors, std::vector{tensor.info.name});
    }
}

TEST(check_shards, missing_shards_and_a_damaged_header_are_told) {
    const Files good = test::shard(*test::parse_model(test::sample_model().bytes()));
    ASSERT_GET(const Manifest manifest, test::manifest_of(good));
    Files files = good;
    files.erase(manifest.shards.back().file);
    ASSERT_GET(const auto missing, check_shards(manifest, test::opener_of(files), {}));
    ASSERT_EQ(missing.size(), 1u);
    EXPECT_EQ(missing[0].error.category, Category::io);
    EXPECT_EQ(missing[0].tensors,
              (std::vector<std::string>{"output.weight", "output_norm.weight"}));
    files = good;
    files[manifest.shards[0].file][0] ^= 1;
    ASSERT_GET(const auto header, check_shards(manifest, test::opener_of(files), {}));
    ASSERT_EQ(header.size(), 1u);
    EXPECT_EQ(header[0].file, manifest.shards[0].file);
}

TEST(check_shards, tensor_digest_that_is_wrong_is_the_manifests_fault) {
    const Files files = test::shard(*test::parse_model(test::sample_model().bytes()));
    ASSERT_GET(Manifest manifest, test::manifest_of(files));
    manifest.tensors[0].sha256[0] ^= 1;
    ASSERT_GET(const auto faults, check_shards(manifest, test::opener_of(files), {}));
    ASSERT_EQ(faults.size(), 1u);
    EXPECT_EQ(faults[0].file, "manifest.json");
}

}  // namespace
}  // namespace m2w::shards
