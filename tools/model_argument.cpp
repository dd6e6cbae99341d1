// model_argument.cpp — from an argument to an opened model.
#include "tools/model_argument.h"

#include "gguf/shards/open_model.h"

namespace m2w::tools {

Result<std::shared_ptr<const gguf::File>> open_model(const std::string& argument) {
    return shards::open_model(argument);
}

}  // namespace m2w::tools
