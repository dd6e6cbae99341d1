// shard_writer.cpp — tensors in pieces of a MiB: read, hashed, taken apart into planes, written
// where they belong and noted; a shard is named when it is whole.
#include "gguf/shards/shard_writer.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <exception>
#include <optional>

#include "gguf/repack.h"
#include "gguf/sha256.h"
#include "gguf/shards/gzip.h"
#include "gguf/shards/shard_layout.h"
#include "gguf/shards/shard_notes.h"
#include "gguf/shards/shard_source.h"

namespace m2w::shards {
namespace {

using gguf::TensorInfo;

// What is read at a time, noted when it is written, and therefore lost at most.
constexpr uint64_t kPieceBytes = 1u << 20;
constexpr size_t kNameDigits = 16;
constexpr const char* kTwinSuffix = ".gz";

std::string file_name(const PlannedShard& shard, const std::string& sha256) {
    const std::string layer =
        shard.kind == ShardKind::layer ? fmt::format("-{:02}", shard.layer) : "";
    return fmt::format("{}{}-{}.bin", shard_kind_name(shard.kind), layer,
                       sha256.substr(0, kNameDigits));
}

/// A part's name without folders, as a manifest may have it.
std::string base_name(std::string name) {
    name.erase(0, name.find_last_of("/\\") + 1);
    std::replace_if(
        name.begin(), name.end(), [](char c) { return uint8_t(c) < 0x20 || c == 0x7f; }, '_');
    if (name.size() > kMaxTextBytes) name.erase(0, name.size() - kMaxTextBytes);
    return name.empty() ? "model.gguf" : name;
}

class Writer {
  public:
    Writer(const gguf::File& file, ShardSink& sink, const ShardWriteOptions& options)
        : file_(file), sink_(sink), options_(options) {}

    Result<ShardsWritten> run() {
        const Result<void> done = write_all();
        if (done) return std::move(out_);
        // What is noted of the file under way is for the next run.
        if (!is_noted_) sink_.discard();
        return done.error();
    }

  private:
    /// Blocks of a tensor, and their planes one behind the other.
    struct Buffers {
        std::span<std::byte> blocks;
        std::array<std::byte*, 4> planes;
        uint64_t n_blocks;
    };

    Result<void> write_all() {
        TRY(const auto planned, plan_shards(file_, options_.max_shard_bytes));
        for (const PlannedShard& shard : planned) bytes_total_ += source_bytes(shard);
        if (options_.part_sha256.empty())
            for (const auto& part : file_.parts()) bytes_total_ += part->size_bytes();
        TRY(describe());
        TRY(check_place());
        TRY(begin_notes());
        for (uint32_t i = 0; i < planned.size(); i++) TRY(add(i, planned[i]));
        TRY(write_manifest());
        return sink_.clear_notes();
    }

    /// What a shard takes from the model.
    uint64_t source_bytes(const PlannedShard& planned) const {
        if (planned.kind == ShardKind::header) return planned.size_bytes;
        uint64_t bytes = 0;
        for (const PlannedPiece& piece : planned.pieces) {
            const TensorInfo& info = file_.tensors()[piece.tensor];
            bytes += piece.rows * row_blocks(info) * dtype_info(info.dtype).block_bytes;
        }
        return bytes;
    }

    /// Everything of the manifest but the shards.
    Result<void> describe() {
        Manifest& m = out_.manifest;
        TRY(const auto architecture, file_.find_string("general.architecture"));
        m.architecture = architecture.value_or("").substr(0, kMaxTextBytes);
        m.plan_sha256 = options_.plan_sha256;
        m.source_url = options_.source_url;
        m.source_etag = options_.source_etag;
        m.max_shard_bytes = options_.max_shard_bytes;
        for (size_t i = 0; i < file_.parts().size(); i++) {
            const Source& part = *file_.parts()[i];
            ShardedPart out{
                base_name(part.name()), part.size_bytes(), "", {}, file_.data_offsets()[i]};
            if (i < options_.part_sha256.size()) {
                out.sha256 = options_.part_sha256[i];
            } else {
                TRY(out.sha256, hash_of(part));
            }
            m.parts.push_back(std::move(out));
        }
        for (const TensorInfo& info : file_.tensors()) m.tensors.push_back({info, "", {}});
        return {};
    }

