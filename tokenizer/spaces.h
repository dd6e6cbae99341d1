// spaces.h — U+2581, which SentencePiece vocabularies write for a space. No tokens here.
#pragma once
#include <memory>
#include <string>
#include <string_view>

namespace m2w::tokenizer {

class StringPool;
struct Vocabulary;

constexpr std::string_view kSpaceMark = "\xE2\x96\x81";  // U+2581

/// The text with a space for each U+2581.
std::string with_spaces(std::string_view text);

/// The bytes of every token of a vocabulary that marks spaces so: byte tokens are a byte; special
/// and user-defined tokens are their text as it is.
std::shared_ptr<const StringPool> pieces_with_spaces(const Vocabulary& vocab);

/// The value of a byte token, "<0x0A>".
char byte_of_token(std::string_view text);

}  // namespace m2w::tokenizer
