// chunk_file.h — a file of the cache with its journal: bytes on disk and what is recorded of them.
// Fetches nothing, verifies nothing, and is not thread-safe but for read() and write().
#pragma once
#include <chrono>
#include <filesystem>
#include <vector>

#include "gguf/fetch/disk.h"
#include "gguf/fetch/journal.h"

namespace m2w::fetch {

/// The data is sparse and has its final size from the start. Other processes may have it open too:
/// who writes holds lock(), and refresh() learns what they wrote.
class ChunkFile {
  public:
    struct Paths {
        std::filesystem::path data, journal;
    };

    /// What the journal says of a chunk: the digest of its first `bytes` bytes.
    struct Recorded {
        uint64_t bytes = 0;
        Sha256Digest digest{};
    };

    /// Opens what is there of these bytes, or begins anew: when nothing is, and when it is not
    /// certain to be the same content. While another process writes other content at the place,
    /// waits for it. Errors: cache (also: it was waited for in vain), resource_limit, disk_full,
    /// io.
    static Result<ChunkFile> open_or_begin(const Paths& paths, const RemoteIdentity& identity,
                                           std::chrono::milliseconds patience);

    /// Opens what is there, read-only if it may not be written. Errors: io (nothing there), cache
    /// (an unusable journal).
    static Result<ChunkFile> open_existing(const Paths& paths);

    const RemoteIdentity& identity() const { return identity_; }
    const ChunkLayout& layout() const { return layout_; }
    const Paths& paths() const { return paths_; }
    bool is_writable() const { return writable_; }
    const Recorded& recorded(uint64_t chunk) const { return table_[size_t(chunk)]; }
    /// Of all chunks, complete ones and others.
    uint64_t recorded_bytes() const;
    int descriptor() const { return data_.get(); }

    /// The right to write, or an empty lock: another process has it.
    FileLock try_lock() const { return FileLock::try_lock(data_); }

    /// Reads what other processes have recorded since. True: there was something.
    Result<bool> refresh();

    /// Into the data. Errors: disk_full, cache, io.
    Result<void> write(uint64_t offset_bytes, std::span<const std::byte> bytes);
    /// Into the journal; the bytes must be written already. Needs the lock.
    Result<void> record(const ChunkRecord& record);
    /// A chunk whose bytes are not what its record says, until it is recorded again.
    void forget(uint64_t chunk) { table_[size_t(chunk)] = {}; }

    Result<void> read(uint64_t offset_bytes, std::span<std::byte> out) const {
        return read_at(data_, paths_.data, offset_bytes, out);
    }

    /// Moves the complete file to its final place, with a journal of one line a chunk; `identity`
    /// becomes the journal's. Another process may have done so already. Needs the lock.
    Result<void> move_to(const Paths& target, const RemoteIdentity& identity);
    /// Removes data and journal from their place. Needs the lock.
    void remove();

  private:
    enum class Attempt { opened, again };
    Result<Attempt> try_open(const RemoteIdentity& identity);
    Result<bool> load(const RemoteIdentity* expected);
    Result<void> begin(const RemoteIdentity& identity);

    Paths paths_;
    Descriptor data_, journal_;
    RemoteIdentity identity_;
    ChunkLayout layout_;
    std::vector<Recorded> table_;     // [layout_.count()]
    uint64_t journal_end_bytes_ = 0;  // of the whole lines
    bool writable_ = true;
};

}  // namespace m2w::fetch
