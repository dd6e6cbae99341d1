// rope_turns.cpp — frequencies in long double, rounded once to 64-bit fractions.
#include "runtime/model/rope_turns.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace m2w {

namespace {

/// The pair that turns `turns` times in the original context, as a fraction.
double pair_of(const RopeHparams& rope, double turns) {
    return rope.dimension_count * std::log(rope.original_context / (turns * 2 * std::numbers::pi)) /
           (2 * std::log(double(rope.freq_base)));
}

/// How much of pair i stays unscaled, 0 to 1.
double kept_by_yarn(const RopeHparams& rope, uint32_t i) {
    double low = pair_of(rope, rope.yarn_beta_fast), high = pair_of(rope, rope.yarn_beta_slow);
    if (rope.yarn_truncates) low = std::floor(low), high = std::ceil(high);
    low = std::max(low, 0.0);
    high = std::min(high, double(rope.dimension_count - 1));
    if (low == high) high += 0.001;  // no division by zero
    return rope.yarn_ext_factor * (1 - std::clamp((i - low) / (high - low), 0.0, 1.0));
}

}  // namespace

std::vector<uint32_t> rope_turns(const RopeHparams& rope, std::span<const float> factors) {
    const uint32_t n_pairs = rope.dimension_count / 2;
    std::vector<uint32_t> words(size_t(n_pairs) * 2);
    for (uint32_t i = 0; i < n_pairs; ++i) {
        const long double exponent = -2.0L * i / rope.dimension_count;
        long double theta = std::pow((long double)rope.freq_base, exponent);
        const long double scaled_theta = theta / rope.scaling_factor;
        const long double kept =
            rope.scaling == RopeScaling::yarn ? (long double)kept_by_yarn(rope, i) : 0.0L;
        theta = theta * kept + scaled_theta * (1 - kept);
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
