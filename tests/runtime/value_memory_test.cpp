// value_memory_test.cpp — plays a Plan over the bytes that its values were given: whatever a Step
// reads must still be there.
#include "runtime/value_memory.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "runtime/fuse.h"
#include "runtime/model/fuzz/blueprint.h"
#include "tests/runtime/plans.h"
#include "tests/support/results.h"

namespace m2w {
namespace {

constexpr uint32_t kNobody = UINT32_MAX;

/// The bytes of an activation buffer, in granules of 256: who wrote them last.
class Board {
  public:
    Board(const Plan& plan, const ValueMemory& memory, uint32_t n_tok, uint32_t n_out)
        : plan_(plan), memory_(memory), n_tok_(n_tok), n_out_(n_out) {
        owner_.assign(memory.size_bytes / 256 + 1, kNobody);
    }

    std::pair<uint64_t, uint64_t> range(uint32_t value) const {
        const uint64_t rows = plan_.values[value].rows == Rows::n_tok ? n_tok_ : n_out_;
        const uint64_t begin = memory_.offset_bytes[value];
        return {begin, begin + rows * plan_.values[value].width * 4};
    }
    void write(uint32_t value) {
        const auto [begin, end] = range(value);
        ASSERT_EQ(begin % 256, 0u);
        ASSERT_LE(end, memory_.size_bytes) << plan_.values[value].name;
        for (uint64_t at = begin; at < end; at += 256) owner_[at / 256] = value;
    }
    bool holds(uint32_t value) const {
        const auto [begin, end] = range(value);
        for (uint64_t at = begin; at < end; at += 256)
            if (owner_[at / 256] != value) return false;
        return true;
    }
    bool overlap(uint32_t a, uint32_t b) const {
        return std::max(range(a).first, range(b).first) <
               std::min(range(a).second, range(b).second);
    }

