// end_tokens.h — which tokens end a turn or a generation. Knows token texts, no chat template.
#pragma once
#include "gguf/file.h"
#include "gguf/result.h"

namespace m2w::tokenizer {

struct Vocabulary;

/// Fills eot and end_ids of a vocabulary whose texts, kinds, eos and fill-in tokens are read and
/// whose *_token_id keys are checked.
Result<void> find_end_tokens(const gguf::File& file, Vocabulary& vocab);

}  // namespace m2w::tokenizer
