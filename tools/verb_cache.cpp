// verb_cache.cpp — m2w cache: what has been pulled, whether it is whole, and making room.
#include <CLI/CLI.hpp>

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>

#include "chat/terminal.h"
#include "gguf/fetch/cache.h"
#include "gguf/shards/manifest.h"
#include "runtime/memory.h"
#include "tools/cached_shards.h"
#include "tools/verbs.h"

namespace m2w::tools {
namespace {

constexpr size_t kShownDigits = 12, kLeastDigits = 8;

std::string without_query(const std::string& url) {
    return url.substr(0, url.find('?'));
}

/// How a person knows an entry: what was asked for, else where it is from.
std::string title_of(const fetch::CacheEntry& entry) {
    for (const std::string& name : entry.names)
        if (name != entry.url) return name;
    return without_query(entry.url);
}

std::string line_of(const fetch::CacheEntry& entry) {
    const uint64_t percent = entry.size_bytes == 0 ? 0 : entry.here_bytes * 100 / entry.size_bytes;
    const std::string share = entry.complete ? "complete" : fmt::format("{}%", percent);
    return fmt::format("{}  {:>10}  {:<8}  {:%Y-%m-%d %H:%M}  {}\n",
                       entry.key.substr(0, kShownDigits), format_bytes(entry.disk_bytes), share,
                       fmt::gmtime(std::time_t(entry.last_use_s)), title_of(entry));
}

Result<void> list(const fetch::Cache& cache) {
    TRY(const auto entries, cache.list());
    std::string text;
    uint64_t bytes = 0;
    for (const fetch::CacheEntry& entry : entries) {
        text += line_of(entry);
        bytes += entry.disk_bytes;
    }
    text += fmt::format("{} files, {} in {}\n", entries.size(), format_bytes(bytes),
                        cache.root().string());
    return print(escape_for_terminal(text));
}

Result<void> verify(const fetch::Cache& cache) {
    size_t n = 0;
    TRY(const auto faults, cache.verify([&](const fetch::CacheEntry&) { n++; }));
    std::string text;
    for (const fetch::CacheFault& fault : faults)
        text += fmt::format("{}  {}: {}\n", fault.entry.key.substr(0, kShownDigits),
                            title_of(fault.entry), fault.what);
    text += fmt::format("{} of {} files are as they were fetched\n", n - faults.size(), n);
    TRY(print(escape_for_terminal(text)));
    if (faults.empty()) return {};
    return Error{
        Category::checksum,
        fmt::format("{} files of the cache are damaged; what is damaged in them is fetched "
                    "again when it is needed",
                    faults.size())};
}

Result<void> say_removed(const std::vector<fetch::CacheEntry>& entries) {
    std::string text;
    uint64_t bytes = 0;
    for (const fetch::CacheEntry& entry : entries) {
        text += "removed " + line_of(entry);
        bytes += entry.disk_bytes;
    }
    text += fmt::format("{} files, {}\n", entries.size(), format_bytes(bytes));
    return print(escape_for_terminal(text));
}

/// A folder on a server stands for the manifest in it.
bool is_meant(const fetch::CacheEntry& entry, const std::string& name) {
    if (name.ends_with('/')) return is_meant(entry, name + std::string(shards::kManifestName));
    return without_query(entry.url) == name || entry.url == name ||
           std::find(entry.names.begin(), entry.names.end(), name) != entry.names.end() ||
           (name.size() >= kLeastDigits && entry.key.starts_with(name));
}

Result<void> remove(const fetch::Cache& cache, const std::vector<std::string>& names) {
    TRY(const auto entries, cache.list());
    std::vector<fetch::CacheEntry> meant;
    for (const std::string& name : names) {
        const size_t before = meant.size();
        for (const fetch::CacheEntry& entry : entries)
            if (is_meant(entry, name)) meant.push_back(entry);
        if (meant.size() == before)
            return Error{Category::usage,
                         name + ": not in the cache; m2w cache list shows what is"};
    }
    const auto same = [](const auto& a, const auto& b) { return a.key == b.key; };
    std::sort(meant.begin(), meant.end(),
              [](const auto& a, const auto& b) { return a.key < b.key; });
    meant.erase(std::unique(meant.begin(), meant.end(), same), meant.end());
    const auto shards = shards_of(cache, entries, meant);
    meant.insert(meant.end(), shards.begin(), shards.end());
    for (const fetch::CacheEntry& entry : meant) TRY(cache.remove(entry));
    return say_removed(meant);
}

Result<void> prune(const fetch::Cache& cache, uint64_t max_bytes) {
    TRY(auto entries, cache.list());
    std::vector<fetch::CacheEntry> removed;
    for (fetch::CacheEntry& entry : fetch::entries_to_prune(std::move(entries), max_bytes)) {
        const auto done = cache.remove(entry);
        if (done)
            removed.push_back(std::move(entry));
        else if (done.error().category == Category::cache)  // in use: not the oldest for long
            fmt::print(stderr, "{}\n", escape_for_terminal(done.error().message));
        else
            return done.error();
    }
    return say_removed(removed);
}

}  // namespace

Result<void> cache(const Args& args) {
    CLI::App app("Shows, checks and empties the folder that models are pulled into.", "m2w cache");
    app.require_subcommand(1);
    auto* listing = app.add_subcommand("list", "every file, the last used first");
    auto* verifying = app.add_subcommand("verify", "read everything and compare the digests");
    auto* removing = app.add_subcommand(
        "rm", "remove files; with a manifest, the shards that no other manifest here names");
    std::vector<std::string> names;
    removing->add_option("name", names, "name, URL, or the first digits that list shows")
        ->required();
    auto* pruning = app.add_subcommand("prune", "remove what was not used for the longest time");
    uint64_t max_bytes = 0;
    pruning->add_option("--max-size", max_bytes, "what may be left, as 20GB")
        ->required()
        ->transform(CLI::AsSizeValue(true));
    TRY(const bool go_on, parse(app, args));
    if (!go_on) return {};
    TRY(const auto root, fetch::Cache::default_root());
    const fetch::Cache opened(root);
    if (*listing) return list(opened);
    if (*verifying) return verify(opened);
    if (*removing) return remove(opened, names);
    return prune(opened, max_bytes);
}

}  // namespace m2w::tools
