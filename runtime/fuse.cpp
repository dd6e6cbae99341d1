// fuse.cpp — finds Steps that go together by who reads what.
#include "runtime/fuse.h"

#include <span>
#include <vector>

#include "gguf/result.h"

namespace m2w {
namespace {

/// In the contract of matmul; check_contract() makes sure.
enum MatmulBinding : size_t { kWeight, kX, kBias, kResidual, kProduct };
enum MatmulParam : size_t { kCols, kRows };
constexpr size_t kMostProducts = 3;

void check_contract() {
    const OpInfo& info = op_info(Op::matmul);
    M2W_ASSERT(info.bindings[kWeight].name == "w" && info.bindings[kX].name == "x" &&
               info.bindings[kBias].name == "bias" && info.bindings[kResidual].name == "residual");
    for (size_t i = 0; i < kMostProducts; ++i)
        M2W_ASSERT(info.bindings[kProduct + i].name[0] == 'y' &&
                   info.params[kRows + i].name[0] == 'm');
}

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

/// Whether q, k and store are the Steps of a rope_store.
bool is_rope_store(const std::vector<Use>& uses, const Step& q, const Step& k, const Step& store) {
    if (q.op != Op::rope || k.op != Op::rope || store.op != Op::kv_store) return false;
    const uint32_t turned = k.operand("y").index;
    if (q.operand("table").index != k.operand("table").index) return false;
    for (const std::string_view param : {"head_dim", "n_rot", "pairing"})
        if (q.u32(param) != k.u32(param)) return false;
    return turned == store.operand("k").index && uses[turned].readers == 1 &&
           store.operand("v").index != q.operand("y").index;
}

/// How many Steps use each tensor.
std::vector<uint32_t> users_of_tensors(const Plan& plan) {
    std::vector<uint32_t> users(plan.tensors.size());
    for (const Step& step : plan.steps) {
        const OpInfo& info = op_info(step.op);
        for (size_t i = 0; i < info.n_bindings(); ++i)
            if ((info.bindings[i].kind == Bind::weight || info.bindings[i].kind == Bind::vector) &&
                step.operands[i].present())
                ++users[step.operands[i].index];
    }
    return users;
}

/// Whether `next` can go on where the stack that begins with `first` ends.
bool stackable(const Plan& plan, const std::vector<uint32_t>& users, const Step& first,
               const Step& next) {
    if (next.op != Op::matmul || next.layer != first.layer) return false;
    const auto alone = [&](Operand o) { return !o.present() || users[o.index] == 1; };
    const Tensor &a = plan.tensors[first.operands[kWeight].index],
                 &b = plan.tensors[next.operands[kWeight].index];
    const PlanValue &ya = plan.values[first.operands[kProduct].index],
                    &yb = plan.values[next.operands[kProduct].index];
    return alone(next.operands[kWeight]) && alone(next.operands[kBias]) &&
           next.operands[kX].index == first.operands[kX].index &&
           next.operands[kBias].present() == first.operands[kBias].present() &&
           !next.operands[kResidual].present() && !next.operands[kProduct + 1].present() &&
           a.dtype == b.dtype && !a.nbits && !b.nbits && a.cols == b.cols && ya.rows == yb.rows;
}

/// Tensors under each other as one.
Tensor stack(const Plan& plan, std::span<const Step> steps, MatmulBinding binding) {
    Tensor all = plan.tensors[steps[0].operands[binding].index];
    for (const Step& step : steps.subspan(1)) {
        const Tensor& t = plan.tensors[step.operands[binding].index];
        all.name += "+" + t.name;
        (all.is_vector ? all.cols : all.rows) += all.is_vector ? t.cols : t.rows;
        const auto parts = t.parts();
        all.stacked.insert(all.stacked.end(), parts.begin(), parts.end());
    }
    return all;
}

/// Tensors that no Step uses go, the others move up.
void drop_unused_tensors(Plan& plan) {
    const std::vector<uint32_t> users = users_of_tensors(plan);
    std::vector<uint32_t> moved_to(users.size());
    std::vector<Tensor> kept;
    for (size_t i = 0; i < users.size(); ++i) {
        moved_to[i] = uint32_t(kept.size());
        if (users[i] > 0) kept.push_back(std::move(plan.tensors[i]));
    }
    plan.tensors = std::move(kept);
    for (Step& step : plan.steps) {
        const OpInfo& info = op_info(step.op);
        for (size_t i = 0; i < info.n_bindings(); ++i)
            if ((info.bindings[i].kind == Bind::weight || info.bindings[i].kind == Bind::vector) &&
                step.operands[i].present())
                step.operands[i].index = moved_to[step.operands[i].index];
    }
}

}  // namespace

Plan fuse(const Plan& plan) {
    return fuse_rope_stores(stack_matmuls(fuse_residuals(plan)));
}

Plan fuse_residuals(const Plan& plan) {
    check_contract();
    Plan fused = plan;
    fused.steps.clear();
    const std::vector<Use> uses = uses_of(plan);
    std::vector<uint32_t> moved_to(plan.steps.size());  // old Step -> new Step that does its work
    for (uint32_t s = 0; s < plan.steps.size(); ++s) {
        const Step& step = plan.steps[s];
        bool done = false;
        for (const std::string_view side : {"a", "b"}) {
            if (step.op != Op::add || step.f32("scale") != 1 || done) break;
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

Plan stack_matmuls(const Plan& plan) {
    check_contract();
    const std::vector<uint32_t> users = users_of_tensors(plan);
    Plan out = plan;
    out.steps.clear();
    std::vector<uint32_t> moved_to(plan.steps.size());
    for (size_t s = 0; s < plan.steps.size();) {
        const Step& first = plan.steps[s];
        size_t n = 1;
        if (first.op == Op::matmul && stackable(plan, users, first, first))
            while (n < kMostProducts && s + n < plan.steps.size() &&
                   stackable(plan, users, first, plan.steps[s + n]))
                ++n;
        Step step = first;
        const std::span run = std::span(plan.steps).subspan(s, n);
        if (n > 1) {
            for (const MatmulBinding binding : {kWeight, kBias}) {
                if (!first.operands[binding].present()) continue;
                // Where its first part was: weights are loaded in this order.
                out.tensors[step.operands[binding].index] = stack(plan, run, binding);
            }
            for (size_t i = 1; i < n; ++i) {
                step.operands[kProduct + i] = run[i].operands[kProduct];
                step.params[kRows + i] = run[i].params[kRows];
            }
        }
        for (size_t i = 0; i < n; ++i) moved_to[s + i] = uint32_t(out.steps.size());
        out.steps.push_back(step);
        s += n;
    }
    for (Tap& tap : out.taps) tap.step = moved_to[tap.step];
    drop_unused_tensors(out);
    return out;
}

Plan fuse_rope_stores(const Plan& plan) {
    const std::vector<Use> uses = uses_of(plan);
    Plan out = plan;
    out.steps.clear();
    std::vector<uint32_t> moved_to(plan.steps.size());
    for (size_t s = 0; s < plan.steps.size();) {
        const bool found = s + 2 < plan.steps.size() &&
                           is_rope_store(uses, plan.steps[s], plan.steps[s + 1], plan.steps[s + 2]);
        for (size_t i = 0; i < (found ? 3 : 1); ++i) moved_to[s + i] = uint32_t(out.steps.size());
        if (!found) {
            out.steps.push_back(plan.steps[s++]);
            continue;
        }
        const Step &q = plan.steps[s], &k = plan.steps[s + 1], &store = plan.steps[s + 2];
        Step step{.op = Op::rope_store, .layer = q.layer};
        step.operands = {q.operand("x"),          k.operand("x"), store.operand("v"),
                         q.operand("table"),      q.operand("y"), store.operand("k_cache"),
                         store.operand("v_cache")};
        step.params = {q.u32("n_head"), k.u32("n_head"),  q.u32("head_dim"),
                       q.u32("n_rot"),  q.u32("pairing"), store.u32("n_v")};
        out.steps.push_back(step);
        s += 3;
    }
    for (Tap& tap : out.taps) tap.step = moved_to[tap.step];
    return out;
}

}  // namespace m2w
