// plan_test.cpp — pins the Plan of every architecture row and of the shared models as text, and
// checks what holds for any Plan. Runs none.
#include "runtime/model/plan.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <set>

#include "runtime/model/fuzz/blueprint.h"
#include "tests/support/golden.h"
#include "tests/support/results.h"

namespace m2w {
namespace {

namespace fs = std::filesystem;
using test::Blueprint;

const fs::path kGoldens = fs::path(M2W_SOURCE_DIR) / "tests/golden/plans";

/// The steps, and below them what they refer to: a wrong width, type or frequency shows as well.
std::string describe(const Plan& plan) {
    std::string out = plan.print();
    out += "values\n";
    for (const PlanValue& v : plan.values)
        out += fmt::format("  {} {}[{}]\n", v.name, v.rows == Rows::n_tok ? "[n_tok]" : "[n_out]",
                           v.width);
    out += "tensors\n";
    for (const Tensor& t : plan.tensors)
        out += fmt::format("  {} {} [{}][{}]{}\n", t.name, dtype_info(t.dtype).name, t.rows, t.cols,
                           t.is_vector ? " vector" : "");
    out += "caches\n";
    for (const PlanCache& c : plan.caches)
        out += fmt::format("  {} [{}]{}\n", c.name, c.width,
                           c.window ? fmt::format(" window {}", c.window) : "");
    if (!plan.states.empty()) out += "states, words\n";
    for (const PlanState& s : plan.states) out += fmt::format("  {} [{}]\n", s.name, s.words);
    out += "constants, as turns a position\n";
    for (const PlanConstant& c : plan.constants)
        for (size_t i = 0; i + 1 < c.words.size(); i += 2)
            out += fmt::format("  {}[{}] {:.12g}\n", c.name, i / 2,
                               (c.words[i] * 0x1p-32 + c.words[i + 1]) * 0x1p-32);
    out += "taps\n";
    for (const Tap& tap : plan.taps)
        out += fmt::format("  {} after step {}\n", plan.values[tap.value].name, tap.step);
    return out + fmt::format("logits {}, vocabulary {}, context {}\n",
                             plan.values[plan.logits].name, plan.n_vocab, plan.context_length);
}

/// Every value is written by exactly one Step, before it is read; all operands are in range.
void expect_well_formed(const Plan& plan) {
    std::vector<int> writes(plan.values.size());
    for (size_t s = 0; s < plan.steps.size(); ++s) {
        const Step& step = plan.steps[s];
        const OpInfo& info = op_info(step.op);
        for (size_t i = 0; i < info.n_bindings(); ++i) {
            const Binding& binding = info.bindings[i];
            const Operand operand = step.operands[i];
            if (binding.kind == Bind::tokens) continue;
            ASSERT_TRUE(operand.present() || binding.optional)
                << "step " << s << " " << info.name << "." << binding.name;
            if (!operand.present()) continue;
            const size_t n = binding.kind == Bind::activation ? plan.values.size()
                             : binding.kind == Bind::cache    ? plan.caches.size()
                             : binding.kind == Bind::state    ? plan.states.size()
                             : binding.kind == Bind::constant ? plan.constants.size()
                                                              : plan.tensors.size();
            ASSERT_LT(operand.index, n) << "step " << s << " " << binding.name;
            if (binding.kind != Bind::activation) continue;
            if (binding.mode == Mode::out)
                ++writes[operand.index];
            else
                EXPECT_EQ(writes[operand.index], 1)
                    << "step " << s << " reads " << plan.values[operand.index].name;
        }
    }
    for (size_t v = 0; v < writes.size(); ++v) EXPECT_EQ(writes[v], 1) << plan.values[v].name;
    for (const Tap& tap : plan.taps) EXPECT_LT(tap.step, plan.steps.size());
    EXPECT_EQ(plan.values[plan.logits].width, plan.n_vocab);
    EXPECT_EQ(plan.values[plan.logits].rows, Rows::n_out);
}

struct SharedModel {
    const char* golden;
    const char* file;  // below the golden data
    std::string_view architecture;

