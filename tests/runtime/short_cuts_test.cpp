// short_cuts_test.cpp — which Steps one may stand for.
#include "runtime/short_cuts.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <functional>

#include "runtime/fuse.h"
#include "runtime/model/fuzz/blueprint.h"
#include "tests/runtime/plans.h"

namespace m2w {
namespace {

using test::PlanDraft;

TEST(short_cuts, steps_stay_and_what_stands_for_them_is_beside_them) {
    PlanDraft draft;
    const uint32_t x = draft.value(4), residual = draft.value(4);
    const uint32_t first = draft.add(residual, draft.matmul(draft.norm(x)));
    draft.plan.logits = draft.add(draft.matmul(first), residual);
    draft.plan.taps = {{2, first}};
    const Plan cut = test::cut_sums(draft.plan);
    EXPECT_EQ(cut.steps.size(), draft.plan.steps.size());
    ASSERT_EQ(cut.short_cuts.size(), 2u);
    EXPECT_EQ(cut.short_cuts[0].first, 1u);
    EXPECT_EQ(cut.short_cuts[0].n, 2u);
    EXPECT_EQ(cut.short_cuts[0].step.operand("y").index, first);
    EXPECT_EQ(cut.short_cuts[1].first, 3u);
    EXPECT_EQ(cut.short_cuts[1].step.operand("y").index, cut.logits);
    const std::vector<Moment> moments = moments_of(cut);
    EXPECT_EQ(moments[0].last, 0u);
    EXPECT_EQ(moments[1].last, 2u);
    EXPECT_EQ(moments[4].first, 3u);
    EXPECT_NE(cut.print().find("one row, instead of 2"), std::string::npos);
}

TEST(short_cuts, what_somebody_else_reads_is_not_left_out) {
    PlanDraft draft;
    const uint32_t product = draft.matmul(draft.value(4));
    draft.plan.logits = draft.add(draft.value(4), product);
    EXPECT_EQ(test::cut_sums(draft.plan).short_cuts.size(), 1u);

    PlanDraft tapped = draft;
    tapped.plan.taps = {{0, product}};
    EXPECT_TRUE(test::cut_sums(tapped.plan).short_cuts.empty());

    PlanDraft read = draft;
    read.plan.logits = read.glu(product, draft.plan.logits);
    EXPECT_TRUE(test::cut_sums(read.plan).short_cuts.empty());

    PlanDraft result = draft;
    result.plan.logits = product;
    EXPECT_TRUE(test::cut_sums(result.plan).short_cuts.empty());
}

TEST(short_cuts, steps_of_other_rows_or_that_need_their_own_result_stay) {
    PlanDraft rows;
    const uint32_t product = rows.matmul(rows.value(4));
    rows.plan.logits = rows.add(rows.value(4, Rows::n_out), product);
    rows.plan.values[rows.plan.logits].rows = Rows::n_out;
    EXPECT_TRUE(test::cut_sums(rows.plan).short_cuts.empty());

    PlanDraft twice;
    const uint32_t both = twice.matmul(twice.value(4));
    twice.plan.logits = twice.add(both, both);
    EXPECT_TRUE(test::cut_sums(twice.plan).short_cuts.empty());
}

Plan fused_plan(std::string_view arch) {
    const auto model = test::Blueprint(*find_arch(arch), {.block_count = 4}).model();
    EXPECT_TRUE(bool(model));
    return fuse((*model)->plan());
}

TEST(short_cuts, norms_and_the_products_that_alone_read_them) {
    for (const std::string_view arch : {"llama", "gemma3"}) {
        const Plan plan = add_short_cuts(fused_plan(arch));
        // A layer has two; the first one of the second model adds nothing before it.
        const auto is_norm = [](const ShortCut& cut) { return cut.step.op == Op::norm_matmul; };
        ASSERT_EQ(std::ranges::count_if(plan.short_cuts, is_norm), arch == "llama" ? 8 : 7);
        for (const ShortCut& cut : plan.short_cuts) {
            if (!is_norm(cut)) continue;
            const Step &norm = plan.steps[cut.first], &product = plan.steps[cut.first + 1];
            const bool added = norm.op == Op::add_rms_norm;
            EXPECT_EQ(cut.n, 2u);
            EXPECT_EQ(cut.step.layer, product.layer);
            EXPECT_EQ(cut.step.operand("w").index, product.operand("w").index);
            EXPECT_EQ(cut.step.operand("norm").index, norm.operand("w").index);
            EXPECT_EQ(cut.step.operand("y2").index, product.operand("y2").index);
            EXPECT_EQ(cut.step.u32("gated_by"), product.u32("gated_by"));
            EXPECT_EQ(cut.step.u32("eps"), norm.u32("eps"));
            EXPECT_EQ(cut.step.operand("sum").present(), added);
            if (!added) continue;
            EXPECT_EQ(cut.step.operand("sum").index, norm.operand("y").index);
            EXPECT_EQ(cut.step.operand("x_norm").index, norm.operand("x_w").index);
            EXPECT_EQ(cut.step.operand("stream").index, norm.operand("residual").index);
        }
    }
}

TEST(short_cuts, products_with_biases_or_of_rows_that_do_not_fit_stay) {
    const Plan plan = fused_plan("llama");
    const size_t all = add_short_cuts(plan).short_cuts.size();
    const size_t matrix = add_short_cuts(plan).short_cuts[0].step.operand("w").index;
    Plan biased = plan, wide = plan, odd = plan;
    biased.steps[add_short_cuts(plan).short_cuts[0].first + 1].operands[2] = {0};
    wide.tensors[matrix].cols = 4096;
    odd.tensors[matrix].cols = 36;
    for (const Plan* changed : {&biased, &wide, &odd})
        EXPECT_EQ(add_short_cuts(*changed).short_cuts.size(), all - 1);
}

TEST(short_cuts, what_a_plan_has_once_stays) {
    const auto once = test::Blueprint(*find_arch("llama"), {.block_count = 1}).model();
    ASSERT_TRUE(bool(once));
    EXPECT_TRUE(add_short_cuts(fuse((*once)->plan())).short_cuts.empty());
}

/// What two layers store of a token and then attend to; `change` is done to the Steps of both.
struct StoreAndAttend {
    using Change = std::function<void(Step& store, Step& attend)>;
    explicit StoreAndAttend(const Change& change = {}) {
        Plan& plan = draft.plan;
        const uint32_t q = draft.value(16), k = draft.value(8), v = draft.value(4),
                       table = draft.value(6);
        plan.caches = {{"k_cache", 8, 9}, {"v_cache", 4, 9}};
        for (const int32_t layer : {0, 1}) {
            const uint32_t turned = draft.value(16);
            Step store{.op = Op::rope_store, .layer = layer, .params = {2, 1, 8, 6, 1, 4, kEps}};
            store.operands = {Operand{q}, Operand{k},      Operand{v}, Operand{table},
                              Operand{0}, Operand{turned}, Operand{0}, Operand{1}};
            plan.logits = draft.value(8);
            Step attend{.op = Op::attend, .layer = layer, .params = {2, 1, 8, 4, kScale, kCap, 9}};
            attend.operands = {Operand{turned}, Operand{0}, Operand{1}, Operand{},
                               Operand{plan.logits}};
            if (change) change(store, attend);
            plan.steps.insert(plan.steps.end(), {store, attend});
        }
    }
    size_t n_cuts() const { return add_short_cuts(draft.plan).short_cuts.size(); }

