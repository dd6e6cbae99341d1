// kernel_check_test.cpp — m2w verify --kernels, as a library: sound devices are good, and one wrong
// number of one kernel is seen and named.
#include "runtime/kernel_check/kernel_check.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <limits>

#include "gguf/float16.h"
#include "runtime/kernel_check/kernel_cases.h"
#include "tests/kernels/sweep.h"

namespace m2w::test {
namespace {

class KernelCheck : public OpsTest {
  protected:
    static KernelCheckOptions options_for(std::vector<Op> ops) {
        const char* device = std::getenv("M2W_TEST_DEVICE");
        return {.device = device ? device : "auto",
                .ops = std::move(ops),
                .types = {DType::q4_k, DType::f16}};
    }
    static std::vector<std::string> off(const KernelReport& report) {
        std::vector<std::string> names;
        for (const KernelVerdict& kernel : report.kernels)
            if (!kernel.ok()) names.push_back(kernel.kernel);
        return names;
    }
};

using Names = std::vector<std::string>;

TEST_F(KernelCheck, every_op_of_a_sound_device_is_good) {
    const auto report = verify_kernels(options_for({}));
    ASSERT_TRUE(report) << report.error().str();
    EXPECT_EQ(off(*report), Names());
    EXPECT_TRUE(report->ok());
    EXPECT_NE(report->device, "");
    EXPECT_NE(report->driver, "");
    for (const OpInfo& info : all_ops()) {
        const auto of_op = [&](const KernelVerdict& kernel) { return kernel.op == info.op; };
        EXPECT_TRUE(std::any_of(report->kernels.begin(), report->kernels.end(), of_op))
            << info.name;
    }
    for (const KernelVerdict& kernel : report->kernels) {
        EXPECT_LE(kernel.relative_error, kernel.tolerance) << kernel.kernel;
        EXPECT_GT(kernel.n_results, 0u) << kernel.kernel;
        EXPECT_EQ(kernel.tolerance, double(op_info(kernel.op).rtol)) << kernel.kernel;
    }
}

TEST_F(KernelCheck, one_wrong_number_of_one_weight_type_is_named) {
    KernelCheckOptions options = options_for({Op::embed, Op::add});
    options.spoil = [](const StepCase& step, std::string_view, std::span<float> out) {
        if (step.op == Op::embed && step.weight_type == DType::q4_k && out.size() > 512)
            out[512] += 0.01f;
    };
    const auto report = verify_kernels(options);
    ASSERT_TRUE(report) << report.error().str();
    EXPECT_FALSE(report->ok());
    EXPECT_EQ(off(*report), Names{"embed_q4_k"});
    for (const KernelVerdict& kernel : report->kernels)
        if (!kernel.ok()) {
            EXPECT_GT(kernel.relative_error, kernel.tolerance);
            EXPECT_TRUE(kernel.problem.starts_with("embed/q4_k n_tok=3,pos=1,n_out=1: y "))
                << kernel.problem;
        }
}

TEST_F(KernelCheck, a_number_that_is_none_is_named) {
    KernelCheckOptions options = options_for({Op::soft_cap});
    options.spoil = [](const StepCase&, std::string_view, std::span<float> out) {
        out.back() = std::numeric_limits<float>::quiet_NaN();
    };
    const auto report = verify_kernels(options);
    ASSERT_TRUE(report) << report.error().str();
    EXPECT_EQ(off(*report), Names{"soft_cap"});
    EXPECT_TRUE(std::isinf(report->kernels[0].relative_error));
}

TEST_F(KernelCheck, a_wrong_row_of_one_cache_type_is_named) {
    KernelCheckOptions options = options_for({Op::kv_store});
    options.spoil = [](const StepCase&, std::string_view binding, std::span<float> out) {
        // Only a cache of floats holds numbers that no half is. Rows that were never written may
        // hold anything.
        const bool f32 = std::any_of(out.begin(), out.end(), [](float x) {
            return std::isfinite(x) && f16_to_f32(f32_to_f16(x)) != x;
        });
        if (binding == "v_cache" && f32) out[0] = 0.5f;
    };
    const auto report = verify_kernels(options);
    ASSERT_TRUE(report) << report.error().str();
    EXPECT_EQ(off(*report), Names{"kv_store_f32"});
}

/// What a driver gets wrong in the tables of the shaders shows here without one: cases must reach
/// past a workgroup and have tails.
TEST(kernel_cases, every_op_and_type_has_some_and_names_are_unique) {
    for (const OpInfo& info : all_ops()) {
        const auto types = weight_types();
        const auto cases = kernel_cases(info.op, types);
        std::set<std::string> names;
        std::set<DType> seen;
        for (const StepCase& step : cases) {
            EXPECT_EQ(step.op, info.op);
            size_t n_given = 0;
            for (uint32_t p = 0; p < info.n_params(); ++p) {
                const Param& param = info.params[p];
                const bool given =
                    std::any_of(step.params.begin(), step.params.end(),
                                [&](const auto& v) { return v.first == param.name; });
                EXPECT_TRUE(given || param.optional) << step.full_name() << " " << param.name;
                n_given += given;
            }
            EXPECT_EQ(step.params.size(), n_given) << step.full_name();
            EXPECT_TRUE(names.insert(step.full_name()).second) << step.full_name();
            seen.insert(step.weight_type);
        }
        EXPECT_FALSE(cases.empty()) << info.name;
        bool weighted = false;
        for (size_t b = 0; b < info.n_bindings(); ++b)
            weighted |= info.bindings[b].kind == Bind::weight;
        EXPECT_EQ(seen.size(), weighted ? types.size() : 1) << info.name;
    }
    for (const OpInfo& info : all_ops()) {
        uint32_t pos = 0;
        for (const BatchCase& batch : kernel_batches(info.op)) {
            EXPECT_EQ(batch.pos, pos);
            EXPECT_LT(batch.n_tok, info.one_token ? 2 : kCheckedBatch);
            pos += batch.n_tok;
        }
        EXPECT_LT(pos, kCheckedContext);
    }
}

}  // namespace
}  // namespace m2w::test
