// byte_letters.h — the letters that byte-level vocabularies write bytes with. No tokens here.
#pragma once
#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace m2w::tokenizer {

/// The letter of a byte, UTF-8. GPT-2's encoder.py, bytes_to_unicode(): printable Latin-1
/// characters stand for themselves, the other 68 bytes are U+0100 and up, in order.
std::string_view byte_letter(uint8_t byte);

/// The bytes that a token's text writes; false (and `bytes` undefined) if a character of the text
/// stands for no byte.
bool bytes_of_letters(std::string_view text, std::string& bytes);

}  // namespace m2w::tokenizer
