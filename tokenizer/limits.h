// limits.h — what vocabularies are held to, as docs/limits.md lists it. Numbers only.
#pragma once
#include <cstddef>
#include <cstdint>

namespace m2w::tokenizer {

constexpr size_t kMaxTokenBytes = 1 << 16;
constexpr size_t kMaxSpecialBytes = 16 << 20;  // of all special tokens together

/// Of Unigram: every place of a text is compared with tokens of up to this length.
constexpr size_t kMaxPieceBytes = 1024;

/// Of Unigram's "precompiled_charsmap": longer entries are of no use, and a table that goes in
/// circles would make every place of a text cost all that follows.
constexpr size_t kMaxEntryBytes = 256;

/// Of SentencePiece's BPE: looking up both parts of every token, at every character, takes as many
/// steps as the square of its length. Real vocabularies need 10 million altogether.
constexpr uint64_t kMaxRuleSteps = uint64_t{1} << 32;

/// Of WordPiece: longer words are the unknown token (max_input_chars_per_word of BERT's
/// tokenizers).
constexpr size_t kMaxWordCharacters = 100;

}  // namespace m2w::tokenizer
