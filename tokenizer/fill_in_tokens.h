// fill_in_tokens.h — the tokens around text that a model is to fill in. Knows token texts, no chat
// template.
#pragma once
#include "gguf/file.h"
#include "gguf/result.h"
#include "tokenizer/tokenizer.h"

namespace m2w::tokenizer {

struct Vocabulary;

/// From the file's keys, else from token texts that are known. The texts, kinds and *_token_id keys
/// of the vocabulary are checked. Errors: wrong_metadata_type.
Result<FillInTokens> find_fill_in_tokens(const gguf::File& file, const Vocabulary& vocab);

}  // namespace m2w::tokenizer
