// check_encoding.h — what must hold for any text and any tokenizer that was accepted. A violation
// aborts.
#pragma once
#include <string_view>

#include "tokenizer/tokenizer.h"

namespace m2w::tokenizer::fuzz {

/// Whether a vocabulary gives back the bytes it is given.
enum class Bytes : uint8_t {
    kept,
    kept_but_marks,  // U+2581 comes back as a space
    normalised,
    some_lost,
};

/// Encodes, decodes and guards a text: ids in range, no control token where none is asked for, the
/// same bytes back, guarded text like plain text, streamed text valid and complete.
void check_encoding(const Tokenizer& tokenizer, std::string_view text, Bytes bytes);

}  // namespace m2w::tokenizer::fuzz
