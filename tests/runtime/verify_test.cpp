// verify_test.cpp — verify passes on sound devices, and names the layer and the Step of a fault
// that was planted into what the device runs: its Plan, or its copy of the weights.
#include "runtime/verify.h"

#include <gtest/gtest.h>

#include <bit>
#include <cstring>
#include <functional>

#include "runtime/fuse.h"
#include "runtime/short_cuts.h"
#include "runtime/vk_executor.h"
#include "tests/runtime/engines.h"
#include "tests/support/golden.h"

namespace m2w {
namespace {

using ModelPtr = std::shared_ptr<const Model>;
using Reports = Result<std::vector<VerifyReport>>;

const std::vector<uint32_t> kPrompt{5, 17, 3, 42, 8, 99, 23, 64, 11};
const VerifyOptions kOptions{.n_greedy = 3};

Result<ModelPtr> model_of_bytes(std::string bytes) {
    TRY(auto file, gguf::File::parse(make_memory_source("model.gguf", std::move(bytes))));
    return Model::from(std::move(file));
}

std::string device_name() {
    const char* device = std::getenv("M2W_TEST_DEVICE");
    return device ? device : "auto";
}

Reports verify_side(const ModelPtr& model, VerifySide side) {
    TRY(const auto reference, reference_side(model));
    return verify(reference, std::span(&side, 1), kPrompt, kOptions);
}

/// `model` on the reference, `faulty` on the device.
Reports verify_models(const ModelPtr& model, const ModelPtr& faulty) {
    TRY(auto side, device_side(faulty, device_name(), kOptions, kPrompt.size()));
    return verify_side(model, std::move(side));
}

/// The device runs what `spoil` makes of the fused Plan, with its own kernels or with those of
/// GPUs.
Reports verify_spoiled(const ModelPtr& model, const std::function<void(Plan&)>& spoil,
                       bool gpu_kernels = false) {
    Plan plan = fuse(model->plan());
    spoil(plan);
    VerifySide side{std::make_shared<const Plan>(std::move(plan)), nullptr};
    const ExecutorOptions planned{.n_ctx = 16, .n_batch = 16};
    TRY(side.backend,
        make_vk_backend(side.plan, model->shared_file(),
                        {.device = device_name(), .gpu_kernels = gpu_kernels}, planned, {}));
    return verify_side(model, std::move(side));
}

/// The place of an operand or param in a Step.
Operand& operand_of(Step& step, std::string_view name) {
    const OpInfo& info = op_info(step.op);
    for (size_t i = 0; i < info.n_bindings(); ++i)
        if (info.bindings[i].name == name) return step.operands[i];
    M2W_ASSERT(false && "no such binding");
    return step.operands[0];
}
uint32_t& param_of(Step& step, std::string_view name) {
    const OpInfo& info = op_info(step.op);
    for (size_t i = 0; i < info.n_params(); ++i)
        if (info.params[i].name == name) return step.params[i];
    M2W_ASSERT(false && "no such param");
    return step.params[0];
}

void expect_fault(const Reports& reports, size_t layer, std::string_view op,
                  const std::string& name) {
    ASSERT_OK(reports);
    const VerifyReport& report = (*reports)[0];
    ASSERT_TRUE(report.first_wrong) << "the fault was not seen";
    EXPECT_EQ(*report.first_wrong, layer + 1);
    for (size_t i = 0; i <= layer; ++i) EXPECT_TRUE(report.layers[i].ok) << i;
    if (layer + 1 < report.layers.size()) {
        EXPECT_FALSE(report.layers[layer + 1].ok);
    }
    ASSERT_TRUE(report.first_wrong_step) << "no step was named";
    const StepCheck& step = report.steps[*report.first_wrong_step];
    EXPECT_EQ(op_info(step.op).name, op);
    EXPECT_NE((step.inputs + " -> " + step.outputs).find(name), std::string::npos)
        << step.inputs << " -> " << step.outputs;
}

class verify_sound : public testing::TestWithParam<const char*> {};

TEST_P(verify_sound, device_agrees_with_the_reference_at_every_layer) {
    M2W_SHARED(path, GetParam());
    M2W_NEEDS(test::Target::vulkan);
    ASSERT_GET(const auto model, test::load_model(path));
    ASSERT_GET(const auto reports, verify_models(model, model));
    ASSERT_EQ(reports.size(), 1u);
    const VerifyReport& report = reports[0];
    EXPECT_TRUE(report.ok());
    EXPECT_TRUE(report.steps.empty());
    ASSERT_EQ(report.layers.size(), model->hparams().block_count + 1);
    for (const ValueCheck& check : report.layers) {
        EXPECT_TRUE(check.ok);
        EXPECT_LE(check.relative_error, kVerifyTolerance) << check.name;
        EXPECT_GT(check.n_tok, 0u) << check.name << " was not compared";
    }
    EXPECT_LE(report.logits.relative_error, kVerifyTolerance);
    EXPECT_EQ(report.tokens.size(), 1 + kOptions.n_greedy);
    EXPECT_EQ(report.tokens, report.expected_tokens);
}

INSTANTIATE_TEST_SUITE_P(shared, verify_sound,
                         testing::Values("arch/llama/model-f16.gguf", "arch/qwen2/model-f16.gguf",
                                         "arch/qwen3/model-f16.gguf", "model/tiny-q4_0.gguf"),
                         [](const auto& at) { return test::as_test_name(at.param); });

TEST(verify_fault, wrong_rope_base_in_one_layer) {
    constexpr int32_t kLayer = 2;
    M2W_SHARED(path, "arch/qwen3/model-f16.gguf");
    M2W_NEEDS(test::Target::vulkan);
    ASSERT_GET(const auto model, test::load_model(path));
    // The turns of another base, from the same file with that base.
    std::string bytes = test::read_text(path);
    const std::string key = "qwen3.rope.freq_base";
    const size_t at = bytes.find(key);
    ASSERT_NE(at, std::string::npos);
    const float base = 500;
    std::memcpy(&bytes[at + key.size() + 4], &base, 4);  // behind the value's type
    ASSERT_GET(const auto other, model_of_bytes(bytes));
    expect_fault(
        verify_spoiled(model,
                       [&](Plan& plan) {
                           size_t t = 0;
                           while (plan.steps[t].op != Op::rope_table) ++t;
                           Step table = plan.steps[t];
                           const uint32_t turns = operand_of(table, "turns").index;
                           plan.constants.push_back(other->plan().constants[turns]);
                           plan.values.push_back(plan.values[operand_of(table, "y").index]);
                           operand_of(table, "turns").index = uint32_t(plan.constants.size() - 1);
                           operand_of(table, "y").index = uint32_t(plan.values.size() - 1);
                           plan.steps.insert(plan.steps.begin() + ptrdiff_t(t), table);
                           for (Tap& tap : plan.taps) tap.step += tap.step >= t;
                           for (Step& step : plan.steps)
                               if (step.layer == kLayer && step.op == Op::rope_store)
                                   operand_of(step, "table") = operand_of(table, "y");
                       }),
        kLayer, "rope_store", "");
}

TEST(verify_fault, wrong_window_of_attention_in_one_layer) {
    constexpr int32_t kLayer = 1;
    M2W_SHARED(path, "arch/llama/model-f16.gguf");
    M2W_NEEDS(test::Target::vulkan);
    ASSERT_GET(const auto model, test::load_model(path));
    expect_fault(verify_spoiled(model,
                                [&](Plan& plan) {
                                    for (Step& step : plan.steps)
                                        if (step.layer == kLayer && step.op == Op::attend)
                                            param_of(step, "window") = 4;
                                }),
                 kLayer, "attend", "");
}

TEST(verify_fault, wrong_norm_of_single_rows_in_one_layer) {
    constexpr int32_t kLayer = 3;
    M2W_SHARED(path, "arch/gemma3/model-f16.gguf");
    M2W_NEEDS(test::Target::vulkan);
    ASSERT_GET(const auto model, test::load_model(path));
    const Reports reports = verify_spoiled(
        model,
        [&](Plan& plan) {
            plan = add_short_cuts(plan);
            for (ShortCut& cut : plan.short_cuts)
                if (cut.step.layer == kLayer && cut.step.op == Op::norm_matmul &&
                    cut.step.u32("gated_by"))
                    param_of(cut.step, "eps") = std::bit_cast<uint32_t>(1e6f);
        },
        true);
    expect_fault(reports, kLayer, "norm_matmul", "");
    EXPECT_EQ((*reports)[0].layers[kLayer + 1].n_tok, 1u);
}

TEST(verify_fault, swapped_nibbles_in_one_matrix) {
    constexpr size_t kLayer = 5;
    const std::string name = "blk.5.ffn_down.weight";
    M2W_SHARED(path, "model/tiny-q4_0.gguf");
    M2W_NEEDS(test::Target::vulkan);
    ASSERT_GET(const auto model, test::load_model(path));
    std::string bytes = test::read_text(path);
    const gguf::TensorInfo* tensor = model->file().find_tensor(name);
    ASSERT_TRUE(tensor);
    ASSERT_EQ(tensor->dtype, DType::q4_0);
    constexpr size_t kBlockBytes = 18, kScaleBytes = 2;
    for (size_t i = 0; i < tensor->size_bytes; ++i) {
        if (i % kBlockBytes < kScaleBytes) continue;
        const uint8_t byte = uint8_t(bytes[tensor->offset_bytes + i]);
        bytes[tensor->offset_bytes + i] = char(byte << 4 | byte >> 4);
    }
    ASSERT_GET(const auto faulty, model_of_bytes(bytes));
    expect_fault(verify_models(model, faulty), kLayer, "matmul", name);
}

TEST(verify_fault, wrong_weight_behind_the_last_layer) {
    const std::string name = "output_norm.weight";
    M2W_SHARED(path, "arch/llama/model-f16.gguf");
    M2W_NEEDS(test::Target::vulkan);
    ASSERT_GET(const auto model, test::load_model(path));
    std::string bytes = test::read_text(path);
    const gguf::TensorInfo* tensor = model->file().find_tensor(name);
    ASSERT_TRUE(tensor);
    ASSERT_EQ(tensor->dtype, DType::f32);
    const float wrong = 25;
    std::memcpy(&bytes[tensor->offset_bytes], &wrong, 4);
    ASSERT_GET(const auto faulty, model_of_bytes(bytes));
    expect_fault(verify_models(model, faulty), model->hparams().block_count, "rms_norm", name);
}

TEST(verify, prompts_that_cannot_be_run_are_refused) {
    M2W_SHARED(path, "arch/llama/model-f16.gguf");
    ASSERT_GET(const auto model, test::load_model(path));
    ASSERT_GET(const auto reference, reference_side(model));
    const auto category = [&](const std::vector<uint32_t>& prompt) {
        const auto reports = verify(reference, {}, prompt, kOptions);
        return reports ? Category::count : reports.error().category;
    };
    EXPECT_EQ(category({}), Category::usage);
    EXPECT_EQ(category({1, model->plan().n_vocab}), Category::usage);
    EXPECT_EQ(category(std::vector<uint32_t>(model->plan().context_length, 1)), Category::usage);
    EXPECT_EQ(category({1, 2}), Category::count) << "no devices, no reports";
}

}  // namespace
}  // namespace m2w
