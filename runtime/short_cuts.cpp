// short_cuts.cpp — proposes Steps, and takes those that are missed by nobody.
#include "runtime/short_cuts.h"

#include <algorithm>

#include "gguf/result.h"

namespace m2w {
namespace {

/// Whether `step` can stand for `steps`: it reads nothing that they write, and writes all that
/// others read of them. All have the same rows.
bool stands_for(const Plan& plan, const std::vector<Use>& uses, const Step& step,
                std::span<const Step> steps) {
    std::vector<uint32_t> written, read_inside;
    std::optional<Rows> rows;
    bool same_rows = true;
    const auto see_rows = [&](uint32_t value) {
        same_rows = same_rows && rows.value_or(plan.values[value].rows) == plan.values[value].rows;
        rows = plan.values[value].rows;
    };
    for (const Step& inner : steps)
        for_each_value(inner, [&](uint32_t value, Mode mode) {
            (mode == Mode::out ? written : read_inside).push_back(value);
            see_rows(value);
        });
    bool reads_itself = false;
    std::vector<uint32_t> kept;
    for_each_value(step, [&](uint32_t value, Mode mode) {
        if (mode == Mode::out)
            kept.push_back(value);
        else
            reads_itself = reads_itself || std::ranges::count(written, value) > 0;
    });
    return same_rows && !reads_itself && std::ranges::all_of(written, [&](uint32_t value) {
               return std::ranges::count(kept, value) > 0 ||
                      uint32_t(std::ranges::count(read_inside, value)) == uses[value].readers;
           });
}

}  // namespace

Plan find_short_cuts(const Plan& plan, std::span<const FindShortCut> finders) {
    M2W_ASSERT(plan.short_cuts.empty());
    const std::vector<Use> uses = uses_of(plan);
    Plan out = plan;
    const std::span<const Step> steps = plan.steps;
    for (size_t s = 0; s < steps.size();) {
        size_t n = 1;
        for (const FindShortCut find : finders) {
            const std::optional<Fusion> found = find(plan, steps.subspan(s));
            if (!found || !stands_for(plan, uses, found->step, steps.subspan(s, found->n_steps)))
                continue;
            n = found->n_steps;
            out.short_cuts.push_back({uint32_t(s), uint32_t(n), found->step});
            break;
        }
        s += n;
    }
    return out;
}

}  // namespace m2w
