// streamed_model.cpp — one thread that pulls, and what it found.
#include "tools/streamed_model.h"

#include <fmt/format.h>

#include "gguf/guarded.h"

namespace m2w::tools {
namespace {

/// Where a Plan's weights lie in the model's one file.
std::vector<fetch::ByteRange> ranges_in_order(const Plan& plan) {
    std::vector<fetch::ByteRange> ranges;
    for (const uint32_t tensor : order_of_use(plan))
        for (const TensorPart& part : plan.tensors[tensor].parts())
            ranges.push_back({part.info->offset_bytes, part.info->size_bytes});
    return ranges;
}

}  // namespace

Result<std::unique_ptr<StreamedModel>> StreamedModel::open(const std::string& argument,
                                                           const ModelAccess& access) {
    TRY(const auto options, model_options(access));
    TRY(auto model, RemoteModel::open(argument, options));
    std::unique_ptr<StreamedModel> streamed(new StreamedModel(std::move(model)));
    TRY(streamed->file_, streamed->model_.parse());
    return streamed;
}

StreamedModel::~StreamedModel() {
    stop_ = true;
    if (thread_.joinable()) thread_.join();
}

void StreamedModel::start(const Plan& plan) {
    line_.emplace(stderr, "pulling " + model_.title(),
                  model_.is_sharded() ? model_.shards()->layer_ends() : LayerEnds::of(*file_));
    fetch::PullOptions options;
    options.stop = &stop_;
    options.progress = [this](const fetch::PullProgress& p) { line_->update(p); };
    // Parts of a split model hold the layers in their order, as shards do.
    if (!model_.is_sharded() && model_.cached().files().size() == 1)
        options.order = ranges_in_order(plan);
    thread_ = std::thread([this, options = std::move(options)]() mutable {
        done_ = guarded("pulling", [&] { return pull(std::move(options)); });
    });
}

Result<void> StreamedModel::pull(fetch::PullOptions options) {
    TRY(const auto repaired, model_.pull(options, false));
    // Of a shard nothing is used before all of it is right.
    if (repaired.empty() || model_.is_sharded()) return {};
    return Error{Category::checksum,
                 fmt::format("{}: bytes came damaged and were fetched again; what is in the cache "
                             "now is right: start again",
                             model_.label())};
}

Result<void> StreamedModel::finish() {
    if (thread_.joinable()) {
        thread_.join();
        line_->erase();
    }
    return done_;
}

}  // namespace m2w::tools
