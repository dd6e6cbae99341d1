// short_cuts_test.cpp — which Steps one may stand for.
#include "runtime/short_cuts.h"

#include <gtest/gtest.h>

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

}  // namespace
}  // namespace m2w