    static constexpr uint32_t kEps = std::bit_cast<uint32_t>(1e-6f),
                              kScale = std::bit_cast<uint32_t>(0.25f),
                              kCap = std::bit_cast<uint32_t>(50.0f);
    PlanDraft draft;
};

TEST(short_cuts, a_token_is_turned_stored_and_attended_to_at_once) {
    const StoreAndAttend layers;
    const Plan cut = add_short_cuts(layers.draft.plan);
    ASSERT_EQ(cut.short_cuts.size(), 2u);
    EXPECT_EQ(cut.short_cuts[1].n, 2u);
    const Step &step = cut.short_cuts[1].step, &store = cut.steps[2], &attend = cut.steps[3];
    EXPECT_EQ(step.op, Op::rope_attend);
    EXPECT_EQ(step.layer, 1);
    for (const std::string_view name : {"q", "k", "v", "table", "qk_norm", "k_cache", "v_cache"})
        EXPECT_EQ(step.operand(name).index, store.operand(name).index) << name;
    EXPECT_EQ(step.operand("y").index, cut.logits);
    for (const std::string_view name : {"n_head", "n_head_kv", "head_dim", "n_rot", "pairing"})
        EXPECT_EQ(step.u32(name), store.u32(name)) << name;
    EXPECT_EQ(step.f32("eps"), store.f32("eps"));
    for (const std::string_view name : {"value_dim", "window"})
        EXPECT_EQ(step.u32(name), attend.u32(name)) << name;
    for (const std::string_view name : {"scale", "soft_cap"})
        EXPECT_EQ(step.f32(name), attend.f32(name)) << name;
}

TEST(short_cuts, attention_that_rope_attend_cannot_do_stays) {
    const auto n_cuts = [](const StoreAndAttend::Change& change) {
        return StoreAndAttend(change).n_cuts();
    };
    EXPECT_EQ(n_cuts([](Step&, Step& attend) { attend.operands[3] = {0}; }), 0u) << "sinks";
    EXPECT_EQ(n_cuts([](Step&, Step& attend) { attend.params[8] = 4096; }), 0u) << "heat";
    EXPECT_EQ(n_cuts([](Step&, Step& attend) { attend.operands[2] = {2}; }), 0u) << "other cache";
    EXPECT_EQ(n_cuts([](Step&, Step& attend) { attend.operands[0] = {0}; }), 0u) << "other queries";
    EXPECT_EQ(n_cuts([](Step& store, Step& attend) {
                  store.params[0] = attend.params[0] = 3;
                  store.params[1] = attend.params[1] = 2;
              }),
              0u)
        << "heads that do not divide";
    StoreAndAttend tapped;
    tapped.draft.plan.taps = {{0, tapped.draft.plan.steps[0].operand("y").index},
                              {2, tapped.draft.plan.steps[2].operand("y").index}};
    EXPECT_EQ(tapped.n_cuts(), 0u);
}

}  // namespace
}  // namespace m2w