    friend std::ostream& operator<<(std::ostream& out, const SharedModel& m) {
        return out << m.file;
    }
};

const SharedModel kSharedModels[] = {
    {"llama", "arch/llama/model-f16.gguf", "llama"},
    {"llama-rope3", "arch/llama-rope3/model-f16.gguf", "llama"},
    {"llama-bias", "arch/llama-bias/model-f16.gguf", "llama"},
    {"mistral", "arch/mistral/model-f16.gguf", "llama"},
    {"qwen2", "arch/qwen2/model-f16.gguf", "qwen2"},
    {"qwen3", "arch/qwen3/model-f16.gguf", "qwen3"},
    {"mixtral", "arch/mixtral/model-f16.gguf", "llama"},
    {"granitemoe", "arch/granitemoe/model-f16.gguf", "granitemoe"},
    {"qwen3moe", "arch/qwen3moe/model-f16.gguf", "qwen3moe"},
    {"deepseek2", "arch/deepseek2/model-f16.gguf", "deepseek2"},
    {"deepseek2-lite", "arch/deepseek2-lite/model-f16.gguf", "deepseek2"},
    {"gpt-oss", "arch/gpt-oss/model-f16.gguf", "gpt-oss"},
    {"lfm2", "arch/lfm2/model-f16.gguf", "lfm2"},
    {"lfm2moe", "arch/lfm2moe/model-f16.gguf", "lfm2moe"},
    {"falcon-h1", "arch/falcon-h1/model-f16.gguf", "falcon-h1"},
    {"qwen35", "arch/qwen35/model-f16.gguf", "qwen35"},
    {"qwen3next", "arch/qwen3next/model-f16.gguf", "qwen3next"},
    {"mistral3", "arch/mistral3-text/model-f16.gguf", "mistral3"},
    {"gemma", "arch/gemma/model-f16.gguf", "gemma"},
    {"gemma2", "arch/gemma2/model-f16.gguf", "gemma2"},
    {"gemma3", "arch/gemma3/model-f16.gguf", "gemma3"},
    {"phi3", "arch/phi3/model-f16.gguf", "phi3"},
    {"olmo2", "arch/olmo2/model-f16.gguf", "olmo2"},
    {"smollm3", "arch/smollm3/model-f16.gguf", "smollm3"},
    {"granite", "arch/granite/model-f16.gguf", "granite"},
    {"stablelm", "arch/stablelm/model-f16.gguf", "stablelm"},
    {"starcoder2", "arch/starcoder2/model-f16.gguf", "starcoder2"},
    {"cohere2", "arch/cohere2/model-f16.gguf", "cohere2"},
    {"glm4", "arch/glm4/model-f16.gguf", "glm4"},
    {"nemotron", "arch/nemotron/model-f16.gguf", "nemotron"},
    {"hunyuan-dense", "arch/hunyuan-dense/model-f16.gguf", "hunyuan-dense"},
    {"ernie4_5", "arch/ernie45/model-f16.gguf", "ernie4_5"},
    {"seed_oss", "arch/seed-oss/model-f16.gguf", "seed_oss"},
    {"apertus", "arch/apertus/model-f16.gguf", "apertus"},
    {"arcee", "arch/arcee/model-f16.gguf", "arcee"},
    {"tiny", "model/tiny-q4_k_m.gguf", "llama"},
};

class plan_of_shared_model : public testing::TestWithParam<SharedModel> {};

TEST_P(plan_of_shared_model, equals_its_golden_and_leaves_no_key_unread) {
    M2W_SHARED(path, GetParam().file);
    ASSERT_GET(const auto file, gguf::File::open(path));
    ASSERT_GET(const auto model, Model::from(file));
    EXPECT_EQ(model->hparams().architecture, GetParam().architecture);
    EXPECT_EQ(model->hparams().unread_keys, std::vector<std::string>());
    EXPECT_EQ(model->warnings(), std::vector<std::string>());
    expect_well_formed(model->plan());
    EXPECT_EQ(model->plan().taps.size(), model->hparams().block_count + 1);
    test::expect_golden(describe(model->plan()),
                        kGoldens / (std::string(GetParam().golden) + ".txt"));
}

INSTANTIATE_TEST_SUITE_P(shared, plan_of_shared_model, testing::ValuesIn(kSharedModels),
                         [](const auto& at) { return test::as_test_name(at.param.golden); });

TEST(plan, every_row_has_a_golden_of_a_small_model) {
    for (const ArchSpec& arch : all_archs()) {
        SCOPED_TRACE(arch.gguf_name);
        ASSERT_GET(const auto model, Blueprint(arch).model());
        EXPECT_EQ(model->hparams().unread_keys, std::vector<std::string>());
        EXPECT_EQ(model->warnings(), std::vector<std::string>());
        expect_well_formed(model->plan());
        test::expect_golden(describe(model->plan()),
                            kGoldens / "synthetic" / (std::string(arch.gguf_name) + ".txt"));
    }
}

TEST(plan, every_row_has_a_golden_model) {
    for (const ArchSpec& arch : all_archs())
        EXPECT_TRUE(std::any_of(std::begin(kSharedModels), std::end(kSharedModels),
                                [&](const auto& m) { return m.architecture == arch.gguf_name; }))
            << arch.gguf_name << " is compared with no golden model";
}

TEST(plan, every_model_of_the_repository_is_small_and_has_a_golden) {
    const fs::path folder = fs::path(M2W_SOURCE_DIR) / "tests/golden/arch";
    size_t models = 0;
    for (const auto& entry : fs::recursive_directory_iterator(folder)) {
        if (!entry.is_regular_file()) continue;
        EXPECT_LT(entry.file_size(), 64u * 1024) << entry.path();
        if (entry.path().extension() != ".gguf") continue;
        ++models;
        EXPECT_TRUE(
            std::any_of(std::begin(kSharedModels), std::end(kSharedModels),
                        [&](const auto& m) { return test::golden_path(m.file) == entry.path(); }))
            << entry.path();
    }
    EXPECT_GE(models, 1u);
}

TEST(plan, every_golden_belongs_to_a_test) {
    std::set<fs::path> known;
    for (const SharedModel& m : kSharedModels)
        known.insert(kGoldens / (std::string(m.golden) + ".txt"));
    for (const ArchSpec& arch : all_archs())
        known.insert(kGoldens / "synthetic" / (std::string(arch.gguf_name) + ".txt"));
    for (const auto& entry : fs::recursive_directory_iterator(kGoldens)) {
        EXPECT_TRUE(entry.is_directory() || known.contains(entry.path())) << entry.path();
    }
}

TEST(plan, tied_head_reads_the_embedding_and_a_head_of_its_own_is_preferred) {
    ASSERT_GET(const auto tied, Blueprint("llama").model());
    ASSERT_GET(const auto untied, Blueprint("llama").add("output.weight", {32, 40}).model());
    const auto head = [](const Plan& plan) {
        return plan.tensors[plan.steps.back().operand("w").index].name;
    };
    EXPECT_EQ(head(tied->plan()), "token_embd.weight");
    EXPECT_EQ(head(untied->plan()), "output.weight");
}

TEST(plan, step_gives_operands_and_params_by_contract_name) {
    ASSERT_GET(const auto model, Blueprint("llama").model());
    const Plan& plan = model->plan();
    const Step& norm = plan.steps[2];
    ASSERT_EQ(norm.op, Op::rms_norm);
    EXPECT_EQ(norm.u32("n"), 32u);
    EXPECT_EQ(norm.u32("groups"), 1u);
    EXPECT_EQ(norm.f32("eps"), 1e-5f);
    EXPECT_EQ(plan.tensors[norm.operand("w").index].name, "blk.0.attn_norm.weight");
    EXPECT_EQ(norm.layer, 0);
    EXPECT_DEATH((void)norm.u32("nn"), "the op has no such param");
    EXPECT_DEATH((void)norm.operand("q"), "the op has no such binding");
}

}  // namespace
}  // namespace m2w