    Result<std::string> hash_of(const Source& part) {
        Sha256 hash;
        for (uint64_t at = 0; at < part.size_bytes();) {
            const auto piece = piece_of(part.size_bytes() - at);
            TRY(part.read(at, piece));
            hash.update(piece);
            at += piece.size();
            TRY(advance(piece.size()));
        }
        return hash.hex();
    }

    /// A manifest that is there already must be of these very files.
    Result<void> check_place() {
        if (options_.force) return {};
        const std::string name(kManifestName);
        TRY(const auto found, sink_.find(name));
        if (!found) return {};
        if (found->size_bytes() <= kMaxManifestBytes) {
            std::string text(found->size_bytes(), '\0');
            TRY(found->read(0, std::as_writable_bytes(std::span(text))));
            const auto before = parse_manifest(text);
            if (!before && before.error().category == Category::out_of_memory)
                return before.error();
            const bool same_source = before && !before->source_etag.empty() &&
                                     before->source_etag == options_.source_etag &&
                                     before->source_url == options_.source_url;
            if (before && before->max_shard_bytes == options_.max_shard_bytes &&
                std::equal(before->parts.begin(), before->parts.end(), out_.manifest.parts.begin(),
                           out_.manifest.parts.end(),
                           [&](const ShardedPart& a, const ShardedPart& b) {
                               return a.name == b.name && a.size_bytes == b.size_bytes &&
                                      a.sha256 == b.sha256 && (same_source || !a.sha256.empty());
                           }))
                return {};
        }
        return Error{Category::usage,
                     fmt::format("{} is there already and is not of this model cut at {} bytes; "
                                 "--force replaces it",
                                 found->name(), options_.max_shard_bytes)};
    }

    /// What makes the shards of two runs the same.
    std::string identity() const {
        Sha256 hash;
        const auto add = [&](std::string_view text) {
            hash.update(std::as_bytes(std::span(text)));
            hash.update(std::as_bytes(std::span("\n", 1)));
        };
        add(fmt::to_string(options_.max_shard_bytes));
        add(options_.source_url);
        add(options_.source_etag);
        for (const ShardedPart& part : out_.manifest.parts)
            add(fmt::format("{} {} {}", part.name, part.size_bytes, part.sha256));
        return fmt::format("{} {} {}", kManifestFormat, kManifestVersion, hash.hex());
    }

    Result<void> begin_notes() {
        const std::string identity = this->identity();
        const bool known = !options_.source_etag.empty() || !out_.manifest.parts[0].sha256.empty();
        if (known) notes_ = parse_shard_notes(sink_.notes(), identity);
        if (notes_.same_run) return {};
        TRY(sink_.clear_notes());
        return sink_.note(identity);
    }

    Result<void> add(uint32_t index, const PlannedShard& planned) {
        Shard shard;
        shard.kind = planned.kind;
        shard.layer = planned.layer;
        shard.size_bytes = planned.size_bytes;
        TRY(const bool kept, keep(index, planned, shard));
        if (!kept) TRY(make(index, planned, shard));
        if (planned.kind == ShardKind::header)
            out_.manifest.parts[planned.part].headers.push_back(index);
        for (const PlannedPiece& piece : planned.pieces) {
            out_.manifest.tensors[piece.tensor].pieces.push_back(
                {index, piece.offset_bytes, piece.rows});
            shard.tensors.push_back(piece.tensor);
        }
        out_.manifest.shards.push_back(std::move(shard));
        return {};
    }

    /// Takes a shard that an earlier run finished, if it is still what it was.
    Result<bool> keep(uint32_t index, const PlannedShard& planned, Shard& shard) {
        const auto note = notes_.finished.find(index);
        if (note == notes_.finished.end()) return false;
        shard.sha256 = note->second.sha256;
        shard.file = note->second.file;
        if (shard.file != file_name(planned, shard.sha256)) return false;
        const auto found = sink_.find(shard.file);
        if (!found || !*found) return false;
        TRY(const bool same, has_content(**found, shard));
        if (!same) return false;
        for (const PlannedPiece& piece : planned.pieces) TRY(hash_piece(piece, **found));
        TRY(advance(source_bytes(planned)));
        out_.n_kept++;
        return true;
    }

