// cached_shards.h — which files of the cache are shards, and of which manifests there. Removes
// nothing and asks no server.
#pragma once
#include <vector>

#include "gguf/fetch/cache.h"

namespace m2w::tools {

/// Those of `entries` that are shards of a manifest among `meant`, and of no manifest among the
/// other entries. What the cache has of a shard that is not complete counts when it came from
/// beside the manifest. A manifest that is not here as a whole, or damaged, names nothing.
std::vector<fetch::CacheEntry> shards_of(const fetch::Cache& cache,
                                         const std::vector<fetch::CacheEntry>& entries,
                                         const std::vector<fetch::CacheEntry>& meant);

}  // namespace m2w::tools
