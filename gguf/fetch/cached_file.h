// cached_file.h — a file on a server whose bytes are brought into the cache when they are needed,
// and checked before they are used. Knows nothing of what the file holds.
#pragma once
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <vector>

#include "gguf/fetch/chunk_file.h"
#include "gguf/fetch/remote_file.h"

namespace m2w::fetch {

/// RemoteFile::fetch, or a test's.
using FetchFn =
    std::function<Result<void>(uint64_t offset_bytes, uint64_t size_bytes, const ByteSink& sink)>;

/// Why a byte is not to be had, when there is no server to ask.
struct CachedFileOptions {
    FetchFn fetch;  // empty: offline
    /// Called before bytes are fetched once more because those that came are wrong: what `fetch`
    /// kept of them must not come again. May be empty.
    std::function<void()> forget;
    /// Said when a byte is missing and there is no `fetch`: the reason, e.g. "offline".
    std::string why_offline = "offline";
    /// Things that a person may want to know: a damaged chunk, another process at work. Called
    /// from any thread, with locks held.
    std::function<void(const std::string&)> note;
    /// How long another process may hold the file without bringing anything.
    std::chrono::milliseconds patience = kPatience;
    /// One request covers neighbouring chunks up to about this much.
    uint64_t request_bytes = kRequestBytes;
    /// Nobody could resume it: what is not complete goes with the object.
    bool temporary = false;
};

/// A range of bytes.
struct ByteRange {
    uint64_t offset_bytes = 0, size_bytes = 0;
};

/// Thread-safe. A byte is handed out only after the chunk it is in, or the recorded beginning of
/// that chunk, had its SHA-256 compared in this process. Other processes may bring bytes of the
/// same file: nothing is fetched twice, one of them fetches and the others follow.
class CachedFile {
  public:
    /// `complete`: its digests are those of a file that was verified as a whole, so bytes that are
    /// fetched again must have them too.
    CachedFile(ChunkFile file, bool complete, CachedFileOptions options);
    ~CachedFile();
    CachedFile(const CachedFile&) = delete;

    const RemoteIdentity& identity() const { return identity_; }
    const ChunkLayout& layout() const { return layout_; }
    uint64_t size_bytes() const { return layout_.size_bytes; }
    bool is_complete() const { return complete_; }
    bool is_offline() const { return !options_.fetch; }
    const CachedFileOptions& options() const { return options_; }
    /// Bytes that the journal has, and bytes that came from the server since it was opened.
    uint64_t recorded_bytes() const;
    uint64_t fetched_bytes() const { return fetched_bytes_; }
    /// Bytes that were checked in this process, and how many of them lie before the first other.
    uint64_t checked_bytes() const;
    uint64_t front_bytes() const;
    /// Where the data is.
    std::filesystem::path path() const;

    /// Brings and checks a range. Errors: truncated (outside of the file), those of RemoteFile,
    /// disk_full, cache, io, checksum (a damaged chunk, offline; or fetched again and still not
    /// what it was), and while offline the reason for a byte that is not here (io).
    Result<void> ensure(ByteRange range);
    /// The same, then fills `out`.
    Result<void> read(uint64_t offset_bytes, std::span<std::byte> out);
    /// The same in place for a range that is here, without asking the server; else empty. The file
    /// is mapped.
    std::span<const std::byte> view(ByteRange range);
    void done_with(ByteRange range);

    /// Errors: disk_full when there is no room for what nobody has brought yet.
    Result<void> require_room();

    /// Work for one of several threads that bring `range` together: returns when all of it is
    /// here. `stop` ends it with an error; `between` is called between requests.
    Result<void> bring(ByteRange range, const std::atomic<bool>* stop,
                       const std::function<Result<void>()>& between);
    /// Wakes threads in bring(), so that they look at `stop`.
    void wake();

