// value_slots.cpp — lives of values, then one pass over them.
#include "web-export/value_slots.h"

#include <algorithm>
#include <optional>

namespace m2w::web {
namespace {

struct Life {
    uint32_t value = 0;
    uint32_t first = 0, last = 0;  // Steps, of whole moments
};

std::vector<Life> lives_of(const Plan& plan) {
    std::vector<std::optional<Life>> by_value(plan.values.size());
    const std::vector<Moment> moments = moments_of(plan);
    for (uint32_t s = 0; s < plan.steps.size(); ++s) {
        const OpInfo& info = op_info(plan.steps[s].op);
        for (size_t i = 0; i < info.n_bindings(); ++i) {
            const Operand operand = plan.steps[s].operands[i];
            if (info.bindings[i].kind != Bind::activation || !operand.present()) continue;
            auto& life = by_value[operand.index];
            if (!life) life = Life{operand.index, moments[s].first, 0};
            life->last = moments[s].last;
        }
    }
    by_value[plan.logits]->last = uint32_t(plan.steps.size());
    std::vector<Life> lives;
    for (const auto& life : by_value)
        if (life) lives.push_back(*life);
    std::stable_sort(lives.begin(), lives.end(),
                     [](const Life& a, const Life& b) { return a.first < b.first; });
    return lives;
}

/// Whether a value of this width had better go into slot a than into b: the smallest that holds
/// it, else the largest.
bool better(uint32_t a, uint32_t b, uint32_t width) {
    if ((a >= width) != (b >= width)) return a >= width;
    return a >= width ? a < b : a > b;
}

}  // namespace

ValueSlots place_in_slots(const Plan& plan) {
    ValueSlots out;
    out.slot_of.assign(plan.values.size(), ValueSlots::kNone);
    std::vector<uint32_t> busy_until;  // [slots]: the last Step that touches what is in it
    for (const Life& life : lives_of(plan)) {
        const PlanValue& value = plan.values[life.value];
        uint32_t best = ValueSlots::kNone;
        for (uint32_t i = 0; i < out.slots.size(); ++i) {
            if (out.slots[i].rows != value.rows || busy_until[i] >= life.first) continue;
            if (best == ValueSlots::kNone ||
                better(out.slots[i].width, out.slots[best].width, value.width))
                best = i;
        }
        if (best == ValueSlots::kNone) {
            best = uint32_t(out.slots.size());
            out.slots.push_back({value.rows, 0});
            busy_until.push_back(0);
        }
        out.slots[best].width = std::max(out.slots[best].width, value.width);
        busy_until[best] = life.last;
        out.slot_of[life.value] = best;
    }
    return out;
}

}  // namespace m2w::web
