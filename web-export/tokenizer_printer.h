// tokenizer_printer.h — the package's tokenizer.ts: what this model's tokenizer needs, and nothing
// of others. Writes no file.
#pragma once
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "gguf/file.h"
#include "gguf/result.h"

namespace m2w::web {

/// tokenizer.ts of a model: the import of its algorithm (package/src/tokenizer), the pattern of its
/// pre-tokenizer, options and ids as constants. Errors: those of Tokenizer::from, unsupported (a
/// pattern that JavaScript cannot match).
Result<std::string> tokenizer_module(const gguf::File& file);

/// The files of package/src/tokenizer that this tokenizer.ts needs, without ".ts", sorted. Errors:
/// as above.
Result<std::vector<std::string_view>> tokenizer_sources(const gguf::File& file);

/// The patterns of a pre-tokenizer as a TypeScript array. Errors: unsupported.
Result<std::string> pattern_array(std::span<const std::string_view> patterns);

}  // namespace m2w::web
