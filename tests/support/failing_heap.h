// failing_heap.h — counts the memory of a whole program and lets allocations fail. What links it
// (m2w_failing_heap) has another operator new, so such tests are programs of their own.
#pragma once
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <limits>
#include <string_view>

#include "gguf/result.h"

namespace m2w::test {

constexpr uint64_t kNeverFails = std::numeric_limits<uint64_t>::max();

struct Heap {
    std::atomic<uint64_t> live_bytes{0}, peak_bytes{0}, n_allocations{0};
    std::atomic<uint64_t> first_failing{kNeverFails};  // counted in n_allocations
    std::atomic<bool> fail_all_after{false};
};
extern Heap heap;

/// While it lives, allocation n from now on fails, and all later ones if `all_after`.
class FailingAllocation {
  public:
    FailingAllocation(uint64_t n, bool all_after) {
        heap.fail_all_after = all_after;
        heap.first_failing = heap.n_allocations + n;
    }
    ~FailingAllocation() { heap.first_failing = kNeverFails; }
    FailingAllocation(const FailingAllocation&) = delete;
};

/// "ok" or the category, without allocating.
template <class T>
std::string_view outcome_of(const Result<T>& result) {
    return result ? "ok" : category_name(result.error().category);
}

/// Fails each allocation of `work`, alone and with all that come later; of long work each of the
/// first 16 and then about 11 for every doubling. `work` returns an outcome_of: out_of_memory, or
/// ok where it can do without that allocation, and nothing is leaked. `before` and `after` run
/// around each time, with all memory there is.
template <class Before, class Work, class After>
void expect_clean_failures(Before before, Work work, After after) {
    before();
    ASSERT_EQ(work(), "ok");  // what is made once for the whole program is there from now on
    before();
    const uint64_t first = heap.n_allocations;
    ASSERT_EQ(work(), "ok");
    const uint64_t count = heap.n_allocations - first;
    uint64_t failures = 0;
    for (const bool all_after : {false, true})
        for (uint64_t n = 0; n < count; n += 1 + n / 16) {
            before();
            const uint64_t live_before = heap.live_bytes;
            std::string_view name;
            {
                const FailingAllocation armed(n, all_after);
                name = work();
            }
            ASSERT_EQ(heap.live_bytes, live_before) << "leak after failing allocation " << n
                                                    << (all_after ? " and all later ones" : "");
            ASSERT_TRUE(name == "ok" || name == "out_of_memory")
                << name << " at " << n << (all_after ? " and all later ones" : "");
            failures += name == "out_of_memory";
            after();
            if (testing::Test::HasFatalFailure()) FAIL() << "after failing allocation " << n;
        }
    EXPECT_GT(failures, 0u);
}

/// The same for work that can do without none of its allocations: every one, until it succeeds.
template <class Work>
void expect_out_of_memory_everywhere(Work work) {
    ASSERT_EQ(work(), "ok");
    for (const bool all_after : {false, true}) {
        uint64_t n = 0;
        for (std::string_view outcome; outcome != "ok"; n++) {
            ASSERT_LT(n, 100'000u);
            const uint64_t live_before = heap.live_bytes;
            {
                const FailingAllocation armed(n, all_after);
                outcome = work();
            }
            ASSERT_EQ(heap.live_bytes, live_before) << "leak after failing allocation " << n;
            ASSERT_TRUE(outcome == "ok" || outcome == "out_of_memory") << outcome << " at " << n;
        }
        EXPECT_GT(n, 1u);
    }
}

}  // namespace m2w::test
