// diff_text.h — what differs between two files, for people and for programs. Compares nothing,
// prints nothing.
#pragma once
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "gguf/diff.h"

namespace m2w::tools {

nlohmann::ordered_json json_of(const gguf::FileDiff& diff);

/// A line for each change, "+" what only b has, "-" what only a has, "~" the rest; tensors of
/// several layers that changed alike share one.
std::string text_of(const gguf::FileDiff& diff);

}  // namespace m2w::tools
