// hazards.cpp — read after write, write after write, write after read.
#include "runtime/hazards.h"

#include <algorithm>

namespace m2w {
namespace {

bool overlap(std::span<const ByteRange> a, std::span<const ByteRange> b) {
    return std::any_of(a.begin(), a.end(), [&](const ByteRange& x) {
        return std::any_of(b.begin(), b.end(),
                           [&](const ByteRange& y) { return x.begin < y.end && y.begin < x.end; });
    });
}

}  // namespace

bool HazardTracker::before(std::span<const ByteRange> reads, std::span<const ByteRange> writes) {
    const bool wait =
        overlap(reads, writes_) || overlap(writes, writes_) || overlap(writes, reads_);
    if (wait) clear();
    reads_.insert(reads_.end(), reads.begin(), reads.end());
    writes_.insert(writes_.end(), writes.begin(), writes.end());
    return wait;
}

void HazardTracker::clear() {
    reads_.clear();
    writes_.clear();
}

}  // namespace m2w
