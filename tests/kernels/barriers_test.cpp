// barriers_test.cpp — the order of dispatches and barriers that the Vulkan executor records.
// Drivers for the CPU run dispatches one after the other, so results alone cannot show a missing
// barrier: here the commands themselves are watched. A program of its own, because it stands in for
// two Vulkan functions.
#include <dlfcn.h>
#include <gtest/gtest.h>
#include <vulkan/vulkan_core.h>

#include <bit>
#include <cstdlib>
#include <memory>
#include <string>

#include "gguf/write.h"
#include "runtime/vk_executor.h"

namespace {

/// D a dispatch, B a barrier before compute, T one from a transfer before compute, E one at the
/// end.
std::string trace;

template <class Function>
Function next(const char* name) {
    return reinterpret_cast<Function>(dlsym(RTLD_NEXT, name));
}

}  // namespace

// The executable's own symbols win over those of the Vulkan loader.
extern "C" VKAPI_ATTR void VKAPI_CALL vkCmdDispatch(VkCommandBuffer commands, uint32_t x,
                                                    uint32_t y, uint32_t z) {
    static const auto real = next<PFN_vkCmdDispatch>("vkCmdDispatch");
    trace += 'D';
    real(commands, x, y, z);
}

extern "C" VKAPI_ATTR void VKAPI_CALL vkCmdPipelineBarrier(
    VkCommandBuffer commands, VkPipelineStageFlags before, VkPipelineStageFlags after,
    VkDependencyFlags flags, uint32_t n_memory, const VkMemoryBarrier* memory, uint32_t n_buffers,
    const VkBufferMemoryBarrier* buffers, uint32_t n_images, const VkImageMemoryBarrier* images) {
    static const auto real = next<PFN_vkCmdPipelineBarrier>("vkCmdPipelineBarrier");
    const bool from_compute = before == VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT;
    const bool to_compute = after == VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT;
    const bool writes = n_memory == 1 && memory->srcAccessMask != 0 && memory->dstAccessMask != 0;
    trace += !writes ? '?' : !to_compute ? 'E' : from_compute ? 'B' : 'T';
    real(commands, before, after, flags, n_memory, memory, n_buffers, buffers, n_images, images);
}

namespace m2w::test {
namespace {

constexpr uint32_t kWidth = 64;

/// A Plan of adds over values of one width, and of caches.
struct Chain {
    Plan plan;

