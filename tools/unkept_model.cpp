// unkept_model.cpp — two sources in one: the header's bytes from the cache, the others from the
// server.
#include "tools/unkept_model.h"

#include <fmt/format.h>

#include "gguf/fetch/cached_source.h"
#include "gguf/fetch/journal.h"
#include "gguf/fetch/limits.h"
#include "gguf/fetch/names.h"
#include "gguf/fetch/remote_source.h"

namespace m2w::tools {
namespace {

/// Bytes before `header_bytes` from one source, those behind from another.
class JoinedSource final : public Source {
  public:
    JoinedSource(std::shared_ptr<const Source> header, std::shared_ptr<const Source> rest,
                 uint64_t header_bytes)
        : header_(std::move(header)), rest_(std::move(rest)), header_bytes_(header_bytes) {}

    uint64_t size_bytes() const override { return header_->size_bytes(); }
    const std::string& name() const override { return header_->name(); }
    Result<void> read(uint64_t offset_bytes, std::span<std::byte> out) const override {
        const bool is_weights = !header_only_ && offset_bytes >= header_bytes_;
        return (is_weights ? rest_ : header_)->read(offset_bytes, out);
    }
    std::span<const std::byte> view(uint64_t, uint64_t) const override { return {}; }
    void done_with(uint64_t, uint64_t) const override {}

    /// Until then all comes from the first source: a parser looks a little behind the header.
    void open_weights() { header_only_ = false; }

  private:
    const std::shared_ptr<const Source> header_, rest_;
    const uint64_t header_bytes_;
    bool header_only_ = true;
};

/// The header was parsed once, from the cache, so that it is known where it ends.
Result<std::shared_ptr<const gguf::File>> join(const fetch::CachedModel& model,
                                               const gguf::File& header,
                                               const std::vector<std::string>& urls,
                                               const fetch::FetchOptions& options) {
    fetch::FetchOptions asking = options;
    asking.first_bytes = 1;  // the others are in the cache
    std::vector<std::shared_ptr<JoinedSource>> joined;
    const auto source_of = [&](size_t i) -> Result<std::shared_ptr<const Source>> {
        const std::string label = model.identities()[i].label();
        auto cached = fetch::make_cached_source(model.files()[i], label);
        if (model.files()[i]->is_complete()) return cached;
        TRY(auto remote, fetch::RemoteFile::open(urls[i], asking));
        if (!fetch::is_same_content(remote->identity(), model.identities()[i]))
            return Error{Category::http_changed, label + ": changed on the server"};
        auto rest = fetch::make_remote_source(std::move(remote), label, fetch::kConnections);
        joined.push_back(std::make_shared<JoinedSource>(std::move(cached), std::move(rest),
                                                        header.data_offsets()[i]));
        return std::shared_ptr<const Source>(joined.back());
    };
    gguf::ParseOptions parse;
    // As CachedModel::parse has it: then all that the parser looks at is here.
    parse.max_window_bytes = fetch::kHeaderWindowBytes;
    parse.open_part = [&](const std::string& name) -> Result<std::shared_ptr<const Source>> {
        for (size_t i = 0; i < model.identities().size(); i++)
            if (model.identities()[i].label() == name) return source_of(i);
        return Error{Category::hyperparameter, name + ": this part of the model is missing"};
    };
    TRY(auto first, source_of(0));
    TRY(auto file, gguf::File::parse(std::move(first), parse));
    for (const auto& source : joined) source->open_weights();
    return file;
}

}  // namespace

Result<UnkeptModel> open_unkept(const std::string& name, const ModelAccess& access) {
    TRY(const auto options, model_options(access));
    TRY(const auto model, RemoteModel::open(name, options));
    UnkeptModel out;
    TRY(out.file, model.parse());
    const auto& identities = model.cached().identities();
    out.url = identities.front().label();
    out.etag = identities.front().etag;
    if (model.is_sharded()) {
        for (const shards::ShardedPart& part : model.shards()->manifest().parts)
            out.part_sha256.push_back(part.sha256);
        return out;
    }
    for (const fetch::RemoteIdentity& identity : identities)
        out.part_sha256.push_back(identity.sha256);
    if (model.is_complete() || model.cached().files().front()->is_offline()) return out;
    TRY(const auto resolved, fetch::resolve_name(name, options.fetch));
    TRY(out.file, join(model.cached(), *out.file, resolved.urls, options.fetch));
    return out;
}

Result<HostedFolder> open_hosted_folder(const std::string& name, const ModelAccess& access) {
    TRY(const auto options, model_options(access));
    TRY(const auto model, RemoteModel::open(name, options));
    if (!model.is_sharded())
        return Error{Category::usage, model.label() + ": is not the manifest of a sharded model"};
    if (model.cached().files().front()->is_offline())
        return Error{Category::io, model.label() + ": only a server that answers can be checked"};
    HostedFolder out{model.shards()->manifest(), {}};
    out.opener = [base = model.shards()->base(), asking = options.fetch](
                     const std::string& file) -> Result<std::shared_ptr<const Source>> {
        TRY(auto remote, fetch::RemoteFile::open(base + file, asking));
        const std::string label = remote->identity().label();
        return fetch::make_remote_source(std::move(remote), label, fetch::kConnections);
    };
    return out;
}

}  // namespace m2w::tools
