// shard_source.h — a sharded model as the files that it was made from. Opens shards through a
// function, so that they may lie in a folder or behind a server; writes nothing.
#pragma once
#include <filesystem>
#include <functional>
#include <memory>
#include <string>

#include "gguf/file.h"
#include "gguf/shards/manifest.h"
#include "gguf/source.h"

namespace m2w::shards {

/// Opens a shard by the name in the manifest. Called from any thread.
using ShardOpener = std::function<Result<std::shared_ptr<const Source>>(const std::string& file)>;

/// Shards that lie in a folder.
ShardOpener folder_opener(std::filesystem::path folder);

struct ShardReadOptions {
    /// Each shard is read and compared with its SHA-256 before anything of it is used. Its size is
    /// always compared.
    bool verify = true;
    /// What goes before the part's name in messages: the folder or URL of the manifest.
    std::string location;
};

/// The model file that the shards were made from: its header, its tensors, and zeros in between.
/// Its parts are PlaneSources. Everything that takes a File works from it. Errors: manifest (the
/// header tells of other tensors than the manifest), checksum (a shard is damaged; also later,
/// from reads), io, and those of File::parse.
Result<std::shared_ptr<const gguf::File>> open_shards(Manifest manifest, ShardOpener opener,
                                                      const ShardReadOptions& options = {});

/// Compares the SHA-256 of a shard's bytes. Errors: checksum (with the shard's name), io.
Result<void> verify_shard(const Shard& shard, const Source& source);

}  // namespace m2w::shards
