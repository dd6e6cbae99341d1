// javascript_pattern.h — PCRE2 patterns of pre-tokenizers as JavaScript's. Compiles nothing.
#pragma once
#include <string>
#include <string_view>

#include "gguf/result.h"

namespace m2w::web {

/// The source of a JavaScript regular expression (flags g and u) that matches as the PCRE2 pattern
/// does with Unicode's properties, fit to stand between slashes; ASCII only. Knows what the table
/// of pre-tokenizers uses. Errors: unsupported (anything else).
Result<std::string> javascript_pattern(std::string_view pcre2);

}  // namespace m2w::web
