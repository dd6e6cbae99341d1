// open_model.cpp — looks at the first byte and opens the model that is there.
#include "gguf/shards/open_model.h"

#include <fmt/format.h>

#include <exception>
#include <system_error>

#include "gguf/shards/shard_source.h"

namespace m2w::shards {
namespace {

namespace fs = std::filesystem;

bool is_folder(const fs::path& path) {
    std::error_code ignored;
    return fs::is_directory(path, ignored);
}

fs::path manifest_path(const fs::path& path) {
    return is_folder(path) ? path / kManifestName : path;
}

Result<bool> is_manifest(const fs::path& path) {
    if (is_folder(path)) return true;
    TRY(const auto source, open_file_source(path));
    std::byte first[1]{};
    if (source->size_bytes() > 0) TRY(source->read(0, first));
    return first[0] == std::byte{'{'};
}

Result<Manifest> read(const fs::path& path) {
    TRY(const auto source, open_file_source(manifest_path(path)));
    if (source->size_bytes() > kMaxManifestBytes)
        return Error{Category::resource_limit,
                     fmt::format("{}: {} bytes, the limit of a manifest is {}", source->name(),
                                 source->size_bytes(), kMaxManifestBytes)};
    std::string text(size_t(source->size_bytes()), '\0');
    TRY(source->read(0, std::as_writable_bytes(std::span(text))));
    auto manifest = parse_manifest(text);
    if (manifest) return manifest;
    return Error{manifest.error().category, source->name() + ": " + manifest.error().message};
}

Result<std::shared_ptr<const gguf::File>> open(const fs::path& path) {
    TRY(const bool sharded, is_manifest(path));
    if (!sharded) return gguf::File::open(path);
    TRY(auto manifest, read(path));
    const fs::path folder = shard_folder_of(path);
    ShardReadOptions options;
    options.location = folder.string();
    return open_shards(std::move(manifest), folder_opener(folder), options);
}

}  // namespace

Result<Manifest> read_manifest(const fs::path& path) {
    try {
        return read(path);
    } catch (const std::exception&) {
        return Error{Category::out_of_memory, "manifest"};
    }
}

fs::path shard_folder_of(const fs::path& path) {
    if (is_folder(path)) return path;
    const fs::path folder = path.parent_path();
    return folder.empty() ? "." : folder;
}

Result<std::shared_ptr<const gguf::File>> open_model(const fs::path& path) {
    try {
        return open(path);
    } catch (const std::exception&) {
        return Error{Category::out_of_memory, "opening"};
    }
}

}  // namespace m2w::shards
