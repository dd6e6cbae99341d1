// state_slots_test.cpp — slots are never written while they hold what is wanted, and what is kept
// is where going back costs little.
#include "runtime/state_slots.h"

#include <gtest/gtest.h>

#include <map>
#include <random>

namespace m2w {
namespace {

using Positions = std::vector<uint32_t>;

TEST(state_slots, batch_reads_what_the_last_one_wrote_and_writes_elsewhere) {
    StateSlots slots(0);
    EXPECT_EQ(StateSlots::n_slots(0), 2u);
    uint32_t wrote = slots.next().state_slot;
    slots.advance(5);
    for (int i = 0; i < 4; ++i) {
        EXPECT_EQ(slots.next().past_slot, wrote);
        EXPECT_NE(slots.next().state_slot, wrote);
        wrote = slots.next().state_slot;
        slots.advance(1);
    }
    EXPECT_EQ(slots.position(), 9u);
}

TEST(state_slots, cut_goes_back_to_the_latest_kept_position_or_to_the_start) {
    StateSlots slots(3);
    for (int i = 0; i < 3; ++i) {
        slots.advance(10);
        slots.keep();
    }
    slots.advance(5);
    slots.cut(35);
    EXPECT_EQ(slots.position(), 35u);
    slots.cut(34);
    EXPECT_EQ(slots.position(), 30u);
    slots.cut(20);
    EXPECT_EQ(slots.position(), 20u);
    slots.cut(19);
    EXPECT_EQ(slots.position(), 10u);
    EXPECT_EQ(slots.kept(), Positions({10}));
    slots.cut(9);
    EXPECT_EQ(slots.position(), 0u);
    EXPECT_EQ(slots.kept(), Positions());
}

TEST(state_slots, position_is_kept_once_and_the_start_never) {
    StateSlots slots(2);
    slots.keep();
    EXPECT_EQ(slots.kept(), Positions());
    slots.advance(3);
    slots.keep();
    slots.keep();
    EXPECT_EQ(slots.kept(), Positions({3}));
    slots.advance(1);
    slots.cut(3);
    slots.keep();
    EXPECT_EQ(slots.kept(), Positions({3}));
}

TEST(state_slots, full_slots_drop_the_position_that_the_fewest_tokens_bring_back) {
    StateSlots slots(3);
    for (const uint32_t n : {100u, 8u, 50u}) {
        slots.advance(n);
        slots.keep();
    }
    EXPECT_EQ(slots.kept(), Positions({100, 108, 158}));
    slots.advance(20);
    slots.keep();
    EXPECT_EQ(slots.kept(), Positions({100, 158, 178}));
    slots.advance(20);
    slots.keep();
    EXPECT_EQ(slots.kept(), Positions({100, 158, 198}));  // the newest is always kept
}

TEST(state_slots, nothing_is_kept_without_room) {
    StateSlots slots(0);
    slots.advance(7);
    slots.keep();
    slots.advance(1);
    slots.cut(7);
    EXPECT_EQ(slots.position(), 0u);
}

/// A model of the executor: what each slot holds. Whatever is done, a batch reads the states of the
/// current position.
TEST(state_slots, slots_hold_the_positions_that_they_stand_for) {
    for (uint32_t seed = 0; seed < 200; ++seed) {
        std::mt19937 random(seed);
        const uint32_t n_kept = seed % 5;
        StateSlots slots(n_kept);
        std::map<uint32_t, uint32_t> holds;  // slot -> position
        for (int i = 0; i < 100; ++i) {
            const auto [past, state] = slots.next();
            ASSERT_NE(past, state);
            ASSERT_LT(past, StateSlots::n_slots(n_kept));
            ASSERT_LT(state, StateSlots::n_slots(n_kept));
            if (slots.position() > 0) {
                ASSERT_EQ(holds.at(past), slots.position()) << seed;
            }
            const uint32_t n_tok = 1 + uint32_t(random() % 9);
            holds[state] = slots.position() + n_tok;
            slots.advance(n_tok);
            if (random() % 3 == 0) slots.keep();
            if (random() % 5 == 0) {
                const uint32_t to = uint32_t(random() % (slots.position() + 1));
                slots.cut(to);
                ASSERT_LE(slots.position(), to);
            }
            ASSERT_LE(slots.kept().size(), n_kept);
        }
    }
}

}  // namespace
}  // namespace m2w