  private:
    const Plan& plan_;
    const ValueMemory& memory_;
    uint32_t n_tok_, n_out_;
    std::vector<uint32_t> owner_;
};

struct StepValues {
    std::vector<uint32_t> reads, writes;
};

StepValues values_of(const Step& step) {
    StepValues out;
    const OpInfo& info = op_info(step.op);
    for (size_t i = 0; i < info.n_bindings(); ++i)
        if (info.bindings[i].kind == Bind::activation && step.operands[i].present())
            (info.bindings[i].mode == Mode::in ? out.reads : out.writes)
                .push_back(step.operands[i].index);
    return out;
}

/// Fails where a Step reads bytes that somebody else wrote over, or writes into what it reads.
void play(const Plan& plan, std::span<const Step> steps, uint32_t n_tok, uint32_t n_out,
          bool keep_all) {
    const ValueMemory memory = place_values(plan, n_tok, n_out, keep_all);
    ASSERT_EQ(memory.offset_bytes.size(), plan.values.size());
    Board board(plan, memory, n_tok, n_out);
    std::vector<bool> written(plan.values.size()), read(plan.values.size());
    for (const Step& step : steps) {
        for (const uint32_t v : values_of(step).writes) written[v] = true;
        for (const uint32_t v : values_of(step).reads) read[v] = true;
    }
    for (uint32_t v = 0; v < plan.values.size(); ++v)
        if (!written[v] && (read[v] || v == plan.logits || keep_all)) board.write(v);
    for (size_t s = 0; s < steps.size(); ++s) {
        const auto [reads, writes] = values_of(steps[s]);
        for (const uint32_t v : reads) {
            ASSERT_TRUE(board.holds(v))
                << "step " << s << ": " << plan.values[v].name << " is gone";
            for (const uint32_t y : writes) ASSERT_FALSE(board.overlap(v, y)) << "step " << s;
        }
        for (const uint32_t y : writes) board.write(y);
    }
    EXPECT_TRUE(board.holds(plan.logits));
    if (!keep_all) return;
    for (uint32_t v = 0; v < plan.values.size(); ++v)
        EXPECT_TRUE(board.holds(v)) << plan.values[v].name;
}

/// As it stands, and on one row with its short cuts.
void play(const Plan& plan, uint32_t n_tok, uint32_t n_out, bool keep_all) {
    play(plan, plan.steps, n_tok, n_out, keep_all);
    if (plan.short_cuts.empty() || keep_all) return;
    const std::vector<Step> steps = test::with_short_cuts(plan);
    play(plan, steps, n_tok, n_out, keep_all);
}

TEST(value_memory, random_plans_read_what_was_written) {
    for (uint32_t seed = 0; seed < 300; ++seed) {
        SCOPED_TRACE(fmt::format("random_plan({}, 40)", seed));
        const Plan plan = test::random_plan(seed, 40);
        for (const auto& [n_tok, n_out] :
             {std::pair(1u, 1u), std::pair(7u, 2u), std::pair(64u, 64u)})
            for (const bool keep_all : {false, true}) {
                play(plan, n_tok, n_out, keep_all);
                play(fuse_residuals(plan), n_tok, n_out, keep_all);
                play(test::cut_sums(plan), n_tok, n_out, keep_all);
            }
        if (HasFailure()) return;  // one seed is enough to look at
    }
}

TEST(value_memory, plans_of_all_rows_read_what_was_written) {
    for (const ArchSpec& arch : all_archs()) {
        SCOPED_TRACE(arch.gguf_name);
        ASSERT_GET(const auto model, test::Blueprint(arch).model());
        for (const bool keep_all : {false, true}) {
            play(model->plan(), 64, 1, keep_all);
            play(model->plan(), 33, 33, keep_all);
            play(fuse_residuals(model->plan()), 64, 1, keep_all);
            play(test::cut_sums(model->plan()), 1, 1, keep_all);
            play(add_short_cuts(fuse(model->plan())), 4, 1, keep_all);
        }
    }
}

uint64_t bytes_of(uint32_t n_layers, bool fused, bool keep_all) {
    const auto model = test::Blueprint("llama", {.block_count = n_layers}).model();
    EXPECT_TRUE(bool(model));
    const Plan& plan = (*model)->plan();
    return place_values(fused ? fuse_residuals(plan) : plan, 64, 1, keep_all).size_bytes;
}

TEST(value_memory, layers_share_the_same_bytes) {
    for (const bool fused : {false, true})
        EXPECT_EQ(bytes_of(2, fused, false), bytes_of(20, fused, false));
    EXPECT_GT(bytes_of(20, false, true), 9 * bytes_of(2, false, true));
}

/// x is done with before the sum is written, unless one Step does both.
TEST(value_memory, result_of_a_short_cut_is_not_where_it_reads) {
    for (const bool cut : {false, true}) {
        test::PlanDraft draft;
        const uint32_t x = draft.norm(draft.value(64));
        draft.plan.logits = draft.add(draft.value(64), draft.matmul(x));
        const Plan plan = cut ? test::cut_sums(draft.plan) : draft.plan;
        const ValueMemory memory = place_values(plan, 1, 1, false);
        EXPECT_EQ(memory.offset_bytes[x] == memory.offset_bytes[plan.logits], !cut);
    }
}

TEST(value_memory, value_that_no_step_touches_takes_no_bytes_unless_all_are_kept) {
    test::PlanDraft draft;
    const uint32_t x = draft.value(64);
    draft.plan.logits = draft.norm(x);
    const uint64_t without = place_values(draft.plan, 8, 8, false).size_bytes;
    draft.value(1000);
    EXPECT_EQ(place_values(draft.plan, 8, 8, false).size_bytes, without);
    EXPECT_EQ(place_values(draft.plan, 8, 8, true).size_bytes, without + 8 * 1000 * 4);
}

}  // namespace
}  // namespace m2w