    /// The tensor's bytes, from a shard that has them.
    Result<void> hash_piece(const PlannedPiece& piece, const Source& from) {
        const TensorInfo& info = file_.tensors()[piece.tensor];
        const uint64_t total = piece.rows * row_blocks(info);
        begin_tensor(piece);
        for (uint64_t first = 0, n = 0; first < total; first += n) {
            const Buffers buffers = this->buffers(info, total - first);
            n = buffers.n_blocks;
            TRY(take_back(piece, first, buffers, [&](uint64_t at, std::span<std::byte> out) {
                return from.read(at, out);
            }));
            tensor_hash_->update(buffers.blocks);
            TRY(check_stop());
        }
        end_tensor(piece);
        return {};
    }

    /// The blocks from `first` on, out of the planes of a shard.
    template <class Read>
    Result<void> take_back(const PlannedPiece& piece, uint64_t first, const Buffers& buffers,
                           Read&& read) {
        const TensorInfo& info = file_.tensors()[piece.tensor];
        const DTypeInfo& type = dtype_info(info.dtype);
        const PieceLayout layout = shard_piece_layout(info.dtype, piece.rows * row_blocks(info));
        for (uint32_t p = 0; p < layout.n_planes; p++)
            TRY(read(piece.offset_bytes + layout.offset_bytes[p] + first * layout.block_bytes[p],
                     std::span(buffers.planes[p], buffers.n_blocks * layout.block_bytes[p])));
        if (type.n_planes() > 0)
            unrepack(type, buffers.planes.data(), buffers.n_blocks, buffers.blocks.data());
        else
            std::memcpy(buffers.blocks.data(), buffers.planes[0], buffers.blocks.size());
        return {};
    }

    Result<void> make(uint32_t index, const PlannedShard& planned, Shard& shard) {
        index_ = index;
        n_read_ = 0;
        is_resumed_ = false;
        is_noted_ = notes_.has_pieces(index);
        if (is_noted_) {
            TRY(is_resumed_, sink_.resume(planned.size_bytes));
        }
        is_noted_ = is_resumed_;
        if (!is_resumed_) TRY(sink_.begin(planned.size_bytes));
        if (planned.kind == ShardKind::header) TRY(fill_header(planned));
        for (const PlannedPiece& piece : planned.pieces) TRY(fill_piece(piece));
        TRY(shard.sha256, hash_written(planned.size_bytes));
        shard.file = file_name(planned, shard.sha256);
        // Before it has its name: a run that ends between the two goes on from the pieces, and one
        // that ended behind both from the shard.
        TRY(sink_.note(print_shard_note(index, shard)));
        TRY(name(shard));
        is_noted_ = false;
        return {};
    }

    Result<void> fill_header(const PlannedShard& planned) {
        const Source& part = *file_.parts()[planned.part];
        for (uint64_t at = 0; at < planned.size_bytes;) {
            const auto piece = piece_of(planned.size_bytes - at);
            TRY(part.read(planned.part_offset_bytes + at, piece));
            TRY(sink_.write(at, piece));
            at += piece.size();
            TRY(advance(piece.size()));
        }
        return {};
    }

    Result<void> fill_piece(const PlannedPiece& piece) {
        const TensorInfo& info = file_.tensors()[piece.tensor];
        const uint64_t block_bytes = dtype_info(info.dtype).block_bytes;
        const uint64_t total = piece.rows * row_blocks(info);
        const uint64_t from = piece.row0 * row_blocks(info) * block_bytes;
        begin_tensor(piece);
        for (uint64_t first = 0, n = 0; first < total; first += n) {
            const Buffers buffers = this->buffers(info, total - first);
            n = buffers.n_blocks;
            TRY(const bool was_there, take_noted(piece, first, buffers));
            if (!was_there) {
                TRY(file_.read(info, from + first * block_bytes, buffers.blocks));
                TRY(write_blocks(piece, first, buffers));
                TRY(sink_.note(print_piece_note(index_, n_read_, sha256_hex(buffers.blocks))));
                is_noted_ = true;
            }
            n_read_++;
            tensor_hash_->update(buffers.blocks);
            TRY(advance(buffers.blocks.size()));
        }
        TRY(write_padding(piece));
        file_.source(info).done_with(info.offset_bytes + from, total * block_bytes);
        end_tensor(piece);
        return {};
    }

