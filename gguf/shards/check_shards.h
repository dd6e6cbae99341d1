// check_shards.h — every byte of a sharded model against its digests. Repairs nothing.
#pragma once
#include <string>
#include <vector>

#include "gguf/shards/manifest.h"
#include "gguf/shards/shard_source.h"
#include "gguf/shards/shard_writer.h"

namespace m2w::shards {

/// A shard that is missing or not what the manifest says, and the tensors that suffer.
struct ShardFault {
    std::string file;
    Error error;
    std::vector<std::string> tensors;  // those with a digest that is not theirs
};

/// Reads all shards, and all tensors through them. None: everything is as the manifest says.
/// Errors: out_of_memory, manifest (the header tells of other tensors than the manifest).
Result<std::vector<ShardFault>> check_shards(const Manifest& manifest, const ShardOpener& opener,
                                             const ShardProgressFn& progress);

}  // namespace m2w::shards
