// state_slots.cpp — slots are few, so they are looked for one after the other.
#include "runtime/state_slots.h"

#include <algorithm>
#include <cstddef>

namespace m2w {

bool StateSlots::is_free(uint32_t slot) const {
    return (current_.position == 0 || current_.slot != slot) &&
           std::none_of(kept_.begin(), kept_.end(),
                        [&](const States& states) { return states.slot == slot; });
}

StateSlots::Batch StateSlots::next() const {
    uint32_t free = 0;
    while (!is_free(free)) ++free;
    // At position 0 nothing is read, but the two are never the same.
    return {current_.position > 0 ? current_.slot : free + 1, free};
}

void StateSlots::advance(uint32_t n_tok) {
    current_ = {current_.position + n_tok, next().state_slot};
}

void StateSlots::keep() {
    const bool known = !kept_.empty() && kept_.back().position == current_.position;
    if (n_kept_ == 0 || current_.position == 0 || known) return;
    if (kept_.size() == n_kept_) {
        const auto cost = [&](size_t i) {
            return kept_[i].position - (i ? kept_[i - 1].position : 0);
        };
        size_t cheapest = 0;
        for (size_t i = 1; i < kept_.size(); ++i)
            if (cost(i) < cost(cheapest)) cheapest = i;
        kept_.erase(kept_.begin() + ptrdiff_t(cheapest));
    }
    kept_.push_back(current_);
}

void StateSlots::cut(uint32_t position) {
    while (!kept_.empty() && kept_.back().position > position) kept_.pop_back();
    if (current_.position > position) current_ = kept_.empty() ? States{} : kept_.back();
}

std::vector<uint32_t> StateSlots::kept() const {
    std::vector<uint32_t> positions;
    for (const States& states : kept_) positions.push_back(states.position);
    return positions;
}

}  // namespace m2w
