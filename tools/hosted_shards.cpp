// hosted_shards.cpp — lanes of threads over the shards, and one place where a shard is brought.
#include "tools/hosted_shards.h"

#include <fmt/format.h>

#include <algorithm>
#include <condition_variable>
#include <thread>

#include "gguf/fetch/cached_source.h"
#include "gguf/fetch/disk.h"
#include "gguf/fetch/limits.h"
#include "gguf/fetch/url.h"
#include "gguf/guarded.h"

namespace m2w::tools {
namespace {

// While one shard is flushed and the next one asked for, the other lane keeps the line busy. More
// lanes would bring the first layers later.
constexpr uint32_t kLanes = 2;
constexpr auto kReportEvery = std::chrono::milliseconds(100);

/// "http://host/folder/", without user name and password, for messages.
std::string label_of_base(const std::string& base) {
    const auto url = fetch::parse_url(base);
    return url ? url->label() : "";
}

}  // namespace

HostedShards::HostedShards(shards::Manifest manifest, std::string base, fetch::ModelOptions access)
    : manifest_(std::move(manifest)), base_(std::move(base)), access_(std::move(access)) {
    for (const shards::Shard& shard : manifest_.shards) {
        const auto [at, is_new] = by_file_.emplace(shard.file, nullptr);
        if (!is_new) continue;
        places_.emplace_back().shard = &shard;
        at->second = &places_.back();
    }
}

bool HostedShards::has(const shards::Shard& shard) const {
    return fetch::Cache(access_.cache_root).has_complete(shard.sha256);
}

bool HostedShards::is_complete() const {
    return std::all_of(places_.begin(), places_.end(),
                       [&](const Place& place) { return has(*place.shard); });
}

Result<std::shared_ptr<const gguf::File>> HostedShards::parse() {
    std::string location = label_of_base(base_);
    while (location.ends_with('/')) location.pop_back();
    const auto opener = [self = shared_from_this()](const std::string& file) {
        return self->open(file);
    };
    // The cache compares each chunk with what it was when the whole had the manifest's SHA-256.
    return shards::open_shards(manifest_, opener, {.verify = false, .location = location});
}

Result<fetch::CachedModel> HostedShards::cached(const shards::Shard& shard) const {
    fetch::ModelOptions options = access_;
    options.sha256.clear();
    fetch::RemoteIdentity pin;
    pin.url = base_ + shard.file;
    pin.size_bytes = shard.size_bytes;
    pin.sha256 = shard.sha256;
    options.pins = {pin};
    return fetch::CachedModel::open(pin.url, std::move(options));
}

Result<std::shared_ptr<const Source>> HostedShards::open(const std::string& file) {
    const auto at = by_file_.find(file);
    M2W_ASSERT(at != by_file_.end());
    TRY(bring(*at->second, fetch::kConnections, false));
    TRY(const auto model, cached(*at->second->shard));
    if (!model.is_complete())
        return Error{Category::cache, model.label() + ": was removed from the cache"};
    return fetch::make_cached_source(model.files().front(), model.label());
}

Result<void> HostedShards::bring(Place& place, uint32_t connections, bool verify) {
    const std::lock_guard lock(place.mutex);
    if (place.error) return *place.error;
    if (place.here && !verify) return {};
    const Result<void> done = fetch(place, connections, verify);
    if (done) {
        place.here = true;
        place.done_bytes = place.shard->size_bytes;
    } else {
        place.error = done.error();
    }
    place.bytes_per_s = 0;
    return done;
}

Result<void> HostedShards::fetch(Place& place, uint32_t connections, bool verify) {
    if (halted_) return Error{Category::io, place.shard->file + ": stopped"};
    TRY(auto model, cached(*place.shard));
    fetch::PullOptions options;
    options.connections = connections;
    options.stop = &halted_;
    options.progress = [&](const fetch::PullProgress& p) {
        place.done_bytes = p.bytes_done;
        place.bytes_per_s = p.bytes_per_s;
    };
    TRY(const auto reports, model.pull(options, verify));
    const std::lock_guard lock(repaired_mutex_);
    for (const uint64_t chunk : reports.front().repaired)
        repaired_.push_back(model.label() + ": " + model.files().front()->chunk_name(chunk));
    return {};
}

/// Before the first byte, not shard by shard.
Result<void> HostedShards::require_room() const {
    uint64_t missing_bytes = 0;
    for (const Place& place : places_)
        if (!has(*place.shard)) missing_bytes += place.shard->size_bytes;
    // The cache's folder need not be there yet.
    std::filesystem::path folder = access_.cache_root;
    std::error_code ignored;
    while (!std::filesystem::exists(folder, ignored) && folder.has_relative_path())
        folder = folder.parent_path();
    return missing_bytes > 0 ? fetch::require_room(folder, missing_bytes) : Result<void>{};
}

fetch::PullProgress HostedShards::progress() const {
    fetch::PullProgress p;
    bool at_front = true;
    for (const Place& place : places_) {
        const uint64_t done = place.done_bytes;
        p.bytes_done += done;
        p.bytes_total += place.shard->size_bytes;
        if (at_front) p.front_bytes += done;
        at_front = at_front && done == place.shard->size_bytes;
        p.bytes_per_s += place.bytes_per_s;
    }
    if (p.bytes_per_s > 0) p.seconds_left = double(p.bytes_total - p.bytes_done) / p.bytes_per_s;
    return p;
}

Result<std::vector<std::string>> HostedShards::pull(const fetch::PullOptions& options,
                                                    bool verify) {
    TRY(require_room());
    std::mutex mutex;
    std::condition_variable ended;
    std::optional<Error> error;
    std::atomic<size_t> next{0};
    const uint32_t n_lanes = std::min(kLanes, options.connections);
    uint32_t n_running = n_lanes;
    const auto lane = [&] {
        Result<void> done;
        while (done) {
            const size_t i = next++;
            if (i >= places_.size()) break;
            done = guarded(places_[i].shard->file, [&] {
                return bring(places_[i], options.connections / n_lanes, verify);
            });
        }
        const std::lock_guard lock(mutex);
        // The first error is the cause; the others stopped because of it.
        if (!done && !error) error = done.error();
        if (!done) halted_ = true;
        n_running--;
        ended.notify_all();
    };
    {
        std::vector<std::jthread> threads;
        for (uint32_t i = 0; i < n_lanes; i++) threads.emplace_back(lane);
        std::unique_lock lock(mutex);
        while (n_running > 0) {
            ended.wait_for(lock, kReportEvery);
            if (options.stop && *options.stop) halted_ = true;
            if (options.progress && n_running > 0) options.progress(progress());
        }
    }
    if (error) return *error;
    if (options.progress) options.progress(progress());
    return repaired_;
}

Result<std::vector<HostedShards::Copy>> HostedShards::copies() const {
    std::vector<Copy> copies;
    for (const Place& place : places_) {
        TRY(const auto model, cached(*place.shard));
        copies.push_back({place.shard->file, model.files().front()->path()});
    }
    return copies;
}

LayerEnds HostedShards::layer_ends() const {
    LayerEnds out;
    uint64_t end = 0;
    for (const Place& place : places_) {
        end += place.shard->size_bytes;
        if (place.shard->kind != shards::ShardKind::layer) continue;
        out.ends.push_back({end, place.shard->layer});
        out.n_layers = std::max(out.n_layers, place.shard->layer + 1);
    }
    return out;
}

}  // namespace m2w::tools
