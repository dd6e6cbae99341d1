// token_attributes.h — which special tokens take the white space beside them. Finds none in text.
#pragma once
#include <cstdint>
#include <vector>

#include "gguf/file.h"
#include "gguf/result.h"

namespace m2w::tokenizer {

struct Vocabulary;

/// Ids, ascending.
struct TokenAttributes {
    std::vector<uint32_t> strip_left;   // white space in front of the token is part of it
    std::vector<uint32_t> strip_right;  // white space behind the token is part of it
};

/// The attributes that a file implies: it does not write them, but the names of models whose tokens
/// have them are known. Errors: wrong_metadata_type.
Result<TokenAttributes> find_attributes(const gguf::File& file, const Vocabulary& vocab);

}  // namespace m2w::tokenizer
