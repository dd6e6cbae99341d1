// hparams_test.cpp — how the hyperparameters of a file depend on each other, what is assumed where
// it says nothing, and which keys nobody reads.
#include "runtime/model/hparams.h"

#include <gtest/gtest.h>

#include <cmath>

#include "tests/model/hparams_verdict.h"

namespace m2w {
namespace {

using test::Blueprint;
using test::hparams_verdict;
using test::read_hparams;

Blueprint plain() {
    return Blueprint("llama");
}

TEST(hparams, file_is_read_as_it_says) {
    ASSERT_GET(const Hparams hp, read_hparams(plain()));
    EXPECT_EQ(hp.architecture, "llama");
    EXPECT_EQ(hp.block_count, 2u);
    EXPECT_EQ(hp.context_length, 64u);
    EXPECT_EQ(hp.embedding_length, 32u);
    EXPECT_EQ(hp.feed_forward_length, 48u);
    EXPECT_EQ(hp.head_count, 4u);
    EXPECT_EQ(hp.head_count_kv, (std::vector<uint32_t>{2, 2}));
    EXPECT_EQ(hp.key_length, 8u);
    EXPECT_EQ(hp.value_length, 8u);
    EXPECT_EQ(hp.norm_epsilon, 1e-5f);
    EXPECT_EQ(hp.rope.dimension_count, 8u);
    EXPECT_EQ(hp.rope.freq_base, 10'000.0f);
    EXPECT_EQ(hp.rope.scaling, RopeScaling::none);
    EXPECT_EQ(hp.rope.scaling_factor, 1.0f);
    EXPECT_EQ(hp.vocab_size, 40u);
    EXPECT_EQ(hp.unread_keys, std::vector<std::string>());
}

TEST(hparams, file_without_optional_keys_gets_the_documented_defaults) {
    ASSERT_GET(const Hparams hp, read_hparams(plain()
                                                  .set("attention.head_count", 2u)
                                                  .erase("attention.head_count_kv")
                                                  .erase("attention.key_length")
                                                  .erase("attention.value_length")
                                                  .erase("rope.dimension_count")
                                                  .erase("rope.freq_base")));
    EXPECT_EQ(hp.head_count_kv, (std::vector<uint32_t>{2, 2}));
    EXPECT_EQ(hp.key_length, 16u);
    EXPECT_EQ(hp.value_length, 16u);
    EXPECT_EQ(hp.rope.dimension_count, 16u);
    EXPECT_EQ(hp.rope.freq_base, 10'000.0f);
}

TEST(hparams, architecture_that_is_not_there_is_refused) {
    EXPECT_EQ(hparams_verdict(plain().erase_raw("general.architecture")),
              "missing_metadata: general.architecture is missing (blueprint.gguf)");
    Blueprint typed = plain();
    EXPECT_EQ(hparams_verdict(typed.set_raw("general.architecture", gguf::make_value(1u))),
              "wrong_metadata_type: general.architecture is u32, expected a string");
}

TEST(hparams, architecture_without_a_row_is_refused_with_those_that_have_one) {
    std::string known;
    for (const ArchSpec& arch : all_archs())
        known += (known.empty() ? "" : ", ") + std::string(arch.gguf_name);
    const auto refusal = [&](const std::string& name) {
        return "hyperparameter: general.architecture: architecture \"" + name +
               "\" is not supported; supported: " + known;
    };
    const auto with_name = [](const std::string& name) {
        return plain().set_raw("general.architecture", gguf::make_value(name));
    };
    EXPECT_EQ(hparams_verdict(with_name("frobnicate")), refusal("frobnicate"));
    EXPECT_EQ(hparams_verdict(with_name("")), refusal(""));
    EXPECT_EQ(hparams_verdict(with_name("llam")), refusal("llam"));
    EXPECT_EQ(hparams_verdict(with_name(std::string(1000, 'x'))), refusal(std::string(64, 'x')));
}

TEST(hparams, heads_that_do_not_divide_the_embedding_are_refused) {
    EXPECT_EQ(hparams_verdict(plain()
                                  .set("attention.head_count", 3u)
                                  .set("attention.head_count_kv", 3u)
                                  .erase("attention.key_length")),
              "hyperparameter: llama.attention.head_count: 3 does not divide embedding_length 32");
}

TEST(hparams, key_value_heads_that_do_not_group_the_heads_are_refused) {
    const std::string refusal =
        "hyperparameter: llama.attention.head_count_kv: expected a divisor of head_count 4, file "
        "has ";
    EXPECT_EQ(hparams_verdict(plain().set("attention.head_count_kv", 3u)), refusal + "3");
    EXPECT_EQ(hparams_verdict(plain().set("attention.head_count_kv", 8u)), refusal + "8");
    const auto per_layer = [](const std::vector<int32_t>& counts) {
        return plain().set_raw("llama.attention.head_count_kv", gguf::make_array(counts));
    };
    EXPECT_EQ(hparams_verdict(per_layer({2, 0})), refusal + "0");
    EXPECT_EQ(hparams_verdict(per_layer({2, 3})), refusal + "3");
    EXPECT_EQ(hparams_verdict(per_layer({2, 8})), refusal + "8");
    for (const auto& counts : {std::vector<int32_t>{}, {2}, {2, 2, 2}})
        EXPECT_EQ(hparams_verdict(per_layer(counts)),
                  "hyperparameter: llama.attention.head_count_kv: expected 2 entries, file has " +
                      std::to_string(counts.size()));
    const std::string negative = hparams_verdict(per_layer({2, -2}));
    EXPECT_TRUE(negative.starts_with("hyperparameter: llama.attention.head_count_kv[1] is -2"))
        << negative;
}

TEST(hparams, key_value_heads_of_each_layer_are_read) {
    ASSERT_GET(const Hparams hp,
               read_hparams(plain().set_raw("llama.attention.head_count_kv",
                                            gguf::make_array(std::vector<int32_t>{4, 1}))));
    EXPECT_EQ(hp.head_count_kv, (std::vector<uint32_t>{4, 1}));
}

TEST(hparams, value_heads_of_another_width_are_read) {
    ASSERT_GET(const Hparams hp, read_hparams(plain().set("attention.value_length", 16u)));
    EXPECT_EQ(hp.key_length, 8u);
    EXPECT_EQ(hp.value_length, 16u);
}

TEST(hparams, rotated_dimensions_are_even_and_inside_a_head) {
    const std::string refusal =
        "hyperparameter: llama.rope.dimension_count: expected an even number up to 8, file has ";
    EXPECT_EQ(hparams_verdict(plain().set("rope.dimension_count", 7u)), refusal + "7");
    EXPECT_EQ(hparams_verdict(plain().set("rope.dimension_count", 10u)), refusal + "10");
    EXPECT_EQ(hparams_verdict(plain().set("rope.dimension_count", 2u)), "ok");
}

TEST(hparams, linear_scaling_applies_its_factor) {
    const auto scaling = [](const Blueprint& b) {
        auto hp = read_hparams(b);
        EXPECT_TRUE(bool(hp)) << hp.error().str();
        return hp ? std::pair(hp->rope.scaling, hp->rope.scaling_factor)
                  : std::pair(RopeScaling::none, 0.0f);
    };
    const auto linear = [](float factor) { return std::pair(RopeScaling::linear, factor); };
    const auto none = std::pair(RopeScaling::none, 1.0f);
    EXPECT_EQ(scaling(plain()), none);
    EXPECT_EQ(scaling(plain().set("rope.scaling.type", "none")), none);
    EXPECT_EQ(scaling(plain().set("rope.scaling.type", "none").set("rope.scaling.factor", 4.0f)),
              none);
    EXPECT_EQ(scaling(plain().set("rope.scaling.type", "linear").set("rope.scaling.factor", 4.0f)),
              linear(4));
    EXPECT_EQ(scaling(plain().set("rope.scaling.type", "linear")), linear(1));
    // As before rope.scaling.* existed; and a factor alone means linear.
    EXPECT_EQ(scaling(plain().set("rope.scale_linear", 2.0f)), linear(2));
    EXPECT_EQ(scaling(plain().set("rope.scaling.factor", 8.0f)), linear(8));
    EXPECT_EQ(scaling(plain().set("rope.scaling.type", "linear").set("rope.scale_linear", 2.0f)),
              linear(2));
    EXPECT_EQ(
        scaling(plain().set("rope.scaling.factor", 4.0f).set("rope.scale_linear", 2.0f)).second, 4);
}

TEST(hparams, scaling_that_nobody_knows_is_refused_by_name) {
    EXPECT_EQ(hparams_verdict(plain().set("rope.scaling.type", "banana")),
              "hyperparameter: llama.rope.scaling.type: unknown scaling \"banana\"");
    EXPECT_EQ(hparams_verdict(plain().set("rope.scaling.type", "")),
              "hyperparameter: llama.rope.scaling.type: unknown scaling \"\"");
}

Blueprint yarn() {
    return plain()
        .set("rope.scaling.type", "yarn")
        .set("rope.scaling.factor", 16.0f)
        .set("rope.scaling.original_context_length", 4096u);
}

TEST(hparams, yarn_is_read_with_the_defaults_of_its_paper) {
    ASSERT_GET(const Hparams hp, read_hparams(yarn()));
    EXPECT_EQ(hp.rope.scaling, RopeScaling::yarn);
    EXPECT_EQ(hp.rope.scaling_factor, 16.0f);
    EXPECT_EQ(hp.rope.original_context, 4096u);
    EXPECT_EQ(hp.rope.yarn_beta_fast, 32.0f);
    EXPECT_EQ(hp.rope.yarn_beta_slow, 1.0f);
    EXPECT_EQ(hp.rope.yarn_ext_factor, 1.0f);
    EXPECT_FLOAT_EQ(hp.rope.magnitude, float(0.1 * std::log(16.0) + 1));
    EXPECT_EQ(hp.unread_keys, std::vector<std::string>());
    const auto magnitude = [](const Blueprint& b) {
        auto read_back = read_hparams(b);
        EXPECT_TRUE(bool(read_back)) << read_back.error().str();
        return read_back ? read_back->rope.magnitude : 0.0f;
    };
    EXPECT_EQ(magnitude(yarn().set("rope.scaling.yarn_log_multiplier", 1.0f)), 1.0f);
    EXPECT_FLOAT_EQ(magnitude(yarn().set("rope.scaling.yarn_attn_factor", 2.0f)),
                    float(2 * (0.1 * std::log(16.0) + 1)));
    EXPECT_EQ(magnitude(plain().set("rope.scaling.attn_factor", 1.25f)), 1.25f);
}

TEST(hparams, yarn_of_latent_attention_scales_scores_instead_of_angles) {
    const Blueprint latent = Blueprint("deepseek2")
                                 .set("attention.head_count_kv", 1u)
                                 .set("attention.kv_lora_rank", 16u)
                                 .set("attention.key_length", 24u)
                                 .set("attention.value_length", 16u)
                                 .set("attention.key_length_mla", 20u)
                                 .set("attention.value_length_mla", 12u)
                                 .set("rope.scaling.type", "yarn")
                                 .set("rope.scaling.factor", 40.0f)
                                 .set("rope.scaling.original_context_length", 4096u)
                                 .set("rope.scaling.yarn_log_multiplier", 0.0707f);
    ASSERT_GET(const Hparams hp, read_hparams(latent));
    const double mscale = 0.0707 * std::log(40.0) + 1;
    EXPECT_EQ(hp.rope.magnitude, 1.0f);
    EXPECT_FLOAT_EQ(hp.attention_scale, float(mscale * mscale / std::sqrt(20.0)));
}

TEST(hparams, yarn_without_its_numbers_is_refused) {
    for (const char* name : {"rope.scaling.factor", "rope.scaling.original_context_length"})
        EXPECT_EQ(hparams_verdict(yarn().erase(name)),
                  "missing_metadata: llama." + std::string(name) + ": key missing");
}

TEST(hparams, two_sets_of_factors_need_each_other_and_the_original_context) {
    const std::string refusal =
        "unsupported: llama.rope.scaling.type: scaling \"longrope\" without the tensors "
        "rope_factors_long.weight and rope_factors_short.weight is not supported";
    EXPECT_EQ(hparams_verdict(plain().set("rope.scaling.type", "longrope")), refusal);
    for (const char* name : {"rope_factors_long.weight", "rope_factors_short.weight"})
        EXPECT_EQ(
            hparams_verdict(plain().add(name, {4})),
            "unsupported: rope_factors_long.weight and rope_factors_short.weight: one without "
            "the other is not supported");
    Blueprint both = plain();
    both.add("rope_factors_long.weight", {4}).add("rope_factors_short.weight", {4});
    EXPECT_EQ(hparams_verdict(both),
              "missing_metadata: llama.rope.scaling.original_context_length: key missing");
    EXPECT_EQ(hparams_verdict(both.set("rope.scaling.original_context_length", 32u)), "ok");
}

TEST(hparams, windows_and_rope_follow_the_pattern_of_the_row) {
    struct Want {
        const char* arch;
        std::vector<uint32_t> windows;
        std::vector<RopeUse> rope;
    };
    using enum RopeUse;
    for (const Want& want :
         {Want{"gemma2", {4, 0, 4, 0, 4, 0}, std::vector(6, global)},
          Want{"gemma3", {4, 4, 4, 4, 4, 0}, {local, local, local, local, local, global}},
          Want{"cohere2", {4, 4, 4, 0, 4, 4}, {global, global, global, none, global, global}},
          Want{"smollm3", std::vector(6, 0u), {global, global, global, none, global, global}},
          Want{"phi3", std::vector(6, 4u), std::vector(6, global)}}) {
        SCOPED_TRACE(want.arch);
        Blueprint blueprint(want.arch, {.block_count = 6});
        if (want.windows[0]) blueprint.set("attention.sliding_window", 4u);
        ASSERT_GET(const Hparams hp, read_hparams(blueprint));
        for (uint32_t i = 0; i < 6; ++i) {
            EXPECT_EQ(hp.layers[i].window, want.windows[i]) << i;
            EXPECT_EQ(hp.layers[i].rope, want.rope[i]) << i;
        }
    }
    EXPECT_EQ(hparams_verdict(Blueprint("gemma2").erase("attention.sliding_window")),
              "missing_metadata: gemma2.attention.sliding_window: key missing");
}

TEST(hparams, temperature_needs_a_length) {
    EXPECT_EQ(hparams_verdict(plain().set("attention.temperature_scale", 0.1f)),
              "missing_metadata: llama.attention.temperature_length and "
              "llama.rope.scaling.original_context_length: both missing, "
              "llama.attention.temperature_scale needs one");
    ASSERT_GET(const Hparams hp, read_hparams(yarn().set("attention.temperature_scale", 0.1f)));
    EXPECT_EQ(hp.temperature_length, 4096u);
}

TEST(hparams, scores_of_the_widest_models_are_scaled_by_the_width) {
    ASSERT_GET(const Hparams hp,
               read_hparams(Blueprint("gemma2", {.block_count = 46, .head_count = 2})));
    EXPECT_FLOAT_EQ(hp.attention_scale, 0.25f);  // 32 wide, 2 heads of 8
    ASSERT_GET(const Hparams small,
               read_hparams(Blueprint("gemma2", {.block_count = 45, .head_count = 2})));
    EXPECT_FLOAT_EQ(small.attention_scale, float(1 / std::sqrt(8.0)));
}

TEST(hparams, llama3_scaling_needs_the_factors_that_the_file_computed) {
    EXPECT_EQ(hparams_verdict(plain().set("rope.scaling.type", "llama3")),
              "unsupported: llama.rope.scaling.type: scaling \"llama3\" without the tensor "
              "rope_freqs.weight is not supported");
    EXPECT_EQ(
        hparams_verdict(plain().set("rope.scaling.type", "llama3").add("rope_freqs.weight", {4})),
        "ok");
}

TEST(hparams, experts_are_read_with_the_rows_defaults) {
    ASSERT_GET(const Hparams none, read_hparams(plain().set("expert_count", 0u)));
    EXPECT_EQ(none.experts.count, 0u);
    EXPECT_EQ(none.layers[1].feed_forward, FeedForward::dense);
    ASSERT_GET(const Hparams hp,
               read_hparams(plain().set("expert_count", 8u).set("expert_used_count", 2u)));
    EXPECT_EQ(hp.experts.used_count, 2u);
    EXPECT_EQ(hp.experts.feed_forward_length, hp.feed_forward_length);
    EXPECT_EQ(hp.experts.shared_feed_forward_length, 0u);
    EXPECT_EQ(hp.experts.gating, Scoring::softmax);
    EXPECT_TRUE(hp.experts.weights_norm);
    EXPECT_EQ(hp.layers[0].feed_forward, FeedForward::experts);
}

TEST(hparams, experts_are_read_as_the_file_says) {
    ASSERT_GET(const Hparams hp, read_hparams(plain()
                                                  .set("expert_count", 16u)
                                                  .set("expert_used_count", 3u)
                                                  .set("expert_group_count", 4u)
                                                  .set("expert_group_used_count", 2u)
                                                  .set("expert_feed_forward_length", 24u)
                                                  .set("expert_shared_count", 2u)
                                                  .set("expert_gating_func", 2u)
                                                  .set("expert_weights_norm", false)
                                                  .set("expert_weights_scale", 2.5f)
                                                  .set("leading_dense_block_count", 1u)));
    EXPECT_EQ(hp.experts.group_count, 4u);
    EXPECT_EQ(hp.experts.group_used_count, 2u);
    EXPECT_EQ(hp.experts.feed_forward_length, 24u);
    EXPECT_EQ(hp.experts.shared_feed_forward_length, 48u);
    EXPECT_EQ(hp.experts.gating, Scoring::sigmoid);
    EXPECT_FALSE(hp.experts.weights_norm);
    EXPECT_EQ(hp.experts.weights_scale, 2.5f);
    EXPECT_EQ(hp.layers[0].feed_forward, FeedForward::dense);
    EXPECT_EQ(hp.layers[1].feed_forward, FeedForward::experts);
    // A softmax over the chosen ones, and the length of the shared ones itself.
    ASSERT_GET(const Hparams chosen,
               read_hparams(plain()
                                .set("expert_count", 4u)
                                .set("expert_used_count", 1u)
                                .set("expert_gating_func", 3u)
                                .set("expert_weights_norm", false)
                                .set("expert_shared_feed_forward_length", 7u)));
    EXPECT_EQ(chosen.experts.gating, Scoring::softmax);
    EXPECT_TRUE(chosen.experts.weights_norm);
    EXPECT_EQ(chosen.experts.shared_feed_forward_length, 7u);
}

TEST(hparams, experts_that_cannot_be_chosen_are_refused) {
    EXPECT_EQ(hparams_verdict(plain().set("expert_count", 8u).set("expert_used_count", 9u)),
              "hyperparameter: llama.expert_used_count: 9 exceeds expert_count 8");
    EXPECT_EQ(hparams_verdict(plain().set("expert_used_count", 1u)),
              "hyperparameter: llama.expert_used_count: 1 exceeds expert_count 0");
    EXPECT_EQ(hparams_verdict(plain().set("expert_count", 8u)),
              "hyperparameter: llama.expert_used_count: no expert of 8 is used");
    const auto grouped = [](uint32_t groups, uint32_t used) {
        return hparams_verdict(plain()
                                   .set("expert_count", 8u)
                                   .set("expert_used_count", 3u)
                                   .set("expert_group_count", groups)
                                   .set("expert_group_used_count", used));
    };
    EXPECT_EQ(grouped(4, 2), "ok");
    EXPECT_EQ(grouped(3, 1),
              "hyperparameter: llama.expert_group_count: expected a divisor of expert_count 8, "
              "file has 3");
    EXPECT_EQ(grouped(4, 1),
              "hyperparameter: llama.expert_group_used_count: 1 of 4 groups do not hold 3 of 8 "
              "experts");
    EXPECT_EQ(grouped(4, 5),
              "hyperparameter: llama.expert_group_used_count: 5 of 4 groups do not hold 3 of 8 "
              "experts");
}

TEST(hparams, vocabulary_size_follows_the_tokens) {
    EXPECT_EQ(hparams_verdict(plain().set("vocab_size", 40u)), "ok");
    EXPECT_EQ(hparams_verdict(plain().set("vocab_size", 41u)),
              "vocab: llama.vocab_size: expected 40 (tokenizer.ggml.tokens), file has 41");
    EXPECT_EQ(hparams_verdict(plain().erase_raw("tokenizer.ggml.tokens")),
              "missing_metadata: tokenizer.ggml.tokens and llama.vocab_size: both missing");
    ASSERT_GET(const Hparams alone,
               read_hparams(plain().erase_raw("tokenizer.ggml.tokens").set("vocab_size", 17u)));
    EXPECT_EQ(alone.vocab_size, 17u);
    EXPECT_EQ(hparams_verdict(plain().set_raw("tokenizer.ggml.tokens",
                                              gguf::make_array(std::vector<std::string>()))),
              "vocab: tokenizer.ggml.tokens: no tokens");
    const std::string numbers = hparams_verdict(
        plain().set_raw("tokenizer.ggml.tokens", gguf::make_array(std::vector<int32_t>{1, 2})));
    EXPECT_TRUE(numbers.starts_with("wrong_metadata_type: tokenizer.ggml.tokens is ")) << numbers;
}

TEST(hparams, key_that_nothing_reads_is_reported) {
    for (const ArchSpec& arch : all_archs()) {
        Blueprint blueprint(arch);
        ASSERT_GET(const Hparams before, read_hparams(blueprint));
        EXPECT_EQ(before.unread_keys, std::vector<std::string>());
        blueprint.set("attention.planted", 1u).set("planted", "x");
        ASSERT_GET(const Hparams hp, read_hparams(blueprint));
        EXPECT_EQ(hp.unread_keys, (std::vector<std::string>{blueprint.key("attention.planted"),
                                                            blueprint.key("planted")}));
        ASSERT_GET(const auto model, blueprint.model());
        EXPECT_EQ(model->warnings(), (std::vector<std::string>{
                                         "metadata not used: " + blueprint.key("attention.planted"),
                                         "metadata not used: " + blueprint.key("planted")}));
    }
}

TEST(hparams, key_of_another_prefix_or_without_meaning_is_not_reported) {
    ASSERT_GET(const Hparams hp,
               read_hparams(plain()
                                .set_raw("general.planted", gguf::make_value(1u))
                                .set_raw("llamas.planted", gguf::make_value(1u))
                                .set("rope.scaling.original_context_length", 8192u)
                                .set("rope.scaling.finetuned", true)));
    EXPECT_EQ(hp.unread_keys, std::vector<std::string>());
}

}  // namespace
}  // namespace m2w
