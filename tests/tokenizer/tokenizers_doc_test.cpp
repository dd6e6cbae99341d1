// tokenizers_doc_test.cpp — writes docs/tokenizers.md from the tables of the code and compares it
// with the file.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <string>

#include "tests/support/golden.h"
#include "tokenizer/algorithm.h"
#include "tokenizer/pre_tokenizers.h"

namespace m2w::test {
namespace {

constexpr std::string_view kIntro = R"(# Tokenizers

Written by `tests/tokenizer/tokenizers_doc_test.cpp` from the tables of the code (`M2W_UPDATE_GOLDENS=1` rewrites it); not edited
by hand.

A file's `tokenizer.ggml.*` entries are read and checked once (`tokenizer/vocabulary.h`); one algorithm encodes the text between
special tokens (`tokenizer/algorithm.h`). `m2w tokenize` shows what comes out.

## Algorithms

| `tokenizer.ggml.model` | algorithm |
|---|---|
)";

constexpr std::string_view kRules = R"(
What holds for all of them:

- Any bytes may be encoded. Bytes that are no valid UTF-8 become byte tokens where the vocabulary has them; WordPiece drops them,
  and Unigram takes them for U+FFFD.
- Time and memory grow with the length of the text, whatever it is; the stack does not grow. One exception: patterns that count
  digits in threes from the end of a run (AFMoE, Tiny Aya, SuperBPE) look at a run of n digits n times: 30,000 of them take AFMoE's
  0.8 s, 60,000 3.4 s (2 cores, 2026-11-23).
- User-defined tokens are always found in a text, control tokens only if that is asked for: at each place the longest one, from
  the left. Text between guard marks never becomes a control token (`tokenizer/tokenizer.h`, `guard`). Special tokens are looked
  for in the text as it is given, before any normalisation.
- Files do not say which special tokens take the white space beside them ("lstrip", "rstrip"). It is known for Phi-3 (behind
  all but three), and for the mask token of ModernBERT, of Jina's v2 and v3 and of Nomic's models (in front).
- A generation ends with the eos, eot and eom tokens of the file, and with every token whose text is known to end one and that
  is not ordinary text (`tokenizer/end_tokens.cpp`).

Byte-level BPE is lossless where every byte has a token; where a pre-tokenizer says NFC, the text comes back in that form. The
SentencePiece algorithms write a space as U+2581, so that character comes back as a space. WordPiece keeps neither case, accents
nor white space, unless the file says otherwise (`tokenizer.ggml.normalizer.lowercase`, `strip_accents`). Unigram normalises with
the file's `precompiled_charsmap`.

## Pre-tokenizers

What each value of `tokenizer.ggml.pre` does to a text before BPE. Every pattern (PCRE2, with Unicode's properties and white
space) cuts what the ones above it left: matches and the gaps between them are words, and nothing merges over a cut. No
pre-tokenizer puts a space in front of the text. A file without the entry means `default`; a name that is not here is refused.
)";

std::string names_of(const tokenizer::PreTokenizer& row) {
    std::string names;
    for (const std::string_view name : row.names)
        names += fmt::format("{}`{}`", names.empty() ? "" : ", ", name);
    return names;
}

std::string flags_of(const tokenizer::PreTokenizer& row) {
    std::string flags;
    const auto add = [&](bool set, std::string_view text) {
        if (set) flags += fmt::format("{}{}", flags.empty() ? "" : "; ", text);
    };
    add(row.symbols == tokenizer::Symbols::bytes, "merges bytes");
    add(row.symbols != tokenizer::Symbols::bytes, "merges characters");
    add(row.symbols == tokenizer::Symbols::escaped_characters, "U+2581 for spaces");
    add(row.nfc, "text in NFC");
    add(row.ignore_merges, "a word that is a token is that token, whatever the merges say");
    add(row.add_bos, "begins with the bos token where the file does not say");
    return flags;
}

std::string tokenizers_doc() {
    std::string out(kIntro);
    for (const auto& model : tokenizer::tokenizer_models())
        out += fmt::format("| {} | {} |\n", model.name,
                           model.make ? model.summary : "known, not built: refused by name");
    out += kRules;
    for (const auto& row : tokenizer::pre_tokenizers()) {
        out += fmt::format("\n{}: {}.\n\n```\n", names_of(row), flags_of(row));
        for (const std::string_view pattern : row.patterns) out += fmt::format("{}\n", pattern);
        out += "```\n";
    }
    return out;
}

}  // namespace

TEST(tokenizers_doc, is_what_the_tables_say) {
    expect_golden(tokenizers_doc(), std::filesystem::path(M2W_SOURCE_DIR) / "docs/tokenizers.md");
}

}  // namespace m2w::test