    uint32_t value(const std::string& name) {
        plan.values.push_back({name, Rows::n_tok, kWidth});
        return uint32_t(plan.values.size() - 1);
    }
    void step(Op op, std::initializer_list<uint32_t> operands, std::vector<uint32_t> params) {
        Step step{.op = op};
        size_t i = 0;
        for (const uint32_t index : operands) step.operands[i++] = {index};
        std::copy(params.begin(), params.end(), step.params.begin());
        plan.steps.push_back(step);
    }
    uint32_t add(uint32_t a, uint32_t b) {
        const uint32_t y = value("sum");
        step(Op::add, {a, b, y}, {kWidth, std::bit_cast<uint32_t>(1.0f)});
        return y;
    }
};

/// Records one batch of the Plan and returns what was recorded for it.
std::string recorded(Plan plan, uint32_t logits, bool keep_values, bool gpu_kernels,
                     uint32_t n_tok = 2) {
    plan.logits = logits;
    plan.n_vocab = kWidth;
    const std::vector<std::byte> zeros(kWidth * kWidth * 4);
    std::vector<gguf::TensorSpec> specs;
    for (const Tensor& t : plan.tensors) specs.push_back({t.name, t.dtype, {t.cols, t.rows}});
    auto bytes =
        gguf::write_file({}, specs, std::vector<std::span<const std::byte>>(specs.size(), zeros));
    EXPECT_TRUE(bytes);
    auto file = gguf::File::parse(make_memory_source("none.gguf", *std::move(bytes)));
    EXPECT_TRUE(file) << file.error().str();
    for (Tensor& t : plan.tensors) t.info = (*file)->find_tensor(t.name);
    const ExecutorOptions options{
        .n_ctx = 16, .n_batch = 16, .n_out = 1, .keep_values = keep_values};
    VkBackendOptions how{.validation = true};
    how.gpu_kernels = how.discrete_memory = gpu_kernels;
    auto backend =
        make_vk_backend(std::make_shared<const Plan>(std::move(plan)), *file, how, options, {});
    if (!backend) return backend.error().str();
    auto executor = (*backend)->new_executor(options);
    if (!executor) return executor.error().str();
    const std::vector<uint32_t> tokens(n_tok, 0);
    trace.clear();
    const auto ran = (*executor)->run({tokens, 0, 1});
    EXPECT_TRUE(ran) << ran.error().str();
    EXPECT_EQ(validation_messages(**backend), std::vector<std::string>());
    return trace;
}

class Barriers : public testing::Test {
  protected:
    void SetUp() override {
        Chain chain;
        const uint32_t a = chain.value("a");
        const std::string got = recorded(chain.plan, chain.add(a, a), true, false);
        if (got.find("no_device") != std::string::npos && !std::getenv("CI"))
            GTEST_SKIP() << "no Vulkan driver, nothing checked: " << got;
    }
};

TEST_F(Barriers, independent_steps_have_none_between_them) {
    Chain chain;
    const uint32_t a = chain.value("a"), b = chain.value("b");
    chain.add(a, b);
    chain.add(b, a);
    const uint32_t last = chain.add(a, a);
    EXPECT_EQ(recorded(chain.plan, last, true, false), "DDDE");
    EXPECT_EQ(recorded(chain.plan, last, true, true), "TDDDEE");
}

TEST_F(Barriers, step_that_reads_a_result_waits_for_it) {
    Chain chain;
    const uint32_t a = chain.value("a"), b = chain.value("b");
    const uint32_t c = chain.add(a, b), d = chain.add(a, a);  // side by side
    const uint32_t e = chain.add(c, d);                       // waits for both
    const uint32_t f = chain.add(c, d);                       // the results are there already
    const uint32_t last = chain.add(e, f);
    EXPECT_EQ(recorded(chain.plan, last, true, false), "DDBDDBDE");
    EXPECT_EQ(recorded(chain.plan, last, true, true), "TDDBDDBDEE");
}

TEST_F(Barriers, attention_waits_for_the_cache) {
    Chain chain;
    const uint32_t k = chain.value("k"), v = chain.value("v"), q = chain.value("q");
    const uint32_t y = chain.value("y");
    chain.plan.caches = {{"k", kWidth}, {"v", kWidth}, {"other k", kWidth}, {"other v", kWidth}};
    chain.step(Op::kv_store, {k, v, 0, 1}, {kWidth, kWidth});
    chain.step(Op::kv_store, {k, v, 2, 3}, {kWidth, kWidth});  // other rows, no wait
    const std::vector<uint32_t> heads{2, 2, kWidth / 2, kWidth / 2, std::bit_cast<uint32_t>(1.0f)};
    chain.step(Op::attend, {q, 0, 1, Operand::kAbsent, y}, heads);
    EXPECT_EQ(recorded(chain.plan, y, true, false), "DDBDE");
}

TEST_F(Barriers, slots_are_sorted_only_where_a_kernel_reads_their_order) {
    Chain chain;
    const uint32_t x = chain.value("x"), y = chain.value("y");
    const uint32_t ids = chain.value("ids"), order = chain.value("order");
    chain.plan.values[ids].width = chain.plan.values[order].width = 1;
    chain.plan.tensors.push_back({.name = "w", .rows = kWidth, .cols = kWidth});
    chain.step(Op::expert_order, {ids, order}, {1, 1});
    chain.step(Op::expert_matmul, {0, x, ids, order, Operand::kAbsent, y},
               {kWidth, kWidth, 1, 1, 1});
    EXPECT_EQ(recorded(chain.plan, y, false, true, 1), "TDEE");
    EXPECT_EQ(recorded(chain.plan, y, false, true, 16), "TDBDEE");  // tiles
    EXPECT_EQ(recorded(chain.plan, y, false, false, 16), "DE");
    EXPECT_EQ(recorded(chain.plan, y, true, false, 1), "DBDE");  // all values can be read
}

TEST_F(Barriers, single_rows_take_a_gpu_s_short_cuts) {
    Chain chain;
    const uint32_t a = chain.value("a");
    const uint32_t last = chain.add(chain.add(a, a), a);
    Step at_once = chain.plan.steps[1];
    at_once.operands[0] = {a};
    chain.plan.short_cuts = {{0, 2, at_once}};
    EXPECT_EQ(recorded(chain.plan, last, false, true, 1), "TDEE");
    EXPECT_EQ(recorded(chain.plan, last, false, true, 2), "TDBDEE");
    EXPECT_EQ(recorded(chain.plan, last, true, true, 1), "TDEE");  // keeps what it computes
    EXPECT_EQ(recorded(chain.plan, last, false, false, 1), "DBDE");
}

TEST_F(Barriers, value_that_takes_over_memory_waits_for_its_last_reader) {
    Chain chain;
    const uint32_t a = chain.value("a"), x = chain.value("x");
    const uint32_t b = chain.add(a, a);  // the last reader of a
    const uint32_t c = chain.add(x, x);  // may take a's place, then must wait for b
    const uint32_t last = chain.add(b, c);
    EXPECT_EQ(recorded(chain.plan, last, true, false), "DDBDE");
    EXPECT_EQ(recorded(chain.plan, last, false, false), "DBDBDE");
}

}  // namespace
}  // namespace m2w::test
