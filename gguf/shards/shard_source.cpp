// shard_source.cpp — reads of a model file, answered from shards: planes become blocks again.
#include "gguf/shards/shard_source.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <exception>
#include <list>
#include <mutex>

#include "gguf/plane_source.h"
#include "gguf/repack.h"
#include "gguf/sha256.h"
#include "gguf/shards/shard_layout.h"

namespace m2w::shards {
namespace {

using gguf::TensorInfo;

constexpr size_t kOpenShards = 32;  // files that are kept open
constexpr uint64_t kReadBytes = 1 << 20;

/// The shards of a model: opened when they are needed, checked once.
class ShardSet {
  public:
    ShardSet(Manifest manifest, ShardOpener opener, bool verify)
        : manifest_(std::move(manifest)),
          opener_(std::move(opener)),
          verify_(verify),
          verified_(manifest_.shards.size()) {}

    const Manifest& manifest() const { return manifest_; }

    Result<std::shared_ptr<const Source>> open(uint32_t index) {
        const std::lock_guard lock(mutex_);
        if (auto source = find(index)) return source;
        const Shard& shard = manifest_.shards[index];
        TRY(auto source, opener_(shard.file));
        if (source->size_bytes() != shard.size_bytes)
            return Error{Category::checksum,
                         fmt::format("{}: {} bytes, the manifest says {}", source->name(),
                                     source->size_bytes(), shard.size_bytes)};
        if (verify_ && !verified_[index]) TRY(verify_shard(shard, *source));
        verified_[index] = true;
        open_.emplace_front(index, source);
        if (open_.size() > kOpenShards) open_.pop_back();
        return source;
    }

    /// Null if it is not open.
    std::shared_ptr<const Source> if_open(uint32_t index) {
        const std::lock_guard lock(mutex_);
        return find(index);
    }

  private:
    std::shared_ptr<const Source> find(uint32_t index) {
        const auto at = std::find_if(open_.begin(), open_.end(),
                                     [&](const auto& entry) { return entry.first == index; });
        if (at == open_.end()) return nullptr;
        open_.splice(open_.begin(), open_, at);
        return at->second;
    }

    const Manifest manifest_;
    const ShardOpener opener_;
    const bool verify_;
    std::mutex mutex_;
    std::vector<bool> verified_;                                          // [shards]
    std::list<std::pair<uint32_t, std::shared_ptr<const Source>>> open_;  // latest use first
};

/// One part of the model, as the file that it was. The set is shared by the parts.
class ShardSource final : public gguf::PlaneSource {
  public:
    ShardSource(std::shared_ptr<ShardSet> set, uint32_t part, std::string name)
        : set_(std::move(set)), part_(set_->manifest().parts[part]), name_(std::move(name)) {
        const auto& tensors = set_->manifest().tensors;
        for (uint32_t i = 0; i < tensors.size(); i++)
            if (tensors[i].info.part == part) by_offset_.push_back(&tensors[i]);
        std::sort(by_offset_.begin(), by_offset_.end(),
                  [](auto* a, auto* b) { return a->info.offset_bytes < b->info.offset_bytes; });
    }

    uint64_t size_bytes() const override { return part_.size_bytes; }
    const std::string& name() const override { return name_; }

    Result<void> read(uint64_t offset_bytes, std::span<std::byte> out) const override {
        if (offset_bytes > size_bytes() || out.size() > size_bytes() - offset_bytes)
            return Error{Category::truncated,
                         fmt::format("{}: need {} bytes at byte {}, the source has {}", name_,
                                     out.size(), offset_bytes, size_bytes())};
        try {
            while (!out.empty()) {
                TRY(const uint64_t n, read_some(offset_bytes, out));
                offset_bytes += n;
                out = out.subspan(size_t(n));
            }
        } catch (const std::exception&) {
            return Error{Category::out_of_memory, "read buffer"};
        }
        return {};
    }

    std::span<const std::byte> view(uint64_t, uint64_t) const override { return {}; }

    void done_with(uint64_t offset_bytes, uint64_t count_bytes) const override {
        const ShardedTensor* tensor = tensor_at(offset_bytes);
        if (!tensor || tensor->info.offset_bytes != offset_bytes ||
            tensor->info.size_bytes != count_bytes)
            return;  // pages of planes go by whole tensors
        for (const ShardPiece& piece : tensor->pieces) {
            const auto source = set_->if_open(piece.shard);
            if (source) source->done_with(piece.offset_bytes, bytes_of(*tensor, piece));
        }
    }

    Result<void> read_planes(const TensorInfo& info, uint64_t first_block, uint64_t n_blocks,
                             std::byte* const* planes) const override {
        const ShardedTensor* tensor = tensor_at(info.offset_bytes);
        M2W_ASSERT(tensor && tensor->info.offset_bytes == info.offset_bytes);
        return read_planes(*tensor, first_block, n_blocks, planes);
    }

