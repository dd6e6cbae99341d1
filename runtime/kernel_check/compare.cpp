// compare.cpp — norms over outputs, and the rule for caches.
#include "runtime/kernel_check/compare.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

namespace m2w::op_check {
namespace {

bool equal(float a, float b) {
    return std::bit_cast<uint32_t>(a) == std::bit_cast<uint32_t>(b) || (a == 0 && b == 0);
}

/// Whether a cache's number is right: bits for ops that only store, otherwise up to one step of a
/// half where it is rounded, and the op's tolerance of the largest number.
bool stored_alike(float got, float want, float rtol, float largest) {
    if (std::bit_cast<uint32_t>(got) == std::bit_cast<uint32_t>(want)) return true;
    return rtol > 0 && std::abs(got - want) <= 0x1p-10f * std::abs(want) + rtol * largest;
}

/// The row of the batch's first position. Of ops that store rows only those of one token have
/// rings.
uint64_t first_row(const std::vector<float>& cache, uint64_t width, const BatchCase& batch) {
    return batch.pos % (cache.size() / width);
}

/// A cache must hold the new rows and, elsewhere, what it held before.
std::string check_cache(const OpRig& rig, Side side, size_t step, const Binding& binding,
                        const BatchCase& batch, uint64_t width, float rtol) {
    const auto& got = rig.output(side, step, binding.name);
    const auto& before = rig.before(side, step, binding.name);
    const auto& expected = rig.output(Side::reference, step, binding.name);
    const uint64_t first = first_row(got, width, batch) * width, last = first + batch.n_tok * width;
    if (got.size() != expected.size() || last > got.size()) return "cache of another size";
    float largest = 0;
    for (uint64_t i = first; i < last; ++i) largest = std::max(largest, std::abs(expected[i]));
    for (uint64_t i = 0; i < got.size(); ++i) {
        const bool written = i >= first && i < last;
        const float want = written ? expected[i] : before[i];
        if (stored_alike(got[i], want, written ? rtol : 0, largest)) continue;
        return fmt::format("row {} column {} is {}, expected {}{}", i / width, i % width, got[i],
                           want, written ? "" : " (as it was before)");
    }
    return "";
}

}  // namespace

double relative_error(std::span<const float> got, std::span<const float> expected) {
    double error = 0, norm = 0;
    for (size_t i = 0; i < std::min(got.size(), expected.size()); ++i) {
        if (!std::isfinite(got[i])) return std::numeric_limits<double>::infinity();
        error += std::pow(double(got[i]) - double(expected[i]), 2);
        norm += std::pow(double(expected[i]), 2);
    }
    return error == 0 ? 0 : std::sqrt(error / norm);
}

std::string difference(std::span<const float> got, std::span<const float> expected, double rtol) {
    if (got.size() != expected.size())
        return fmt::format("has {} elements, expected {}", got.size(), expected.size());
    double error = 0, norm = 0;
    for (size_t i = 0; i < got.size(); ++i) {
        if (!std::isfinite(expected[i])) return fmt::format("is not finite even as expected");
        if (!std::isfinite(got[i]))
            return fmt::format("element {} of {} is {}, expected {} (or was never written)", i,
                               got.size(), got[i], expected[i]);
        if (rtol == 0 && !equal(got[i], expected[i]))
            return fmt::format("element {} of {} is {}, expected exactly {}", i, got.size(), got[i],
                               expected[i]);
        error += std::pow(double(got[i]) - double(expected[i]), 2);
        norm += std::pow(double(expected[i]), 2);
    }
    if (std::sqrt(error) > rtol * std::sqrt(norm))
        return fmt::format("relative error {:.3g}, allowed {:.3g}", std::sqrt(error / norm), rtol);
    const double rms = std::sqrt(norm / double(std::max<size_t>(expected.size(), 1)));
    for (size_t i = 0; i < got.size(); ++i) {
        const double stray = std::abs(double(got[i]) - double(expected[i]));
        if (stray > 8 * rtol * std::max(rms, std::abs(double(expected[i]))))
            return fmt::format("element {} of {} is {:.9g}, expected {:.9g} (rms {:.3g})", i,
                               got.size(), got[i], expected[i], rms);
    }
    return "";
}

OutputCheck check_output(const OpRig& rig, Side side, size_t index, const StepCase& step,
                         const Binding& binding, const BatchCase& batch) {
    const float rtol = op_info(step.op).rtol;
    const std::vector<float>& got = rig.output(side, index, binding.name);
    const std::vector<float>& expected = rig.output(Side::reference, index, binding.name);
    if (binding.kind != Bind::cache)
        return {relative_error(got, expected), difference(got, expected, double(rtol))};
    const uint64_t width = dims_of(binding, step).count();
    const uint64_t first = first_row(got, width, batch);
    const auto written = [&](const std::vector<float>& cache) {
        return std::span(cache).subspan(size_t(first * width), size_t(batch.n_tok * width));
    };
    OutputCheck check{0, check_cache(rig, side, index, binding, batch, width, rtol)};
    if (got.size() == expected.size() && (first + batch.n_tok) * width <= got.size())
        check.relative_error = relative_error(written(got), written(expected));
    return check;
}

}  // namespace m2w::op_check
