// cached_model.h — a model by its name on a server or in the cache: all its files, opened, parsed
// or pulled. Knows no paths and runs no models.
#pragma once
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "gguf/fetch/cache.h"
#include "gguf/fetch/options.h"
#include "gguf/fetch/pull.h"
#include "gguf/file.h"

namespace m2w::fetch {

struct ModelOptions {
    FetchOptions fetch;
    std::filesystem::path cache_root;
    /// Asks no server. Without it the cache is still used alone when no server answers.
    bool offline = false;
    /// What the file has to be, if known; for models of one file.
    std::string sha256;
    /// What the files have to be: their addresses replace those that the name would resolve to.
    std::vector<RemoteIdentity> pins;
    /// Things that a person may want to know. Called from any thread, with locks held.
    std::function<void(const std::string&)> note;
};

/// Opening fetches the beginning of each file that is not in the cache as a whole, no more.
class CachedModel {
  public:
    /// `name`: of NameKind::url or hub. Errors: usage, http_*, io (offline and not in the cache),
    /// checksum (the server has other bytes than are pinned), cache, disk_full.
    static Result<CachedModel> open(const std::string& name, ModelOptions options);

    /// For messages: a URL without password and query.
    const std::string& label() const { return label_; }
    const std::vector<std::shared_ptr<CachedFile>>& files() const { return files_; }
    uint64_t size_bytes() const;
    bool is_complete() const;

    /// Reads the header, and brings it if it is not here: at most the header and 1 MiB. Weights
    /// are brought when they are read. A header that is refused may have come damaged: of a file
    /// that is not complete it is fetched once more, and if that changes it, read again. Errors:
    /// those of gguf::File::parse and CachedFile::read.
    Result<std::shared_ptr<const gguf::File>> parse() const;

    /// Brings and verifies all files, complete ones only with `verify`; then they are in the cache
    /// as complete files. Errors: those of fetch::pull.
    Result<std::vector<PullReport>> pull(const PullOptions& options, bool verify);

    /// What the files are, with SHA-256 where it is known: all of them after pull().
    const std::vector<RemoteIdentity>& identities() const { return identities_; }

  private:
    CachedModel(std::string name, ModelOptions options)
        : name_(std::move(name)),
          key_(name_),
          label_(name_),
          options_(std::move(options)),
          cache_(options_.cache_root) {}
    Result<void> open_online();
    Result<void> open_cached(const std::string& why);
    Result<void> open_file(const std::string& url, const RemoteIdentity* pin);
    Result<RemoteIdentity> expect(RemoteIdentity found, const RemoteIdentity* pin) const;
    Result<PullReport> pull_file(size_t i, const PullOptions& options, uint64_t before);
    void remember() const;
    Result<std::shared_ptr<const gguf::File>> parse_once() const;
    bool fetch_headers_again() const;

    std::string name_;  // as given; of a URL it may hold a password
    std::string key_;   // what the cache remembers it by
    std::string label_;
    ModelOptions options_;
    Cache cache_;
    std::vector<std::shared_ptr<CachedFile>> files_;
    std::vector<RemoteIdentity> identities_;  // [files_], as opened
};

}  // namespace m2w::fetch
