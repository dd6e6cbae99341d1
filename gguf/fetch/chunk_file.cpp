// chunk_file.cpp — opens, resumes and moves a file of the cache among other processes that may do
// the same. A place is given up by unlinking, never by emptying: who has it open keeps his bytes.
#include "gguf/fetch/chunk_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <thread>

namespace m2w::fetch {
Result<ChunkFile> ChunkFile::open_or_begin(const Paths& paths, const RemoteIdentity& identity,
                                           std::chrono::milliseconds patience) {
    if (identity.size_bytes > kMaxFileBytes)
        return Error{Category::resource_limit,
                     fmt::format("{}: {} bytes, the limit is {}", identity.label(),
                                 identity.size_bytes, kMaxFileBytes)};
    const auto deadline = std::chrono::steady_clock::now() + patience;
    while (true) {
        ChunkFile file;
        file.paths_ = paths;
        TRY(const Attempt attempt, file.try_open(identity));
        if (attempt == Attempt::opened) return file;
        if (std::chrono::steady_clock::now() > deadline)
            return Error{Category::cache,
                         fmt::format("{}: another process is writing other content for {}",
                                     paths.data.string(), identity.label())};
        std::this_thread::sleep_for(kFollowPause);
    }
}

Result<ChunkFile::Attempt> ChunkFile::try_open(const RemoteIdentity& identity) {
    // Here, as another process that completes the file removes the folder.
    TRY(make_folders(paths_.data.parent_path()));
    TRY(data_, open_file(paths_.data, O_RDWR | O_CREAT));
    const FileLock lock = try_lock();
    // Between open and lock another process may have removed or moved the file.
    if (!is_same_file(data_, paths_.data)) return Attempt::again;
    TRY(journal_, open_file(paths_.journal, O_RDWR | O_CREAT));
    if (!is_same_file(data_, paths_.data) || !is_same_file(journal_, paths_.journal))
        return Attempt::again;
    TRY(const bool usable, load(&identity));
    if (usable) {
        identity_ = identity;
        return Attempt::opened;
    }
    if (!lock) return Attempt::again;
    TRY(const uint64_t bytes, size_of(journal_, paths_.journal));
    if (bytes > 0) {
        remove();
        return Attempt::again;
    }
    TRY(begin(identity));
    return Attempt::opened;
}

Result<void> ChunkFile::begin(const RemoteIdentity& identity) {
    identity_ = identity;
    layout_ = ChunkLayout::of(identity.size_bytes);
    table_.assign(size_t(layout_.count()), {});
    if (::ftruncate(data_.get(), off_t(identity.size_bytes)) != 0)
        return disk_error(paths_.data, errno);
    const std::string line = journal_header(identity);
    TRY(write_at(journal_, paths_.journal, 0, std::as_bytes(std::span(line))));
    journal_end_bytes_ = line.size();
    return {};
}

Result<ChunkFile> ChunkFile::open_existing(const Paths& paths) {
    ChunkFile file;
    file.paths_ = paths;
    auto data = open_file(paths.data, O_RDWR);
    if (!data && data.error().category == Category::cache) {
        file.writable_ = false;
        data = open_file(paths.data, O_RDONLY);
    }
    if (!data) return data.error();
    file.data_ = *std::move(data);
    TRY(file.journal_, open_file(paths.journal, file.writable_ ? O_RDWR : O_RDONLY));
    TRY(const bool usable, file.load(nullptr));
    if (!usable)
        return Error{Category::cache, paths.journal.string() + ": not a journal of this file"};
    return file;
}

/// Reads the journal. False: it is empty, damaged at its start, or of other content.
Result<bool> ChunkFile::load(const RemoteIdentity* expected) {
    TRY(const uint64_t bytes, size_of(journal_, paths_.journal));
    std::string start(size_t(std::min(bytes, kMaxJournalHeaderBytes)), '\0');
    TRY(read_at(journal_, paths_.journal, 0, std::as_writable_bytes(std::span(start))));
    auto header = parse_journal_header(start);
    if (!header || (expected && !is_same_content(header->identity, *expected))) return false;
    identity_ = std::move(header->identity);
    layout_ = ChunkLayout::of(identity_.size_bytes);
    if (bytes > max_journal_bytes(layout_)) return false;
    table_.assign(size_t(layout_.count()), {});
    journal_end_bytes_ = header->line_bytes;
    TRY(refresh());
    return true;
}

Result<bool> ChunkFile::refresh() {
    bool found = false;
    TRY(const uint64_t bytes, size_of(journal_, paths_.journal));
    const uint64_t end = std::min(bytes, max_journal_bytes(layout_));
    while (journal_end_bytes_ < end) {
        std::string text(size_t(std::min(end - journal_end_bytes_, kJournalPieceBytes)), '\0');
        TRY(read_at(journal_, paths_.journal, journal_end_bytes_,
                    std::as_writable_bytes(std::span(text))));
        const JournalRecords got = parse_journal_records(text, layout_);
        if (got.used_bytes == 0) break;  // torn off; the next record goes over it
        for (const ChunkRecord& r : got.records) table_[size_t(r.chunk)] = {r.bytes, r.digest};
        journal_end_bytes_ += got.used_bytes;
        found = true;
    }
    return found;
}

uint64_t ChunkFile::recorded_bytes() const {
    uint64_t sum = 0;
    for (const Recorded& r : table_) sum += r.bytes;
    return sum;
}

Result<void> ChunkFile::write(uint64_t offset_bytes, std::span<const std::byte> bytes) {
    if (!writable_) return disk_error(paths_.data, EROFS);
    return write_at(data_, paths_.data, offset_bytes, bytes);
}

Result<void> ChunkFile::record(const ChunkRecord& record) {
    const std::string line = journal_line(record);
    // Not by appending: a line that was torn off, here or by a process that ended, is written over.
    TRY(write_at(journal_, paths_.journal, journal_end_bytes_, std::as_bytes(std::span(line))));
    journal_end_bytes_ += line.size();
    table_[size_t(record.chunk)] = {record.bytes, record.digest};
    return {};
}

Result<void> ChunkFile::move_to(const Paths& target, const RemoteIdentity& identity) {
    if (!is_same_file(data_, paths_.data)) {
        if (is_same_file(data_, target.data)) {
            paths_ = target;
            return {};
        }
        return Error{Category::cache, paths_.data.string() + ": removed by another process"};
    }
    if (::fsync(data_.get()) != 0) return disk_error(paths_.data, errno);
    std::string journal = journal_header(identity);
    for (size_t i = 0; i < table_.size(); i++)
        journal += journal_line({i, table_[i].bytes, table_[i].digest});
    // The journal first: whoever sees the data finds it complete.
    TRY(replace_file(target.journal, journal));
    if (::rename(paths_.data.c_str(), target.data.c_str()) != 0)
        return disk_error(target.data, errno);
    ::unlink(paths_.journal.c_str());
    ::rmdir(paths_.data.parent_path().c_str());
    paths_ = target;
    return {};
}

void ChunkFile::remove() {
    ::unlink(paths_.data.c_str());
    ::unlink(paths_.journal.c_str());
    ::rmdir(paths_.data.parent_path().c_str());
}

}  // namespace m2w::fetch
