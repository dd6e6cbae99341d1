// value_text.h — metadata values, shapes and names of a file in a few words, for a line of text and
// for JSON. Prints nothing.
#pragma once
#include <nlohmann/json_fwd.hpp>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "gguf/file.h"

namespace m2w::tools {

/// The beginning of a long text, on one line.
std::string shortened(std::string text);

/// A scalar as it is; of an array its length, its type and, of strings, the first ones.
std::string text_of(const gguf::Value& value);
nlohmann::ordered_json json_of(const gguf::Value& value);

/// "[256][768]", slowest dimension first.
std::string shape_text(const gguf::TensorInfo& tensor);
/// The same numbers.
std::vector<uint64_t> shape_of(const gguf::TensorInfo& tensor);

/// "1,234,567"
std::string with_commas(uint64_t number);

/// A tensor's name, and what is said of it.
using NamedText = std::pair<std::string, std::string>;
/// Tensors of several layers of which the same is said become one: "blk.0-3,5.ffn_up.weight". In
/// the order of their first ones.
std::vector<NamedText> grouped_by_layer(std::span<const NamedText> tensors);

}  // namespace m2w::tools
