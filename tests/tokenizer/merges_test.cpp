// merges_test.cpp — merging against a plain search for the best pair, and its order.
#include "tokenizer/merges.h"

#include <gtest/gtest.h>

#include <map>
#include <random>

namespace m2w::test {

using tokenizer::kNoToken;
using tokenizer::Merger;
using tokenizer::MergeRule;
using tokenizer::MergeTable;

namespace {

using Rules = std::map<std::pair<uint32_t, uint32_t>, std::pair<uint32_t, uint32_t>>;

/// Merges the best pair, the leftmost of equals, until there is none.
std::vector<uint32_t> merge_plainly(const Rules& rules, std::vector<uint32_t> symbols) {
    while (true) {
        size_t best = symbols.size();
        uint32_t best_rank = UINT32_MAX, merged = 0;
        for (size_t i = 0; i + 1 < symbols.size(); i++) {
            const auto it = rules.find({symbols[i], symbols[i + 1]});
            if (it == rules.end() || it->second.first >= best_rank) continue;
            best = i;
            std::tie(best_rank, merged) = it->second;
        }
        if (best == symbols.size()) return symbols;
        symbols[best] = merged;
        symbols.erase(symbols.begin() + ptrdiff_t(best) + 1);
    }
}

}  // namespace

TEST(merger, random_rules_and_words_merge_as_a_plain_search_does) {
    std::mt19937 engine(7);
    const auto random = [&] { return uint32_t(engine()); };
    for (int round = 0; round < 2000; round++) {
        const uint32_t n_letters = 1 + random() % 4, n_rules = random() % 40;
        Rules rules;
        MergeTable table(n_rules);
        uint32_t n_ids = n_letters;
        for (uint32_t rank = 0; rank < n_rules; rank++) {
            const uint32_t left = random() % n_ids, right = random() % n_ids;
            // Some rules make what another one makes.
            const uint32_t merged = random() % 8 ? n_ids : random() % n_ids;
            // Scores may be equal, merge lists have no two of a rank.
            const uint32_t used_rank = round % 2 ? rank : rank / 4;
            if (rules.contains({left, right})) {
                ASSERT_FALSE(table.add(left, right, {used_rank, merged}));
                continue;
            }
            ASSERT_TRUE(table.add(left, right, {used_rank, merged}));
            rules[{left, right}] = {used_rank, merged};
            n_ids = std::max(n_ids, merged + 1);
        }
        Merger merger(table);
        for (int word = 0; word < 10; word++) {
            std::vector<uint32_t> symbols(random() % 60);
            for (uint32_t& symbol : symbols)
                symbol = random() % 20 ? random() % n_letters : kNoToken;
            const auto merged = merger.merge(symbols);
            ASSERT_EQ(std::vector<uint32_t>(merged.begin(), merged.end()),
                      merge_plainly(rules, symbols))
                << "round " << round << " word " << word;
        }
    }
}

TEST(merger, leftmost_of_equal_pairs_goes_first) {
    MergeTable table(1);
    table.add(0, 0, MergeRule{0, 1});
    Merger merger(table);
    const std::vector<uint32_t> word{0, 0, 0, 0, 0};
    const auto merged = merger.merge(word);
    EXPECT_EQ(std::vector<uint32_t>(merged.begin(), merged.end()),
              (std::vector<uint32_t>{1, 1, 0}));
}

}  // namespace m2w::test
