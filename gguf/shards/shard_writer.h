// shard_writer.h — cuts a model into shards and writes them with their manifest. Deterministic: the
// same model and size give the same bytes. Chooses no place.
#pragma once
#include <atomic>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "gguf/file.h"
#include "gguf/shards/manifest.h"
#include "gguf/shards/shard_folder.h"

namespace m2w::shards {

/// Called now and then with the work that is done and all of it, in bytes read.
using ShardProgressFn = std::function<void(uint64_t bytes_done, uint64_t bytes_total)>;

struct ShardWriteOptions {
    uint64_t max_shard_bytes = 25'000'000;
    /// Replace files of the same name with other content.
    bool force = false;
    /// Beside the header shards and the manifest, write what they are as gzip, as NAME.gz. Twins
    /// that are there already are kept in step in any case.
    bool gzip = false;
    /// For the manifest; whoever knows Plans makes it.
    std::string plan_sha256;
    /// Where the model came from, if it is no local file.
    std::string source_url, source_etag;
    /// [parts]: what is known of the parts' SHA-256 from elsewhere; an empty one stays unknown.
    /// None: the parts are read once more to compute them.
    std::vector<std::string> part_sha256;
    ShardProgressFn progress;
    /// Set from anywhere to end early, with an error.
    const std::atomic<bool>* stop = nullptr;
};

struct ShardsWritten {
    Manifest manifest;
    uint64_t n_written = 0, n_kept = 0;  // shards; kept ones were there
    uint64_t bytes_written = 0;
};

/// Writes shards, then the manifest. Shards that are there with the right content are kept, so that
/// a run that ended early is gone on with: its notes say which shards it has finished and which
/// pieces of the one under way, and each is read and compared before it is believed. Of the model's
/// bytes at most 1 MiB is read that was read already. Holds a few MiB, whatever the model's size.
/// Errors: usage (a manifest of another model, or a file with the name of a shard and other
/// content, without force), resource_limit (one row larger than a shard), disk_full, io,
/// out_of_memory, those of the model's sources.
Result<ShardsWritten> write_shards(const gguf::File& file, ShardSink& sink,
                                   const ShardWriteOptions& options);

}  // namespace m2w::shards
