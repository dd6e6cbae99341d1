// check_shards.cpp — shards first, as they are; then tensors, as the model file had them.
#include "gguf/shards/check_shards.h"

#include <fmt/format.h>

#include <algorithm>
#include <exception>
#include <optional>

#include "gguf/sha256.h"

namespace m2w::shards {
namespace {

constexpr uint64_t kCheckedBytes = 1u << 20;

class Checker {
  public:
    Checker(const Manifest& manifest, const ShardOpener& opener, const ShardProgressFn& progress,
            CheckDepth depth)
        : manifest_(manifest), opener_(opener), progress_(progress), depth_(depth) {
        for (const Shard& shard : manifest_.shards) bytes_total_ += shard.size_bytes;
        if (depth_ == CheckDepth::shards) return;
        for (const ShardedTensor& tensor : manifest_.tensors)
            bytes_total_ += tensor.info.size_bytes;
    }

    Result<std::vector<ShardFault>> run() {
        std::vector<std::optional<size_t>> fault_of(manifest_.shards.size());
        bool has_header = true;
        for (size_t i = 0; i < manifest_.shards.size(); i++) {
            const Shard& shard = manifest_.shards[i];
            if (const auto good = check(shard); !good) {
                if (good.error().category == Category::out_of_memory) return good.error();
                fault_of[i] = faults_.size();
                faults_.push_back({shard.file, good.error(), {}});
                has_header = has_header && shard.kind != ShardKind::header;
            }
            advance(shard.size_bytes);
        }
        if (!has_header) return std::move(faults_);  // nobody can say which tensors there are
        TRY(const auto file, open_shards(manifest_, opener_, {.verify = false, .location = ""}));
        if (depth_ == CheckDepth::shards) return std::move(faults_);
        for (size_t i = 0; i < manifest_.tensors.size(); i++) {
            const ShardedTensor& tensor = manifest_.tensors[i];
            const auto good = check(*file, tensor);
            advance(tensor.info.size_bytes);
            if (good) continue;
            if (good.error().category == Category::out_of_memory) return good.error();
            blame(tensor, good.error(), fault_of);
        }
        return std::move(faults_);
    }

  private:
    Result<void> check(const Shard& shard) const {
        TRY(const auto source, opener_(shard.file));
        if (source->size_bytes() != shard.size_bytes)
            return Error{Category::checksum,
                         fmt::format("{}: {} bytes, the manifest says {}", source->name(),
                                     source->size_bytes(), shard.size_bytes)};
        return verify_shard(shard, *source);
    }

    Result<void> check(const gguf::File& file, const ShardedTensor& tensor) {
        Sha256 hash;
        for (uint64_t at = 0; at < tensor.info.size_bytes;) {
            const uint64_t n = std::min(kCheckedBytes, tensor.info.size_bytes - at);
            const auto piece = std::span(buffer_).first(size_t(n));
            TRY(file.read(tensor.info, at, piece));
            hash.update(piece);
            at += n;
        }
        if (hash.hex() == tensor.sha256) return {};
        return Error{Category::checksum, fmt::format("{}: SHA-256 is {}, the manifest says {}",
                                                     tensor.info.name, hash.hex(), tensor.sha256)};
    }

    /// The damaged shards that a tensor lies in; if all are good, the manifest itself is wrong.
    void blame(const ShardedTensor& tensor, const Error& error,
               const std::vector<std::optional<size_t>>& fault_of) {
        bool explained = false;
        for (const ShardPiece& piece : tensor.pieces) {
            if (!fault_of[piece.shard]) continue;
            faults_[*fault_of[piece.shard]].tensors.push_back(tensor.info.name);
            explained = true;
        }
        if (!explained) faults_.push_back({std::string(kManifestName), error, {tensor.info.name}});
    }

    void advance(uint64_t bytes) {
        bytes_done_ += bytes;
        if (progress_) progress_(bytes_done_, bytes_total_);
    }

    const Manifest& manifest_;
    const ShardOpener& opener_;
    const ShardProgressFn& progress_;
    const CheckDepth depth_;
    uint64_t bytes_done_ = 0, bytes_total_ = 0;
    std::vector<ShardFault> faults_;
    std::vector<std::byte> buffer_ = std::vector<std::byte>(kCheckedBytes);
};

}  // namespace

Result<std::vector<ShardFault>> check_shards(const Manifest& manifest, const ShardOpener& opener,
                                             const ShardProgressFn& progress, CheckDepth depth) {
    try {
        return Checker(manifest, opener, progress, depth).run();
    } catch (const std::exception&) {
        return Error{Category::out_of_memory, "shards"};
    }
}

}  // namespace m2w::shards
