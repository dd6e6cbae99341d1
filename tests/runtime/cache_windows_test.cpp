// cache_windows_test.cpp — which positions a cut timeline may go on from, against a ring that is
// written position by position.
#include "runtime/cache_windows.h"

#include <gtest/gtest.h>

#include "runtime/memory.h"

namespace m2w {
namespace {

Plan plan_with(std::initializer_list<uint32_t> windows) {
    Plan plan;
    for (const uint32_t window : windows) plan.caches.push_back({"cache", 4, window});
    return plan;
}

/// A ring of rows that remember the position they were written for.
struct Ring {
    std::vector<int64_t> rows;
    void write(uint32_t position) { rows[position % rows.size()] = position; }
    /// Whether the query at `position` finds the window before it.
    bool holds(uint32_t position, uint32_t window) const {
        for (uint32_t p = position + 1 < window ? 0 : position + 1 - window; p < position; ++p)
            if (rows[p % rows.size()] != p) return false;
        return true;
    }
};

TEST(cache_windows, say_what_a_ring_holds_after_any_number_of_positions) {
    for (const uint32_t window : {1u, 2u, 5u, 8u})
        for (const uint32_t n_batch : {1u, 2u, 7u}) {
            const ExecutorOptions options{.n_ctx = 40, .n_batch = n_batch};
            const Plan plan = plan_with({0, window, window});
            CacheWindows windows(plan, options);
            Ring ring{std::vector<int64_t>(cache_rows(plan.caches[1], options), -1)};
            for (uint32_t end = 1; end <= 40; ++end) {
                ring.write(end - 1);
                windows.wrote(end);
                for (uint32_t cut = 0; cut <= end; ++cut)
                    EXPECT_EQ(windows.holds(cut), ring.holds(cut, window))
                        << "window " << window << ", batch " << n_batch << ", " << end << " -> "
                        << cut;
            }
        }
}

TEST(cache_windows, hold_everything_without_windows_and_while_nothing_was_overwritten) {
    const ExecutorOptions options{.n_ctx = 40, .n_batch = 8};
    CacheWindows none(plan_with({0, 0}), options), wide(plan_with({33}), options);
    none.wrote(40);
    wide.wrote(40);
    for (uint32_t cut = 0; cut <= 40; ++cut) EXPECT_TRUE(none.holds(cut) && wide.holds(cut));
}

TEST(cache_windows, remember_what_a_cut_left_behind_until_they_are_cleared) {
    const ExecutorOptions options{.n_ctx = 100, .n_batch = 4};
    CacheWindows windows(plan_with({8}), options);  // a ring of 11 rows
    windows.wrote(50);
    EXPECT_FALSE(windows.holds(45));
    EXPECT_TRUE(windows.holds(46));
    windows.wrote(20);  // after a cut to less: rows of 39 to 49 are still there
    EXPECT_FALSE(windows.holds(20));
    windows.clear();
    windows.wrote(20);
    EXPECT_TRUE(windows.holds(20) && windows.holds(17) && !windows.holds(15));
}

TEST(cache_windows, rings_are_no_longer_than_the_context_and_as_long_as_a_batch_needs) {
    const PlanCache full{"", 4, 0}, ring{"", 4, 8};
    EXPECT_EQ(cache_rows(full, {.n_ctx = 100, .n_batch = 16}), 100u);
    EXPECT_EQ(cache_rows(ring, {.n_ctx = 100, .n_batch = 16}), 23u);
    EXPECT_EQ(cache_rows(ring, {.n_ctx = 20, .n_batch = 16}), 20u);
    EXPECT_EQ(cache_rows({"", 4, UINT32_MAX}, {.n_ctx = 20, .n_batch = 16}), 20u);
}

}  // namespace
}  // namespace m2w
