// fuse.cpp — finds Steps that go together by who reads what.
#include "runtime/fuse.h"

#include <optional>
#include <span>
#include <vector>

#include "gguf/result.h"
#include "runtime/uses.h"

namespace m2w {
namespace {

/// In the contract of matmul; check_contract() makes sure.
enum MatmulBinding : size_t { kWeight, kX, kBias, kResidual, kProduct };
enum MatmulParam : size_t { kProductCols, kProductRows, kGatedBy = 4, kLimit, kUpShift };
constexpr size_t kMostProducts = 3;

/// In the contracts of rms_norm and rope_store.
enum NormBinding : size_t { kNormWeight = 1 };
enum RopeStoreBinding : size_t { kRopeQ = 0, kRopeK = 1, kQkNorm = 4 };
enum RopeStoreParam : size_t { kRopeEps = 6 };
constexpr size_t kExpertOrder = 3;  // of expert_matmul

void check_contract() {
    const OpInfo& rope = op_info(Op::rope_store);
    M2W_ASSERT(rope.bindings[kRopeQ].name == "q" && rope.bindings[kRopeK].name == "k" &&
               rope.bindings[kQkNorm].name == "qk_norm" && rope.params[kRopeEps].name == "eps" &&
               op_info(Op::rms_norm).bindings[kNormWeight].name == "w");
    const OpInfo& info = op_info(Op::matmul);
    M2W_ASSERT(info.bindings[kWeight].name == "w" && info.bindings[kX].name == "x" &&
               info.bindings[kBias].name == "bias" && info.bindings[kResidual].name == "residual" &&
               info.params[kGatedBy].name == "gated_by" && info.params[kLimit].name == "limit" &&
               info.params[kUpShift].name == "up_shift");
    for (size_t i = 0; i < kMostProducts; ++i)
        M2W_ASSERT(info.bindings[kProduct + i].name[0] == 'y' &&
                   info.params[kProductRows + i].name[0] == 'm');
}

/// find(steps): what `steps` begin with, if that is to be one Step. Taps follow their Steps.
template <class Find>
Plan rewrite(const Plan& plan, Find&& find) {
    M2W_ASSERT(plan.short_cuts.empty());  // they would have to move, too
    Plan out = plan;
    out.steps.clear();
    std::vector<uint32_t> moved_to(plan.steps.size());  // old Step -> new Step that does its work
    for (size_t s = 0; s < plan.steps.size();) {
        const std::optional<Fusion> found = find(std::span(plan.steps).subspan(s));
        const size_t n = found ? found->n_steps : 1;
        for (size_t i = 0; i < n; ++i) moved_to[s + i] = uint32_t(out.steps.size());
        out.steps.push_back(found ? found->step : plan.steps[s]);
        s += n;
    }
    for (Tap& tap : out.taps) tap.step = moved_to[tap.step];
    return out;
}

/// What an add adds the value to, unless it does not, is not its only reader, or scales the other
/// side.
Operand added_to(const std::vector<Use>& uses, const Step& step, uint32_t value) {
    if (step.op != Op::add || uses[value].readers != 1) return {};
    if (step.operand("b").index == value) return step.operand("a");
    const bool is_a = step.operand("a").index == value && step.f32("scale") == 1;
    return is_a ? step.operand("b") : Operand();
}

bool is_norm_of_rows(const Step& step) {
    return step.op == Op::rms_norm && step.u32("groups") == 1;
}

/// rms_norm of what is added, add, rms_norm of the sum; the first or the last may be absent.
std::optional<Fusion> find_added_norms(const std::vector<Use>& uses, std::span<const Step> steps) {
    const bool normed =
        is_norm_of_rows(steps[0]) && steps[0].operand("w").present() && steps.size() > 1;
    const Step& add = steps[normed];
    Operand x, x_w, residual;
    if (normed) {
        x = steps[0].operand("x");
        x_w = steps[0].operand("w");
        residual = added_to(uses, add, steps[0].operand("y").index);
    } else if (add.op == Op::add) {
        x = add.operand("b");
        residual = add.operand("a");
    }
    if (!residual.present()) return {};
    const auto is_next = [&](const Step& step) {
        return is_norm_of_rows(step) && step.operand("x").index == add.operand("y").index &&
               (!normed || step.u32("eps") == steps[0].u32("eps"));
    };
    const size_t n = normed ? 2 : 1;
    const Step* next = n < steps.size() && is_next(steps[n]) ? &steps[n] : nullptr;
    if (!normed && !next) return {};
    Step out{.op = Op::add_rms_norm, .layer = steps[0].layer};
    out.operands = {x,
                    x_w,
                    residual,
                    next ? next->operand("w") : Operand(),
                    add.operand("y"),
                    next ? next->operand("y") : Operand()};
    out.params = {add.u32("n"), add.u32("scale"), (normed ? steps[0] : *next).u32("eps")};
    return Fusion{next ? n + 1 : n, out};
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

/// Whether `norm` is of each head by itself, for the store alone and with a weight of its own.
bool is_head_norm(const std::vector<Use>& uses, const std::vector<uint32_t>& users,
                  const Step& norm, const Step& store, std::string_view side) {
    if (norm.op != Op::rms_norm || norm.u32("n") != store.u32("head_dim")) return false;
    const Operand w = norm.operand("w"), y = norm.operand("y");
    return w.present() && users[w.index] == 1 && y.index == store.operand(side).index &&
           uses[y.index].readers == 1;
}

/// Tensors under each other as one.
Tensor stack(const Plan& plan, std::span<const Step> steps, size_t binding) {
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

/// Whether glu alone reads what matmul gives, a gate and as many columns that it gates.
bool is_gate_of(const std::vector<Use>& uses, const Step& matmul, const Step& glu) {
    if (matmul.op != Op::matmul || glu.op != Op::glu) return false;
    const Operand gate = matmul.operands[kProduct], up = matmul.operands[kProduct + 1];
    return up.present() && !matmul.operands[kProduct + 2].present() &&
           !matmul.operands[kResidual].present() && glu.operand("gate").index == gate.index &&
           glu.operand("up").index == up.index && uses[gate.index].readers == 1 &&
           uses[up.index].readers == 1;
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
    return fuse_head_norms(
        fuse_rope_stores(fuse_gates(stack_matmuls(fuse_norms(fuse_residuals(plan))))));
}

Plan fuse_residuals(const Plan& plan) {
    check_contract();
    const std::vector<Use> uses = uses_of(plan);
    return rewrite(plan, [&](std::span<const Step> steps) -> std::optional<Fusion> {
        // The add must be the Step just behind: then nothing in between sees a later write.
        if (steps[0].op != Op::matmul || steps.size() < 2) return {};
        Step matmul = steps[0];
        const Operand residual = added_to(uses, steps[1], matmul.operands[kProduct].index);
        if (!residual.present() || steps[1].f32("scale") != 1 ||
            matmul.operands[kResidual].present())
            return {};
        matmul.operands[kResidual] = residual;
        matmul.operands[kProduct] = steps[1].operand("y");
        return Fusion{2, matmul};
    });
}

Plan fuse_norms(const Plan& plan) {
    const std::vector<Use> uses = uses_of(plan);
    return rewrite(plan,
                   [&](std::span<const Step> steps) { return find_added_norms(uses, steps); });
}

Plan stack_matmuls(const Plan& plan) {
    check_contract();
    const std::vector<uint32_t> users = users_of_tensors(plan);
    std::vector<Tensor> tensors = plan.tensors;
    Plan out = rewrite(plan, [&](std::span<const Step> steps) -> std::optional<Fusion> {
        const Step& first = steps[0];
        if (first.op != Op::matmul || !stackable(plan, users, first, first)) return {};
        size_t n = 1;
        while (n < kMostProducts && n < steps.size() && stackable(plan, users, first, steps[n]))
            ++n;
        Step step = first;
        for (const MatmulBinding binding : {kWeight, kBias}) {
            if (!first.operands[binding].present()) continue;
            // Where its first part was: weights are loaded in this order.
            tensors[first.operands[binding].index] = stack(plan, steps.first(n), binding);
        }
        for (size_t i = 1; i < n; ++i) {
            step.operands[kProduct + i] = steps[i].operands[kProduct];
            step.params[kProductRows + i] = steps[i].params[kProductRows];
        }
        return Fusion{n, step};
    });
    out.tensors = std::move(tensors);
    drop_unused_tensors(out);
    return out;
}

Plan fuse_gates(const Plan& plan) {
    check_contract();
    const std::vector<Use> uses = uses_of(plan);
    const std::vector<uint32_t> users = users_of_tensors(plan);
    std::vector<Tensor> tensors = plan.tensors;
    Plan out = rewrite(plan, [&](std::span<const Step> steps) -> std::optional<Fusion> {
        if (steps.size() < 2 || !is_gate_of(uses, steps[0], steps[1])) return {};
        const uint32_t weight = steps[0].operands[kWeight].index;
        if (users[weight] != 1) return {};
        tensors[weight].paired = true;
        Step step = steps[0];
        step.operands[kProduct] = steps[1].operand("y");
        step.operands[kProduct + 1] = {};
        step.params[kGatedBy] = steps[1].u32("activation") + 1;
        step.params[kLimit] = steps[1].u32("limit");
        step.params[kUpShift] = steps[1].u32("up_shift");
        return Fusion{2, step};
    });
    out.tensors = std::move(tensors);
    return out;
}

Plan fuse_rope_stores(const Plan& plan) {
    const std::vector<Use> uses = uses_of(plan);
    return rewrite(plan, [&](std::span<const Step> steps) -> std::optional<Fusion> {
        if (steps.size() < 3 || !is_rope_store(uses, steps[0], steps[1], steps[2])) return {};
        const Step &q = steps[0], &k = steps[1], &store = steps[2];
        Step step{.op = Op::rope_store, .layer = q.layer};
        step.operands = {
            q.operand("x"), k.operand("x"), store.operand("v"),       q.operand("table"),
            Operand(),      q.operand("y"), store.operand("k_cache"), store.operand("v_cache")};
        step.params = {q.u32("n_head"), k.u32("n_head"),  q.u32("head_dim"),
                       q.u32("n_rot"),  q.u32("pairing"), store.u32("n_v")};
        return Fusion{3, step};
    });
}

Plan fuse_head_norms(const Plan& plan) {
    check_contract();
    const std::vector<Use> uses = uses_of(plan);
    const std::vector<uint32_t> users = users_of_tensors(plan);
    std::vector<Tensor> tensors = plan.tensors;
    Plan out = rewrite(plan, [&](std::span<const Step> steps) -> std::optional<Fusion> {
        if (steps.size() < 3 || steps[2].op != Op::rope_store) return {};
        const Step &q = steps[0], &k = steps[1], &store = steps[2];
        if (store.operand("qk_norm").present() || !is_head_norm(uses, users, q, store, "q") ||
            !is_head_norm(uses, users, k, store, "k") || q.u32("eps") != k.u32("eps"))
            return {};
        tensors[q.operand("w").index] = stack(plan, steps.first(2), kNormWeight);
        Step step = store;
        step.operands[kRopeQ] = q.operand("x");
        step.operands[kRopeK] = k.operand("x");
        step.operands[kQkNorm] = q.operand("w");
        step.params[kRopeEps] = q.u32("eps");
        return Fusion{3, step};
    });
    out.tensors = std::move(tensors);
    drop_unused_tensors(out);
    return out;
}

Plan drop_expert_orders(const Plan& plan) {
    M2W_ASSERT(op_info(Op::expert_matmul).bindings[kExpertOrder].name == "order");
    return rewrite(plan, [&](std::span<const Step> steps) -> std::optional<Fusion> {
        size_t n = 1;
        while (n < steps.size() && steps[n - 1].op == Op::expert_order) ++n;
        Step step = steps[n - 1];
        if (step.op == Op::expert_matmul) step.operands[kExpertOrder] = {};
        return Fusion{n, step};
    });
}

}  // namespace m2w
