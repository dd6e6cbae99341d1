// inspect_text.h — an Inspection for people and for programs. Finds nothing out, prints nothing.
#pragma once
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "tools/inspection.h"

namespace m2w::tools {

/// The memory of one context, as in the JSON output.
nlohmann::ordered_json json_of(const MemoryRow& row);

nlohmann::ordered_json json_of(const Inspection& in);
nlohmann::ordered_json tensor_list(const gguf::File& file);

std::string text_of(const Inspection& in);
std::string text_of_tensors(const gguf::File& file);

}  // namespace m2w::tools
