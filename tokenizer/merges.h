// merges.h — the merge rules of BPE, and merging. Knows ids only, no text.
#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "tokenizer/hash.h"

namespace m2w::tokenizer {

constexpr uint32_t kNoToken = UINT32_MAX;

/// The rules: (left id, right id) -> rank, and the id that a rank makes. Lower ranks go first.
class MergeTable {
  public:
    static constexpr uint32_t kNoRank = UINT32_MAX;

    explicit MergeTable(size_t n_rules);
    /// Adds the next rule, whose rank is the number of rules before it; false if there is one for
    /// this pair.
    bool add(uint32_t left, uint32_t right, uint32_t merged);
    uint32_t rank(uint32_t left, uint32_t right) const {
        return slots_[locate(pair_of(left, right))].rank;
    }
    uint32_t merged(uint32_t rank) const { return merged_[rank]; }

  private:
    struct Slot {
        uint64_t pair = UINT64_MAX;
        uint32_t rank = kNoRank;
    };
    static uint64_t pair_of(uint32_t left, uint32_t right) { return uint64_t(left) << 32 | right; }
    size_t locate(uint64_t pair) const {
        const size_t mask = slots_.size() - 1;
        size_t at = size_t(hash_word(pair, key_)) & mask;
        while (slots_[at].rank != kNoRank && slots_[at].pair != pair) at = (at + 1) & mask;
        return at;
    }

    HashKey key_ = HashKey::of_process();
    std::vector<Slot> slots_;       // [power of two], at most two thirds full
    std::vector<uint32_t> merged_;  // [rules]
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
        uint32_t rank;  // of merging it with the next one
        uint32_t previous, next;
    };
    void link(std::span<const uint32_t> symbols);
    void update_rank(uint32_t at);
    void apply(uint32_t at);

    const MergeTable* table_;
    std::vector<Symbol> symbols_;  // a linked list in place
    std::vector<uint64_t> queue_;  // heap of rank << 32 | symbol; stale entries have another rank
    std::vector<uint32_t> result_;
};

}  // namespace m2w::tokenizer