    /// Takes blocks that an earlier run wrote, if they are still what it noted.
    Result<bool> take_noted(const PlannedPiece& piece, uint64_t first, const Buffers& buffers) {
        const std::string_view noted = notes_.piece(index_, n_read_);
        if (!is_resumed_ || noted.empty()) return false;
        TRY(take_back(piece, first, buffers,
                      [&](uint64_t at, std::span<std::byte> out) { return sink_.read(at, out); }));
        return sha256_hex(buffers.blocks) == noted;
    }

    Result<void> write_blocks(const PlannedPiece& piece, uint64_t first, const Buffers& buffers) {
        const TensorInfo& info = file_.tensors()[piece.tensor];
        const DTypeInfo& type = dtype_info(info.dtype);
        const PieceLayout layout = shard_piece_layout(info.dtype, piece.rows * row_blocks(info));
        if (type.n_planes() > 0)
            repack(type, buffers.blocks.data(), buffers.n_blocks, buffers.planes.data());
        else
            std::memcpy(buffers.planes[0], buffers.blocks.data(), buffers.blocks.size());
        for (uint32_t p = 0; p < layout.n_planes; p++)
            TRY(sink_.write(
                piece.offset_bytes + layout.offset_bytes[p] + first * layout.block_bytes[p],
                {buffers.planes[p], size_t(buffers.n_blocks * layout.block_bytes[p])}));
        return {};
    }

    /// The zeros behind the planes, which no note speaks of: a file that is gone on with may have
    /// anything there.
    Result<void> write_padding(const PlannedPiece& piece) {
        if (!is_resumed_) return {};
        constexpr std::array<std::byte, kShardAlignment> kZeros{};
        const TensorInfo& info = file_.tensors()[piece.tensor];
        const uint64_t total = piece.rows * row_blocks(info);
        const PieceLayout layout = shard_piece_layout(info.dtype, total);
        for (uint32_t p = 0; p < layout.n_planes; p++) {
            const uint64_t end = layout.offset_bytes[p] + total * layout.block_bytes[p];
            const uint64_t next =
                p + 1 < layout.n_planes ? layout.offset_bytes[p + 1] : layout.size_bytes;
            if (end < next)
                TRY(sink_.write(piece.offset_bytes + end, std::span(kZeros).first(next - end)));
        }
        return {};
    }

    /// Of what is in the file, in its order: planes are written in turns.
    Result<std::string> hash_written(uint64_t size_bytes) {
        Sha256 hash;
        for (uint64_t at = 0; at < size_bytes;) {
            const auto piece = piece_of(size_bytes - at);
            TRY(sink_.read(at, piece));
            hash.update(piece);
            at += piece.size();
        }
        return hash.hex();
    }

    static Result<bool> has_content(const Source& found, const Shard& shard) {
        if (found.size_bytes() != shard.size_bytes) return false;
        const auto verified = verify_shard(shard, found);
        if (!verified && verified.error().category == Category::out_of_memory)
            return verified.error();
        return bool(verified);
    }

    /// Gives the shard its name, or leaves the file that has the name and the content.
    Result<void> name(const Shard& shard) {
        const auto found = sink_.find(shard.file);
        if (!found && !options_.force) return found.error();
        if (found && *found) {
            TRY(const bool same, has_content(**found, shard));
            if (same) {
                sink_.discard();
                out_.n_kept++;
                return {};
            }
            if (!options_.force)
                return Error{Category::usage,
                             fmt::format("{} is there already with other content; --force "
                                         "replaces it",
                                         (*found)->name())};
        }
        TRY(sink_.commit(shard.file));
        out_.n_written++;
        out_.bytes_written += shard.size_bytes;
        return {};
    }

