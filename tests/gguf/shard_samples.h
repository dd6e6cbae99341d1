// shard_samples.h — small models of all weight types, a folder of shards in memory, and faults for
// it. Checks nothing.
#pragma once
#include <map>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "gguf/shards/shard_folder.h"
#include "gguf/shards/shard_source.h"
#include "gguf/shards/shard_writer.h"
#include "gguf/write.h"
#include "tests/support/results.h"

namespace m2w::test {

/// Names and types of a model's tensors, and their bytes by the name: a tensor of the same name,
/// shape and seed has the same bytes in every model.
class SampleModel {
  public:
    explicit SampleModel(std::string title = "sample") {
        metadata_.push_back({"general.architecture", gguf::make_value(std::string("llama"))});
        metadata_.push_back({"general.name", gguf::make_value(std::move(title))});
    }
    SampleModel& set(std::string key, gguf::Value value) {
        metadata_.push_back({std::move(key), std::move(value)});
        return *this;
    }
    /// dims: fastest first.
    SampleModel& add(std::string name, DType dtype, std::vector<uint64_t> dims, uint32_t seed = 1) {
        const DTypeInfo& type = dtype_info(dtype);
        uint64_t bytes = type.block_bytes;
        for (size_t d = 0; d < dims.size(); ++d) bytes *= d ? dims[d] : dims[0] / type.block_elems;
        std::mt19937 random(seed + uint32_t(std::hash<std::string>{}(name)));
        std::vector<std::byte> data(bytes);
        for (std::byte& b : data) b = std::byte(random());
        tensors_.push_back({std::move(name), dtype, std::move(dims)});
        data_.push_back(std::move(data));
        return *this;
    }
    std::string bytes() const {
        const std::vector<std::span<const std::byte>> spans(data_.begin(), data_.end());
        const auto file = gguf::write_file(metadata_, tensors_, spans);
        EXPECT_TRUE(file) << file.error().str();
        return file ? *file : "";
    }

  private:
    std::vector<gguf::KeyValue> metadata_;
    std::vector<gguf::TensorSpec> tensors_;
    std::vector<std::vector<std::byte>> data_;
};

/// Every weight type and one that is only named; a layer of three-dimensional experts; names out of
/// order.
inline SampleModel sample_model() {
    SampleModel model;
    model.add("output.weight", DType::q6_k, {256, 40});
    model.add("blk.10.attn_q.weight", DType::q4_k, {256, 12});
    model.add("blk.2.ffn_gate_exps.weight", DType::mxfp4, {96, 10, 4});
    model.add("blk.2.ffn_norm.weight", DType::f32, {33});
    model.add("token_embd.weight", DType::q8_0, {64, 100});
    model.add("rope_freqs.weight", DType::f32, {5});
    model.add("output_norm.weight", DType::f32, {33});
    model.add("blk.0.ids", DType::i32, {7, 3});
    for (const DTypeInfo& type : all_dtypes())
        if (type.decode)
            model.add("blk.1." + std::string(type.name), type.dtype, {2 * type.block_elems, 5});
    return model;
}

inline std::shared_ptr<const gguf::File> parse_model(const std::string& bytes,
                                                     const std::string& name = "sample.gguf") {
    const auto file = gguf::File::parse(make_memory_source(name, bytes));
    EXPECT_TRUE(file) << file.error().str();
    return file ? *file : nullptr;
}

/// Shards in memory. After `fail_after` changes every further one fails, as if the machine had
/// stopped; a file that got no name stays.
class MemorySink final : public shards::ShardSink {
  public:
    using Files = std::map<std::string, std::string>;

    Result<std::shared_ptr<const Source>> find(const std::string& file) override {
        const auto at = files.find(file);
        if (at == files.end()) return std::shared_ptr<const Source>();
        return make_memory_source(file, at->second);
    }
    Result<void> begin(uint64_t size_bytes) override {
        TRY(count());
        unfinished.assign(size_bytes, '\0');
        return {};
    }
    Result<bool> resume(uint64_t size_bytes) override { return unfinished.size() == size_bytes; }
    Result<void> write(uint64_t offset_bytes, std::span<const std::byte> bytes) override {
        TRY(count());
        unfinished.replace(offset_bytes, bytes.size(), reinterpret_cast<const char*>(bytes.data()),
                           bytes.size());
        return {};
    }
    Result<void> read(uint64_t offset_bytes, std::span<std::byte> out) override {
        EXPECT_LE(offset_bytes + out.size(), unfinished.size());
        unfinished.copy(reinterpret_cast<char*>(out.data()), out.size(), offset_bytes);
        return {};
    }
    Result<void> commit(const std::string& file) override {
        TRY(count());
        files[file] = std::exchange(unfinished, "");
        return {};
    }
    void discard() override { unfinished.clear(); }
    const std::string& notes() const override { return notes_; }
    Result<void> note(std::string_view line) override {
        TRY(count());
        notes_ += std::string(line) + "\n";
        return {};
    }
    Result<void> clear_notes() override {
        notes_.clear();
        return {};
    }

    Files files;
    std::string unfinished;
    uint64_t n_changes = 0, fail_after = UINT64_MAX;

  private:
    Result<void> count() {
        if (n_changes++ < fail_after) return {};
        return Error{Category::disk_full, "no room for a test"};
    }
    std::string notes_;
};

inline shards::ShardOpener opener_of(const MemorySink::Files& files) {
    return [&files](const std::string& file) -> Result<std::shared_ptr<const Source>> {
        const auto at = files.find(file);
        if (at == files.end()) return Error{Category::io, file + ": is not there"};
        return make_memory_source(file, at->second);
    };
}

inline Result<shards::Manifest> manifest_of(const MemorySink::Files& files) {
    const auto at = files.find("manifest.json");
    if (at == files.end()) return Error{Category::io, "no manifest"};
    return shards::parse_manifest(at->second);
}

/// All files of a sharded model; empty when it failed.
inline MemorySink::Files shard(const gguf::File& file,
                               const shards::ShardWriteOptions& options = {}) {
    MemorySink sink;
    const auto written = shards::write_shards(file, sink, options);
    EXPECT_TRUE(written) << written.error().str();
    return written ? sink.files : MemorySink::Files();
}

}  // namespace m2w::test
