// engine_printer_test.cpp — a Plan as text: a line a dispatch, pieces, rings, and the kernels once.
#include "web-export/engine_printer.h"

#include <gtest/gtest.h>

#include <set>

#include "runtime/fuse.h"
#include "runtime/model/fuzz/blueprint.h"
#include "tests/runtime/plans.h"
#include "tests/support/golden.h"
#include "tests/support/results.h"

namespace m2w::web {
namespace {

/// One kernel a Step that says what it was asked.
Result<std::vector<WebKernel>> told(const Step& step, const WebContext& context) {
    const OpInfo& info = op_info(step.op);
    WebKernel kernel;
    kernel.module = info.name;
    bool has_cache = false;
    for (uint32_t i = 0; i < info.n_bindings(); ++i) {
        if (info.bindings[i].kind != Bind::tokens && !step.operands[i].present()) continue;
        kernel.bindings.push_back(i);
        has_cache = has_cache || info.bindings[i].kind == Bind::cache;
    }
    if (has_cache) {
        kernel.module += context.cache == CacheFormat::f16 ? "_f16" : "_f32";
    }
    if (context.weight.rows) {
        kernel.module += context.adapter == Adapter::cpu ? "_cpu" : "";
        kernel.constants.push_back({"row0", false, uint32_t(context.weight.row0)});
        kernel.grid = {context.weight.rows, false, 4, context.batch == BatchSize::many ? 8u : 0u};
    } else {
        kernel.grid = {1, true, 1, 0};
    }
    kernel.code = "// " + kernel.module + "\n";
    if (!context.int8_activations || step.op != Op::matmul) return std::vector{kernel};
    WebKernel rounding;
    rounding.module = rounding.code = "rounding";
    rounding.bindings = {1, kScratchBinding};
    rounding.scratch_words = step.u32("k");
    kernel.module += "_int8";
    kernel.scratch_words = rounding.scratch_words;
    kernel.bindings.push_back(kScratchBinding);
    return std::vector{rounding, kernel};
}

Result<PrintedEngine> print_of(std::string_view arch, const EngineOptions& options = {}) {
    TRY(const auto model, test::Blueprint(*find_arch(arch)).model());
    return print_engine(fuse(model->plan()), {"Some Model", 1234, "abc", "def"}, options, told);
}

size_t count(const std::string& text, const std::string& what) {
    size_t n = 0;
    for (size_t at = text.find(what); at != std::string::npos; at = text.find(what, at + 1)) ++n;
    return n;
}

TEST(EnginePrinter, PrintsALineForEachStepOfEveryArchitecture) {
    for (const ArchSpec& arch : all_archs()) {
        const auto model = test::Blueprint(arch).model();
        ASSERT_OK(model);
        const Plan plan = fuse((*model)->plan());
        const auto printed = print_engine(plan, {"m", 1, "", ""}, {}, told);
        ASSERT_OK(printed);
        EXPECT_EQ(count(printed->engine_ts, "  d.run("), plan.steps.size()) << arch.gguf_name;
        EXPECT_EQ(count(printed->engine_ts, "  d.tap("), plan.taps.size()) << arch.gguf_name;
        EXPECT_EQ(count(printed->engine_ts, " = d.cache("), plan.caches.size()) << arch.gguf_name;
        EXPECT_EQ(count(printed->engine_ts, " = d.state("), plan.states.size()) << arch.gguf_name;
        EXPECT_EQ(count(printed->engine_ts, " d.weight(") + count(printed->engine_ts, " w("),
                  plan.tensors.size())
            << arch.gguf_name;
        EXPECT_EQ(printed->engine_ts.find(std::string(arch.gguf_name) + "'"), std::string::npos);
    }
}

TEST(EnginePrinter, LayersWithAndWithoutAWindowShareTheKernelsOfCaches) {
    const auto model = test::Blueprint(*find_arch("gemma2")).model();
    ASSERT_OK(model);
    std::set<uint32_t> windows;
    for (const PlanCache& cache : (*model)->plan().caches) windows.insert(cache.window);
    ASSERT_GT(windows.size(), 1u);
    const auto printed = print_of("gemma2");
    ASSERT_OK(printed);
    for (const uint32_t window : windows)
        EXPECT_GT(count(printed->engine_ts, ", " + std::to_string(window) + ");"), 0u);
    EXPECT_EQ(count(printed->engine_ts, "  const attend_"), 1u);
    EXPECT_GT(count(printed->engine_ts, "  d.run(attend_"), 1u);
    EXPECT_NE(printed->engine_ts.find("halfCache ? "), std::string::npos);
}

TEST(EnginePrinter, LargeTensorsAreCutAndEachPieceIsADispatch) {
    const auto whole = print_of("llama"), cut = print_of("llama", {.max_buffer_bytes = 2048});
    ASSERT_OK(whole);
    ASSERT_OK(cut);
    EXPECT_GT(count(cut->engine_ts, "  d.run("), count(whole->engine_ts, "  d.run("));
    EXPECT_NE(cut->engine_ts.find("const token_embd_2 = d.weight("), std::string::npos);
    EXPECT_NE(cut->engine_ts.find("row0: 16"), std::string::npos);
}

TEST(EnginePrinter, WhatSeveralProductsReadIsRoundedOnce) {
    const auto printed = print_of("llama", {.max_buffer_bytes = 2048});
    ASSERT_OK(printed);
    const std::string& text = printed->engine_ts;
    const size_t roundings = count(text, "  if (int8) d.run(round_");
    EXPECT_GT(roundings, 0u);
    EXPECT_GT(count(text, ", scratch); // "), roundings);
    EXPECT_EQ(count(text, "const scratch = d.scratch("), 1u);
    EXPECT_EQ(count(text, "[[], [wgsl.rounding"), 0u);
    EXPECT_NE(text.find("int8 ? "), std::string::npos);
    EXPECT_NE(text.find("int8: true"), std::string::npos);
}

TEST(EnginePrinter, ARowThatItsProductRoundsHasNoKernelForThat) {
    const auto model = test::Blueprint(*find_arch("llama")).model();
    ASSERT_OK(model);
    const auto printed = print_engine(
        (*model)->plan(), {"m", 1, "", ""}, {}, [](const Step& step, const WebContext& context) {
            auto kernels = told(step, context);
            if (kernels->size() > 1 && context.batch == BatchSize::one) {
                kernels->erase(kernels->begin());
                kernels->back().scratch_words = 12345;
            }
            return kernels;
        });
    ASSERT_OK(printed);
    const std::string& text = printed->engine_ts;
    EXPECT_GT(count(text, "[[], [wgsl.rounding"), 0u);
    EXPECT_EQ(count(text, "[[wgsl.rounding"), 0u);
    EXPECT_EQ(count(text, "const scratch = d.scratch(12345, "), 1u);
}

TEST(EnginePrinter, ShadersAreThoseThatTheEngineNames) {
    const auto printed = print_of("llama");
    ASSERT_OK(printed);
    EXPECT_NE(printed->shaders_ts.find("export const rms_norm = "), std::string::npos);
    EXPECT_NE(printed->shaders_ts.find("export const matmul_cpu = "), std::string::npos);
    EXPECT_EQ(printed->shaders_ts.find("export const route = "), std::string::npos);
}

TEST(EnginePrinter, ShortCutsAreLinesForOneRowWhereAnAdapterTakesThem) {
    const auto model = test::Blueprint(*find_arch("llama")).model();
    ASSERT_OK(model);
    const Plan& plan = (*model)->plan();
    const Plan cut = test::cut_sums(plan);
    ASSERT_GT(cut.short_cuts.size(), 0u);
    const auto taken = print_engine(cut, {"m", 1, "", ""}, {}, told);
    ASSERT_OK(taken);
    EXPECT_EQ(count(taken->engine_ts, "  d.run("), cut.steps.size() + cut.short_cuts.size());
    EXPECT_EQ(count(taken->engine_ts, " // one row: "), cut.short_cuts.size());
    EXPECT_NE(taken->engine_ts.find("[[], ["), std::string::npos);
    EXPECT_NE(taken->engine_ts.find("], []]"), std::string::npos);

    const KernelSource without = [](const Step& step, const WebContext& context) {
        const bool is_cut = step.op == Op::matmul && step.operand("residual").present();
        return is_cut ? std::vector<WebKernel>() : told(step, context);
    };
    const auto plain = print_engine(plan, {"m", 1, "", ""}, {}, told),
               refused = print_engine(cut, {"m", 1, "", ""}, {}, without);
    ASSERT_OK(plain);
    ASSERT_OK(refused);
    EXPECT_EQ(count(refused->engine_ts, "  d.run("), plan.steps.size());
    EXPECT_EQ(count(refused->engine_ts, "[]"), 1u);  // in a comment
}

TEST(EnginePrinter, ErrorsOfTheKernelsAreItsErrors) {
    const auto model = test::Blueprint(*find_arch("llama")).model();
    ASSERT_OK(model);
    const auto printed = print_engine((*model)->plan(), {}, {}, [](const Step&, const WebContext&) {
        return Result<std::vector<WebKernel>>(Error{Category::unsupported, "no kernel"});
    });
    ASSERT_FALSE(printed);
    EXPECT_EQ(printed.error().category, Category::unsupported);
}

}  // namespace
}  // namespace m2w::web
