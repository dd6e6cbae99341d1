// hazards_test.cpp — barriers where steps touch the same bytes, and nowhere else.
#include "runtime/hazards.h"

#include <gtest/gtest.h>

#include <random>

namespace m2w {
namespace {

using Ranges = std::vector<ByteRange>;

TEST(hazards, read_after_write_waits) {
    HazardTracker tracker;
    EXPECT_FALSE(tracker.before({}, Ranges{{0, 16}}));
    EXPECT_TRUE(tracker.before(Ranges{{8, 24}}, Ranges{{32, 48}}));
}

TEST(hazards, write_after_write_waits) {
    HazardTracker tracker;
    EXPECT_FALSE(tracker.before({}, Ranges{{0, 16}}));
    EXPECT_TRUE(tracker.before({}, Ranges{{15, 17}}));
}

TEST(hazards, write_after_read_waits) {
    HazardTracker tracker;
    EXPECT_FALSE(tracker.before(Ranges{{0, 16}}, Ranges{{100, 116}}));
    EXPECT_TRUE(tracker.before(Ranges{{200, 216}}, Ranges{{0, 1}}));
}

TEST(hazards, reads_of_the_same_bytes_may_overlap) {
    HazardTracker tracker;
    EXPECT_FALSE(tracker.before(Ranges{{0, 16}}, Ranges{{100, 116}}));
    EXPECT_FALSE(tracker.before(Ranges{{0, 16}}, Ranges{{116, 132}}));
}

TEST(hazards, ranges_that_only_touch_do_not_wait) {
    HazardTracker tracker;
    EXPECT_FALSE(tracker.before({}, Ranges{{16, 32}}));
    EXPECT_FALSE(tracker.before(Ranges{{0, 16}}, Ranges{{32, 48}}));
}

TEST(hazards, step_behind_a_barrier_waits_for_that_step_only) {
    HazardTracker tracker;
    EXPECT_FALSE(tracker.before({}, Ranges{{0, 16}}));
    EXPECT_TRUE(tracker.before(Ranges{{0, 16}}, Ranges{{16, 32}}));
    EXPECT_FALSE(tracker.before(Ranges{{0, 16}}, Ranges{{32, 48}}));  // written before the barrier
    EXPECT_TRUE(tracker.before(Ranges{{16, 32}}, Ranges{{48, 64}}));  // written behind it
}

TEST(hazards, clear_forgets_everything) {
    HazardTracker tracker;
    EXPECT_FALSE(tracker.before(Ranges{{0, 16}}, Ranges{{16, 32}}));
    tracker.clear();
    EXPECT_FALSE(tracker.before(Ranges{{16, 32}}, Ranges{{0, 16}}));
}

struct Access {
    Ranges reads, writes;
};

bool conflict(const Access& a, const Access& b) {
    const auto meet = [](const Ranges& x, const Ranges& y) {
        for (const ByteRange& p : x)
            for (const ByteRange& q : y)
                if (std::max(p.begin, q.begin) < std::min(p.end, q.end)) return true;
        return false;
    };
    return meet(a.writes, b.writes) || meet(a.writes, b.reads) || meet(a.reads, b.writes);
}

TEST(hazards, random_steps_wait_exactly_when_they_conflict_with_one_since_the_last_barrier) {
    std::mt19937 random(1);
    int n_waits = 0, n_runs = 0;
    for (int round = 0; round < 200; ++round) {
        HazardTracker tracker;
        std::vector<Access> since;
        for (int s = 0; s < 60; ++s) {
            Access step;
            for (Ranges* side : {&step.reads, &step.writes}) {
                for (uint64_t i = random() % 3; i > 0; --i) {
                    const uint64_t begin = random() % 400;
                    side->push_back({begin, begin + 1 + random() % 8});
                }
            }
            const bool wait = std::any_of(since.begin(), since.end(),
                                          [&](const Access& a) { return conflict(a, step); });
            ASSERT_EQ(tracker.before(step.reads, step.writes), wait) << round << " step " << s;
            if (wait) since.clear();
            since.push_back(step);
            ++(wait ? n_waits : n_runs);
        }
    }
    EXPECT_GT(n_waits, 1000);
    EXPECT_GT(n_runs, 1000);
}

}  // namespace
}  // namespace m2w
