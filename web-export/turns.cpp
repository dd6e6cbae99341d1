// turns.cpp — finds base and factor from the first and the last word, and accepts them where all
// words follow.
#include "web-export/turns.h"

#include <fmt/format.h>

#include <cmath>
#include <numbers>

#include "web-export/script_text.h"

namespace m2w::web {

std::optional<std::string> turns_arguments(std::span<const uint32_t> words) {
    const size_t n_pairs = words.size() / 2;
    if (words.size() % 2 != 0 || n_pairs < 2) return std::nullopt;
    const auto turn = [&](size_t i) {
        return std::ldexp((long double)words[2 * i + 1], -32) +
               std::ldexp((long double)words[2 * i], -64);
    };
    const long double first = turn(0), last = turn(n_pairs - 1);
    if (first <= 0 || last <= 0) return std::nullopt;
    const long double two_pi = 2 * std::numbers::pi_v<long double>;
    // Files have both as floats.
    const float factor = float(1 / (two_pi * first));
    const float base = float(std::pow(first / last, (long double)n_pairs / (n_pairs - 1)));
    if (!std::isfinite(factor) || !std::isfinite(base)) return std::nullopt;
    for (size_t i = 0; i < n_pairs; ++i) {
        const long double exponent = -(long double)i / n_pairs;
        const long double wanted = std::pow((long double)base, exponent) / (two_pi * factor);
        if (!(std::abs(turn(i) - wanted) <= 0x1p-52L)) return std::nullopt;
    }
    const std::string more = factor == 1 ? "" : ", " + script_float(factor);
    return fmt::format("{}, {}{}", n_pairs, script_float(base), more);
}

}  // namespace m2w::web
