// cache_entries.cpp — what is in the cache: listing, checking and removing it.
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <system_error>

#include "gguf/fetch/cache.h"

namespace m2w::fetch {
namespace {

namespace fs = std::filesystem;

constexpr uint64_t kDiskBlockBytes = 512;  // the unit of st_blocks, whatever the file system's

/// The names in a folder; none if it does not exist. Errors: cache.
Result<std::vector<std::string>> names_in(const fs::path& folder) {
    std::vector<std::string> names;
    std::error_code error;
    for (auto it = fs::directory_iterator(folder, error); !error && it != fs::end(it);
         it.increment(error))
        names.push_back(it->path().filename().string());
    if (error && error != std::errc::no_such_file_or_directory)
        return Error{Category::cache, folder.string() + ": " + error.message()};
    std::sort(names.begin(), names.end());
    return names;
}

bool is_partial_key(const std::string& name) {
    return is_sha256_hex(name.substr(0, 64)) &&
           name.find_first_not_of("0123456789abcdef-", 64) == name.npos;
}

std::string digest_of(const ChunkFile& file, uint64_t chunk, uint64_t bytes, Sha256* whole) {
    std::vector<std::byte> buffer(size_t(std::min(bytes, kHashPieceBytes)));
    Sha256 hash;
    for (uint64_t at = 0; at < bytes;) {
        const auto piece = std::span(buffer).first(size_t(std::min(bytes - at, kHashPieceBytes)));
        if (!file.read(file.layout().begin(chunk) + at, piece)) return "";
        hash.update(piece);
        if (whole) whole->update(piece);
        at += piece.size();
    }
    return hash.hex();
}

/// What is wrong with a file, or nothing.
std::string fault_of(const ChunkFile& file, const CacheEntry& entry) {
    std::string damaged;
    Sha256 whole;
    for (uint64_t chunk = 0; chunk < file.layout().count(); chunk++) {
        const ChunkFile::Recorded& recorded = file.recorded(chunk);
        if (entry.complete && recorded.bytes != file.layout().size(chunk))
            return fmt::format("chunk {} has no digest", chunk);
        if (digest_of(file, chunk, recorded.bytes, &whole) == to_hex(recorded.digest) ||
            recorded.bytes == 0)
            continue;
        damaged += fmt::format("{}chunk {} (bytes {} to {})", damaged.empty() ? "" : ", ", chunk,
                               file.layout().begin(chunk),
                               file.layout().begin(chunk) + recorded.bytes - 1);
    }
    if (!damaged.empty()) return damaged + ": other bytes than were fetched";
    if (entry.complete && whole.hex() != entry.key)
        return fmt::format("SHA-256 is {}", whole.hex());
    return "";
}

}  // namespace

std::vector<Ref> Cache::refs() const {
    std::vector<Ref> out;
    const auto names = names_in(root_ / "refs");
    if (!names) return out;
    for (const std::string& name : *names) {
        if (!name.ends_with(".json")) continue;
        if (auto ref = read_ref(root_ / "refs" / name)) out.push_back(*std::move(ref));
    }
    return out;
}

Result<std::vector<CacheEntry>> Cache::list() const {
    std::vector<CacheEntry> entries;
    const auto add = [&](bool complete, const std::string& key, const ChunkFile::Paths& paths) {
        struct stat data {
        }, journal{};
        if (::lstat(paths.data.c_str(), &data) != 0 || !S_ISREG(data.st_mode)) return;
        CacheEntry entry;
        entry.complete = complete;
        entry.key = key;
        entry.size_bytes = uint64_t(data.st_size);
        entry.last_use_s = data.st_mtime;
        entry.disk_bytes = uint64_t(data.st_blocks) * kDiskBlockBytes;
        if (::lstat(paths.journal.c_str(), &journal) == 0) {
            entry.disk_bytes += uint64_t(journal.st_blocks) * kDiskBlockBytes;
            entry.last_use_s = journal.st_mtime;
        }
        if (const auto file = ChunkFile::open_existing(paths)) {
            entry.url = file->identity().url;
            entry.size_bytes = file->identity().size_bytes;
            entry.here_bytes = file->recorded_bytes();
        }
        entries.push_back(std::move(entry));
    };
    TRY(const auto blobs, names_in(root_ / "blobs"));
    for (const std::string& name : blobs)
        if (is_sha256_hex(name)) add(true, name, complete_paths(name));
    TRY(const auto partial, names_in(root_ / "partial"));
    for (const std::string& name : partial)
        if (is_partial_key(name)) add(false, name, partial_paths(name));
    for (const Ref& ref : refs())
        for (CacheEntry& entry : entries)
            for (const RemoteIdentity& part : ref.parts)
                if (entry.complete ? part.sha256 == entry.key : part.url == entry.url) {
                    entry.names.push_back(ref.name);
                    break;
                }
    std::stable_sort(entries.begin(), entries.end(),
                     [](const auto& a, const auto& b) { return a.last_use_s > b.last_use_s; });
    return entries;
}

Result<std::vector<CacheFault>> Cache::verify(
    const std::function<void(const CacheEntry&)>& progress) const {
    std::vector<CacheFault> faults;
    TRY(const auto entries, list());
    for (const CacheEntry& entry : entries) {
        if (progress) progress(entry);
        const auto file = ChunkFile::open_existing(entry.complete ? complete_paths(entry.key)
                                                                  : partial_paths(entry.key));
        const std::string what = file ? fault_of(*file, entry) : file.error().message;
        if (!what.empty()) faults.push_back({entry, what});
    }
    return faults;
}

Result<void> Cache::remove(const CacheEntry& entry) const {
    const auto paths = entry.complete ? complete_paths(entry.key) : partial_paths(entry.key);
    TRY(const Descriptor data, open_file(paths.data, O_RDONLY));
    const FileLock alone = FileLock::try_lock(data);
    if (!alone)
        return Error{Category::cache,
                     entry.url.substr(0, entry.url.find('?')) + ": a process is downloading it"};
    std::error_code error;
    if (fs::remove(paths.data, error); error)
        return Error{Category::cache, paths.data.string() + ": " + error.message()};
    fs::remove(paths.journal, error);
    if (!entry.complete) fs::remove(paths.data.parent_path(), error);
    for (const std::string& name : entry.names) fs::remove(ref_path(name), error);
    return {};
}

std::vector<CacheEntry> entries_to_prune(std::vector<CacheEntry> entries, uint64_t max_bytes) {
    std::stable_sort(entries.begin(), entries.end(),
                     [](const auto& a, const auto& b) { return a.last_use_s > b.last_use_s; });
    uint64_t kept_bytes = 0;
    std::vector<CacheEntry> out;
    for (CacheEntry& entry : entries) {
        if (entry.disk_bytes <= max_bytes - kept_bytes)
            kept_bytes += entry.disk_bytes;
        else
            out.push_back(std::move(entry));
    }
    return out;
}

}  // namespace m2w::fetch