    Result<void> write_manifest() {
        TRY(const std::string text, print_manifest(out_.manifest));
        TRY(write_twins(text));
        TRY(sink_.begin(text.size()));
        TRY(sink_.write(0, std::as_bytes(std::span(text))));
        return sink_.commit(std::string(kManifestName));
    }

    Result<void> write_twins(const std::string& manifest) {
        const std::string name = std::string(kManifestName) + kTwinSuffix;
        TRY(const auto old, sink_.find(name));
        if (!options_.gzip && !old) return {};
        for (const Shard& shard : out_.manifest.shards) {
            if (shard.kind != ShardKind::header) continue;
            TRY(const auto source, sink_.find(shard.file));
            if (!source) return Error{Category::io, shard.file + ": was removed"};
            TRY(write_twin(*source, shard.file + kTwinSuffix));
        }
        return write_twin(*make_memory_source(name, manifest), name);
    }

    /// Compresses twice: a sink wants the size first.
    Result<void> write_twin(const Source& source, const std::string& name) {
        uint64_t size_bytes = 0;
        TRY(gzip(source, [&](std::span<const std::byte> bytes) {
            size_bytes += bytes.size();
            return check_stop();
        }));
        TRY(sink_.begin(size_bytes));
        uint64_t at = 0;
        TRY(gzip(source, [&](std::span<const std::byte> bytes) -> Result<void> {
            TRY(sink_.write(at, bytes));
            at += bytes.size();
            return check_stop();
        }));
        return sink_.commit(name);
    }

    /// Pieces of a tensor follow each other, so one digest is enough.
    void begin_tensor(const PlannedPiece& piece) {
        if (piece.row0 == 0) tensor_hash_.emplace();
    }
    void end_tensor(const PlannedPiece& piece) {
        if (piece.row0 + piece.rows == file_.tensors()[piece.tensor].rows())
            out_.manifest.tensors[piece.tensor].sha256 = tensor_hash_->hex();
    }

    std::span<std::byte> piece_of(uint64_t left) {
        return std::span(blocks_).first(size_t(std::min(left, kPieceBytes)));
    }

    /// For the next blocks of a tensor, at most max_blocks.
    Buffers buffers(const TensorInfo& info, uint64_t max_blocks) {
        const uint64_t n = std::min(max_blocks, kPieceBytes / dtype_info(info.dtype).block_bytes);
        const PieceLayout layout = shard_piece_layout(info.dtype, 0);
        std::array<std::byte*, 4> planes{};
        std::byte* next = planes_.data();
        for (uint32_t p = 0; p < layout.n_planes; p++) {
            planes[p] = next;
            next += n * layout.block_bytes[p];
        }
        return {std::span(blocks_).first(size_t(n * dtype_info(info.dtype).block_bytes)), planes,
                n};
    }

    Result<void> advance(uint64_t bytes) {
        bytes_done_ += bytes;
        if (options_.progress) options_.progress(bytes_done_, bytes_total_);
        return check_stop();
    }

    Result<void> check_stop() const {
        if (!options_.stop || !options_.stop->load()) return {};
        return Error{Category::io, "interrupted; the same command goes on from here"};
    }

    const gguf::File& file_;
    ShardSink& sink_;
    const ShardWriteOptions& options_;
    ShardsWritten out_;
    ShardNotes notes_;  // of an earlier run
    // Of the shard under way: its place, the number of the next piece, whether an earlier run began
    // it, and whether any of its pieces is noted.
    uint32_t index_ = 0;
    uint64_t n_read_ = 0;
    bool is_resumed_ = false, is_noted_ = false;
    uint64_t bytes_done_ = 0, bytes_total_ = 0;
    std::optional<Sha256> tensor_hash_;
    std::vector<std::byte> blocks_ = std::vector<std::byte>(kPieceBytes);  // as in the model file
    std::vector<std::byte> planes_ = std::vector<std::byte>(kPieceBytes);  // one behind the other
};

}  // namespace

Result<ShardsWritten> write_shards(const gguf::File& file, ShardSink& sink,
                                   const ShardWriteOptions& options) {
    try {
        return Writer(file, sink, options).run();
    } catch (const std::exception&) {
        return Error{Category::out_of_memory, "shards"};
    }
}

}  // namespace m2w::shards
