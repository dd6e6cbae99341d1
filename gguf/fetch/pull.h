// pull.h — brings a whole file into the cache over several connections and verifies it. Shows
// nothing; progress goes to whoever asks.
#pragma once
#include <atomic>
#include <filesystem>
#include <functional>
#include <span>
#include <vector>

#include "gguf/fetch/cached_file.h"

namespace m2w::fetch {

struct PullProgress {
    uint64_t bytes_done = 0;  // here and checked, from this run or an earlier one
    uint64_t bytes_total = 0;
    uint64_t front_bytes = 0;  // all bytes before this one are here
    double bytes_per_s = 0;    // from the server, over the last seconds
    double seconds_left = -1;  // negative: not known yet
};

struct PullOptions {
    uint32_t connections = kConnections;  // 1 to kMaxConnections
    /// What is brought first, in this order; then the rest in file order.
    std::vector<ByteRange> order;
    /// Called several times a second by the thread that called pull(), and once at the end.
    std::function<void(const PullProgress&)> progress;
    /// Set by another thread or a signal: what has come is kept, pull() ends with io.
    const std::atomic<bool>* stop = nullptr;
};

struct PullReport {
    std::string sha256;
    uint64_t bytes_fetched = 0;  // by this process; without those that were here
    /// Chunks that came damaged, to this process or to another one that shares the download, and
    /// were right when everything was fetched again. What was read of them before may be wrong.
    std::vector<uint64_t> repaired;
};

/// Brings what is missing, checks all of it, and compares the whole file with `sha256` if that is
/// not empty. When they differ, everything is fetched once more: the chunks that differ now were
/// damaged on their way; if none do or the SHA-256 is still another, that is an error and nothing
/// is kept. Holds at most 256 KiB a connection in memory. Errors: those of CachedFile::ensure,
/// disk_full (also before it begins), checksum.
Result<PullReport> pull(CachedFile& file, const std::string& sha256, const PullOptions& options);

}  // namespace m2w::fetch
