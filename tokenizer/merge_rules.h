// merge_rules.h — reads tokenizer.ggml.merges. Merges nothing.
#pragma once
#include <span>

#include "gguf/file.h"
#include "gguf/result.h"
#include "tokenizer/merges.h"
#include "tokenizer/vocabulary.h"

namespace m2w::tokenizer {

/// The rules of the file, the first one first. Only tokens of these kinds merge and are merged, so
/// that text never becomes a control token by a merge. Errors: missing_metadata,
/// wrong_metadata_type, merges.
Result<MergeTable> read_merges(const gguf::File& file, const Vocabulary& vocab,
                               std::span<const TokenKind> kinds);

}  // namespace m2w::tokenizer
