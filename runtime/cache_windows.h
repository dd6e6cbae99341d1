// cache_windows.h — which positions the rings of windowed caches still hold. Knows no executor.
#pragma once
#include <cstdint>
#include <vector>

#include "runtime/executor.h"

namespace m2w {

/// A ring forgets: a row holds the latest position that was written to it. A timeline that is cut
/// can go on only where the windows of its next queries were not overwritten yet.
class CacheWindows {
  public:
    CacheWindows(const Plan& plan, const ExecutorOptions& options);

    /// Positions up to `end` were written.
    void wrote(uint32_t end);
    /// Whether a query at `position` finds all keys and values of its windows.
    bool holds(uint32_t position) const;
    /// The timeline starts again at position 0.
    void clear() { end_ = 0; }

  private:
    struct Ring {
        uint32_t window, rows;
    };
    std::vector<Ring> rings_;  // those that are shorter than the context, each shape once
    uint32_t end_ = 0;
};

}  // namespace m2w
