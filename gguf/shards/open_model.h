// open_model.h — a model by a local path: a GGUF file, a manifest, or the folder that one is in.
// Knows no servers.
#pragma once
#include <filesystem>
#include <memory>

#include "gguf/file.h"
#include "gguf/result.h"
#include "gguf/shards/manifest.h"

namespace m2w::shards {

/// The manifest at a path, or in the folder there. Errors: io, and those of parse_manifest with the
/// path.
Result<Manifest> read_manifest(const std::filesystem::path& path);

/// Where the shards of the manifest at a path lie: beside it, or in the folder itself.
std::filesystem::path shard_folder_of(const std::filesystem::path& path);

/// A file that begins with a brace is taken for a manifest, as is what a folder holds under that
/// name; anything else for GGUF. Errors: those of gguf::File::open, read_manifest and open_shards.
Result<std::shared_ptr<const gguf::File>> open_model(const std::filesystem::path& path);

}  // namespace m2w::shards
