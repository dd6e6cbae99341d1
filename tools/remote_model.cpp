// remote_model.cpp — looks at the first byte, reads a manifest, and says where its shards are.
#include "tools/remote_model.h"

#include <fmt/format.h>

#include <algorithm>

#include "gguf/fetch/names.h"

namespace m2w::tools {
namespace {

std::string base_name(const std::string& label) {
    return label.substr(label.find_last_of('/') + 1);
}

/// A URL's text before its query and fragment.
std::string path_of(const std::string& url) {
    return url.substr(0, url.find_first_of("?#"));
}

/// A folder means the manifest in it.
std::string file_name_of(const std::string& name) {
    const std::string path = path_of(name);
    if (fetch::name_kind(name) != fetch::NameKind::url || !path.ends_with('/')) return name;
    return path + std::string(shards::kManifestName) + name.substr(path.size());
}

/// Where what the manifest names is: beside it. The name that was given has the password, if any.
std::string base_of(const std::string& name, const fetch::CachedModel& manifest, bool pinned) {
    const bool as_given = !pinned && fetch::name_kind(name) == fetch::NameKind::url;
    const std::string path = path_of(as_given ? name : manifest.identities().front().url);
    return path.substr(0, path.find_last_of('/') + 1);
}

Result<bool> is_manifest(const fetch::CachedModel& model) {
    if (model.files().size() != 1 || model.files().front()->size_bytes() == 0) return false;
    std::byte first[1]{};
    TRY(model.files().front()->read(0, first));
    return first[0] == std::byte{'{'};
}

Result<shards::Manifest> read_manifest_once(fetch::CachedFile& file) {
    std::string text(size_t(file.size_bytes()), '\0');
    TRY(file.read(0, std::as_writable_bytes(std::span(text))));
    return shards::parse_manifest(text);
}

Result<shards::Manifest> read_manifest(const fetch::CachedModel& model) {
    fetch::CachedFile& file = *model.files().front();
    const auto in_context = [&](const Error& error) {
        return Error{error.category, model.label() + ": " + error.message};
    };
    if (file.size_bytes() > shards::kMaxManifestBytes)
        return in_context(
            {Category::resource_limit, fmt::format("{} bytes, the limit of a manifest is {}",
                                                   file.size_bytes(), shards::kMaxManifestBytes)});
    auto manifest = read_manifest_once(file);
    if (manifest) return manifest;
    const Category category = manifest.error().category;
    // It may have come damaged; what it says of itself is all that shows it.
    if ((category == Category::checksum || category == Category::manifest) && !file.is_complete() &&
        !file.is_offline()) {
        TRY(file.fetch_again());
        manifest = read_manifest_once(file);
        if (manifest) return manifest;
        file.discard();
    }
    return in_context(manifest.error());
}

}  // namespace

Result<RemoteModel> RemoteModel::open(const std::string& name, const fetch::ModelOptions& options) {
    const std::string file_name = file_name_of(name);
    TRY(auto cached, fetch::CachedModel::open(file_name, options));
    RemoteModel model(std::move(cached));
    TRY(const bool sharded, is_manifest(model.cached_));
    if (!sharded) return model;
    TRY(auto manifest, read_manifest(model.cached_));
    model.shards_ = std::make_shared<HostedShards>(
        std::move(manifest), base_of(file_name, model.cached_, !options.pins.empty()), options);
    return model;
}

std::string RemoteModel::title() const {
    return shards_ ? shards_->manifest().parts.front().name : base_name(label());
}

bool RemoteModel::is_complete() const {
    return cached_.is_complete() && (!shards_ || shards_->is_complete());
}

Result<std::shared_ptr<const gguf::File>> RemoteModel::parse() const {
    return shards_ ? shards_->parse() : cached_.parse();
}

Result<LayerEnds> RemoteModel::layer_ends() const {
    if (shards_) return shards_->layer_ends();
    TRY(const auto file, cached_.parse());
    return LayerEnds::of(*file);
}

Result<std::vector<std::string>> RemoteModel::pull(const fetch::PullOptions& options, bool verify) {
    fetch::PullOptions mine = options;
    if (shards_) {
        mine.progress = {};
        mine.order = {};
    }
    TRY(const auto reports, cached_.pull(mine, verify));
    if (shards_) return shards_->pull(options, verify);
    std::vector<std::string> repaired;
    for (size_t i = 0; i < reports.size(); i++)
        for (const uint64_t chunk : reports[i].repaired)
            repaired.push_back(cached_.identities()[i].label() + ": " +
                               cached_.files()[i]->chunk_name(chunk));
    return repaired;
}

Result<std::vector<HostedShards::Copy>> RemoteModel::copies() const {
    std::vector<HostedShards::Copy> copies;
    if (shards_) {
        TRY(copies, shards_->copies());
    }
    for (size_t i = 0; i < cached_.files().size(); i++)
        copies.push_back({base_name(cached_.identities()[i].label()), cached_.files()[i]->path()});
    return copies;
}

}  // namespace m2w::tools
