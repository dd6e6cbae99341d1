// recurrent_test.cpp — the keys of recurrent layers, which layers they are, and matrices that a
// file has in one.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "tests/model/hparams_limits.h"
#include "tests/model/hparams_verdict.h"

namespace m2w {
namespace {

using test::Blueprint;
using test::hparams_verdict;

TEST(recurrent, integer_beyond_a_bound_is_refused_with_the_bounds) {
    for (const auto& [architecture, limit] : test::kRecurrentLimits) {
        for (const uint32_t value : {limit.lo - 1, limit.hi + 1})
            EXPECT_EQ(hparams_verdict(Blueprint(architecture).set(limit.key, value)),
                      fmt::format("{}: {}.{}: expected {} to {}, file has {}", limit.category,
                                  architecture, limit.key, limit.lo, limit.hi, value));
        for (const uint32_t value : {limit.lo, limit.hi})
            EXPECT_EQ(hparams_verdict(Blueprint(architecture).set(limit.key, value))
                          .find(fmt::format("expected {} to", limit.lo)),
                      std::string::npos)
                << limit.key << " = " << value;
    }
}

TEST(recurrent, key_that_is_missing_is_named) {
    for (const auto& [architecture, limit] : test::kRecurrentLimits)
        EXPECT_EQ(hparams_verdict(Blueprint(architecture).erase(limit.key)),
                  fmt::format("missing_metadata: {}.{}: key missing", architecture, limit.key));
}

TEST(recurrent, heads_that_do_not_divide_are_refused) {
    EXPECT_EQ(hparams_verdict(Blueprint("falcon-h1").set("ssm.time_step_rank", 3u)),
              "hyperparameter: falcon-h1.ssm.time_step_rank: 3 does not divide ssm.inner_size 16");
    EXPECT_EQ(hparams_verdict(Blueprint("qwen35").set("ssm.group_count", 3u)),
              "hyperparameter: qwen35.ssm.group_count: 3 does not divide ssm.time_step_rank 4");
}

TEST(recurrent, state_that_is_too_large_is_refused) {
    EXPECT_EQ(
        hparams_verdict(
            Blueprint("falcon-h1").set("ssm.inner_size", 1u << 15).set("ssm.state_size", 2052u)),
        fmt::format("hyperparameter: falcon-h1.ssm.state_size: a state of {} words, expected "
                    "at most {}",
                    2052u << 15, 1u << 26));
}

std::vector<Mixer> mixers(const Blueprint& blueprint) {
    std::vector<Mixer> out;
    auto file = blueprint.file();
    auto hp = file ? Hparams::from(**file) : Result<Hparams>(file.error());
    EXPECT_TRUE(bool(hp)) << hp.error().str();
    if (hp)
        for (const LayerHparams& layer : hp->layers) out.push_back(layer.mixer);
    return out;
}

TEST(recurrent, layers_are_recurrent_as_the_file_says) {
    using enum Mixer;
    EXPECT_EQ(mixers(Blueprint("llama")), std::vector({attention, attention}));
    for (const char* name : {"lfm2", "lfm2moe"})
        EXPECT_EQ(mixers(Blueprint(name)), std::vector({short_conv, attention}));
    EXPECT_EQ(mixers(Blueprint("falcon-h1")),
              std::vector({scan_and_attention, scan_and_attention}));
    EXPECT_EQ(mixers(Blueprint("qwen35", {.block_count = 6}).set("full_attention_interval", 3u)),
              std::vector({delta_net, delta_net, attention, delta_net, delta_net, attention}));
}

TEST(recurrent, layer_without_key_value_heads_is_refused_where_every_layer_has_attention) {
    for (const char* architecture : {"llama", "falcon-h1", "qwen35"}) {
        auto blueprint = Blueprint(architecture);
        blueprint.set_raw(blueprint.key("attention.head_count_kv"),
                          gguf::make_array(std::vector<uint32_t>{2, 0}));
        EXPECT_NE(hparams_verdict(blueprint).find("expected a divisor of head_count 4, file has 0"),
                  std::string::npos)
            << architecture;
    }
}

TEST(recurrent, layers_that_predict_further_tokens_are_not_used) {
    ASSERT_GET(const auto model,
               Blueprint("qwen35", {.block_count = 3}).set("nextn_predict_layers", 1u).model());
    EXPECT_EQ(model->hparams().block_count, 2u);
    EXPECT_EQ(model->plan().taps.size(), 3u);
    ASSERT_FALSE(model->warnings().empty());
    for (const std::string& warning : model->warnings())
        EXPECT_TRUE(warning.starts_with("tensor not used: blk.2.")) << warning;
    EXPECT_EQ(hparams_verdict(Blueprint("qwen35").set("nextn_predict_layers", 2u)),
              "hyperparameter: qwen35.nextn_predict_layers: 2 of 2 layers");
}

/// The rows of the file that a Step's weight is made of.
std::vector<uint64_t> file_rows(const Model& model, std::string_view value) {
    std::vector<uint64_t> rows;
    const Plan& plan = model.plan();
    for (const Step& step : plan.steps) {
        if (step.op != Op::matmul || plan.values[step.operand("y").index].name != value) continue;
        const Tensor& t = plan.tensors[step.operand("w").index];
        for (uint64_t row = 0; row < t.rows; ++row) rows.push_back(t.file_rows.file_row(row));
    }
    return rows;
}

TEST(recurrent, matrices_that_a_file_has_in_one_are_told_apart) {
    ASSERT_GET(const auto joint, Blueprint("qwen3next").model());
    EXPECT_EQ(file_rows(*joint, "l0.delta_beta"), std::vector<uint64_t>({0, 1, 4, 5}));
    EXPECT_EQ(file_rows(*joint, "l0.delta_decay"), std::vector<uint64_t>({2, 3, 6, 7}));
    const auto query = file_rows(*joint, "l1.q"), gate = file_rows(*joint, "l1.q_gate");
    ASSERT_EQ(query.size(), 32u);  // heads of 8
    ASSERT_EQ(gate.size(), 32u);
    for (uint64_t row = 0; row < 32; ++row) {
        EXPECT_EQ(query[row], row / 8 * 16 + row % 8);
        EXPECT_EQ(gate[row], query[row] + 8);
    }
    ASSERT_GET(const auto scan, Blueprint("falcon-h1").model());
    EXPECT_EQ(file_rows(*scan, "l0.scan_z").front(), 0u);
    EXPECT_EQ(file_rows(*scan, "l0.scan_xbc").front(), 16u);
    EXPECT_EQ(file_rows(*scan, "l0.scan_xbc").size(), 48u);
    EXPECT_EQ(file_rows(*scan, "l0.scan_dt"), std::vector<uint64_t>({64, 65, 66, 67}));
    EXPECT_EQ(scan->n_params(), [&] {
        uint64_t n = 0;
        for (const gguf::TensorInfo& t : scan->file().tensors()) n += t.rows() * t.dims[0];
        return n;
    }());
}

}  // namespace
}  // namespace m2w
