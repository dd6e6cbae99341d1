// streamed_model.h — a model on a server that is used while it comes: the header at once, the
// weights in the order in which they are needed. Runs no models.
#pragma once
#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "gguf/file.h"
#include "runtime/model/plan.h"
#include "tools/model_argument.h"
#include "tools/pull_line.h"
#include "tools/remote_model.h"

namespace m2w::tools {

/// Used by one thread; what it brings may be read by any.
class StreamedModel {
  public:
    /// Brings the header. Errors: those of RemoteModel::open and parse.
    static Result<std::unique_ptr<StreamedModel>> open(const std::string& argument,
                                                       const ModelAccess& access);
    /// Ends what start() began: what has come stays in the cache.
    ~StreamedModel();
    StreamedModel(const StreamedModel&) = delete;

    const std::shared_ptr<const gguf::File>& file() const { return file_; }
    /// Whether something is missing here.
    bool partial() const { return !model_.is_complete(); }

    /// Begins to bring everything, in a thread of its own, in the order in which the Plan reads it,
    /// and shows on standard error how far it is.
    void start(const Plan& plan);
    /// Blocks until all of it is here and the whole has the SHA-256 that it should have, where that
    /// is known. Nothing that was computed from these weights may be shown before. Errors: those
    /// of RemoteModel::pull; checksum when bytes had to be fetched again, since earlier ones may
    /// have been used.
    Result<void> finish();

  private:
    explicit StreamedModel(RemoteModel model) : model_(std::move(model)) {}
    Result<void> pull(fetch::PullOptions options);

    RemoteModel model_;
    std::shared_ptr<const gguf::File> file_;
    std::optional<PullLine> line_;
    std::atomic<bool> stop_{false};
    Result<void> done_;
    std::thread thread_;
};

}  // namespace m2w::tools
