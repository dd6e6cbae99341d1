// rope_turns.cpp — frequencies in long double, rounded once to 64-bit fractions.
#include "runtime/model/rope_turns.h"

#include <cmath>
#include <numbers>

namespace m2w {

std::vector<uint32_t> rope_turns(const RopeHparams& rope, std::span<const float> factors) {
    const uint32_t n_pairs = rope.dimension_count / 2;
    std::vector<uint32_t> words(size_t(n_pairs) * 2);
    for (uint32_t i = 0; i < n_pairs; ++i) {
        const long double exponent = -2.0L * i / rope.dimension_count;
        long double theta = std::pow((long double)rope.freq_base, exponent) / rope.scaling_factor;
        if (!factors.empty()) theta /= factors[i];
        const long double turns = theta / (2 * std::numbers::pi_v<long double>);
        const long double fraction = turns - std::floor(turns);
        // Split into words, so that a long double of 53 bits (not x86) does not overflow a
        // conversion.
        const long double scaled = fraction * 0x1p32L;
        const uint32_t high = uint32_t(scaled);
        const uint32_t low = uint32_t((scaled - high) * 0x1p32L);
        words[2 * i] = low;
        words[2 * i + 1] = high;
    }
    return words;
}

}  // namespace m2w