    /// Until then everything behind the header reads as zeros: the parser looks ahead, and what it
    /// only looks at needs no shard.
    void open_tensors() { header_only_ = false; }

  private:
    static uint64_t bytes_of(const ShardedTensor& tensor, const ShardPiece& piece) {
        return shard_piece_layout(tensor.info.dtype, piece.rows * row_blocks(tensor.info))
            .size_bytes;
    }

    /// The last tensor that begins at or before a byte of the part.
    const ShardedTensor* tensor_at(uint64_t offset) const {
        const auto behind = std::upper_bound(
            by_offset_.begin(), by_offset_.end(), offset,
            [](uint64_t at, auto* tensor) { return at < tensor->info.offset_bytes; });
        return behind == by_offset_.begin() ? nullptr : behind[-1];
    }

    /// Fills the beginning of `out`; how much of it.
    Result<uint64_t> read_some(uint64_t offset, std::span<std::byte> out) const {
        if (offset < part_.header_bytes) return read_header(offset, out);
        if (header_only_) {
            std::memset(out.data(), 0, out.size());
            return out.size();
        }
        const ShardedTensor* tensor = tensor_at(offset);
        if (tensor && offset - tensor->info.offset_bytes < tensor->info.size_bytes)
            return read_tensor(*tensor, offset - tensor->info.offset_bytes, out);
        const auto next =
            std::upper_bound(by_offset_.begin(), by_offset_.end(), offset,
                             [](uint64_t at, auto* t) { return at < t->info.offset_bytes; });
        const uint64_t end =
            next == by_offset_.end() ? part_.size_bytes : (*next)->info.offset_bytes;
        const uint64_t n = std::min<uint64_t>(out.size(), end - offset);
        std::memset(out.data(), 0, n);
        return n;
    }

    Result<uint64_t> read_header(uint64_t offset, std::span<std::byte> out) const {
        size_t i = 0;
        while (offset >= set_->manifest().shards[part_.headers[i]].size_bytes)
            offset -= set_->manifest().shards[part_.headers[i++]].size_bytes;
        const uint64_t n = std::min<uint64_t>(
            out.size(), set_->manifest().shards[part_.headers[i]].size_bytes - offset);
        TRY(const auto source, set_->open(part_.headers[i]));
        TRY(source->read(offset, out.first(n)));
        return n;
    }

    /// Whole blocks as many as there are, else a part of one.
    Result<uint64_t> read_tensor(const ShardedTensor& tensor, uint64_t offset,
                                 std::span<std::byte> out) const {
        const DTypeInfo& type = dtype_info(tensor.info.dtype);
        const uint64_t first = offset / type.block_bytes, in_block = offset % type.block_bytes;
        const uint64_t left = tensor.info.size_bytes - offset;
        if (in_block == 0 && out.size() >= type.block_bytes) {
            const uint64_t n = std::min<uint64_t>(left, out.size()) / type.block_bytes;
            const uint64_t at_once = std::max<uint64_t>(1, kReadBytes / type.block_bytes);
            TRY(read_blocks(tensor, first, std::min(n, at_once), out.data()));
            return std::min(n, at_once) * type.block_bytes;
        }
        std::vector<std::byte> block(type.block_bytes);
        TRY(read_blocks(tensor, first, 1, block.data()));
        const uint64_t n = std::min<uint64_t>(out.size(), type.block_bytes - in_block);
        std::memcpy(out.data(), block.data() + in_block, n);
        return n;
    }

    /// Blocks as they are in the file.
    Result<void> read_blocks(const ShardedTensor& tensor, uint64_t first, uint64_t n,
                             std::byte* out) const {
        const DTypeInfo& type = dtype_info(tensor.info.dtype);
        if (type.n_planes() <= 1) return read_planes(tensor, first, n, &out);
        std::vector<std::byte> buffer(n * type.block_bytes);
        std::array<std::byte*, 4> planes{};
        std::byte* next = buffer.data();
        for (uint32_t p = 0; p < type.n_planes(); p++) {
            planes[p] = next;
            next += n * type.planes[p].bytes_per_block;
        }
        TRY(read_planes(tensor, first, n, planes.data()));
        unrepack(type, planes.data(), n, out);
        return {};
    }

