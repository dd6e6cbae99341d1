// model_argument.h — what a user may name as a model, for all verbs alike: a path, a URL, a name of
// the hub. Loads no weights.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "gguf/file.h"
#include "gguf/result.h"
#include "tools/remote_model.h"

namespace CLI {
class App;
}

namespace m2w::tools {

/// For the help of an option.
inline constexpr const char* kModelHelp =
    "GGUF file, the manifest.json of its shards or their folder, a URL of either, or "
    "hf:owner/repo[:QUANT]";

/// How servers are asked: --token-file and --offline.
struct ModelAccess {
    std::string token_file;
    bool offline = false;
};
void add_access_options(CLI::App& app, ModelAccess& access);

/// What a verb reads of a model. `all`: a model on a server is pulled first, with a line on
/// standard error; `header`: no more than that is brought.
enum class Reads { header, all };

/// Opens the model that an argument names. Errors: those of shards::open_model and of
/// RemoteModel.
Result<std::shared_ptr<const gguf::File>> open_model(const std::string& argument,
                                                     const ModelAccess& access = {},
                                                     Reads reads = Reads::all);

/// Whether the argument is a name that is not on this machine's disk.
bool is_remote(const std::string& argument);

/// The argument for messages: without the query of a URL, where signatures and tokens are.
std::string label_of(const std::string& argument);

/// What the environment and the options say; notes go to standard error.
Result<fetch::ModelOptions> model_options(const ModelAccess& access);

/// RemoteModel::pull with a line on standard error.
Result<std::vector<std::string>> pull_shown(RemoteModel& model, fetch::PullOptions options,
                                            bool verify);

}  // namespace m2w::tools
