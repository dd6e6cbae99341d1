// check_shards.h — every byte of a sharded model against its digests. Repairs nothing.
#pragma once
#include <cstdint>
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

/// How far a check goes: that the shards are those of the manifest; or also that the manifest's
/// tensors are what comes out of them, for which everything is read twice.
enum class CheckDepth : uint8_t { shards, tensors };

/// Reads all shards and, to that depth, all tensors through them. None: everything is as the
/// manifest says. Errors: out_of_memory, manifest (the header tells of other tensors than the
/// manifest).
Result<std::vector<ShardFault>> check_shards(const Manifest& manifest, const ShardOpener& opener,
                                             const ShardProgressFn& progress,
                                             CheckDepth depth = CheckDepth::tensors);

}  // namespace m2w::shards
