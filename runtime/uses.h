// uses.h — who writes and who reads each value of a Plan.
#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "runtime/model/plan.h"

namespace m2w {

constexpr uint32_t kNoStep = UINT32_MAX;

struct Use {
    uint32_t writer = kNoStep;
    uint32_t readers = 0;
};

/// Of each value: the Step that writes it and how many operands of Steps read it. Logits and taps
/// count as read.
std::vector<Use> uses_of(const Plan& plan);

/// The first n_steps of some Steps, as one.
struct Fusion {
    size_t n_steps = 0;
    Step step;
};

/// Calls visit(index, mode) for each of the Plan's values that a Step reads or writes.
template <class Visit>
void for_each_value(const Step& step, Visit&& visit) {
    const OpInfo& info = op_info(step.op);
    for (size_t i = 0; i < info.n_bindings(); ++i)
        if (info.bindings[i].kind == Bind::activation && step.operands[i].present())
            visit(step.operands[i].index, info.bindings[i].mode);
}

}  // namespace m2w
