// model_argument.h — what a user may name as a model, for all verbs alike. Loads no weights.
#pragma once
#include <memory>
#include <string>

#include "gguf/file.h"
#include "gguf/result.h"

namespace m2w::tools {

/// For the help of an option.
inline constexpr const char* kModelHelp =
    "GGUF file, or the manifest.json of its shards or their folder";

/// Opens the model that an argument names. Errors: those of shards::open_model.
Result<std::shared_ptr<const gguf::File>> open_model(const std::string& argument);

}  // namespace m2w::tools
