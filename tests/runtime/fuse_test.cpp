// fuse_test.cpp — which pairs of Steps become one, and that the results stay: the fused Plan
// against the plain one, both on the reference.
#include "runtime/fuse.h"

#include <gtest/gtest.h>

#include "runtime/model/fuzz/blueprint.h"
#include "runtime/ref_executor.h"
#include "tests/runtime/plans.h"
#include "tests/support/golden.h"
#include "tests/support/results.h"

namespace m2w {
namespace {

using test::PlanDraft;

std::vector<Op> ops_of(const Plan& plan) {
    std::vector<Op> ops;
    for (const Step& step : plan.steps) ops.push_back(step.op);
    return ops;
}

bool is_fused(const PlanDraft& draft) {
    return fuse_residuals(draft.plan).steps.size() < draft.plan.steps.size();
}

TEST(fuse, matmul_and_add_become_one_step_whichever_side_the_product_is_on) {
    for (const bool product_first : {false, true}) {
        PlanDraft draft;
        const uint32_t x = draft.value(4), residual = draft.value(4);
        const uint32_t product = draft.matmul(x);
        const uint32_t sum =
            product_first ? draft.add(product, residual) : draft.add(residual, product);
        draft.plan.logits = draft.norm(sum);
        draft.plan.taps = {{1, sum}};
        const Plan fused = fuse_residuals(draft.plan);
        ASSERT_EQ(ops_of(fused), (std::vector<Op>{Op::matmul, Op::rms_norm}));
        EXPECT_EQ(fused.steps[0].operand("x").index, x);
        EXPECT_EQ(fused.steps[0].operand("residual").index, residual);
        EXPECT_EQ(fused.steps[0].operand("y").index, sum);
        EXPECT_EQ(fused.steps[1].operand("x").index, sum);
        EXPECT_EQ(fused.values.size(), draft.plan.values.size());
        EXPECT_EQ(fused.taps[0].step, 0u);
        EXPECT_EQ(fused.taps[0].value, sum);
        EXPECT_EQ(fused.logits, draft.plan.logits);
    }
}

TEST(fuse, scaled_sum_stays) {
    for (const float scale : {1.0f, 0.22f}) {
        PlanDraft draft;
        const uint32_t residual = draft.value(4);
        draft.plan.logits = draft.add(residual, draft.matmul(draft.value(4)), scale);
        EXPECT_EQ(is_fused(draft), scale == 1);
    }
}

TEST(fuse, product_that_somebody_else_reads_stays) {
    PlanDraft again;
    const uint32_t product = again.matmul(again.value(4));
    const uint32_t sum = again.add(again.value(4), product);
    again.plan.logits = again.add(sum, product);
    EXPECT_FALSE(is_fused(again));

    PlanDraft twice;
    const uint32_t both = twice.matmul(twice.value(4));
    twice.plan.logits = twice.add(both, both);
    EXPECT_FALSE(is_fused(twice));

    PlanDraft tapped;
    const uint32_t seen = tapped.matmul(tapped.value(4));
    tapped.plan.logits = tapped.add(tapped.value(4), seen);
    EXPECT_TRUE(is_fused(tapped));
    tapped.plan.taps = {{0, seen}};
    EXPECT_FALSE(is_fused(tapped));

    PlanDraft result;
    const uint32_t logits = result.matmul(result.value(4));
    (void)result.norm(result.add(result.value(4), logits));
    result.plan.logits = logits;
    EXPECT_FALSE(is_fused(result));
}

TEST(fuse, matmul_with_a_residual_takes_no_second_one) {
    PlanDraft draft;
    const uint32_t x = draft.value(4), a = draft.value(4), b = draft.value(4);
    draft.plan.logits = draft.add(draft.add(draft.matmul(x), a), b);
    EXPECT_EQ(ops_of(fuse_residuals(draft.plan)), (std::vector<Op>{Op::matmul, Op::add}));
}

TEST(fuse, add_that_does_not_follow_at_once_stays) {
    PlanDraft draft;
    const uint32_t x = draft.value(4);
    const uint32_t product = draft.matmul(x);
    const uint32_t other = draft.norm(x);
    draft.plan.logits = draft.add(other, product);
    EXPECT_FALSE(is_fused(draft));
}

TEST(fuse, product_of_another_op_stays) {
    PlanDraft draft;
    const uint32_t x = draft.value(4);
    draft.plan.logits = draft.add(draft.glu(x, x), x);
    EXPECT_FALSE(is_fused(draft));
}

/// What a layer adds to the residual stream, with norms around it: [norm,] add [, norm].
struct NormsAndAdd {
    NormsAndAdd() {
        x = draft.value(4);
        residual = draft.value(4);
        added = norm(x);
        sum = draft.add(residual, added, 0.5f);
        last = norm(sum);
        draft.plan.logits = draft.glu(last, sum);
    }
    uint32_t norm(uint32_t of) {
        const uint32_t y = draft.norm(of);
        draft.plan.steps.back().params = {4, 1, std::bit_cast<uint32_t>(1e-6f)};
        return y;
    }
    Step& step(size_t index) { return draft.plan.steps[index]; }
    std::vector<Op> ops() const { return ops_of(fuse_norms(draft.plan)); }
    PlanDraft draft;
    uint32_t x = 0, residual = 0, added = 0, sum = 0, last = 0;
};
const std::vector<Op> kNoneFused{Op::rms_norm, Op::add, Op::rms_norm, Op::glu},
    kFirstFused{Op::add_rms_norm, Op::rms_norm, Op::glu},
    kLastFused{Op::rms_norm, Op::add_rms_norm, Op::glu};

TEST(fuse, norms_before_and_behind_a_sum_become_one_step_with_it) {
    NormsAndAdd all;
    all.draft.plan.taps = {{1, all.sum}};
    const Plan fused = fuse_norms(all.draft.plan);
    ASSERT_EQ(ops_of(fused), (std::vector<Op>{Op::add_rms_norm, Op::glu}));
    const Step& step = fused.steps[0];
    EXPECT_EQ(step.operand("x").index, all.x);
    EXPECT_EQ(step.operand("x_w").index, 1u);
    EXPECT_EQ(step.operand("residual").index, all.residual);
    EXPECT_EQ(step.operand("w").index, 1u);
    EXPECT_EQ(step.operand("y").index, all.sum);
    EXPECT_EQ(step.operand("y2").index, all.last);
    EXPECT_EQ(step.f32("scale"), 0.5f);
    EXPECT_EQ(step.f32("eps"), 1e-6f);
    EXPECT_EQ(fused.taps[0].step, 0u);
    EXPECT_EQ(fused.taps[0].value, all.sum);
}

TEST(fuse, either_norm_of_a_sum_may_be_absent) {
    NormsAndAdd before;
    before.step(2).op = Op::layer_norm;
    const Plan first = fuse_norms(before.draft.plan);
    ASSERT_EQ(ops_of(first), (std::vector<Op>{Op::add_rms_norm, Op::layer_norm, Op::glu}));
    EXPECT_TRUE(first.steps[0].operand("x_w").present());
    EXPECT_FALSE(first.steps[0].operand("y2").present());

    NormsAndAdd behind;
    behind.step(0).op = Op::layer_norm;
    behind.step(0).operands[2] = {};
    behind.step(0).operands[3] = {behind.added};
    const Plan last = fuse_norms(behind.draft.plan);
    ASSERT_EQ(ops_of(last), (std::vector<Op>{Op::layer_norm, Op::add_rms_norm, Op::glu}));
    EXPECT_FALSE(last.steps[1].operand("x_w").present());
    EXPECT_EQ(last.steps[1].operand("x").index, behind.added);
    EXPECT_EQ(last.steps[1].operand("residual").index, behind.residual);

    PlanDraft neither;
    neither.plan.logits = neither.add(neither.value(4), neither.value(4));
    EXPECT_EQ(ops_of(fuse_norms(neither.plan)), std::vector<Op>{Op::add});
}

TEST(fuse, norms_that_are_not_only_for_the_sum_stay) {
    NormsAndAdd read_again;
    read_again.draft.plan.logits = read_again.draft.add(read_again.last, read_again.added);
    EXPECT_EQ(read_again.ops()[1], Op::add_rms_norm);
    NormsAndAdd tapped;
    tapped.draft.plan.taps = {{0, tapped.added}};
    EXPECT_EQ(tapped.ops(), kLastFused);
    NormsAndAdd scaled;  // not the norm is scaled, but what it is added to
    std::swap(scaled.step(1).operands[0], scaled.step(1).operands[1]);
    EXPECT_EQ(scaled.ops(), kLastFused);
    scaled.step(1).params[1] = std::bit_cast<uint32_t>(1.0f);
    EXPECT_EQ(scaled.ops().size(), 2u);
    NormsAndAdd by_group;
    by_group.step(0).params = {2, 2, by_group.step(0).params[2]};
    EXPECT_EQ(by_group.ops(), kLastFused);
    by_group.step(2).params = by_group.step(0).params;
    EXPECT_EQ(by_group.ops(), kNoneFused);
    NormsAndAdd other_eps;
    other_eps.step(2).params[2] = std::bit_cast<uint32_t>(1e-5f);
    EXPECT_EQ(other_eps.ops(), kFirstFused);
    NormsAndAdd other_value;
    other_value.step(2).operands[0] = {other_value.x};
    EXPECT_EQ(other_value.ops(), kFirstFused);
    NormsAndAdd unweighted;
    unweighted.step(0).operands[1] = {};
    EXPECT_EQ(unweighted.ops(), kLastFused);
}

/// Three matmuls of one x, each with a weight of its own.
struct ThreeMatmuls {
    explicit ThreeMatmuls(bool bias = false) {
        Plan& plan = draft.plan;
        plan.tensors.clear();
        const uint32_t x = draft.value(4);
        for (uint32_t i = 0; i < 3; ++i) {
            plan.tensors.push_back({.name = "w" + std::to_string(i), .rows = 4 + i, .cols = 4});
            if (bias)
                plan.tensors.push_back(
                    {.name = "b" + std::to_string(i), .rows = 1, .cols = 4 + i, .is_vector = true});
        }
        for (uint32_t i = 0; i < 3; ++i) {
            plan.logits = draft.matmul(x);
            Step& step = plan.steps.back();
            step.operands[0] = {bias ? 2 * i : i};
            step.operands[2] = {bias ? 2 * i + 1 : Operand::kAbsent};
            step.params = {4, 4 + i};
            plan.values[plan.logits].width = 4 + i;
        }
    }
    size_t steps_left() const { return stack_matmuls(draft.plan).steps.size(); }
    PlanDraft draft;
};

TEST(fuse, matmuls_of_the_same_rows_become_one_of_a_stacked_tensor) {
    for (const bool bias : {false, true}) {
        const ThreeMatmuls three(bias);
        const Plan stacked = stack_matmuls(three.draft.plan);
        ASSERT_EQ(stacked.steps.size(), 1u);
        const Step& step = stacked.steps[0];
        EXPECT_EQ(step.operand("y").index, 1u);
        EXPECT_EQ(step.operand("y2").index, 2u);
        EXPECT_EQ(step.operand("y3").index, 3u);
        EXPECT_EQ(step.u32("m"), 4u);
        EXPECT_EQ(step.u32("m2"), 5u);
        EXPECT_EQ(step.u32("m3"), 6u);
        ASSERT_EQ(stacked.tensors.size(), bias ? 2u : 1u);
        EXPECT_EQ(stacked.tensors[0].name, "w0+w1+w2");
        EXPECT_EQ(stacked.tensors[0].rows, 15u);
        EXPECT_EQ(stacked.tensors[0].parts().size(), 3u);
        EXPECT_EQ(step.operand("bias").present(), bias);
        if (bias) {
            EXPECT_EQ(stacked.tensors[1].cols, 15u);
        }
    }
}

TEST(fuse, matmuls_that_differ_are_not_stacked) {
    ThreeMatmuls type;
    type.draft.plan.tensors[1].dtype = DType::q8_0;
    EXPECT_EQ(type.steps_left(), 3u);
    ThreeMatmuls last_type;
    last_type.draft.plan.tensors[2].dtype = DType::q8_0;
    EXPECT_EQ(last_type.steps_left(), 2u);
    ThreeMatmuls other_x;
    other_x.draft.plan.steps[1].operands[1] = {1};  // what the first one writes
    EXPECT_EQ(other_x.steps_left(), 3u);
    ThreeMatmuls residual;
    residual.draft.plan.steps[2].operands[3] = {0};
    EXPECT_EQ(residual.steps_left(), 2u);
    ThreeMatmuls one_bias(true);
    one_bias.draft.plan.steps[1].operands[2] = {};
    EXPECT_EQ(one_bias.steps_left(), 3u);
    ThreeMatmuls shared_weight;  // as token_embd where the output is tied to it
    shared_weight.draft.plan.steps[1].operands[0] = {2};
    EXPECT_EQ(shared_weight.steps_left(), 3u);
    ThreeMatmuls other_layer;
    other_layer.draft.plan.steps[1].layer = 0;
    EXPECT_EQ(other_layer.steps_left(), 3u);
}

/// A gate and what it gates, of one matmul, then their glu.
struct GatedProduct {
    GatedProduct() {
        draft.plan.tensors[0].rows = 8;
        x = draft.value(4);
        gate = draft.matmul(x);
        up = draft.value(4);
        step(0).operands[5] = {up};
        step(0).params = {4, 4, 4};
        y = draft.glu(gate, up);
        step(1).params = {4, 2, std::bit_cast<uint32_t>(7.0f), std::bit_cast<uint32_t>(1.0f)};
        draft.plan.logits = draft.norm(y);
    }
    Step& step(size_t index) { return draft.plan.steps[index]; }
    size_t steps_left() const { return fuse_gates(draft.plan).steps.size(); }
    PlanDraft draft;
    uint32_t x = 0, gate = 0, up = 0, y = 0;
};

TEST(fuse, glu_goes_into_the_product_that_it_alone_reads) {
    GatedProduct all;
    all.step(0).operands[2] = {1};
    all.draft.plan.taps = {{1, all.y}};
    const Plan fused = fuse_gates(all.draft.plan);
    ASSERT_EQ(ops_of(fused), (std::vector<Op>{Op::matmul, Op::rms_norm}));
    const Step& step = fused.steps[0];
    EXPECT_EQ(step.operand("x").index, all.x);
    EXPECT_EQ(step.operand("bias").index, 1u);
    EXPECT_EQ(step.operand("y").index, all.y);
    EXPECT_FALSE(step.operand("y2").present());
    EXPECT_EQ(step.u32("m"), 4u);
    EXPECT_EQ(step.u32("m2"), 4u);
    EXPECT_EQ(step.u32("gated_by"), 3u);
    EXPECT_EQ(step.f32("limit"), 7.0f);
    EXPECT_EQ(step.f32("up_shift"), 1.0f);
    EXPECT_TRUE(fused.tensors[0].paired);
    EXPECT_FALSE(fused.tensors[1].paired);
    EXPECT_EQ(fused.taps[0].step, 0u);
}

TEST(fuse, gates_that_are_read_again_or_come_otherwise_stay) {
    GatedProduct tapped;
    tapped.draft.plan.taps = {{0, tapped.up}};
    EXPECT_EQ(tapped.steps_left(), 3u);
    GatedProduct read_again;
    read_again.draft.plan.logits = read_again.draft.norm(read_again.gate);
    EXPECT_EQ(read_again.steps_left(), 4u);
    GatedProduct swapped;
    std::swap(swapped.step(1).operands[0], swapped.step(1).operands[1]);
    EXPECT_EQ(swapped.steps_left(), 3u);
    GatedProduct ungated;  // the activation of the first product alone
    ungated.step(1).operands[1] = {};
    EXPECT_EQ(ungated.steps_left(), 3u);
    GatedProduct other_up;
    other_up.step(1).operands[1] = {other_up.x};
    EXPECT_EQ(other_up.steps_left(), 3u);
    GatedProduct third;
    third.step(0).operands[6] = {third.draft.value(4)};
    EXPECT_EQ(third.steps_left(), 3u);
    GatedProduct residual;
    residual.step(0).operands[3] = {residual.x};
    EXPECT_EQ(residual.steps_left(), 3u);
    GatedProduct shared_weight;  // whose rows another Step would read in their order
    shared_weight.draft.plan.logits = shared_weight.draft.matmul(shared_weight.x);
    EXPECT_EQ(shared_weight.steps_left(), 4u);
    GatedProduct expert;
    expert.step(0).op = Op::expert_matmul;
    EXPECT_EQ(expert.steps_left(), 3u);
}

/// q and k of one x, turned; k and v stored.
struct RopeAndStore {
    RopeAndStore() {
        const uint32_t x = draft.value(4), table = draft.value(4);
        q = rope(x, table);
        k = rope(x, table);
        Step store{.op = Op::kv_store, .params = {4, 4}};
        store.operands = {Operand{k}, Operand{x}, Operand{0}, Operand{1}};
        draft.plan.caches = {{"k_cache", 4}, {"v_cache", 4}};
        draft.plan.steps.push_back(store);
        draft.plan.logits = draft.norm(q);
    }
    uint32_t rope(uint32_t x, uint32_t table) {
        const uint32_t y = draft.value(4);
        draft.plan.steps.push_back({.op = Op::rope,
                                    .operands = {Operand{x}, Operand{table}, Operand{y}},
                                    .params = {1, 4, 4, 0}});
        return y;
    }
    size_t steps_left() const { return fuse_rope_stores(draft.plan).steps.size(); }
    PlanDraft draft;
    uint32_t q = 0, k = 0;
};

TEST(fuse, ropes_and_store_become_one_step) {
    const RopeAndStore all;
    const Plan fused = fuse_rope_stores(all.draft.plan);
    ASSERT_EQ(ops_of(fused), (std::vector<Op>{Op::rope_store, Op::rms_norm}));
    EXPECT_EQ(fused.steps[0].operand("y").index, all.q);
    EXPECT_EQ(fused.steps[0].operand("v").index, 0u);
    EXPECT_EQ(fused.steps[0].operand("v_cache").index, 1u);
    EXPECT_EQ(fused.steps[0].u32("n_v"), 4u);
}

TEST(fuse, ropes_that_differ_or_are_read_again_stay) {
    RopeAndStore other_angles;
    other_angles.draft.plan.steps[1].operands[1] = {other_angles.draft.value(4)};
    EXPECT_EQ(other_angles.steps_left(), 4u);
    RopeAndStore other_pairs;
    other_pairs.draft.plan.steps[1].params[2] = 2;
    EXPECT_EQ(other_pairs.steps_left(), 4u);
    RopeAndStore tapped;
    tapped.draft.plan.taps = {{1, tapped.k}};
    EXPECT_EQ(tapped.steps_left(), 4u);
    RopeAndStore read_again;
    read_again.draft.plan.logits = read_again.draft.norm(read_again.k);
    EXPECT_EQ(read_again.steps_left(), 5u);
    RopeAndStore stores_q;
    stores_q.draft.plan.steps[2].operands[0] = {stores_q.q};
    EXPECT_EQ(stores_q.steps_left(), 4u);
}

/// q and k by head, normalised, then turned and stored at once.
struct NormsAndRopeStore {
    NormsAndRopeStore() {
        Plan& plan = draft.plan;
        plan.tensors.clear();
        for (const char* name : {"q_norm", "k_norm"})
            plan.tensors.push_back({.name = name, .rows = 1, .cols = 4, .is_vector = true});
        q = draft.value(8);
        k = draft.value(4);
        const uint32_t v = draft.value(4), table = draft.value(4);
        q_normed = norm(q, 0, 2);
        k_normed = norm(k, 1, 1);
        y = draft.value(8);
        plan.caches = {{"k_cache", 4}, {"v_cache", 4}};
        Step store{.op = Op::rope_store, .params = {2, 1, 4, 4, 0, 4}};
        store.operands = {Operand{q_normed}, Operand{k_normed}, Operand{v}, Operand{table},
                          Operand{},         Operand{y},        Operand{0}, Operand{1}};
        plan.steps.push_back(store);
        plan.logits = y;
    }
    uint32_t norm(uint32_t x, uint32_t w, uint32_t groups) {
        const uint32_t normed = draft.norm(x);
        Step& step = draft.plan.steps.back();
        step.operands[1] = {w};
        step.params = {4, groups, std::bit_cast<uint32_t>(1e-6f)};
        return normed;
    }
    Step& step(size_t index) { return draft.plan.steps[index]; }
    size_t steps_left() const { return fuse_head_norms(draft.plan).steps.size(); }
    PlanDraft draft;
    uint32_t q = 0, k = 0, q_normed = 0, k_normed = 0, y = 0;
};

TEST(fuse, norms_of_heads_go_into_the_rope_store) {
    NormsAndRopeStore all;
    all.draft.plan.taps = {{2, all.y}};
    const Plan fused = fuse_head_norms(all.draft.plan);
    ASSERT_EQ(ops_of(fused), std::vector<Op>{Op::rope_store});
    const Step& step = fused.steps[0];
    EXPECT_EQ(step.operand("q").index, all.q);
    EXPECT_EQ(step.operand("k").index, all.k);
    EXPECT_EQ(step.operand("y").index, all.y);
    EXPECT_EQ(step.f32("eps"), 1e-6f);
    EXPECT_EQ(fused.taps[0].step, 0u);
    ASSERT_EQ(fused.tensors.size(), 1u);
    EXPECT_EQ(step.operand("qk_norm").index, 0u);
    EXPECT_EQ(fused.tensors[0].name, "q_norm+k_norm");
    EXPECT_EQ(fused.tensors[0].cols, 8u);
    EXPECT_EQ(fused.tensors[0].parts().size(), 2u);
}

TEST(fuse, norms_of_heads_that_differ_or_are_read_again_stay) {
    NormsAndRopeStore of_rows;  // all heads together
    of_rows.step(0).params = {8, 1, of_rows.step(0).params[2]};
    EXPECT_EQ(of_rows.steps_left(), 3u);
    NormsAndRopeStore other_eps;
    other_eps.step(1).params[2] = std::bit_cast<uint32_t>(1e-5f);
    EXPECT_EQ(other_eps.steps_left(), 3u);
    NormsAndRopeStore tapped;
    tapped.draft.plan.taps = {{0, tapped.q_normed}};
    EXPECT_EQ(tapped.steps_left(), 3u);
    NormsAndRopeStore read_again;
    read_again.draft.plan.logits = read_again.draft.norm(read_again.k_normed);
    EXPECT_EQ(read_again.steps_left(), 4u);
    NormsAndRopeStore one_weight;  // for both, and nothing is stacked with itself
    one_weight.step(1).operands[1] = {0};
    EXPECT_EQ(one_weight.steps_left(), 3u);
    NormsAndRopeStore unweighted;
    unweighted.step(0).operands[1] = {};
    EXPECT_EQ(unweighted.steps_left(), 3u);
    NormsAndRopeStore keys_alone;
    keys_alone.step(2).operands[0] = {keys_alone.q};
    EXPECT_EQ(keys_alone.steps_left(), 3u);
    NormsAndRopeStore normed_already;
    normed_already.step(2).operands[4] = {0};
    EXPECT_EQ(normed_already.steps_left(), 3u);
}

TEST(fuse, experts_need_no_order_where_slots_are_taken_as_they_come) {
    PlanDraft draft;
    const uint32_t x = draft.value(4), ids = draft.value(2), order = draft.value(2);
    draft.plan.steps.push_back(
        {.op = Op::expert_order, .operands = {Operand{ids}, Operand{order}}, .params = {3, 2}});
    for (int i = 0; i < 2; ++i) {
        draft.plan.logits = draft.value(8);
        draft.plan.steps.push_back(
            {.op = Op::expert_matmul,
             .operands = {Operand{0}, Operand{x}, Operand{ids}, Operand{order}, Operand{},
                          Operand{draft.plan.logits}},
             .params = {4, 4, 3, 2, 1}});
    }
    draft.plan.taps = {{1, 3}};
    const Plan dropped = drop_expert_orders(draft.plan);
    ASSERT_EQ(ops_of(dropped), (std::vector<Op>{Op::expert_matmul, Op::expert_matmul}));
    for (const Step& step : dropped.steps) {
        EXPECT_EQ(step.operand("ids").index, ids);
        EXPECT_FALSE(step.operand("order").present());
    }
    EXPECT_EQ(dropped.taps[0].step, 0u);
    EXPECT_EQ(dropped.logits, draft.plan.logits);
}

/// Runs tokens in two batches, with every value kept. Empty on failure.
std::unique_ptr<Executor> run(const Model& model, const Plan& plan) {
    auto backend = make_ref_backend(std::make_shared<const Plan>(plan), model.shared_file(), {});
    EXPECT_TRUE(bool(backend)) << backend.error().str();
    auto executor = (*backend)->new_executor(
        {.n_ctx = 16, .n_batch = 8, .n_out = 8, .cache = CacheType::f32, .keep_values = true});
    EXPECT_TRUE(bool(executor)) << executor.error().str();
    const std::vector<uint32_t> first{3, 1, 4, 1, 5, 9, 2, 6}, second{5, 3, 5};
    EXPECT_TRUE(bool((*executor)->run({first, 0, 8})));
    // The second reads the states that the first wrote.
    EXPECT_TRUE(bool((*executor)->run({second, 8, 3, 1, 0})));
    return std::move(*executor);
}

/// saved: Steps that fusing saves.
void expect_same_results(const Model& model, size_t saved) {
    const Plan& plan = model.plan();
    const Plan fused = fuse(plan);
    EXPECT_EQ(fused.steps.size() + saved, plan.steps.size());
    ASSERT_EQ(fused.taps.size(), plan.taps.size());
    const auto plain_run = run(model, plan), fused_run = run(model, fused);
    std::vector<uint32_t> values{plan.logits};
    for (size_t i = 0; i < plan.taps.size(); ++i) {
        EXPECT_EQ(fused.taps[i].value, plan.taps[i].value);
        const Step& writer = fused.steps[fused.taps[i].step];
        EXPECT_EQ(writer.operand("y").index, fused.taps[i].value) << "tap " << i;
        values.push_back(plan.taps[i].value);
    }
    for (const uint32_t v : values) {
        ASSERT_GET(const auto want, plain_run->read_value(v));
        ASSERT_GET(const auto got, fused_run->read_value(v));
        // The fused sum is rounded to float once instead of twice.
        EXPECT_LE(test::relative_error(got, want), 1e-6) << plan.values[v].name;
    }
    for (uint32_t c = 0; c < plan.caches.size(); ++c) {
        ASSERT_GET(const auto want, plain_run->read_cache(c));
        ASSERT_GET(const auto got, fused_run->read_cache(c));
        EXPECT_LE(test::relative_error(got, want), 1e-6) << plan.caches[c].name;
    }
    for (uint32_t s = 0; s < plan.states.size(); ++s) {
        ASSERT_GET(const auto want, plain_run->read_state(s, 0));
        ASSERT_GET(const auto got, fused_run->read_state(s, 0));
        EXPECT_LE(test::relative_error(got, want), 1e-6) << plan.states[s].name;
    }
}

/// Queries with keys and values, both ropes and the store with norms of heads; three projections of
/// a recurrent part; a scan's own residual connection, as that of the layer then follows no
/// product.
size_t saved_in_mixer(const ArchSpec& arch, Mixer mixer) {
    const bool norms_first = arch.norms.qk != QkNorm::none && !arch.norms.qk_after_rope;
    const bool by_head = arch.norms.qk == QkNorm::head && arch.norms.kind == NormKind::rms;
    const size_t store = arch.norms.qk == QkNorm::none || norms_first ? 2 : 0;
    const size_t attention = 2 + store + (norms_first && by_head ? 2 : 0);
    switch (mixer) {
        case Mixer::attention:
        case Mixer::latent_attention:
            return attention;
        case Mixer::short_conv:
        case Mixer::delta_net:
            return 2;
        case Mixer::scan_and_attention:
            return attention + 2;
    }
    return 0;
}

/// The norms around both residual connections where they follow no product; behind the last layer
/// is another Step.
size_t saved_by_norms(const ArchSpec& arch, Mixer mixer, bool last) {
    const NormSpec& norms = arch.norms;
    if (norms.kind != NormKind::rms) return 0;
    const size_t between = norms.post_attn                      ? 1 + size_t(norms.pre)
                           : mixer == Mixer::scan_and_attention ? size_t(norms.pre)
                                                                : 0;
    return between + (norms.post_ffn ? 1 + size_t(norms.pre && !last) : 0);
}

/// Both residual connections unless a norm is between, gate with up and the glu of both, and the
/// mixer's.
size_t saved_in_layer(const ArchSpec& arch, Mixer mixer) {
    return size_t(!arch.norms.post_attn) + size_t(!arch.norms.post_ffn) +
           2 * size_t(arch.ffn.form == FfnForm::gated) + saved_in_mixer(arch, mixer);
}

TEST(fuse, fused_plans_of_all_rows_compute_the_same) {
    for (const ArchSpec& arch : all_archs()) {
        SCOPED_TRACE(arch.gguf_name);
        test::Blueprint blueprint(arch);
        // Both with a bias, which the fused step must keep.
        blueprint.add("blk.0.attn_output.bias", {32}).add("blk.1.ffn_down.bias", {32});
        ASSERT_GET(const auto model, blueprint.model());
        size_t saved = 0;
        const std::vector<LayerHparams>& layers = model->hparams().layers;
        for (const LayerHparams& layer : layers)
            saved += saved_in_layer(arch, layer.mixer) +
                     saved_by_norms(arch, layer.mixer, &layer == &layers.back());
        expect_same_results(*model, saved);
    }
}

TEST(fuse, fused_plan_of_tiny_computes_the_same) {
    M2W_SHARED(path, "model/tiny-q4_k_m.gguf");
    ASSERT_GET(const auto file, gguf::File::open(path));
    ASSERT_GET(const auto model, Model::from(file));
    // Values of half of the layers have a type of their own.
    expect_same_results(*model, 8 * 8 - 4);
}

}  // namespace
}  // namespace m2w
