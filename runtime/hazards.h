// hazards.h — where a recorded sequence needs barriers: ranges written and read since the last one.
// Knows no Vulkan.
#pragma once
#include <cstdint>
#include <span>
#include <vector>

namespace m2w {

/// Bytes [begin, end) of device memory.
struct ByteRange {
    uint64_t begin = 0;
    uint64_t end = 0;
};

/// Steps without a barrier between them may overlap. before() says whether the next one must wait,
/// and remembers it.
class HazardTracker {
  public:
    /// True when a barrier must go before a step with these accesses; the tracker then starts anew
    /// behind it.
    bool before(std::span<const ByteRange> reads, std::span<const ByteRange> writes);
    /// A barrier was recorded for another reason.
    void clear();

  private:
    std::vector<ByteRange> reads_, writes_;  // since the last barrier
};

}  // namespace m2w
