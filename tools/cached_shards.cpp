// cached_shards.cpp — reads the manifests of the cache, as far as there are any, and compares
// digests and addresses.
#include "tools/cached_shards.h"

#include <algorithm>
#include <optional>
#include <set>

#include "gguf/shards/manifest.h"

namespace m2w::tools {
namespace {

/// What identifies a shard's entry: its digest when it is complete, its address before.
struct Named {
    std::set<std::string> digests, urls;

    bool has(const fetch::CacheEntry& entry) const {
        return entry.complete ? digests.contains(entry.key) : urls.contains(entry.url);
    }
};

/// The file of an entry, or null.
std::shared_ptr<fetch::CachedFile> open(const fetch::Cache& cache, const fetch::CacheEntry& entry) {
    fetch::RemoteIdentity identity;
    identity.url = entry.url;
    identity.size_bytes = entry.size_bytes;
    if (entry.complete) identity.sha256 = entry.key;
    // What else tells a file that is not complete from others stands in a ref.
    for (size_t i = 0; i < entry.names.size() && !entry.complete; i++)
        if (const auto ref = cache.find_ref(entry.names[i]))
            for (const fetch::RemoteIdentity& part : ref->parts)
                if (part.url == entry.url) identity = part;
    const auto file = cache.find(identity, {});
    return file ? *file : nullptr;
}

std::optional<shards::Manifest> read_manifest(const fetch::Cache& cache,
                                              const fetch::CacheEntry& entry) {
    if (entry.size_bytes == 0 || entry.size_bytes > shards::kMaxManifestBytes ||
        entry.here_bytes < entry.size_bytes)
        return std::nullopt;
    const auto file = open(cache, entry);
    std::byte first[1]{};
    if (!file || !file->read(0, first) || first[0] != std::byte{'{'}) return std::nullopt;
    std::string text(size_t(entry.size_bytes), '\0');
    if (!file->read(0, std::as_writable_bytes(std::span(text)))) return std::nullopt;
    auto manifest = shards::parse_manifest(text);
    if (!manifest) return std::nullopt;
    return *std::move(manifest);
}

void add_named(const fetch::Cache& cache, const fetch::CacheEntry& entry, Named& named) {
    const auto manifest = read_manifest(cache, entry);
    if (!manifest) return;
    const std::string path = entry.url.substr(0, entry.url.find_first_of("?#"));
    const std::string base = path.substr(0, path.find_last_of('/') + 1);
    for (const shards::Shard& shard : manifest->shards) {
        named.digests.insert(shard.sha256);
        named.urls.insert(base + shard.file);
    }
}

}  // namespace

std::vector<fetch::CacheEntry> shards_of(const fetch::Cache& cache,
                                         const std::vector<fetch::CacheEntry>& entries,
                                         const std::vector<fetch::CacheEntry>& meant) {
    const auto is_meant = [&](const fetch::CacheEntry& entry) {
        return std::any_of(meant.begin(), meant.end(),
                           [&](const auto& other) { return other.key == entry.key; });
    };
    Named theirs, others;
    for (const fetch::CacheEntry& entry : meant) add_named(cache, entry, theirs);
    std::vector<fetch::CacheEntry> out;
    if (theirs.digests.empty()) return out;
    for (const fetch::CacheEntry& entry : entries)
        if (!is_meant(entry)) add_named(cache, entry, others);
    for (const fetch::CacheEntry& entry : entries)
        if (theirs.has(entry) && !others.has(entry) && !is_meant(entry)) out.push_back(entry);
    return out;
}

}  // namespace m2w::tools
