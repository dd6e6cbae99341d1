// cache.h — the cache folder: complete files by SHA-256, incomplete ones by URL, and what names
// mean. Asks no server.
#pragma once
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "gguf/fetch/cached_file.h"

namespace m2w::fetch {

/// What a name meant when it was last asked for: the files of the model, part by part. A part whose
/// sha256 names a complete file can be used offline.
struct Ref {
    std::string name;
    std::vector<RemoteIdentity> parts;
};

/// One file of the cache, for listings.
struct CacheEntry {
    bool complete = false;
    std::string key;  // name of its files: the SHA-256 if complete
    std::string url;
    std::vector<std::string> names;  // refs that lead to it
    uint64_t size_bytes = 0;         // of the whole file
    uint64_t here_bytes = 0;         // of them
    uint64_t disk_bytes = 0;         // what that takes
    int64_t last_use_s = 0;          // seconds since 1970
};

struct CacheFault {
    CacheEntry entry;
    std::string what;  // names the chunks that are damaged
};

/// The folder may be shared by processes and be read-only. Everything in it is untrusted: names
/// are made here, and what is read is checked.
class Cache {
  public:
    /// $M2W_CACHE, else $XDG_CACHE_HOME/m2w, else ~/.cache/m2w. Errors: cache (none of them set).
    static Result<std::filesystem::path> default_root();

    /// Creates nothing yet.
    explicit Cache(std::filesystem::path root) : root_(std::move(root)) {}
    const std::filesystem::path& root() const { return root_; }

    /// The cache's file of these bytes: complete if it has it, else incomplete or new. Errors:
    /// those of ChunkFile.
    Result<std::shared_ptr<CachedFile>> open(const RemoteIdentity& identity,
                                             const CachedFileOptions& options) const;
    /// The same without making anything; null: nothing is there.
    Result<std::shared_ptr<CachedFile>> find(const RemoteIdentity& identity,
                                             const CachedFileOptions& options) const;
    /// A pulled file takes its place among the complete ones.
    Result<void> complete(CachedFile& file, const std::string& sha256) const;
    bool has_complete(const std::string& sha256) const;
    /// Whether anything of a URL is here, as RemoteIdentity::url has it.
    bool has_any(const std::string& url) const;

    /// nullopt: the name was never asked for, or its ref is unusable.
    std::optional<Ref> find_ref(std::string_view name) const;
    Result<void> write_ref(const Ref& ref) const;

    /// Everything that is there, the last used first. Errors: cache (the folder cannot be read).
    Result<std::vector<CacheEntry>> list() const;
    /// Reads everything that is there and compares the digests. Changes nothing.
    Result<std::vector<CacheFault>> verify(
        const std::function<void(const CacheEntry&)>& progress) const;
    /// Removes the entry and the refs that lead to it. Errors: cache (a process is downloading it).
    Result<void> remove(const CacheEntry& entry) const;

  private:
    ChunkFile::Paths complete_paths(const std::string& sha256) const;
    ChunkFile::Paths partial_paths(const std::string& key) const;
    std::filesystem::path ref_path(std::string_view name) const;
    static std::optional<Ref> read_ref(const std::filesystem::path& path);
    std::vector<Ref> refs() const;
    Result<std::shared_ptr<CachedFile>> open_complete(const RemoteIdentity& identity,
                                                      const CachedFileOptions& options) const;
    Result<void> rebuild_journal(const RemoteIdentity& identity) const;

    std::filesystem::path root_;
};

/// The entries to remove, least recently used first, so that at most max_bytes are left.
std::vector<CacheEntry> entries_to_prune(std::vector<CacheEntry> entries, uint64_t max_bytes);

}  // namespace m2w::fetch
