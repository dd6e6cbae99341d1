// shard_writer_test.cpp — cutting and writing: determinism, the cap, resuming, what may be
// replaced.
#include "gguf/shards/shard_writer.h"

#include <gtest/gtest.h>
#include <zlib.h>

#include <set>

#include "gguf/repack.h"
#include "gguf/sha256.h"
#include "gguf/shards/shard_layout.h"
#include "tests/gguf/shard_samples.h"

namespace m2w::shards {
namespace {

using test::MemorySink;
using Files = MemorySink::Files;

constexpr uint64_t kSmallShard = 4096;

std::string outcome_of(const gguf::File& file, MemorySink& sink,
                       const ShardWriteOptions& options = {}) {
    return test::outcome(write_shards(file, sink, options));
}

TEST(shard_layout, kinds_come_in_the_order_of_loading_and_tensors_by_name) {
    const auto file = test::parse_model(test::sample_model().bytes());
    ASSERT_GET(const auto planned, plan_shards(*file, 1 << 20));
    std::string order;
    for (const PlannedShard& shard : planned) {
        order += std::string(shard_kind_name(shard.kind)) + std::to_string(shard.layer) + ":";
        for (const PlannedPiece& piece : shard.pieces)
            if (shard.layer != 1) order += " " + file->tensors()[piece.tensor].name;
        order += "\n";
    }
    EXPECT_EQ(order,
              "header0:\n"
              "embedding0: rope_freqs.weight token_embd.weight\n"
              "layer0: blk.0.ids\n"
              "layer1:\n"
              "layer2: blk.2.ffn_gate_exps.weight blk.2.ffn_norm.weight\n"
              "layer10: blk.10.attn_q.weight\n"
              "head0: output.weight output_norm.weight\n");
}

TEST(shard_layout, names_that_only_look_like_a_layer_are_loaded_first) {
    test::SampleModel model;
    for (const char* name : {"blk.x.w", "blk..w", "blk.7", "blk.99999999999.w", "blk"})
        model.add(name, DType::f32, {4});
    const auto file = test::parse_model(model.bytes());
    ASSERT_GET(const auto planned, plan_shards(*file, 1 << 20));
    ASSERT_EQ(planned.size(), 2u);
    EXPECT_EQ(planned[1].kind, ShardKind::embedding);
}

TEST(shard_layout, pieces_follow_each_other_and_cover_every_row_below_the_cap) {
    const auto file = test::parse_model(test::sample_model().bytes());
    for (const uint64_t cap : {700u, 1024u, 1000u, 4096u, 100'000u}) {
        ASSERT_GET(const auto planned, plan_shards(*file, cap));
        std::vector<uint64_t> rows(file->tensors().size());
        for (const PlannedShard& shard : planned) {
            uint64_t end = 0;
            for (const PlannedPiece& piece : shard.pieces) {
                const gguf::TensorInfo& info = file->tensors()[piece.tensor];
                EXPECT_EQ(piece.offset_bytes, end);
                EXPECT_EQ(piece.row0, rows[piece.tensor]) << info.name;
                rows[piece.tensor] += piece.rows;
                end += shard_piece_layout(info.dtype, piece.rows * row_blocks(info)).size_bytes;
            }
            EXPECT_EQ(end, shard.kind == ShardKind::header ? 0 : shard.size_bytes);
            EXPECT_LE(shard.size_bytes, cap);
        }
        for (size_t i = 0; i < rows.size(); ++i)
            EXPECT_EQ(rows[i], file->tensors()[i].rows()) << file->tensors()[i].name << " " << cap;
    }
}

TEST(shard_layout, row_larger_than_a_shard_is_refused_by_name) {
    const auto file = test::parse_model(test::sample_model().bytes());
    EXPECT_EQ(
        test::outcome(plan_shards(*file, 20)),
        "resource_limit: rope_freqs.weight: a row takes 32 bytes in a shard, the limit is 20");
}

TEST(shard_layout, piece_has_the_planes_of_the_device_without_the_grid) {
    for (const DTypeInfo& type : all_dtypes()) {
        for (const uint64_t n_blocks : {1u, 3u, 16u, 1000u}) {
            const PieceLayout piece = shard_piece_layout(type.dtype, n_blocks);
            EXPECT_EQ(piece.size_bytes % kShardAlignment, 0u);
            if (!type.decode) {
                EXPECT_EQ(piece.n_planes, 1u);
                EXPECT_EQ(piece.size_bytes, (n_blocks * type.block_bytes + 15) / 16 * 16);
                continue;
            }
            const PlaneLayout planes = plane_layout(type.dtype, n_blocks);
            ASSERT_EQ(piece.n_planes, type.n_planes());
            for (uint32_t p = 0; p < piece.n_planes; ++p) {
                EXPECT_EQ(piece.offset_bytes[p], planes.offset_bytes[p]);
                EXPECT_EQ(piece.block_bytes[p], type.planes[p].bytes_per_block);
            }
            EXPECT_EQ(piece.size_bytes,
                      type.grid.empty() ? planes.size_bytes : planes.offset_bytes[piece.n_planes]);
        }
    }
}

TEST(write_shards, same_input_gives_the_same_bytes) {
    const std::string bytes = test::sample_model().bytes();
    const Files first = test::shard(*test::parse_model(bytes), {.max_shard_bytes = kSmallShard});
    const Files second = test::shard(*test::parse_model(bytes), {.max_shard_bytes = kSmallShard});
    EXPECT_GT(first.size(), 10u);
    EXPECT_EQ(first, second);
}

TEST(write_shards, manifest_tells_what_each_file_is) {
    const std::string bytes = test::sample_model().bytes();
    const Files files =
        test::shard(*test::parse_model(bytes, "folder/a model.gguf"),
                    {.max_shard_bytes = kSmallShard, .plan_sha256 = sha256_hex("a plan")});
    ASSERT_GET(const Manifest m, test::manifest_of(files));
    EXPECT_EQ(m.architecture, "llama");
    EXPECT_EQ(m.plan_sha256, sha256_hex("a plan"));
    EXPECT_EQ(m.max_shard_bytes, kSmallShard);
    ASSERT_EQ(m.parts.size(), 1u);
    EXPECT_EQ(m.parts[0].name, "a model.gguf");
    EXPECT_EQ(m.parts[0].size_bytes, bytes.size());
    EXPECT_EQ(m.parts[0].sha256, sha256_hex(bytes));
    std::set<std::string> named{"manifest.json"};
    for (const Shard& shard : m.shards) {
        named.insert(shard.file);
        const std::string& content = files.at(shard.file);
        EXPECT_EQ(shard.size_bytes, content.size());
        EXPECT_LE(content.size(), kSmallShard);
        EXPECT_EQ(shard.sha256, sha256_hex(content));
        EXPECT_TRUE(shard.file.ends_with("-" + shard.sha256.substr(0, 16) + ".bin"));
        if (shard.layer == 10) {
            EXPECT_TRUE(shard.file.starts_with("layer-10-")) << shard.file;
        }
    }
    std::set<std::string> written;
    for (const auto& [name, content] : files) written.insert(name);
    EXPECT_EQ(named, written);
    for (const ShardedTensor& tensor : m.tensors) {
        const std::string original = bytes.substr(tensor.info.offset_bytes, tensor.info.size_bytes);
        EXPECT_EQ(tensor.sha256, sha256_hex(original)) << tensor.info.name;
        const bool is_large =
            tensor.info.name == "token_embd.weight" || tensor.info.name == "output.weight";
        EXPECT_EQ(tensor.pieces.size() > 1, is_large) << tensor.info.name;
    }
}

/// As a download that a full disk or a crash ended at any point would go on.
TEST(write_shards, run_that_ended_at_any_change_goes_on_to_the_same_bytes) {
    const auto file = test::parse_model(test::sample_model().bytes());
    const ShardWriteOptions options{.max_shard_bytes = kSmallShard};
    MemorySink whole;
    ASSERT_OK(write_shards(*file, whole, options));
    uint64_t n_kept = 0;
    for (uint64_t n = 0; n < whole.n_changes; ++n) {
        MemorySink sink;
        sink.fail_after = n;
        EXPECT_EQ(outcome_of(*file, sink, options), "disk_full: no room for a test") << n;
        EXPECT_FALSE(sink.files.contains("manifest.json")) << n;
        sink.fail_after = UINT64_MAX;
        const auto again = write_shards(*file, sink, options);
        ASSERT_OK(again);
        EXPECT_EQ(sink.files, whole.files) << n;
        EXPECT_EQ(sink.notes(), "") << n;
        EXPECT_EQ(again->n_kept + again->n_written, again->manifest.shards.size());
        EXPECT_GE(again->n_kept, n_kept) << n;
        n_kept = again->n_kept;
    }
    EXPECT_EQ(n_kept, whole.files.size() - 1);
}

/// Counts the bytes that are read of the weights.
class CountingSource final : public Source {
  public:
    explicit CountingSource(const std::string& bytes) : bytes_(make_memory_source("m", bytes)) {}
    uint64_t size_bytes() const override { return bytes_->size_bytes(); }
    const std::string& name() const override { return bytes_->name(); }
    Result<void> read(uint64_t offset_bytes, std::span<std::byte> out) const override {
        n_bytes += out.size();
        return bytes_->read(offset_bytes, out);
    }
    std::span<const std::byte> view(uint64_t, uint64_t) const override { return {}; }
    void done_with(uint64_t, uint64_t) const override {}

    mutable uint64_t n_bytes = 0;

  private:
    const std::shared_ptr<const Source> bytes_;
};

/// A shard of several pieces, in tensors that end within one, between small ones.
class LargeShard : public testing::Test {
  protected:
    static constexpr uint64_t kPieceBytes = 1 << 20;

    static std::string model_bytes() {
        test::SampleModel model;
        model.add("blk.0.a", DType::f32, {33});
        model.add("blk.0.b", DType::q8_0, {1024, 4001});
        model.add("blk.0.c", DType::q6_k, {256, 9001});
        model.add("blk.0.d", DType::f32, {33});
        return model.bytes();
    }
    /// Bytes that a run into `sink` reads of the model.
    uint64_t run(MemorySink& sink, uint64_t fail_after = UINT64_MAX) {
        sink.n_changes = 0;
        sink.fail_after = fail_after;
        source_->n_bytes = 0;
        const std::string outcome = outcome_of(*file_, sink, options_);
        EXPECT_EQ(outcome, fail_after == UINT64_MAX ? "ok" : "disk_full: no room for a test");
        return source_->n_bytes;
    }

    const std::string bytes_ = model_bytes();
    const std::shared_ptr<CountingSource> source_ = std::make_shared<CountingSource>(bytes_);
    const std::shared_ptr<const gguf::File> file_ = *gguf::File::parse(source_);
    const ShardWriteOptions options_{.part_sha256 = {sha256_hex(bytes_)}};
};

TEST_F(LargeShard, run_that_ended_anywhere_reads_a_piece_twice_at_most) {
    MemorySink whole;
    const uint64_t once = run(whole);
    const uint64_t n_changes = whole.n_changes;
    ASSERT_GT(n_changes, 20u);
    for (uint64_t n = 3; n < n_changes; ++n) {
        MemorySink sink;
        const uint64_t first = run(sink, n);
        EXPECT_LE(first + run(sink), once + file_->data_offsets()[0] + kPieceBytes) << n;
        EXPECT_TRUE(sink.files == whole.files) << n;
        EXPECT_EQ(sink.notes(), "") << n;
    }
}

TEST_F(LargeShard, each_of_many_ends_costs_a_piece_at_most) {
    MemorySink whole, sink;
    const uint64_t once = run(whole);
    uint64_t all = 0, n_ends = 0;
    for (; !sink.files.contains("manifest.json") && n_ends < 100; ++n_ends) {
        sink.n_changes = source_->n_bytes = 0;
        sink.fail_after = 9;
        (void)write_shards(*file_, sink, options_);
        all += source_->n_bytes;
    }
    EXPECT_GT(n_ends, 3u);
    EXPECT_LE(all, once + n_ends * kPieceBytes);
    EXPECT_TRUE(sink.files == whole.files);
}

TEST_F(LargeShard, damaged_byte_of_an_unfinished_shard_costs_its_piece_alone) {
    MemorySink whole;
    const uint64_t n_changes = (run(whole), whole.n_changes);
    MemorySink ended;
    run(ended, n_changes - 4);  // before the shard gets its name
    ASSERT_GT(ended.unfinished.size(), 5 * kPieceBytes);
    MemorySink untouched = ended;
    const uint64_t least = run(untouched);
    for (const size_t at : {size_t{5}, ended.unfinished.size() / 3, ended.unfinished.size() / 2}) {
        MemorySink sink = ended;
        sink.unfinished[at] ^= 1;
        const uint64_t read = run(sink);
        EXPECT_GT(read, least) << at;
        EXPECT_LE(read, least + kPieceBytes) << at;
        EXPECT_TRUE(sink.files == whole.files) << at;
    }
    MemorySink padding = ended;
    padding.unfinished.at(33 * 4) = 'x';
    EXPECT_EQ(run(padding), least);
    EXPECT_TRUE(padding.files == whole.files);
    MemorySink shorter = ended;
    shorter.unfinished.pop_back();
    EXPECT_GT(run(shorter), least + 5 * kPieceBytes);
    EXPECT_TRUE(shorter.files == whole.files);
}

TEST(write_shards, second_run_keeps_everything) {
    const auto file = test::parse_model(test::sample_model().bytes());
    MemorySink sink;
    ASSERT_OK(write_shards(*file, sink, {}));
    const Files before = sink.files;
    ASSERT_GET(const auto again, write_shards(*file, sink, {}));
    EXPECT_EQ(again.n_written, 0u);
    EXPECT_EQ(again.bytes_written, 0u);
    EXPECT_EQ(sink.files, before);
}

TEST(write_shards, noted_shard_that_was_damaged_is_made_again) {
    const auto file = test::parse_model(test::sample_model().bytes());
    const ShardWriteOptions options{.max_shard_bytes = kSmallShard, .force = true};
    MemorySink whole, sink;
    ASSERT_OK(write_shards(*file, whole, options));
    sink.fail_after = whole.n_changes - 1;  // all but the manifest's name
    ASSERT_FALSE(write_shards(*file, sink, options));
    for (auto& [name, content] : sink.files)
        if (name.starts_with("layer-02")) content[5] ^= 1;
    sink.fail_after = UINT64_MAX;
    ASSERT_GET(const auto again, write_shards(*file, sink, options));
    EXPECT_GE(again.n_written, 1u);
    EXPECT_EQ(sink.files, whole.files);
}

TEST(write_shards, notes_of_another_model_or_size_are_not_believed) {
    const auto file = test::parse_model(test::sample_model().bytes());
    MemorySink sink;
    sink.fail_after = 60;
    ASSERT_FALSE(write_shards(*file, sink, {.max_shard_bytes = kSmallShard}));
    sink.fail_after = UINT64_MAX;
    test::SampleModel other = test::sample_model();
    const auto changed = test::parse_model(other.add("blk.0.more", DType::f32, {4}).bytes());
    ASSERT_OK(write_shards(*changed, sink, {.max_shard_bytes = kSmallShard}));
    const Files expected = test::shard(*changed, {.max_shard_bytes = kSmallShard});
    for (const auto& [name, content] : expected) EXPECT_EQ(sink.files.at(name), content) << name;
}

TEST(write_shards, nothing_foreign_is_replaced_without_force) {
    const auto file = test::parse_model(test::sample_model().bytes());
    MemorySink sink;
    ASSERT_OK(write_shards(*file, sink, {}));
    const Files good = sink.files;
    for (auto& [name, content] : sink.files)
        if (name.starts_with("head-")) content.back() ^= 1;
    const Files bad = sink.files;
    EXPECT_TRUE(outcome_of(*file, sink).starts_with("usage: head-"));
    EXPECT_EQ(sink.files, bad);
    EXPECT_EQ(outcome_of(*file, sink, {.force = true}), "ok");
    EXPECT_EQ(sink.files, good);

    const auto other = test::parse_model(test::SampleModel().add("a", DType::f32, {4}).bytes());
    EXPECT_TRUE(outcome_of(*other, sink).starts_with("usage: manifest.json is there already"));
    EXPECT_TRUE(outcome_of(*file, sink, {.max_shard_bytes = kSmallShard}).starts_with("usage: "));
    sink.files["manifest.json"] = "{}";
    EXPECT_TRUE(outcome_of(*file, sink).starts_with("usage: "));
    EXPECT_EQ(sink.files.size(), good.size());
    EXPECT_EQ(outcome_of(*other, sink, {.force = true}), "ok");
}

/// The order in the file, other layers and the metadata make no difference.
TEST(write_shards, models_that_share_a_layer_share_its_shards) {
    test::SampleModel a("first"), b("second, with another head");
    for (test::SampleModel* model : {&a, &b}) {
        const bool first = model == &a;
        model->add(first ? "blk.0.x.weight" : "blk.0.y.weight", DType::q8_0, {64, 9});
        model->add(first ? "blk.0.y.weight" : "blk.0.x.weight", DType::q8_0, {64, 9});
        model->add("token_embd.weight", DType::q4_0, {64, 300});
        model->add("output.weight", DType::q4_0, {64, 300}, first ? 1 : 2);
        model->add("blk.1.x.weight", DType::q8_0, {64, 9}, first ? 1 : 2);
    }
    const ShardWriteOptions options{.max_shard_bytes = kSmallShard};
    const Files one = test::shard(*test::parse_model(a.bytes()), options);
    const Files two = test::shard(*test::parse_model(b.bytes()), options);
    const auto names_of = [](const Files& files, std::string_view prefix) {
        std::set<std::string> names;
        for (const auto& [name, content] : files)
            if (name.starts_with(prefix)) names.insert(name);
        return names;
    };
    EXPECT_GT(names_of(one, "embedding-").size(), 1u);
    EXPECT_EQ(names_of(one, "embedding-"), names_of(two, "embedding-"));
    EXPECT_EQ(names_of(one, "layer-00-"), names_of(two, "layer-00-"));
    for (const char* own : {"layer-01-", "head-", "header-"})
        for (const std::string& name : names_of(one, own)) EXPECT_FALSE(two.contains(name)) << name;
    for (const auto& [name, content] : one)
        EXPECT_TRUE(!two.contains(name) || name == "manifest.json" || two.at(name) == content);
}

TEST(write_shards, stop_ends_it_and_the_next_run_goes_on) {
    const auto file = test::parse_model(test::sample_model().bytes());
    std::atomic<bool> stop = false;
    MemorySink sink;
    const auto progress = [&](uint64_t done, uint64_t total) {
        EXPECT_LE(done, total);
        if (done > total * 3 / 4) stop = true;
    };
    EXPECT_EQ(outcome_of(*file, sink, {.progress = progress, .stop = &stop}),
              "io: interrupted; the same command goes on from here");
    EXPECT_FALSE(sink.files.contains("manifest.json"));
    ASSERT_GET(const auto again, write_shards(*file, sink, {}));
    EXPECT_GT(again.n_kept, 0u);
    EXPECT_EQ(sink.files, test::shard(*file));
}

TEST(write_shards, progress_ends_at_all_of_it) {
    const auto file = test::parse_model(test::sample_model().bytes());
    uint64_t last = 0, all = 1;
    ASSERT_FALSE(test::shard(*file, {.progress = [&](uint64_t done, uint64_t total) {
                     last = done;
                     all = total;
                 }}).empty());
    EXPECT_EQ(last, all);
}

TEST(write_shards, model_without_tensors_is_a_header) {
    const Files files = test::shard(*test::parse_model(test::SampleModel().bytes()));
    EXPECT_EQ(files.size(), 2u);
    ASSERT_GET(const Manifest m, test::manifest_of(files));
    EXPECT_EQ(m.shards.size(), 1u);
}

/// What a gzip file holds.
std::string gunzip(const std::string& bytes) {
    z_stream stream{};
    EXPECT_EQ(inflateInit2(&stream, 15 + 16), Z_OK);
    std::string in = bytes, out(1 << 20, '\0');
    stream.next_in = reinterpret_cast<Bytef*>(in.data());
    stream.avail_in = uInt(in.size());
    stream.next_out = reinterpret_cast<Bytef*>(out.data());
    stream.avail_out = uInt(out.size());
    EXPECT_EQ(inflate(&stream, Z_FINISH), Z_STREAM_END);
    EXPECT_EQ(stream.avail_in, 0u);
    out.resize(stream.total_out);
    inflateEnd(&stream);
    return out;
}

TEST(shard_writer, gzip_twins_are_the_same_text_without_time_and_kept_in_step) {
    const auto file = test::parse_model(test::sample_model().bytes());
    ShardWriteOptions options;
    options.gzip = true;
    MemorySink sink, plain;
    ASSERT_EQ(outcome_of(*file, sink, options), "ok");
    ASSERT_EQ(outcome_of(*file, plain), "ok");
    const Files without = plain.files;
    uint64_t n_twins = 0;
    for (const auto& [name, content] : sink.files) {
        if (!name.ends_with(".gz")) {
            EXPECT_TRUE(without.at(name) == content) << name;
            continue;
        }
        n_twins++;
        EXPECT_EQ(gunzip(content), without.at(name.substr(0, name.size() - 3))) << name;
        EXPECT_EQ(content.substr(4, 4), std::string(4, '\0')) << "the time";
    }
    EXPECT_EQ(n_twins, 2u);
    EXPECT_EQ(sink.files.size(), without.size() + n_twins);

    const auto other =
        test::parse_model(test::sample_model().set("x.y", gguf::make_value(true)).bytes());
    ShardWriteOptions forced;
    forced.force = true;
    ASSERT_EQ(outcome_of(*other, sink, forced), "ok");
    EXPECT_EQ(gunzip(sink.files.at("manifest.json.gz")), sink.files.at("manifest.json"));
}

}  // namespace
}  // namespace m2w::shards
