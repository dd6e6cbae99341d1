// merges.h — the merge rules of BPE, and merging. Knows ids only, no text.
#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "tokenizer/hash.h"

namespace m2w::tokenizer {

constexpr uint32_t kNoToken = UINT32_MAX;

/// What a pair of symbols merges into, and how soon: lower ranks go first.
struct MergeRule {
    static constexpr uint32_t kNoRank = UINT32_MAX;
    uint32_t rank = kNoRank;
    uint32_t merged = kNoToken;
};

/// The rules, by pair. Ranks may be equal: then the leftmost pair of a word goes first.
class MergeTable {
  public:
    explicit MergeTable(size_t max_rules);
    /// False (and nothing added) if there is a rule for this pair. rule.rank is not kNoRank.
    bool add(uint32_t left, uint32_t right, MergeRule rule);
    /// The rule of a pair; one of no rank if there is none.
    MergeRule find(uint32_t left, uint32_t right) const {
        return slots_[locate(pair_of(left, right))].rule;
    }

  private:
    struct Slot {
        uint64_t pair = UINT64_MAX;
        MergeRule rule;
    };
    static uint64_t pair_of(uint32_t left, uint32_t right) { return uint64_t(left) << 32 | right; }
    size_t locate(uint64_t pair) const {
        const size_t mask = slots_.size() - 1;
        size_t at = size_t(hash_word(pair, key_)) & mask;
        while (slots_[at].rule.rank != MergeRule::kNoRank && slots_[at].pair != pair)
            at = (at + 1) & mask;
        return at;
    }

    HashKey key_ = HashKey::of_process();
    std::vector<Slot> slots_;  // [power of two], at most two thirds full
};

/// Merges one word after the other; keeps its memory between words. One thread.
class Merger {
  public:
    explicit Merger(const MergeTable& table) : table_(&table) {}

    /// Applies the rules to a word's symbols, best rank first, leftmost first among equals, until
    /// none applies. symbols: ids or kNoToken (which nothing merges with), fewer than 2^32 - 1.
    /// Returns what is left, valid until the next call. O(n log n).
    std::span<const uint32_t> merge(std::span<const uint32_t> symbols);

  private:
    struct Symbol {
        uint32_t id;
        MergeRule rule;  // of merging it with the next one
        uint32_t previous, next;
    };
    void link(std::span<const uint32_t> symbols);
    void update_rule(uint32_t at);
    void apply(uint32_t at);
    std::span<const uint32_t> merge_short(std::span<const uint32_t> symbols);

    const MergeTable* table_;
    std::vector<Symbol> symbols_;  // a linked list in place
    std::vector<uint64_t> queue_;  // heap of rank << 32 | symbol; stale entries have another rank
    std::vector<uint32_t> result_;
    std::vector<MergeRule> rules_;  // of short words: [result_], each with the next one
};

}  // namespace m2w::tokenizer
