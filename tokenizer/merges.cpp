// merges.cpp — the merge loop: a linked list of symbols and a heap of candidates.
#include "tokenizer/merges.h"

#include <algorithm>
#include <functional>

namespace m2w::tokenizer {

namespace {

constexpr uint32_t kEnd = UINT32_MAX;

}  // namespace

MergeTable::MergeTable(size_t n_rules) {
    size_t n_slots = 8;
    while (2 * n_slots < 3 * n_rules) n_slots *= 2;
    slots_.resize(n_slots);
    merged_.reserve(n_rules);
}

bool MergeTable::add(uint32_t left, uint32_t right, uint32_t merged) {
    const uint64_t pair = pair_of(left, right);
    Slot& slot = slots_[locate(pair)];
    if (slot.rank != kNoRank) return false;
    slot = {pair, uint32_t(merged_.size())};
    merged_.push_back(merged);
    return true;
}

void Merger::link(std::span<const uint32_t> symbols) {
    const auto n = uint32_t(symbols.size());
    symbols_.resize(n);
    queue_.clear();
    for (uint32_t i = 0; i < n; i++) {
        Symbol& symbol = symbols_[i];
        symbol = {symbols[i], MergeTable::kNoRank, i - 1, i + 1 < n ? i + 1 : kEnd};
        if (i + 1 < n) symbol.rank = table_->rank(symbols[i], symbols[i + 1]);
        if (symbol.rank != MergeTable::kNoRank) queue_.push_back(uint64_t(symbol.rank) << 32 | i);
    }
    std::ranges::make_heap(queue_, std::greater<>());
}

void Merger::update_rank(uint32_t at) {
    Symbol& symbol = symbols_[at];
    symbol.rank = symbol.next == kEnd ? MergeTable::kNoRank
                                      : table_->rank(symbol.id, symbols_[symbol.next].id);
    if (symbol.rank == MergeTable::kNoRank) return;
    queue_.push_back(uint64_t(symbol.rank) << 32 | at);
    std::ranges::push_heap(queue_, std::greater<>());
}

/// Merges a symbol with the next one.
void Merger::apply(uint32_t at) {
    Symbol& left = symbols_[at];
    Symbol& right = symbols_[left.next];
    left.id = table_->merged(left.rank);
    left.next = right.next;
    right.rank = MergeTable::kNoRank;  // it is gone: no candidate of its counts any more
    if (left.next != kEnd) symbols_[left.next].previous = at;
    update_rank(at);
    if (left.previous != kEnd) update_rank(left.previous);
}

std::span<const uint32_t> Merger::merge(std::span<const uint32_t> symbols) {
    if (symbols.size() < 2) return symbols;
    link(symbols);
    while (!queue_.empty()) {
        const auto rank = uint32_t(queue_.front() >> 32), at = uint32_t(queue_.front());
        std::ranges::pop_heap(queue_, std::greater<>());
        queue_.pop_back();
        // The rank names the pair, so equal ranks mean that the pair still stands there.
        if (symbols_[at].rank == rank) apply(at);
    }
    result_.clear();
    for (uint32_t at = 0; at != kEnd; at = symbols_[at].next) result_.push_back(symbols_[at].id);
    return result_;
}

}  // namespace m2w::tokenizer
