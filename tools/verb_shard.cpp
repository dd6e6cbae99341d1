// verb_shard.cpp — m2w shard: cuts a model into files that any web server can hand out, and checks
// such files.
#include <CLI/CLI.hpp>

#include <fmt/format.h>

#include "chat/signals.h"
#include "chat/terminal.h"
#include "gguf/sha256.h"
#include "gguf/shards/check_shards.h"
#include "gguf/shards/open_model.h"
#include "gguf/shards/shard_writer.h"
#include "runtime/memory.h"
#include "runtime/model/model.h"
#include "tools/model_argument.h"
#include "tools/shard_size.h"
#include "tools/unkept_model.h"
#include "tools/verbs.h"

namespace m2w::tools {
namespace {

struct ShardArgs {
    std::string model, from, folder, max_size = "cloudflare", check;
    ModelAccess access;
    bool force = false, gzip = false;
};

/// A digest of the operations that the model becomes, so that whoever keeps something made from
/// them can see that it is of these. Empty for a model that m2w cannot run: its shards are as good.
Result<std::string> plan_digest(const std::shared_ptr<const gguf::File>& file) {
    const auto model = Model::from(file);
    if (model) return sha256_hex((*model)->plan().print());
    if (model.error().category == Category::io || model.error().category == Category::out_of_memory)
        return model.error();
    fmt::print(stderr, "no plan, as m2w cannot run this model: {}\n",
               escape_for_terminal(model.error().message));
    return std::string();
}

/// The model, and what is known of where it came from.
Result<std::shared_ptr<const gguf::File>> open_source(const ShardArgs& args,
                                                      shards::ShardWriteOptions& options) {
    if (args.from.empty()) return open_model(args.model, args.access);
    if (!is_remote(args.from)) return open_model(args.from);
    TRY(UnkeptModel model, open_unkept(args.from, args.access));
    options.source_url = std::move(model.url);
    options.source_etag = std::move(model.etag);
    options.part_sha256 = std::move(model.part_sha256);
    return std::move(model.file);
}

Result<void> write(const ShardArgs& args) {
    shards::ShardWriteOptions options;
    TRY(options.max_shard_bytes, parse_shard_size(args.max_size));
    options.force = args.force;
    options.gzip = args.gzip;
    TRY(const auto file, open_source(args, options));
    TRY(options.plan_sha256, plan_digest(file));
    TRY(SignalWatch signals, SignalWatch::create());
    options.stop = &signals.interrupted();
    TRY(const auto sink, shards::open_shard_folder(args.folder));
    const std::string name = label_of(args.from.empty() ? args.model : args.from);
    ProgressBar bar(stderr, "cutting " + std::filesystem::path(name).filename().string());
    options.progress = [&](uint64_t done, uint64_t total) { bar.update(done, total); };
    const auto written = shards::write_shards(*file, *sink, options);
    bar.erase();
    if (!written) return written.error();
    uint64_t bytes = 0;
    for (const shards::Shard& shard : written->manifest.shards) bytes += shard.size_bytes;
    return print(fmt::format("{}: {} shards, {}; {} written, {} were there\n",
                             escape_for_terminal(args.folder), written->manifest.shards.size(),
                             format_bytes(bytes), written->n_written, written->n_kept));
}

/// The faults of a sharded model in a folder, or on a server: what it sends now, past the cache.
Result<std::vector<shards::ShardFault>> find_faults(const ShardArgs& args,
                                                    shards::Manifest& manifest) {
    ProgressBar bar(stderr, "checking");
    const auto progress = [&](uint64_t done, uint64_t total) { bar.update(done, total); };
    if (!is_remote(args.check)) {
        TRY(manifest, shards::read_manifest(args.check));
        const auto opener = shards::folder_opener(shards::shard_folder_of(args.check));
        return shards::check_shards(manifest, opener, progress);
    }
    TRY(const HostedFolder folder, open_hosted_folder(args.check, args.access));
    manifest = folder.manifest;
    return shards::check_shards(manifest, folder.opener, progress, shards::CheckDepth::shards);
}

Result<void> check(const ShardArgs& args) {
    shards::Manifest manifest;
    const auto faults = find_faults(args, manifest);
    if (!faults) return faults.error();
    const std::string path = label_of(args.check);
    std::string text;
    for (const shards::ShardFault& fault : *faults)
        text +=
            fmt::format("{}: {}{}{}\n", fault.file, fault.error.message,
                        fault.tensors.empty() ? "" : "; damaged: ", fmt::join(fault.tensors, ", "));
    if (faults->empty())
        text = fmt::format(
            "{}: {} shards{} are as the manifest says\n", path, manifest.shards.size(),
            is_remote(path) ? "" : fmt::format(" and {} tensors", manifest.tensors.size()));
    TRY(print(escape_for_terminal(text)));
    if (faults->empty()) return {};
    return Error{faults->front().error.category,
                 fmt::format("{}: {} of {} shards are missing or damaged, the first is {}", path,
                             faults->size(), manifest.shards.size(), faults->front().file)};
}

}  // namespace

Result<void> shard(const Args& args) {
    CLI::App app(
        "Cuts a model into a header, its layers and manifest.json (docs/streaming.md), for web "
        "servers and other m2w verbs. A run that was interrupted is gone on with by the same "
        "command.",
        "m2w shard");
    ShardArgs in;
    auto* model = app.add_option("model", in.model, kModelHelp);
    auto* from = app.add_option("--from", in.from,
                                "instead: a URL or hf:owner/repo[:QUANT] whose weights are cut as "
                                "they come and kept nowhere else")
                     ->excludes(model);
    add_access_options(app, in.access);
    auto* folder = app.add_option("-o,--output", in.folder, "folder to write to");
    auto* max_size =
        app.add_option("--max-size", in.max_size, kShardSizeHelp)->capture_default_str();
    auto* force = app.add_flag("--force", in.force, "replace what is there already and differs");
    auto* gzip =
        app.add_flag("--gzip", in.gzip,
                     "also manifest.json.gz and the header shards as .gz, for servers that "
                     "hand them out with Content-Encoding: gzip");
    auto* checked = app.add_option("--check", in.check,
                                   "instead: compare every byte of these shards, a folder or its "
                                   "manifest.json, here or on a server, with their digests")
                        ->excludes(model)
                        ->excludes(from)
                        ->excludes(folder)
                        ->excludes(max_size)
                        ->excludes(force)
                        ->excludes(gzip);
    TRY(const bool go_on, parse(app, args));
    if (!go_on) return {};
    if (checked->count() > 0) return check(in);
    if (model->count() + from->count() == 0 || folder->count() == 0)
        return Error{
            Category::usage,
            "expected MODEL -o FOLDER, --from NAME -o FOLDER, or --check FOLDER; m2w shard "
            "--help lists the options"};
    return write(in);
}

}  // namespace m2w::tools
