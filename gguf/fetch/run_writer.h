// run_writer.h — takes the bytes of one request and turns them into checked, recorded chunks.
// Private to the cache; asks for nothing itself.
#pragma once
#include <atomic>
#include <optional>
#include <vector>

#include "gguf/fetch/cached_file.h"

namespace m2w::fetch {

/// One thread; lives as long as the request.
class RunWriter {
  public:
    /// `claimed` says for each chunk from `first` on whether its bytes are taken, the others go
    /// by. The first byte that will come is start_bytes, inside chunk `first`. `changed`, if not
    /// null, gets the chunks whose bytes differ from those that their records speak of.
    RunWriter(CachedFile& file, uint64_t first, std::vector<bool> claimed, uint64_t start_bytes,
              const std::atomic<bool>* stop, std::vector<uint64_t>* changed);

    /// Reads what is there of the first chunk before start_bytes, so that its digest goes on.
    Result<void> begin();
    Result<void> take(std::span<const std::byte> bytes);
    /// Records what has come of a chunk that is not complete.
    Result<void> end();

  private:
    bool is_claimed() const { return claimed_[size_t(chunk_ - first_)]; }
    uint64_t piece_limit() const;
    Result<void> end_piece();
    Result<void> end_chunk(const Sha256Digest& digest);

    CachedFile& file_;
    const uint64_t first_;
    const std::vector<bool> claimed_;  // [chunks from first_ on]
    uint64_t chunk_;                   // that the next byte is in
    uint64_t at_bytes_;                // of that byte in the chunk
    uint64_t recorded_bytes_;          // of the chunk, by this request or before it
    Sha256 hash_;                      // of the chunk's bytes before at_bytes_
    const std::atomic<bool>* stop_;
    std::vector<uint64_t>* changed_;
};

}  // namespace m2w::fetch