    /// Fetches everything again, over what is there. Returns the chunks whose bytes differ from
    /// the ones that were recorded. For a file whose SHA-256 turned out to be wrong.
    Result<std::vector<uint64_t>> fetch_again();
    /// The same of the chunks that are recorded from the beginning on without a gap: what was read
    /// of them makes no sense.
    Result<std::vector<uint64_t>> fetch_beginning_again();
    /// Chunks that another process wrote anew, with other bytes, after they were checked here: what
    /// read them before read wrong ones. Waits until no other process writes.
    Result<std::vector<uint64_t>> replaced();
    /// Makes it the cache's complete file under this name.
    Result<void> complete(const ChunkFile::Paths& target, const RemoteIdentity& identity);
    /// Gives up what is there: it is not what it should be.
    void discard();

    /// The chunk's name in messages: "chunk 7 (bytes 458752 to 524287)".
    std::string chunk_name(uint64_t chunk) const;

  private:
    friend class RunWriter;
    struct State {
        uint64_t checked = 0;   // leading bytes that were compared in this process
        Sha256Digest digest{};  // that they had then
        bool busy = false;      // a thread is at work on it
        bool damaged = false;   // of a complete file: not what its record says
    };
    struct Want {
        uint64_t first, last, end_bytes;  // chunks, inclusive; the range's end
        const std::atomic<bool>* stop;
    };
    /// Chunks that one request brings.
    struct Run {
        uint64_t first = 0, last = 0;
        uint64_t end_bytes = 0;
        bool anew = false;  // whatever is there
    };
    enum class Step { finished, again, absent };

    Want want_of(ByteRange range, const std::atomic<bool>* stop) const;
    uint64_t wanted(const Want& want, uint64_t chunk) const;
    bool is_stopped(const Want& want) const { return want.stop && *want.stop; }
    Result<Step> step(std::unique_lock<std::mutex>& lock, Want& want, bool may_fetch);
    Result<void> verify(std::unique_lock<std::mutex>& lock, uint64_t chunk);
    Result<void> fetch_run(std::unique_lock<std::mutex>& lock, const Want& want, uint64_t chunk);
    Run plan_run(const Want& want, uint64_t chunk) const;
    Result<std::vector<uint64_t>> fetch_chunks_again(uint64_t n_chunks);
    Result<void> carry_out(std::unique_lock<std::mutex>& lock, const Run& run,
                           const std::atomic<bool>* stop, std::vector<uint64_t>* changed);
    Result<bool> take_lease();
    Result<void> wait_for_lease(std::unique_lock<std::mutex>& lock);
    void end_lease();
    Result<void> follow(std::unique_lock<std::mutex>& lock);
    Result<void> hash_part(uint64_t chunk, uint64_t begin, uint64_t end, Sha256& hash) const;
    Result<void> record(const ChunkRecord& record);
    void set_checked(uint64_t chunk, uint64_t bytes, const Sha256Digest& digest);
    Error missing(uint64_t chunk) const;
    Error damaged(uint64_t chunk) const;
    void note(const std::string& text) const;
    const std::byte* map();

    const CachedFileOptions options_;
    ChunkFile file_;
    const RemoteIdentity identity_;
    const ChunkLayout layout_;
    std::atomic<bool> complete_;
    std::atomic<uint64_t> fetched_bytes_{0};

    mutable std::mutex mutex_;  // over what follows, and file_'s table and journal
    std::condition_variable changed_;
    std::vector<State> states_;       // [layout_.count()]
    std::vector<uint64_t> replaced_;  // as far as it is known
    uint64_t checked_bytes_ = 0;
    mutable uint64_t front_chunk_ = 0;  // those before it are checked
    FileLock lease_;                    // while a thread of this process fetches
    unsigned n_leases_ = 0;
    bool is_following_ = false;
    std::chrono::steady_clock::time_point last_growth_;

    std::once_flag mapped_;
    const std::byte* map_ = nullptr;
};

}  // namespace m2w::fetch
