// spm_bpe.cpp — SentencePiece's BPE: every way to put a token together of two is a rule, and the
// token's score says how soon it goes.
#include <fmt/format.h>

#include <algorithm>

#include "tokenizer/character_bpe.h"
#include "tokenizer/limits.h"
#include "tokenizer/spaces.h"
#include "tokenizer/unicode_text.h"
#include "tokenizer/vocabulary.h"

namespace m2w::tokenizer {

namespace {

constexpr TokenKind kMerging[] = {TokenKind::normal, TokenKind::user_defined};

/// Ranks by score: the highest first, equal ones for equal scores.
std::vector<uint32_t> ranks_of(std::span<const float> scores) {
    std::vector<float> sorted(scores.begin(), scores.end());
    std::ranges::sort(sorted, std::greater<>());
    sorted.erase(std::unique(sorted.begin(), sorted.end()), sorted.end());
    std::vector<uint32_t> ranks;
    ranks.reserve(scores.size());
    for (const float score : scores)
        ranks.push_back(
            uint32_t(std::ranges::lower_bound(sorted, score, std::greater<>()) - sorted.begin()));
    return ranks;
}

Result<MergeTable> make_rules(const CharacterBpeParts& parts, const Vocabulary& vocab) {
    const StringPool& pieces = *parts.pieces;
    TextIndex index(vocab.size());
    uint64_t n_steps = 0;
    const auto may_merge = [&](uint32_t id) {
        return std::ranges::find(kMerging, vocab.kinds[id]) != std::end(kMerging);
    };
    for (uint32_t id = 0; id < vocab.size(); id++) {
        if (!may_merge(id)) continue;
        index.insert(pieces[id], id, pieces);
        n_steps += pieces[id].size() * pieces[id].size();
    }
    if (n_steps > kMaxRuleSteps)
        return Error{Category::resource_limit,
                     fmt::format("the squares of the tokens' lengths sum up to {}, limit {}",
                                 n_steps, kMaxRuleSteps)};
    /// A part of a piece as a symbol: a character, or a token.
    const auto symbol_of = [&](std::string_view part) {
        const Character first = character_at(part, 0);
        if (first.length == part.size()) return parts.symbols.find(first.code_point);
        return index.find(part, pieces).value_or(kNoToken);
    };
    struct Found {
        uint32_t left, right, merged;
    };
    std::vector<Found> found;
    for (uint32_t id = 0; id < vocab.size(); id++) {
        const std::string_view piece = pieces[id];
        if (!may_merge(id) || index.find(piece, pieces) != id) continue;
        for (size_t at = character_at(piece, 0).length; at < piece.size();
             at += character_at(piece, at).length) {
            const uint32_t right = symbol_of(piece.substr(at));
            if (right == kNoToken) continue;
            const uint32_t left = symbol_of(piece.substr(0, at));
            if (left != kNoToken) found.push_back({left, right, id});
        }
    }
    const auto ranks = ranks_of(vocab.scores);
    MergeTable table(found.size());
    for (const Found& rule : found)
        table.add(rule.left, rule.right, {ranks[rule.merged], rule.merged});
    return table;
}

}  // namespace

Result<MadeAlgorithm> make_spm_bpe(const AlgorithmInput& input) {
    if (input.vocab.scores.empty())
        return Error{Category::missing_metadata,
                     fmt::format("tokenizer.ggml.scores is missing ({})", input.file.name())};
    TRY(const auto prefix, input.file.find_bool("tokenizer.ggml.add_space_prefix"));
    CharacterBpeParts parts{
        .name = "SentencePiece BPE",
        .space_prefix = prefix.value_or(true),
        .marks_are_spaces = true,
        .add_bos = true,
        .merges = MergeTable(0),
        .pieces = pieces_with_spaces(input.vocab),
        .merging_kinds = kMerging,
    };
    add_symbols(parts, input.vocab);
    add_fallback(parts, input.vocab);
    TRY(parts.merges, make_rules(parts, input.vocab));
    const auto pieces = parts.pieces;
    return MadeAlgorithm{make_character_algorithm(std::move(parts), input.vocab), pieces};
}

}  // namespace m2w::tokenizer
