// plans.h — Plans without a file: a few Steps put together by hand or at random, for what works on
// any Plan. Weights, where a Step has them, are a dummy.
#pragma once
#include <bit>
#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "runtime/short_cuts.h"

namespace m2w::test {

/// Values are added as they are written; every Step takes values that are there.
class PlanDraft {
  public:
    PlanDraft() {
        plan.tensors.push_back({.name = "w", .rows = 4, .cols = 4});
        plan.tensors.push_back({.name = "v", .rows = 1, .cols = 4, .is_vector = true});
    }

    uint32_t value(uint32_t width, Rows rows = Rows::n_tok) {
        plan.values.push_back({"v" + std::to_string(plan.values.size()), rows, width});
        return uint32_t(plan.values.size() - 1);
    }
    uint32_t add(uint32_t a, uint32_t b, float scale = 1) {
        const uint32_t y = step(Op::add, {a, b});
        plan.steps.back().params[1] = std::bit_cast<uint32_t>(scale);
        return y;
    }
    uint32_t glu(uint32_t a, uint32_t b) { return step(Op::glu, {a, b}); }
    uint32_t norm(uint32_t x) { return step(Op::rms_norm, {x, 1}); }
    uint32_t matmul(uint32_t x, uint32_t residual = Operand::kAbsent) {
        return step(Op::matmul, {0, x, Operand::kAbsent, residual});
    }

    Plan plan;

  private:
    /// in: all operands but the last, which is a new value as wide as the first activation.
    uint32_t step(Op op, std::vector<uint32_t> in) {
        const uint32_t like = op == Op::matmul ? in[1] : in[0];
        const PlanValue shape = plan.values[like];
        const uint32_t y = value(shape.width, shape.rows);
        Step step{.op = op};
        for (size_t i = 0; i < in.size(); ++i) step.operands[i] = {in[i]};
        step.operands[in.size()] = {y};
        plan.steps.push_back(step);
        return y;
    }
};

/// n_steps Steps over values of all widths and rows, each reading what was written before or one of
/// three inputs that no Step writes.
inline Plan random_plan(uint32_t seed, uint32_t n_steps) {
    std::mt19937 random(seed);
    const auto below = [&](size_t n) { return uint32_t(random() % n); };
    PlanDraft draft;
    const uint32_t widths[] = {1, 3, 64, 65, 100, 1000};
    for (int i = 0; i < 3; ++i) draft.value(widths[below(6)], below(2) ? Rows::n_tok : Rows::n_out);
    for (uint32_t s = 0; s < n_steps; ++s) {
        const uint32_t n = uint32_t(draft.plan.values.size());
        // Mostly recent values, now and then one from long ago.
        const auto pick = [&] { return below(4) ? n - 1 - below(std::min(n, 4u)) : below(n); };
        const uint32_t a = pick(), b = pick();
        const uint32_t kind = below(5);
        const uint32_t y = kind == 0   ? draft.add(a, b)
                           : kind == 1 ? draft.glu(a, b)
                           : kind == 2 ? draft.norm(a)
                           : kind == 3 ? draft.matmul(a)
                                       : draft.matmul(a, b);
        draft.plan.values[y].width = widths[below(6)];
        draft.plan.values[y].rows = below(3) ? Rows::n_tok : Rows::n_out;
        if (below(3) == 0) draft.plan.taps.push_back({s, y});
    }
    draft.plan.logits = below(draft.plan.values.size());
    return draft.plan;
}

/// A short cut of no use to anybody: a product and its sum with something else, as one product.
inline std::optional<Fusion> find_summed_product(const Plan&, std::span<const Step> steps) {
    if (steps.size() < 2 || steps[0].op != Op::matmul || steps[1].op != Op::add) return {};
    const uint32_t product = steps[0].operand("y").index;
    const bool first = steps[1].operand("a").index == product;
    const Operand other = steps[1].operand(first ? "b" : "a");
    if (steps[1].operand(first ? "a" : "b").index != product || steps[1].f32("scale") != 1 ||
        steps[0].operand("residual").present() || steps[0].operand("y2").present())
        return {};
    Step step = steps[0];
    step.operands[3] = other;
    step.operands[4] = steps[1].operand("y");
    return Fusion{2, step};
}

inline Plan cut_sums(const Plan& plan) {
    const FindShortCut finders[] = {find_summed_product};
    return find_short_cuts(plan, finders);
}

/// What single rows take.
inline std::vector<Step> with_short_cuts(const Plan& plan) {
    std::vector<Step> steps;
    auto cut = plan.short_cuts.begin();
    for (uint32_t s = 0; s < plan.steps.size();) {
        const bool here = cut != plan.short_cuts.end() && cut->first == s;
        steps.push_back(here ? cut->step : plan.steps[s]);
        s += here ? (cut++)->n : 1;
    }
    return steps;
}

}  // namespace m2w::test
