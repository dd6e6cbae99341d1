// sweep.cpp — the loop over Steps and batches.
#include "tests/kernels/sweep.h"

#include <fmt/format.h>

#include <cstdlib>

#include "runtime/vk/instance.h"

namespace m2w::test {
namespace {

std::string env(const char* name) {
    const char* value = std::getenv(name);
    return value ? value : "";
}

std::string repro(const StepCase& step, const BatchCase& batch) {
    const auto* test = testing::UnitTest::GetInstance()->current_test_info();
    return fmt::format(
        "repro: M2W_OP_CASE='{}' M2W_OP_BATCH='{}' ops_test --gtest_filter={}.{} (seed: the names)",
        step.full_name(), batch.name(), test->test_suite_name(), test->name());
}

void check_step(const OpRig& rig, size_t index, const StepCase& step, const BatchCase& batch) {
    const OpInfo& info = op_info(step.op);
    for (uint32_t b = 0; b < info.n_bindings(); ++b) {
        const Binding& binding = info.bindings[b];
        if (binding.mode != Mode::out || !step.has(binding)) continue;
        for (const Side side : {Side::device, Side::gpu}) {
            const std::string problem =
                check_output(rig, side, index, step, binding, batch).problem;
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

Result<std::unique_ptr<OpRig>> make_rig(std::span<const StepCase> steps, RigOptions options) {
    options.device = env("M2W_TEST_DEVICE").empty() ? "auto" : env("M2W_TEST_DEVICE");
    options.validation = options.gpu_side = true;
    return OpRig::create(steps, options);
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
    auto rig = make_rig(steps, options);
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
