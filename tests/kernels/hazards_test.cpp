// hazards_test.cpp — where barriers go: single cases, and random sequences against the definition.
#include "runtime/hazards.h"

#include <gtest/gtest.h>

#include "runtime/kernel_check/op_case.h"

namespace m2w::test {

using namespace op_check;
namespace {

using Ranges = std::vector<ByteRange>;

TEST(hazards, read_after_write_waits) {
    HazardTracker tracker;
    EXPECT_FALSE(tracker.before(Ranges{}, Ranges{{0, 16}}));
    EXPECT_TRUE(tracker.before(Ranges{{15, 20}}, Ranges{}));
}

TEST(hazards, write_after_write_waits) {
    HazardTracker tracker;
    EXPECT_FALSE(tracker.before(Ranges{}, Ranges{{0, 16}}));
    EXPECT_TRUE(tracker.before(Ranges{}, Ranges{{8, 9}}));
}

TEST(hazards, write_after_read_waits) {
    HazardTracker tracker;
    EXPECT_FALSE(tracker.before(Ranges{{0, 16}}, Ranges{}));
    EXPECT_TRUE(tracker.before(Ranges{}, Ranges{{0, 1}}));
}

TEST(hazards, reads_of_the_same_bytes_overlap_freely) {
    HazardTracker tracker;
    EXPECT_FALSE(tracker.before(Ranges{{0, 16}}, Ranges{{16, 32}}));
    EXPECT_FALSE(tracker.before(Ranges{{0, 16}}, Ranges{{32, 48}}));
}

TEST(hazards, neighbours_do_not_touch) {
    HazardTracker tracker;
    EXPECT_FALSE(tracker.before(Ranges{}, Ranges{{16, 32}}));
    EXPECT_FALSE(tracker.before(Ranges{{0, 16}, {32, 48}}, Ranges{}));
}

TEST(hazards, nothing_from_before_a_barrier_counts_but_the_step_behind_it_does) {
    HazardTracker tracker;
    EXPECT_FALSE(tracker.before(Ranges{}, Ranges{{0, 16}}));
    EXPECT_TRUE(tracker.before(Ranges{{0, 16}}, Ranges{{16, 32}}));
    EXPECT_FALSE(tracker.before(Ranges{{0, 16}}, Ranges{{32, 48}}));
    EXPECT_TRUE(tracker.before(Ranges{{16, 32}}, Ranges{}));
}

TEST(hazards, clear_forgets) {
    HazardTracker tracker;
    EXPECT_FALSE(tracker.before(Ranges{{32, 48}}, Ranges{{0, 16}}));
    tracker.clear();
    EXPECT_FALSE(tracker.before(Ranges{{0, 16}}, Ranges{{32, 48}}));
}

struct Access {
    Ranges reads, writes;
};

bool meet(const Ranges& a, const Ranges& b) {
    for (const ByteRange& x : a)
        for (const ByteRange& y : b)
            for (uint64_t byte = x.begin; byte < x.end; ++byte)
                if (byte >= y.begin && byte < y.end) return true;
    return false;
}

bool conflict(const Access& a, const Access& b) {
    return meet(a.writes, b.reads) || meet(a.writes, b.writes) || meet(a.reads, b.writes);
}

TEST(hazards, random_sequences_wait_exactly_where_two_steps_conflict) {
    Random random(1);
    const auto ranges = [&] {
        Ranges out(random.below(3));
        for (ByteRange& r : out) {
            r.begin = random.below(40);
            r.end = r.begin + 1 + random.below(6);
        }
        return out;
    };
    int waits = 0;
    for (int sequence = 0; sequence < 500; ++sequence) {
        HazardTracker tracker;
        std::vector<Access> since;  // the last barrier
        for (int step = 0; step < 20; ++step) {
            const Access now{ranges(), ranges()};
            bool expected = false;
            for (const Access& earlier : since) expected |= conflict(earlier, now);
            ASSERT_EQ(tracker.before(now.reads, now.writes), expected) << sequence << " " << step;
            if (expected) since.clear();
            since.push_back(now);
            waits += expected;
        }
    }
    EXPECT_GT(waits, 1000);
    EXPECT_LT(waits, 9000);
}

}  // namespace
}  // namespace m2w::test