    Result<void> read_planes(const ShardedTensor& tensor, uint64_t first, uint64_t n,
                             std::byte* const* planes) const {
        const uint64_t blocks_a_row = row_blocks(tensor.info);
        uint64_t piece_first = 0, done = 0;
        for (const ShardPiece& piece : tensor.pieces) {
            const uint64_t total = piece.rows * blocks_a_row, piece_end = piece_first + total;
            if (first + done < piece_end && done < n) {
                const uint64_t in_piece = first + done - piece_first;
                const uint64_t count = std::min(n - done, total - in_piece);
                const PieceLayout layout = shard_piece_layout(tensor.info.dtype, total);
                TRY(const auto source, set_->open(piece.shard));
                for (uint32_t p = 0; p < layout.n_planes; p++) {
                    const uint64_t bytes = layout.block_bytes[p];
                    TRY(source->read(piece.offset_bytes + layout.offset_bytes[p] + in_piece * bytes,
                                     {planes[p] + done * bytes, size_t(count * bytes)}));
                }
                done += count;
            }
            piece_first = piece_end;
        }
        M2W_ASSERT(done == n);
        return {};
    }

    const std::shared_ptr<ShardSet> set_;
    const ShardedPart& part_;  // of the set's manifest
    const std::string name_;
    std::vector<const ShardedTensor*> by_offset_;  // this part's
    bool header_only_ = true;
};

Error other_tensors(std::string message) {
    return Error{Category::manifest, std::move(message) + " than the header shard says"};
}

/// The manifest's directory against the header's.
Result<void> check_directory(const gguf::File& file, const Manifest& manifest) {
    if (file.parts().size() != manifest.parts.size())
        return other_tensors(fmt::format("{} parts, others", manifest.parts.size()));
    for (size_t i = 0; i < manifest.parts.size(); i++)
        if (file.data_offsets()[i] != manifest.parts[i].header_bytes)
            return other_tensors(manifest.parts[i].name + ": a header of another length");
    if (file.tensors().size() != manifest.tensors.size())
        return other_tensors(fmt::format("{} tensors, others", manifest.tensors.size()));
    for (size_t i = 0; i < manifest.tensors.size(); i++) {
        const TensorInfo &a = file.tensors()[i], &b = manifest.tensors[i].info;
        if (a.name != b.name || a.dtype != b.dtype || a.n_dims != b.n_dims || a.dims != b.dims ||
            a.offset_bytes != b.offset_bytes || a.part != b.part)
            return other_tensors(fmt::format("tensors[{}], {}, is another", i, b.name));
    }
    return {};
}

Result<std::shared_ptr<const gguf::File>> open(Manifest manifest, ShardOpener opener,
                                               const ShardReadOptions& options) {
    const auto set =
        std::make_shared<ShardSet>(std::move(manifest), std::move(opener), options.verify);
    const auto& parts = set->manifest().parts;
    const auto name_of = [&](const ShardedPart& part) {
        return options.location.empty() ? part.name : options.location + "/" + part.name;
    };
    std::vector<std::shared_ptr<ShardSource>> sources;
    gguf::ParseOptions parse;
    parse.open_part = [&](const std::string& name) -> Result<std::shared_ptr<const Source>> {
        for (uint32_t i = 0; i < parts.size(); i++) {
            if (name_of(parts[i]) != name) continue;
            sources.push_back(std::make_shared<ShardSource>(set, i, name));
            return std::shared_ptr<const Source>(sources.back());
        }
        return Error{Category::manifest, name + ": this part of the model is missing"};
    };
    TRY(auto first, parse.open_part(name_of(parts.front())));
    TRY(auto file, gguf::File::parse(std::move(first), parse));
    TRY(check_directory(*file, set->manifest()));
    for (const auto& source : sources) source->open_tensors();
    return file;
}

}  // namespace

ShardOpener folder_opener(std::filesystem::path folder) {
    return [folder = std::move(folder)](const std::string& file) {
        return open_file_source(folder / file);
    };
}

Result<std::shared_ptr<const gguf::File>> open_shards(Manifest manifest, ShardOpener opener,
                                                      const ShardReadOptions& options) {
    try {
        return open(std::move(manifest), std::move(opener), options);
    } catch (const std::exception&) {
        return Error{Category::out_of_memory, "manifest"};
    }
}

Result<void> verify_shard(const Shard& shard, const Source& source) {
    try {
        Sha256 hash;
        std::vector<std::byte> buffer(size_t(std::min(kReadBytes, shard.size_bytes)));
        for (uint64_t at = 0; at < shard.size_bytes;) {
            const auto piece = std::span(buffer).first(
                size_t(std::min<uint64_t>(buffer.size(), shard.size_bytes - at)));
            TRY(source.read(at, piece));
            hash.update(piece);
            at += piece.size();
        }
        if (hash.hex() == shard.sha256) return {};
        return Error{Category::checksum, fmt::format("{}: SHA-256 is {}, the manifest says {}",
                                                     source.name(), hash.hex(), shard.sha256)};
    } catch (const std::exception&) {
        return Error{Category::out_of_memory, "read buffer"};
    }
}

}  // namespace m2w::shards
