// pre_tokenizers.h — the table of tokenizer.ggml.pre names: how each cuts text into words. Compiles
// nothing.
#pragma once
#include <optional>
#include <span>
#include <string_view>

namespace m2w::tokenizer {

/// One way to prepare text for byte-level BPE. To add a name: add it to a row that does the same,
/// or add a row.
struct PreTokenizer {
    std::span<const std::string_view> names;     // values of tokenizer.ggml.pre
    std::span<const std::string_view> patterns;  // PCRE2; each cuts what the one before left
    bool nfc = false;                            // the text is normalised (Unicode NFC) first
    bool ignore_merges = false;  // a word that is a token is that token, whatever the merges say
    bool add_bos = false;        // where the file does not say
};

/// The row of a name, or nullptr. A file without the key means "default".
const PreTokenizer* find_pre_tokenizer(std::string_view name);

}  // namespace m2w::tokenizer
