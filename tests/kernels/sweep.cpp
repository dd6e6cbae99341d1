// sweep.cpp — comparison, and the loop over Steps and batches.
#include "tests/kernels/sweep.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdlib>

#include "runtime/vk/instance.h"

namespace m2w::test {
namespace {

std::string env(const char* name) {
    const char* value = std::getenv(name);
    return value ? value : "";
}

bool equal(float a, float b) {
    return std::bit_cast<uint32_t>(a) == std::bit_cast<uint32_t>(b) || (a == 0 && b == 0);
}

std::string repro(const StepCase& step, const BatchCase& batch) {
    const auto* test = testing::UnitTest::GetInstance()->current_test_info();
    return fmt::format(
        "repro: M2W_OP_CASE='{}' M2W_OP_BATCH='{}' ops_test --gtest_filter={}.{} (seed: the names)",
        step.full_name(), batch.name(), test->test_suite_name(), test->name());
}

/// Whether a cache's number is right: bits for ops that only store, otherwise up to one step of a
/// half where it is rounded, and the op's tolerance of the largest number.
bool stored_alike(float got, float want, float rtol, float largest) {
    if (std::bit_cast<uint32_t>(got) == std::bit_cast<uint32_t>(want)) return true;
    return rtol > 0 && std::abs(got - want) <= 0x1p-10f * std::abs(want) + rtol * largest;
}

/// A cache must hold the new rows and, elsewhere, what it held before.
std::string check_cache(const OpRig& rig, Side side, size_t step, const Binding& binding,
                        const BatchCase& batch, uint64_t width, float rtol) {
    const auto& got = rig.output(side, step, binding.name);
    const auto& before = rig.before(side, step, binding.name);
    const auto& expected = rig.output(Side::reference, step, binding.name);
    const uint64_t first = batch.pos * width, last = first + batch.n_tok * width;
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

void check_step(const OpRig& rig, size_t index, const StepCase& step, const BatchCase& batch) {
    const OpInfo& info = op_info(step.op);
    for (uint32_t b = 0; b < info.n_bindings(); ++b) {
        const Binding& binding = info.bindings[b];
        if (binding.mode != Mode::out || !step.has(binding)) continue;
        for (const Side side : {Side::device, Side::gpu}) {
            const std::string problem =
                binding.kind == Bind::cache
                    ? check_cache(rig, side, index, binding, batch, dims_of(binding, step).count(),
                                  info.rtol)
                    : difference(rig.output(side, index, binding.name),
                                 rig.output(Side::reference, index, binding.name),
                                 double(info.rtol));
            ++sweep_stats().results;
            if (!problem.empty())
                ADD_FAILURE() << step.full_name() << " " << batch.name() << " on "
                              << side_name(side) << ": " << binding.name << " " << problem << "\n"
                              << repro(step, batch);
        }
    }
    sweep_stats().ops.insert(step.op);
}

}  // namespace

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

void sweep(std::span<const StepCase> all, std::span<const BatchCase> batches,
           const RigOptions& options) {
    const std::string only_case = env("M2W_OP_CASE"), only_batch = env("M2W_OP_BATCH");
    std::vector<StepCase> steps;
    std::set<std::string> names;
    for (const StepCase& step : all) {
        ASSERT_TRUE(names.insert(step.full_name()).second) << "two cases " << step.full_name();
        if (only_case.empty() || step.full_name() == only_case) steps.push_back(step);
    }
    if (steps.empty()) return;  // another test's case was asked for
    auto rig = OpRig::create(steps, options);
    ASSERT_TRUE(rig) << rig.error().str();
    for (const BatchCase& batch : batches) {
        const bool wanted = only_batch.empty() || batch.name() == only_batch;
        if (!wanted && !options.n_batch) continue;
        const auto ran = (*rig)->run(batch);
        ASSERT_TRUE(ran) << batch.name() << ": " << ran.error().str();
        for (size_t i = 0; i < steps.size(); ++i) check_step(**rig, i, steps[i], batch);
        for (const std::string& violation : (*rig)->violations())
            ADD_FAILURE() << batch.name() << ": " << violation << "\n" << repro(steps[0], batch);
        if (wanted && !only_batch.empty()) break;
    }
}

SweepStats& sweep_stats() {
    static SweepStats stats;
    return stats;
}

void OpsTest::SetUp() {
    static const auto instance = vk::Instance::create({.validation = true});
    if (!instance && instance.error().category == Category::no_device) {
        if (std::getenv("CI")) FAIL() << instance.error().str();
        GTEST_SKIP() << "no Vulkan driver, nothing checked: " << instance.error().str();
    }
    ASSERT_TRUE(instance) << instance.error().str();
}

std::vector<BatchCase> usual_batches() {
    std::vector<BatchCase> batches;
    for (const uint32_t n_tok : {1u, 2u, 3u, 7u, 8u, 9u, 16u, 17u, 64u, 65u, 130u})
        batches.push_back({.n_tok = n_tok});
    return batches;
}

}  // namespace m2w::test
