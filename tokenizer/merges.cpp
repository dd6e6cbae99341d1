// merges.cpp — the merge loop: a linked list of symbols and a heap of candidates.
#include "tokenizer/merges.h"

#include <algorithm>
#include <functional>

namespace m2w::tokenizer {

namespace {

constexpr uint32_t kEnd = UINT32_MAX;

/// Up to here, looking for the best pair again and again is faster than a heap.
constexpr size_t kShortWord = 24;

}  // namespace

MergeTable::MergeTable(size_t max_rules) {
    size_t n_slots = 8;
    while (2 * n_slots < 3 * max_rules) n_slots *= 2;
    slots_.resize(n_slots);
}

bool MergeTable::add(uint32_t left, uint32_t right, MergeRule rule) {
    const uint64_t pair = pair_of(left, right);
    Slot& slot = slots_[locate(pair)];
    if (slot.rule.rank != MergeRule::kNoRank) return false;
    slot = {pair, rule};
    return true;
}

void Merger::link(std::span<const uint32_t> symbols) {
    const auto n = uint32_t(symbols.size());
    symbols_.resize(n);
    queue_.clear();
    for (uint32_t i = 0; i < n; i++) {
        Symbol& symbol = symbols_[i];
        symbol = {symbols[i], {}, i - 1, i + 1 < n ? i + 1 : kEnd};
        if (i + 1 < n) symbol.rule = table_->find(symbols[i], symbols[i + 1]);
        if (symbol.rule.rank != MergeRule::kNoRank)
            queue_.push_back(uint64_t(symbol.rule.rank) << 32 | i);
    }
    std::ranges::make_heap(queue_, std::greater<>());
}

void Merger::update_rule(uint32_t at) {
    Symbol& symbol = symbols_[at];
    symbol.rule =
        symbol.next == kEnd ? MergeRule{} : table_->find(symbol.id, symbols_[symbol.next].id);
    if (symbol.rule.rank == MergeRule::kNoRank) return;
    queue_.push_back(uint64_t(symbol.rule.rank) << 32 | at);
    std::ranges::push_heap(queue_, std::greater<>());
}

/// Merges a symbol with the next one.
void Merger::apply(uint32_t at) {
    Symbol& left = symbols_[at];
    Symbol& right = symbols_[left.next];
    left.id = left.rule.merged;
    left.next = right.next;
    right.rule = {};  // it is gone: no candidate of its counts any more
    if (left.next != kEnd) symbols_[left.next].previous = at;
    update_rule(at);
    if (left.previous != kEnd) update_rule(left.previous);
}

std::span<const uint32_t> Merger::merge_short(std::span<const uint32_t> symbols) {
    result_.assign(symbols.begin(), symbols.end());
    rules_.resize(symbols.size() - 1);
    for (size_t i = 0; i < rules_.size(); i++) rules_[i] = table_->find(symbols[i], symbols[i + 1]);
    while (!rules_.empty()) {
        const auto best = std::ranges::min_element(rules_, {}, &MergeRule::rank);
        if (best->rank == MergeRule::kNoRank) break;
        const auto at = best - rules_.begin();
        result_[size_t(at)] = best->merged;
        result_.erase(result_.begin() + at + 1);
        rules_.erase(best);
        if (size_t(at) < rules_.size())
            rules_[size_t(at)] = table_->find(result_[size_t(at)], result_[size_t(at) + 1]);
        if (at > 0)
            rules_[size_t(at) - 1] = table_->find(result_[size_t(at) - 1], result_[size_t(at)]);
    }
    return result_;
}

std::span<const uint32_t> Merger::merge(std::span<const uint32_t> symbols) {
    if (symbols.size() < 2) return symbols;
    if (symbols.size() <= kShortWord) return merge_short(symbols);
    link(symbols);
    while (!queue_.empty()) {
        const auto rank = uint32_t(queue_.front() >> 32), at = uint32_t(queue_.front());
        std::ranges::pop_heap(queue_, std::greater<>());
        queue_.pop_back();
        // A symbol whose rule has another rank by now is queued with that one as well.
        if (symbols_[at].rule.rank == rank) apply(at);
    }
    result_.clear();
    for (uint32_t at = 0; at != kEnd; at = symbols_[at].next) result_.push_back(symbols_[at].id);
    return result_;
}

}  // namespace m2w::tokenizer
