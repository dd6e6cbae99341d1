// fuse.cpp — finds pairs of Steps by who reads what.
#include "runtime/fuse.h"

#include <vector>

#include "gguf/result.h"

namespace m2w {
namespace {

enum MatmulBinding : size_t { kResidual = 3, kProduct = 4 };  // in the contract of matmul
static_assert(kMaxBindings > kProduct);

constexpr uint32_t kNoStep = UINT32_MAX;

struct Use {
    uint32_t writer = kNoStep;
    uint32_t readers = 0;
};

/// Of each value: the Step that writes it and how many Steps read it. Logits and taps count as
/// read.
std::vector<Use> uses_of(const Plan& plan) {
    std::vector<Use> uses(plan.values.size());
    for (uint32_t s = 0; s < plan.steps.size(); ++s) {
        const OpInfo& info = op_info(plan.steps[s].op);
        for (size_t i = 0; i < info.n_bindings(); ++i) {
            const Operand operand = plan.steps[s].operands[i];
            if (info.bindings[i].kind != Bind::activation || !operand.present()) continue;
            if (info.bindings[i].mode == Mode::out)
                uses[operand.index].writer = s;
            else
                ++uses[operand.index].readers;
        }
    }
    for (const Tap& tap : plan.taps) ++uses[tap.value].readers;
    ++uses[plan.logits].readers;
    return uses;
}

}  // namespace

Plan fuse_residuals(const Plan& plan) {
    M2W_ASSERT(op_info(Op::matmul).bindings[kResidual].name == "residual" &&
               op_info(Op::matmul).bindings[kProduct].name == "y");
    Plan fused = plan;
    fused.steps.clear();
    const std::vector<Use> uses = uses_of(plan);
    std::vector<uint32_t> moved_to(plan.steps.size());  // old Step -> new Step that does its work
    for (uint32_t s = 0; s < plan.steps.size(); ++s) {
        const Step& step = plan.steps[s];
        bool done = false;
        for (const std::string_view side : {"a", "b"}) {
            if (step.op != Op::add || done) break;
            const uint32_t product = step.operand(side).index;
            const Use& use = uses[product];
            // The matmul must be the Step just before: then nothing in between sees a later write.
            if (use.readers != 1 || use.writer == kNoStep || use.writer + 1 != s ||
                plan.steps[use.writer].op != Op::matmul)
                continue;
            Step& matmul = fused.steps.back();
            if (matmul.operands[kResidual].present()) continue;
            matmul.operands[kResidual] = step.operand(side == "a" ? "b" : "a");
            matmul.operands[kProduct] = step.operand("y");
            done = true;
        }
        if (!done) fused.steps.push_back(step);
        moved_to[s] = uint32_t(fused.steps.size() - 1);
    }
    for (Tap& tap : fused.taps) tap.step = moved_to[tap.step];
    return fused;
}

}  // namespace m2w
