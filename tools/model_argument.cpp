// model_argument.cpp — from an argument to an opened model.
#include "tools/model_argument.h"

#include <CLI/CLI.hpp>

#include <fmt/format.h>

#include <cstdlib>

#include "chat/terminal.h"
#include "gguf/fetch/names.h"
#include "gguf/shards/open_model.h"
#include "tools/pull_line.h"

namespace m2w::tools {

void add_access_options(CLI::App& app, ModelAccess& access) {
    app.add_option("--token-file", access.token_file, "file with a token for the model's server");
    app.add_flag("--offline", access.offline, "use what is in the cache, ask no server");
}

bool is_remote(const std::string& argument) {
    return fetch::name_kind(argument) != fetch::NameKind::path;
}

std::string label_of(const std::string& argument) {
    return is_remote(argument) ? argument.substr(0, argument.find('?')) : argument;
}

Result<fetch::ModelOptions> model_options(const ModelAccess& access) {
    fetch::ModelOptions options;
    TRY(options.fetch, fetch::options_from_environment());
    TRY(options.cache_root, fetch::Cache::default_root());
    if (!access.token_file.empty()) {
        TRY(options.fetch.token, fetch::read_token_file(access.token_file));
    }
    const char* offline = std::getenv("M2W_OFFLINE");
    options.offline = access.offline || (offline && *offline && std::string_view(offline) != "0");
    options.note = [](const std::string& text) {
        // A line of progress may stand there.
        fmt::print(stderr, "{}{}\n", is_terminal(stderr) ? "\r\x1b[K" : "",
                   escape_for_terminal(text));
    };
    return options;
}

Result<std::vector<std::string>> pull_shown(RemoteModel& model, fetch::PullOptions options,
                                            bool verify) {
    LayerEnds layers;
    if (auto ends = model.layer_ends())
        layers = *std::move(ends);
    else if (model.cached().identities().front().sha256.empty())
        return ends.error();  // else the bytes may be damaged, which the pull finds and mends
    PullLine line(stderr, "pulling " + model.title(), std::move(layers));
    options.progress = [&](const fetch::PullProgress& p) { line.update(p); };
    return model.pull(options, verify);
}

Result<std::shared_ptr<const gguf::File>> open_model(const std::string& argument,
                                                     const ModelAccess& access, Reads reads) {
    if (!is_remote(argument)) return shards::open_model(argument);
    TRY(const auto options, model_options(access));
    TRY(auto model, RemoteModel::open(argument, options));
    if (reads == Reads::all && !model.is_complete()) TRY(pull_shown(model, {}, false));
    return model.parse();
}

}  // namespace m2w::tools
