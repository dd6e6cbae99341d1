// cached_file.cpp — who brings which chunk: the threads of this process by a table, processes by a
// lock and the journal.
#include "gguf/fetch/cached_file.h"

#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <thread>

#include "gguf/fetch/run_writer.h"
#include "gguf/guarded.h"

namespace m2w::fetch {
namespace {

/// Calls `undo` with the mutex held, however the scope ends.
template <class F>
class Finally {
  public:
    Finally(std::unique_lock<std::mutex>& lock, F undo) : lock_(lock), undo_(std::move(undo)) {}
    ~Finally() {
        if (!lock_.owns_lock()) lock_.lock();
        undo_();
    }
    Finally(const Finally&) = delete;

  private:
    std::unique_lock<std::mutex>& lock_;
    F undo_;
};

}  // namespace

CachedFile::CachedFile(ChunkFile file, bool complete, CachedFileOptions options)
    : options_(std::move(options)),
      file_(std::move(file)),
      identity_(file_.identity()),
      layout_(file_.layout()),
      complete_(complete),
      states_(size_t(layout_.count())) {}

CachedFile::~CachedFile() {
    if (options_.temporary && !complete_) discard();
    if (map_) ::munmap(const_cast<std::byte*>(map_), layout_.size_bytes);
}

uint64_t CachedFile::recorded_bytes() const {
    const std::lock_guard lock(mutex_);
    return file_.recorded_bytes();
}

uint64_t CachedFile::checked_bytes() const {
    const std::lock_guard lock(mutex_);
    return checked_bytes_;
}

uint64_t CachedFile::front_bytes() const {
    const std::lock_guard lock(mutex_);
    const auto is_here = [&](uint64_t chunk) {
        return states_[chunk].checked == layout_.size(chunk);
    };
    while (front_chunk_ < states_.size() && is_here(front_chunk_)) front_chunk_++;
    if (front_chunk_ == states_.size()) return size_bytes();
    return layout_.begin(front_chunk_) + states_[front_chunk_].checked;
}

void CachedFile::set_checked(uint64_t chunk, uint64_t bytes, const Sha256Digest& digest) {
    checked_bytes_ = checked_bytes_ + bytes - states_[chunk].checked;
    states_[chunk].checked = bytes;
    states_[chunk].digest = digest;
    if (bytes < layout_.size(chunk)) front_chunk_ = std::min(front_chunk_, chunk);
}

std::filesystem::path CachedFile::path() const {
    const std::lock_guard lock(mutex_);
    return file_.paths().data;
}

std::string CachedFile::chunk_name(uint64_t chunk) const {
    const uint64_t begin = layout_.begin(chunk);
    return fmt::format("chunk {} (bytes {} to {})", chunk, begin, begin + layout_.size(chunk) - 1);
}

Error CachedFile::missing(uint64_t chunk) const {
    return Error{Category::io,
                 fmt::format("{}: {} of {} bytes is not in the cache: {}", identity_.label(),
                             chunk_name(chunk), layout_.size_bytes, options_.why_offline)};
}

Error CachedFile::damaged(uint64_t chunk) const {
    return Error{Category::checksum,
                 fmt::format("{}: {} is damaged in the cache and cannot be fetched again: {} ({})",
                             identity_.label(), chunk_name(chunk), options_.why_offline,
                             file_.paths().data.string())};
}

void CachedFile::note(const std::string& text) const {
    if (options_.note) options_.note(identity_.label() + ": " + text);
}

CachedFile::Want CachedFile::want_of(ByteRange range, const std::atomic<bool>* stop) const {
    const uint64_t end = range.offset_bytes + range.size_bytes;
    return {range.offset_bytes / layout_.chunk_bytes, (end - 1) / layout_.chunk_bytes, end, stop};
}

/// How many leading bytes of a chunk a range needs.
uint64_t CachedFile::wanted(const Want& want, uint64_t chunk) const {
    return std::min(want.end_bytes - layout_.begin(chunk), layout_.size(chunk));
}

void CachedFile::wake() {
    // With the mutex, or a thread between its look at `stop` and its wait would sleep on.
    const std::lock_guard lock(mutex_);
    changed_.notify_all();
}

Result<void> CachedFile::require_room() {
    const std::lock_guard lock(mutex_);
    TRY(file_.refresh());
    const uint64_t recorded_bytes = std::min(file_.recorded_bytes(), size_bytes());
    // Another process may have completed it, and then the folder is gone.
    if (recorded_bytes == size_bytes()) return {};
    return fetch::require_room(file_.paths().data.parent_path(), size_bytes() - recorded_bytes);
}

Result<void> CachedFile::ensure(ByteRange range) {
    if (range.offset_bytes > size_bytes() || range.size_bytes > size_bytes() - range.offset_bytes)
        return Error{Category::truncated,
                     fmt::format("{}: need {} bytes at byte {}, the file has {}", identity_.label(),
                                 range.size_bytes, range.offset_bytes, size_bytes())};
    return bring(range, nullptr, {});
}

Result<void> CachedFile::bring(ByteRange range, const std::atomic<bool>* stop,
                               const std::function<Result<void>()>& between) {
    if (range.size_bytes == 0) return {};
    Want want = want_of(range, stop);
    std::unique_lock lock(mutex_);
    while (true) {
        TRY(const Step done, step(lock, want, true));
        if (done == Step::finished) return {};
        if (!between) continue;
        lock.unlock();
        TRY(between());
        lock.lock();
    }
}

Result<void> CachedFile::read(uint64_t offset_bytes, std::span<std::byte> out) {
    TRY(ensure({offset_bytes, out.size()}));
    return file_.read(offset_bytes, out);
}

Result<CachedFile::Step> CachedFile::step(std::unique_lock<std::mutex>& lock, Want& want,
                                          bool may_fetch) {
    while (want.first <= want.last && states_[want.first].checked >= wanted(want, want.first))
        want.first++;
    if (want.first > want.last) return Step::finished;
    if (is_stopped(want)) return Error{Category::io, identity_.label() + ": stopped"};
    for (uint64_t chunk = want.first; chunk <= want.last; chunk++) {
        const State& state = states_[chunk];
        if (state.busy || state.checked >= wanted(want, chunk)) continue;
        if (!state.damaged && file_.recorded(chunk).bytes > state.checked) {
            TRY(verify(lock, chunk));
            return Step::again;
        }
        if (!may_fetch) return Step::absent;
        TRY(fetch_run(lock, want, chunk));
        return Step::again;
    }
    changed_.wait(lock);
    return Step::again;
}

/// Of the chunk's bytes [begin, end).
Result<void> CachedFile::hash_part(uint64_t chunk, uint64_t begin, uint64_t end,
                                   Sha256& hash) const {
    std::vector<std::byte> buffer(size_t(std::min(end - begin, kHashPieceBytes)));
    for (uint64_t at = begin; at < end;) {
        const auto piece = std::span(buffer).first(size_t(std::min(end - at, kHashPieceBytes)));
        TRY(file_.read(layout_.begin(chunk) + at, piece));
        hash.update(piece);
        at += piece.size();
    }
    return {};
}

/// Compares what is recorded of a chunk with its bytes. Damaged ones become missing.
Result<void> CachedFile::verify(std::unique_lock<std::mutex>& lock, uint64_t chunk) {
    State& state = states_[chunk];
    const ChunkFile::Recorded recorded = file_.recorded(chunk);
    bool good = false, as_before = true;
    {
        state.busy = true;
        const Finally idle(lock, [&] {
            state.busy = false;
            changed_.notify_all();
        });
        lock.unlock();
        Sha256 hash;
        // A file that was cut off is as damaged as one with other bytes.
        good = bool(hash_part(chunk, 0, state.checked, hash));
        as_before = state.checked == 0 || hash.digest() == state.digest;
        good = good && hash_part(chunk, state.checked, recorded.bytes, hash) &&
               hash.digest() == recorded.digest;
    }
    if (!as_before) replaced_.push_back(chunk);
    if (good) {
        set_checked(chunk, recorded.bytes, recorded.digest);
        return {};
    }
    set_checked(chunk, 0, {});
    if (is_offline()) return damaged(chunk);
    note(chunk_name(chunk) + " is damaged in the cache and is fetched again");
    if (complete_)
        state.damaged = true;
    else
        file_.forget(chunk);
    return {};
}

/// The right of this process to fetch and write. False: another process has it.
Result<bool> CachedFile::take_lease() {
    if (n_leases_ == 0) {
        if (!file_.is_writable()) return disk_error(file_.paths().data, EROFS);
        FileLock lock = file_.try_lock();
        if (!lock) return false;
        TRY(file_.refresh());
        lease_ = std::move(lock);
    }
    n_leases_++;
    is_following_ = false;
    return true;
}

Result<void> CachedFile::wait_for_lease(std::unique_lock<std::mutex>& lock) {
    while (true) {
        TRY(const bool have_lease, take_lease());
        if (have_lease) return {};
        TRY(follow(lock));
    }
}

void CachedFile::end_lease() {
    if (--n_leases_ == 0) lease_ = FileLock();
}

/// Waits a moment for what another process brings.
Result<void> CachedFile::follow(std::unique_lock<std::mutex>& lock) {
    const auto now = std::chrono::steady_clock::now();
    if (!is_following_) {
        note("another process is downloading it; waiting for what it brings");
        is_following_ = true;
        last_growth_ = now;
    }
    TRY(const bool found, file_.refresh());
    if (found) {
        last_growth_ = now;
        changed_.notify_all();
        return {};
    }
    if (now - last_growth_ > options_.patience)
        return Error{Category::cache,
                     fmt::format("{}: another process holds the download and has brought nothing "
                                 "for {} s ({})",
                                 identity_.label(), options_.patience.count() / 1000,
                                 file_.paths().data.string())};
    lock.unlock();
    std::this_thread::sleep_for(kFollowPause);
    lock.lock();
    return {};
}

Result<void> CachedFile::fetch_run(std::unique_lock<std::mutex>& lock, const Want& want,
                                   uint64_t chunk) {
    if (is_offline()) return missing(chunk);
    TRY(const bool have_lease, take_lease());
    if (!have_lease) return follow(lock);
    const Finally release(lock, [&] { end_lease(); });
    const State& state = states_[chunk];
    // Another process may have brought it before it let the lock go.
    if (!state.damaged && file_.recorded(chunk).bytes > state.checked) return {};
    const Run run = plan_run(want, chunk);
    Result<void> done = carry_out(lock, run, want.stop, nullptr);
    const bool came_damaged = !done && done.error().category == Category::checksum;
    if (came_damaged) {
        note(done.error().message + "; it is fetched once more");
        if (options_.forget) options_.forget();
        done = carry_out(lock, run, want.stop, nullptr);
    }
    return done;
}

CachedFile::Run CachedFile::plan_run(const Want& want, uint64_t chunk) const {
    // Without ranges the whole file comes anyway.
    if (!identity_.ranges) return {chunk, layout_.count() - 1, layout_.size_bytes, false};
    const uint64_t request_bytes =
        std::min(layout_.size_bytes / kMinRequestsPerFile, options_.request_bytes);
    uint64_t last = chunk;
    while (last < want.last && layout_.begin(last + 2) - layout_.begin(chunk) <= request_bytes &&
           !states_[last + 1].busy && file_.recorded(last + 1).bytes == 0)
        last++;
    const uint64_t granule = layout_.granule_bytes();
    const uint64_t wanted_end = (want.end_bytes + granule - 1) / granule * granule;
    return {chunk, last, std::min(wanted_end, layout_.begin(last) + layout_.size(last)), false};
}

/// Makes one request and records what comes. Chunks of the run that are here or that other threads
/// bring go by unused.
Result<void> CachedFile::carry_out(std::unique_lock<std::mutex>& lock, const Run& run,
                                   const std::atomic<bool>* stop, std::vector<uint64_t>* changed) {
    std::vector<bool> claimed(size_t(run.last - run.first + 1));
    for (uint64_t chunk = run.first; chunk <= run.last; chunk++) {
        const State& s = states_[chunk];
        claimed[chunk - run.first] = !s.busy && (run.anew || s.damaged || chunk == run.first ||
                                                 file_.recorded(chunk).bytes == 0);
    }
    const Finally idle(lock, [&, claimed] {
        for (uint64_t chunk = run.first; chunk <= run.last; chunk++)
            if (claimed[chunk - run.first]) states_[chunk].busy = false;
        changed_.notify_all();
    });
    for (uint64_t chunk = run.first; chunk <= run.last; chunk++)
        if (claimed[chunk - run.first]) states_[chunk].busy = true;
    const uint64_t start = layout_.begin(run.first) + (run.anew ? 0 : states_[run.first].checked);
    lock.unlock();
    RunWriter writer(*this, run.first, claimed, start, stop, changed);
    TRY(writer.begin());
    // Between the two is foreign code, which no exception may cross.
    const ByteSink take = [&](std::span<const std::byte> bytes) -> Result<void> {
        return guarded("fetching", [&] { return writer.take(bytes); });
    };
    Result<void> fetched = options_.fetch(start, run.end_bytes - start, take);
    const Result<void> ended = writer.end();
    return fetched ? ended : std::move(fetched);
}

Result<void> CachedFile::record(const ChunkRecord& record) {
    const std::lock_guard lock(mutex_);
    State& state = states_[record.chunk];
    // What a complete file's record says has just been found to be true again.
    if (!complete_) TRY(file_.record(record));
    set_checked(record.chunk, record.bytes, record.digest);
    state.damaged = false;
    if (record.bytes == layout_.size(record.chunk)) state.busy = false;
    changed_.notify_all();
    return {};
}

Result<std::vector<uint64_t>> CachedFile::fetch_again() {
    return fetch_chunks_again(layout_.count());
}

Result<std::vector<uint64_t>> CachedFile::fetch_beginning_again() {
    uint64_t n_chunks = 0;
    {
        const std::lock_guard lock(mutex_);
        while (n_chunks < layout_.count() && file_.recorded(n_chunks).bytes > 0) n_chunks++;
    }
    // Without ranges the whole file comes anyway.
    return fetch_chunks_again(identity_.ranges || n_chunks == 0 ? n_chunks : layout_.count());
}

/// From the first one on, whole ones.
Result<std::vector<uint64_t>> CachedFile::fetch_chunks_again(uint64_t n_chunks) {
    std::vector<uint64_t> changed;
    if (n_chunks == 0) return changed;
    std::unique_lock lock(mutex_);
    if (is_offline()) return missing(0);
    TRY(wait_for_lease(lock));
    const Finally release(lock, [&] { end_lease(); });
    if (options_.forget) options_.forget();
    const uint64_t last = n_chunks - 1, end_bytes = layout_.begin(last) + layout_.size(last);
    TRY(carry_out(lock, {0, last, end_bytes, true}, nullptr, &changed));
    return changed;
}

Result<std::vector<uint64_t>> CachedFile::replaced() {
    std::unique_lock lock(mutex_);
    // The bytes of a complete file stay what they are, and offline ones are compared as they come.
    if (complete_ || is_offline()) return replaced_;
    TRY(wait_for_lease(lock));
    const Finally release(lock, [&] { end_lease(); });
    for (uint64_t chunk = 0; chunk < layout_.count(); chunk++) {
        const State& state = states_[chunk];
        const ChunkFile::Recorded& recorded = file_.recorded(chunk);
        if (state.checked > 0 && state.checked == recorded.bytes && state.digest != recorded.digest)
            replaced_.push_back(chunk);
    }
    return replaced_;
}

Result<void> CachedFile::complete(const ChunkFile::Paths& target, const RemoteIdentity& identity) {
    std::unique_lock lock(mutex_);
    TRY(wait_for_lease(lock));
    const Finally release(lock, [&] { end_lease(); });
    TRY(file_.move_to(target, identity));
    complete_ = true;
    return {};
}

void CachedFile::discard() {
    const std::lock_guard lock(mutex_);
    const FileLock alone = n_leases_ == 0 ? file_.try_lock() : FileLock();
    if (alone) file_.remove();
}

std::span<const std::byte> CachedFile::view(ByteRange range) {
    if (range.size_bytes == 0 || range.offset_bytes > size_bytes() ||
        range.size_bytes > size_bytes() - range.offset_bytes)
        return {};
    {
        Want want = want_of(range, nullptr);
        std::unique_lock lock(mutex_);
        while (true) {
            const auto done = step(lock, want, false);
            if (!done || *done == Step::absent) return {};
            if (*done == Step::finished) break;
        }
    }
    const std::byte* start = map();
    // Pages past the end of a file that shrank raise SIGBUS, so the size is asked again.
    struct stat now {};
    if (!start || ::fstat(file_.descriptor(), &now) != 0 || uint64_t(now.st_size) < size_bytes())
        return {};
    return {start + range.offset_bytes, size_t(range.size_bytes)};
}

const std::byte* CachedFile::map() {
    std::call_once(mapped_, [&] {
        // Shared: what other threads and processes write is seen.
        void* map = ::mmap(nullptr, size_bytes(), PROT_READ, MAP_SHARED, file_.descriptor(), 0);
        if (map != MAP_FAILED) map_ = static_cast<const std::byte*>(map);
    });
    return map_;
}

void CachedFile::done_with(ByteRange range) {
    if (!map_ || range.offset_bytes > size_bytes() ||
        range.size_bytes > size_bytes() - range.offset_bytes)
        return;
    const uint64_t page = uint64_t(::sysconf(_SC_PAGESIZE));
    const uint64_t first = (range.offset_bytes + page - 1) / page * page;
    const uint64_t end = (range.offset_bytes + range.size_bytes) / page * page;
    if (first < end)
        ::madvise(const_cast<std::byte*>(map_) + first, size_t(end - first), MADV_DONTNEED);
}

}  // namespace m2w::fetch
