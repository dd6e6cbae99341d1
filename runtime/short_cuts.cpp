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

constexpr uint32_t kMostNormWidth = 3584;

std::optional<Fusion> find_norm_matmul(const Plan& plan, std::span<const Step> steps) {
    if (steps.size() < 2 || steps[1].op != Op::matmul) return {};
    const Step &norm = steps[0], &product = steps[1];
    Step out{.op = Op::norm_matmul, .layer = product.layer};
    Operand normed, w, stream, x_norm, sum;
    if (norm.op == Op::rms_norm && norm.u32("groups") == 1) {
        normed = norm.operand("y");
        w = norm.operand("w");
    } else if (norm.op == Op::add_rms_norm) {
        normed = norm.operand("y2");
        w = norm.operand("w");
        stream = norm.operand("residual");
        x_norm = norm.operand("x_w");
        sum = norm.operand("y");
    }
    const Tensor& matrix = plan.tensors[product.operand("w").index];
    if (!normed.present() || !w.present() || product.operand("x").index != normed.index ||
        product.operand("bias").present() || product.operand("residual").present() ||
        matrix.cols % 8 != 0 || matrix.cols > kMostNormWidth ||
        (matrix.nbits && matrix.nbits->format.int8_activations))
        return {};
    out.operands = {
        product.operand("w"),  norm.operand("x"),     w,      stream, product.operand("y"),
        product.operand("y2"), product.operand("y3"), x_norm, sum};
    out.params = {product.u32("k"),        product.u32("m"),
                  product.u32("m2"),       product.u32("m3"),
                  product.u32("gated_by"), product.u32("limit"),
                  product.u32("up_shift"), sum.present() ? norm.u32("scale") : 0,
                  norm.u32("eps")};
    return Fusion{2, out};
}

std::optional<Fusion> find_rope_attend(const Plan&, std::span<const Step> steps) {
    if (steps.size() < 2 || steps[0].op != Op::rope_store || steps[1].op != Op::attend) return {};
    const Step &store = steps[0], &attend = steps[1];
    const auto same = [&](std::string_view of_attend, std::string_view of_store) {
        return attend.operand(of_attend).index == store.operand(of_store).index;
    };
    const uint32_t n_head = attend.u32("n_head"), n_head_kv = attend.u32("n_head_kv");
    if (!same("q", "y") || !same("k_cache", "k_cache") || !same("v_cache", "v_cache") ||
        attend.operand("sinks").present() || attend.u32("temperature_length") != 0 ||
        n_head % n_head_kv != 0)
        return {};
    Step out{.op = Op::rope_attend, .layer = attend.layer};
    out.operands = {store.operand("q"),       store.operand("k"),       store.operand("v"),
                    store.operand("table"),   store.operand("qk_norm"), store.operand("k_cache"),
                    store.operand("v_cache"), attend.operand("y")};
    out.params = {n_head,
                  n_head_kv,
                  attend.u32("head_dim"),
                  attend.u32("value_dim"),
                  store.u32("n_rot"),
                  store.u32("pairing"),
                  store.u32("eps"),
                  attend.u32("scale"),
                  attend.u32("soft_cap"),
                  attend.u32("window")};
    return Fusion{2, out};
}

/// Whether the same kernels run both.
bool alike(const Step& a, const Step& b) {
    const auto same_presence = [](Operand x, Operand y) { return x.present() == y.present(); };
    return a.op == b.op && a.params == b.params &&
           std::ranges::equal(a.operands, b.operands, same_presence);
}

}  // namespace

Plan add_short_cuts(const Plan& plan) {
    constexpr FindShortCut kFinders[] = {find_norm_matmul, find_rope_attend};
    Plan out = find_short_cuts(plan, kFinders);
    const std::vector<ShortCut> all = out.short_cuts;
    std::erase_if(out.short_cuts, [&](const ShortCut& cut) {
        return std::ranges::count_if(
                   all, [&](const ShortCut& other) { return alike(other.step, cut.step); }) == 1;
    });
    return out;
}

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
