// cache_windows.cpp — a position is lost when the one a ring further was written.
#include "runtime/cache_windows.h"

#include <algorithm>

#include "runtime/memory.h"

namespace m2w {

CacheWindows::CacheWindows(const Plan& plan, const ExecutorOptions& options) {
    for (const PlanCache& cache : plan.caches) {
        const Ring ring{cache.window, cache_rows(cache, options)};
        const bool known = std::any_of(rings_.begin(), rings_.end(), [&](const Ring& other) {
            return other.window == ring.window && other.rows == ring.rows;
        });
        if (ring.rows < options.n_ctx && !known) rings_.push_back(ring);
    }
}

void CacheWindows::wrote(uint32_t end) {
    end_ = std::max(end_, end);  // what lies behind a cut keeps its rows until it is written again
}

bool CacheWindows::holds(uint32_t position) const {
    if (position == 0) return true;
    return std::all_of(rings_.begin(), rings_.end(), [&](const Ring& ring) {
        const uint32_t first = position < ring.window ? 0 : position + 1 - ring.window;
        return first == position || uint64_t(first) + ring.rows >= end_;
    });
}

}  // namespace m2w
