// merge_rules.cpp — checks each rule against the vocabulary.
#include "tokenizer/merge_rules.h"

#include <fmt/format.h>

#include <algorithm>

namespace m2w::tokenizer {

namespace {

constexpr std::string_view kMergesKey = "tokenizer.ggml.merges";

Error bad_merge(size_t rank, std::string_view rule, std::string_view reason) {
    return Error{Category::merges,
                 fmt::format("{}[{}] '{:.60}': {}", kMergesKey, rank, rule, reason)};
}

}  // namespace

Result<MergeTable> read_merges(const gguf::File& file, const Vocabulary& vocab,
                               std::span<const TokenKind> kinds) {
    TRY(const auto* rules, file.find_strings(kMergesKey));
    if (!rules)
        return Error{Category::missing_metadata,
                     fmt::format("{} is missing ({})", kMergesKey, file.name())};
    const auto token_of = [&](std::string_view text) {
        const auto id = vocab.find(text);
        return id && std::ranges::count(kinds, vocab.kinds[*id]) ? *id : kNoToken;
    };
    MergeTable table(rules->size());
    std::string both;
    for (size_t rank = 0; rank < rules->size(); rank++) {
        const std::string_view rule = (*rules)[rank];
        const size_t space = rule.find(' ');
        if (space == std::string_view::npos || space == 0 || space + 1 == rule.size() ||
            rule.find(' ', space + 1) != std::string_view::npos)
            return bad_merge(rank, rule, "expected two tokens with one space between them");
        const std::string_view left = rule.substr(0, space), right = rule.substr(space + 1);
        (both = left) += right;
        const uint32_t left_id = token_of(left), right_id = token_of(right);
        const uint32_t merged_id = token_of(both);
        if (left_id == kNoToken || right_id == kNoToken || merged_id == kNoToken)
            return bad_merge(rank, rule, "a part or the whole is no token that text may become");
        if (!table.add(left_id, right_id, {uint32_t(rank), merged_id}))
            return bad_merge(rank, rule, "there is a rule for this pair already");
    }
    return table;
}

}  // namespace m2w::tokenizer
