// run_writer.cpp — write, then hash, then record: a record never speaks of bytes that are not
// there.
#include "gguf/fetch/run_writer.h"

#include <fmt/format.h>

#include <algorithm>

namespace m2w::fetch {

RunWriter::RunWriter(CachedFile& file, uint64_t first, std::vector<bool> claimed,
                     uint64_t start_bytes, const std::atomic<bool>* stop,
                     std::vector<uint64_t>* changed)
    : file_(file),
      first_(first),
      claimed_(std::move(claimed)),
      chunk_(first),
      at_bytes_(start_bytes - file.layout_.begin(first)),
      recorded_bytes_(at_bytes_),
      stop_(stop),
      changed_(changed) {}

Result<void> RunWriter::begin() {
    return file_.hash_part(chunk_, 0, at_bytes_, hash_);
}

/// How many bytes may come before something has to be recorded or compared.
uint64_t RunWriter::piece_limit() const {
    const uint64_t granule = file_.layout_.granule_bytes();
    uint64_t end = std::min((at_bytes_ / granule + 1) * granule, file_.layout_.size(chunk_));
    const uint64_t known_bytes = file_.file_.recorded(chunk_).bytes;
    if (changed_ && at_bytes_ < known_bytes) end = std::min(end, known_bytes);
    return end - at_bytes_;
}

Result<void> RunWriter::take(std::span<const std::byte> bytes) {
    if (stop_ && *stop_) return Error{Category::io, file_.identity_.label() + ": stopped"};
    file_.fetched_bytes_ += bytes.size();
    while (!bytes.empty()) {
        const auto piece = bytes.first(size_t(std::min<uint64_t>(bytes.size(), piece_limit())));
        bytes = bytes.subspan(piece.size());
        if (is_claimed()) {
            TRY(file_.file_.write(file_.layout_.begin(chunk_) + at_bytes_, piece));
            hash_.update(piece);
        }
        at_bytes_ += piece.size();
        TRY(end_piece());
    }
    return {};
}

Result<void> RunWriter::end_piece() {
    const uint64_t size = file_.layout_.size(chunk_);
    if (is_claimed()) {
        const ChunkFile::Recorded& known = file_.file_.recorded(chunk_);
        if (changed_ && at_bytes_ == known.bytes && hash_.digest() != known.digest)
            changed_->push_back(chunk_);
        if (at_bytes_ == size)
            TRY(end_chunk(hash_.digest()));
        else if (at_bytes_ % file_.layout_.granule_bytes() == 0)
            TRY(end());
    }
    if (at_bytes_ < size) return {};
    chunk_++;
    at_bytes_ = recorded_bytes_ = 0;
    hash_ = Sha256();
    return {};
}

Result<void> RunWriter::end_chunk(const Sha256Digest& digest) {
    const Sha256Digest& known = file_.file_.recorded(chunk_).digest;
    if (file_.complete_ && digest != known)
        return Error{Category::checksum,
                     fmt::format("{}: {} came as {}, expected {}", file_.identity_.label(),
                                 file_.chunk_name(chunk_), to_hex(digest), to_hex(known))};
    return file_.record({chunk_, at_bytes_, digest});
}

Result<void> RunWriter::end() {
    // The record of a complete file stays: it says what the chunk has to become. So it does while
    // everything is fetched again, to be compared with.
    if (file_.complete_ || changed_ || at_bytes_ == recorded_bytes_ ||
        chunk_ - first_ >= claimed_.size() || !is_claimed())
        return {};
    recorded_bytes_ = at_bytes_;
    return file_.record({chunk_, at_bytes_, hash_.digest()});
}

}  // namespace m2w::fetch
