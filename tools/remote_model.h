// remote_model.h — a model on a server, however it lies there: a GGUF file, the parts of one, or
// shards with their manifest. Knows no verbs and runs no models.
#pragma once
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "gguf/fetch/cached_model.h"
#include "gguf/file.h"
#include "tools/hosted_shards.h"
#include "tools/pull_line.h"

namespace m2w::tools {

/// Opening brings the beginning of each file, and of a sharded model its manifest.
class RemoteModel {
  public:
    /// A URL that ends in a slash means the manifest there; what begins with a brace is a manifest.
    /// Errors: those of CachedModel::open and shards::parse_manifest.
    static Result<RemoteModel> open(const std::string& name, const fetch::ModelOptions& options);

    /// For messages: without password and query.
    const std::string& label() const { return cached_.label(); }
    /// The name of its file, or of the one that the shards were made from.
    std::string title() const;
    bool is_sharded() const { return shards_ != nullptr; }
    bool is_complete() const;
    /// Brings what the header takes, no more. Errors: those of CachedModel::parse and
    /// HostedShards::parse.
    Result<std::shared_ptr<const gguf::File>> parse() const;

    /// The model's files, or its manifest.
    const fetch::CachedModel& cached() const { return cached_; }
    const HostedShards* shards() const { return shards_.get(); }

    /// Where its layers end in what is pulled. Errors: those of parse().
    Result<LayerEnds> layer_ends() const;
    /// Brings and verifies all of it. Returns the chunks that came damaged and were right when they
    /// were fetched again. Errors: those of CachedModel::pull and HostedShards::pull.
    Result<std::vector<std::string>> pull(const fetch::PullOptions& options, bool verify);
    /// Every file of a model that was pulled, under the name that it has on the server; a manifest
    /// comes last.
    Result<std::vector<HostedShards::Copy>> copies() const;

  private:
    explicit RemoteModel(fetch::CachedModel cached) : cached_(std::move(cached)) {}

    fetch::CachedModel cached_;
    std::shared_ptr<HostedShards> shards_;  // null: the files are the model
};

}  // namespace m2w::tools
