// unkept_model.h — a model on a server whose weights are read from there and kept nowhere; its
// header goes through the cache. Brings nothing by itself.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "gguf/file.h"
#include "tools/model_argument.h"

namespace m2w::tools {

struct UnkeptModel {
    std::shared_ptr<const gguf::File> file;
    std::string url, etag;  // of the first part; the ETag only if it is a strong one
    std::vector<std::string>
        part_sha256;  // hex, where the server or the cache knows it, else empty
};

/// Opens the files of a URL or a name of the hub. What the cache has as a whole is read from there,
/// as is a model that is sharded already. Weights are not compared with the SHA-256 of the whole:
/// they are what the server sent for one and the same ETag. Errors: those of RemoteModel::open and
/// parse; http_changed.
Result<UnkeptModel> open_unkept(const std::string& name, const ModelAccess& access);

/// A sharded model as a server hands it out now: the manifest comes through the cache, which asks
/// whether it is the latest; shards are read from the server alone.
struct HostedFolder {
    shards::Manifest manifest;
    shards::ShardOpener opener;
};

/// Errors: those of RemoteModel::open; usage (it is not sharded).
Result<HostedFolder> open_hosted_folder(const std::string& name, const ModelAccess& access);

}  // namespace m2w::tools
