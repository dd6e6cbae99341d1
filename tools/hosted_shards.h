// hosted_shards.h — a sharded model on a server: each shard comes through the cache as a whole,
// when it is needed or all of them in order. Reads no manifest and no weights.
#pragma once
#include <atomic>
#include <deque>
#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "gguf/fetch/cached_model.h"
#include "gguf/file.h"
#include "gguf/shards/manifest.h"
#include "gguf/shards/shard_source.h"
#include "tools/pull_line.h"

namespace m2w::tools {

/// Thread-safe. A byte of a shard is handed out only when the whole of it has the SHA-256 that the
/// manifest says. A shard that the cache has, from wherever it came, costs no request.
class HostedShards : public std::enable_shared_from_this<HostedShards> {
  public:
    /// `base`: the URL that is in front of the shards' names. `access`: as for the manifest.
    HostedShards(shards::Manifest manifest, std::string base, fetch::ModelOptions access);

    const shards::Manifest& manifest() const { return manifest_; }
    /// May hold a password.
    const std::string& base() const { return base_; }
    bool is_complete() const;
    /// The model. Brings its header shards; others are brought when they are read. Errors: those of
    /// shards::open_shards and of pull().
    Result<std::shared_ptr<const gguf::File>> parse();

    /// Brings what is missing, in the manifest's order, two shards at a time; with `verify` reads
    /// what is there, too. Returns the chunks that came damaged and were right the second time.
    /// When it fails, whoever waits for a shard gets an error. Errors: those of CachedModel::pull.
    Result<std::vector<std::string>> pull(const fetch::PullOptions& options, bool verify);

    struct Copy {
        std::string name;
        std::filesystem::path path;  // in the cache
    };
    /// All shards, once they are here.
    Result<std::vector<Copy>> copies() const;

    LayerEnds layer_ends() const;

  private:
    /// A shard's file; several shards may be one file.
    struct Place {
        const shards::Shard* shard = nullptr;
        std::mutex mutex;  // over the next two; held while it is brought
        bool here = false;
        std::optional<Error> error;  // what came of it: asked once, not by everyone who waited
        std::atomic<uint64_t> done_bytes{0};
        std::atomic<double> bytes_per_s{0};
    };

    Result<std::shared_ptr<const Source>> open(const std::string& file);
    Result<fetch::CachedModel> cached(const shards::Shard& shard) const;
    bool has(const shards::Shard& shard) const;
    Result<void> bring(Place& place, uint32_t connections, bool verify);
    Result<void> fetch(Place& place, uint32_t connections, bool verify);
    Result<void> require_room() const;
    fetch::PullProgress progress() const;

    const shards::Manifest manifest_;
    const std::string base_;
    const fetch::ModelOptions access_;
    std::deque<Place> places_;  // in the manifest's order
    std::map<std::string, Place*> by_file_;
    std::atomic<bool> halted_{false};

    std::mutex repaired_mutex_;
    std::vector<std::string> repaired_;
};

}  // namespace m2w::tools
