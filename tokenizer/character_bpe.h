// character_bpe.h — BPE whose first symbols are characters, with tokens for single bytes to fall
// back on. Does not know where its rules come from.
#pragma once
#include <array>
#include <memory>
#include <optional>
#include <span>

#include "tokenizer/algorithm.h"
#include "tokenizer/character_symbols.h"
#include "tokenizer/merges.h"
#include "tokenizer/splitter.h"
#include "tokenizer/word_book.h"

namespace m2w::tokenizer {

struct PreTokenizer;

/// What makes one such vocabulary.
struct CharacterBpeParts {
    std::string_view name;  // of the algorithm
    std::optional<Splitter> splitter =
        {};                         // nothing merges over its cuts; without one, over no cut
    bool space_prefix = false;      // a text begins as if a space stood in front of it
    bool marks_are_spaces = false;  // U+2581 in the text is a space
    bool ignore_merges = false;     // a word that is a token is that token
    bool add_bos = false;           // where the file does not say
    MergeTable merges;
    std::shared_ptr<const StringPool> pieces;  // [tokens]
    std::span<const TokenKind> merging_kinds;  // kinds of tokens that text may become; static
    // Filled by add_symbols():
    CharacterSymbols symbols = {};                // of the characters in the pieces
    PairFilter neighbours = PairFilter(0);        // symbols that some piece has side by side
    std::vector<std::string> extra_symbols = {};  // texts of those from the number of tokens on
    // Filled by add_fallback():
    std::array<uint32_t, 256> byte_tokens = {};  // kNoToken: the vocabulary has none
    std::optional<uint32_t> unknown = {};        // for a byte without a token
};

/// An Algorithm of these parts. vocab: what the pieces are of.
std::unique_ptr<const Algorithm> make_character_algorithm(CharacterBpeParts parts,
                                                          const Vocabulary& vocab);

/// The characters of the pieces as symbols: fills symbols, neighbours and extra_symbols.
void add_symbols(CharacterBpeParts& parts, const Vocabulary& vocab);

/// The token of each byte ("<0x0A>"), and the one for what has none.
void add_fallback(CharacterBpeParts& parts, const Vocabulary& vocab);

/// BPE over characters with the file's merges, for pre-tokenizers of such a kind.
Result<MadeAlgorithm> make_character_bpe(const AlgorithmInput& input, const PreTokenizer& rules);

}  // namespace m2w::tokenizer
