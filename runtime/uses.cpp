// uses.cpp — one pass over the Steps.
#include "runtime/uses.h"

namespace m2w {

std::vector<Use> uses_of(const Plan& plan) {
    std::vector<Use> uses(plan.values.size());
    for (uint32_t s = 0; s < plan.steps.size(); ++s)
        for_each_value(plan.steps[s], [&](uint32_t value, Mode mode) {
            if (mode == Mode::out)
                uses[value].writer = s;
            else
                ++uses[value].readers;
        });
    for (const Tap& tap : plan.taps) ++uses[tap.value].readers;
    ++uses[plan.logits].readers;
    return uses;
}

}  // namespace m2w
