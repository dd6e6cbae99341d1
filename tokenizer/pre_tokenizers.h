// pre_tokenizers.h — the table of tokenizer.ggml.pre names: how each cuts text into words. Compiles
// nothing.
#pragma once
#include <cstdint>
#include <span>
#include <string_view>

namespace m2w::tokenizer {

/// What the merges of a BPE vocabulary begin with.
enum class Symbols : uint8_t {
    bytes,              // tokens are written in byte letters (byte_letters.h)
    characters,         // tokens are plain text; characters without a token become byte tokens
    escaped_characters  // the same, with U+2581 for each space
};

/// One way to prepare text for BPE. To add a name: add it to a row that does the same, or add a
/// row.
struct PreTokenizer {
    std::span<const std::string_view> names;     // values of tokenizer.ggml.pre
    std::span<const std::string_view> patterns;  // PCRE2; each cuts what the one before left
    Symbols symbols = Symbols::bytes;
    bool nfc = false;            // the text is normalised (Unicode NFC) first
    bool ignore_merges = false;  // a word that is a token is that token, whatever the merges say
    bool add_bos = false;        // where the file does not say
};

/// The row of a name, or nullptr. A file without the key means "default".
const PreTokenizer* find_pre_tokenizer(std::string_view name);

/// All rows.
std::span<const PreTokenizer> pre_tokenizers();

}  // namespace m2w::tokenizer
