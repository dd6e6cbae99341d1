// value_slots_test.cpp — shared buffers compute what buffers of their own would, for the Plan of
// every architecture row.
#include "web-export/value_slots.h"

#include <gtest/gtest.h>

#include <set>

#include "runtime/fuse.h"
#include "runtime/model/fuzz/blueprint.h"
#include "tests/runtime/plans.h"
#include "tests/support/results.h"

namespace m2w::web {
namespace {

/// Runs Steps of the Plan with names in the place of numbers: every read must find what was
/// written.
void expect_sound(const Plan& plan, std::span<const Step> steps, std::string_view arch) {
    const ValueSlots slots = place_in_slots(plan);
    std::vector<uint32_t> holds(slots.slots.size(), UINT32_MAX);
    uint32_t tap = 0;
    const bool all = steps.size() == plan.steps.size();
    for (uint32_t s = 0; s < steps.size(); ++s) {
        const OpInfo& info = op_info(steps[s].op);
        std::set<uint32_t> read, written;
        for (size_t i = 0; i < info.n_bindings(); ++i) {
            const Operand operand = steps[s].operands[i];
            if (info.bindings[i].kind != Bind::activation || !operand.present()) continue;
            const uint32_t slot = slots.slot_of[operand.index];
            ASSERT_NE(slot, ValueSlots::kNone);
            EXPECT_GE(slots.slots[slot].width, plan.values[operand.index].width);
            EXPECT_EQ(slots.slots[slot].rows, plan.values[operand.index].rows);
            if (info.bindings[i].mode == Mode::in) {
                EXPECT_EQ(holds[slot], operand.index) << arch << ", step " << s;
                read.insert(slot);
            } else {
                EXPECT_TRUE(written.insert(slot).second) << arch << ", step " << s;
            }
        }
        for (size_t i = 0; i < info.n_bindings(); ++i)
            if (info.bindings[i].kind == Bind::activation && info.bindings[i].mode == Mode::out &&
                steps[s].operands[i].present())
                holds[slots.slot_of[steps[s].operands[i].index]] = steps[s].operands[i].index;
        for (const uint32_t slot : written) EXPECT_FALSE(read.contains(slot)) << arch;
        for (; all && tap < plan.taps.size() && plan.taps[tap].step <= s; ++tap)
            EXPECT_EQ(holds[slots.slot_of[plan.taps[tap].value]], plan.taps[tap].value) << arch;
    }
    EXPECT_EQ(holds[slots.slot_of[plan.logits]], plan.logits) << arch;
}

TEST(ValueSlots, EveryReadFindsItsValue) {
    for (const ArchSpec& arch : all_archs()) {
        const auto model = test::Blueprint(arch).model();
        ASSERT_OK(model);
        const Plan cut = test::cut_sums((*model)->plan()),
                   fused = add_short_cuts(fuse((*model)->plan()));
        expect_sound(cut, cut.steps, arch.gguf_name);
        expect_sound(cut, test::with_short_cuts(cut), arch.gguf_name);
        expect_sound(fused, fused.steps, arch.gguf_name);
        expect_sound(fused, test::with_short_cuts(fused), arch.gguf_name);
    }
}

TEST(ValueSlots, LayersUseTheSameBuffersAgain) {
    const auto count = [](uint32_t layers) {
        const auto model = test::Blueprint(*find_arch("llama"), {.block_count = layers}).model();
        return place_in_slots(fuse((*model)->plan())).slots.size();
    };
    EXPECT_EQ(count(2), count(12));
}

}  // namespace
}  // namespace m2w::web
