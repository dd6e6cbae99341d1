// hparams_limits_test.cpp — every integer and float of `<arch>.*` at its bounds, beyond them, and
// with a wrong type.
#include "tests/model/hparams_limits.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <limits>

#include "runtime/model/hparams.h"
#include "tests/model/hparams_verdict.h"

namespace m2w {
namespace {

using test::Blueprint;
using test::hparams_verdict;
using test::kHparamLimits;

class hparams_limits : public testing::TestWithParam<std::string_view> {
  protected:
    Blueprint blueprint() const { return Blueprint(GetParam()); }
    /// The key of the row's kind of norms.
    const char* epsilon() const {
        return find_arch(GetParam())->norms.kind == NormKind::rms
                   ? "attention.layer_norm_rms_epsilon"
                   : "attention.layer_norm_epsilon";
    }
};

TEST_P(hparams_limits, integer_beyond_a_bound_is_refused_with_the_bounds) {
    for (const auto& limit : kHparamLimits) {
        const auto refusal = [&](uint64_t value) {
            return fmt::format("{}: {}.{}: expected {} to {}, file has {}", limit.category,
                               GetParam(), limit.key, limit.lo, limit.hi, value);
        };
        std::vector<uint32_t> outside{limit.hi + 1, UINT32_MAX};
        if (limit.lo > 0) outside.push_back(limit.lo - 1);
        for (const uint32_t value : outside)
            EXPECT_EQ(hparams_verdict(blueprint().set(limit.key, value)), refusal(value));
    }
}

TEST_P(hparams_limits, integer_at_a_bound_passes_the_check_of_its_range) {
    for (const auto& limit : kHparamLimits) {
        const std::string range = fmt::format("expected {} to {}", limit.lo, limit.hi);
        for (const uint32_t value : {limit.lo, limit.hi})
            EXPECT_EQ(hparams_verdict(blueprint().set(limit.key, value)).find(range),
                      std::string::npos)
                << limit.key << " = " << value;
    }
    // Where nothing else depends on the value, the file is accepted as a whole.
    if (find_arch(GetParam())->ffn.form != FfnForm::xielu) {  // which has numbers of each layer
        EXPECT_EQ(
            hparams_verdict(blueprint().erase("attention.head_count_kv").set("block_count", 512u)),
            "ok");
    }
    EXPECT_EQ(hparams_verdict(blueprint().set("context_length", 1u << 28)), "ok");
    EXPECT_EQ(hparams_verdict(blueprint().set("embedding_length", 1u << 17)), "ok");
    EXPECT_EQ(hparams_verdict(blueprint().set("feed_forward_length", 1u << 20)), "ok");
    EXPECT_EQ(hparams_verdict(blueprint().set("attention.head_count", 1024u)), "ok");
    EXPECT_EQ(hparams_verdict(blueprint()
                                  .set("attention.key_length", 4096u)
                                  .set("attention.value_length", 4096u)
                                  .set("rope.dimension_count", 4096u)),
              "ok");
    EXPECT_EQ(
        hparams_verdict(blueprint().erase_raw("tokenizer.ggml.tokens").set("vocab_size", 1u << 24)),
        "ok");
    EXPECT_EQ(hparams_verdict(blueprint().set("expert_count", 0u).set("expert_used_count", 0u)),
              "ok");
}

TEST_P(hparams_limits, integer_of_any_integer_type_is_read) {
    auto any = blueprint()
                   .set("block_count", uint64_t(2))
                   .set("embedding_length", int32_t(32))
                   .set("attention.head_count", uint8_t(4))
                   .set("context_length", int64_t(64))
                   .set("feed_forward_length", uint16_t(48));
    EXPECT_EQ(hparams_verdict(any), "ok");
}

TEST_P(hparams_limits, integer_outside_32_bits_is_refused) {
    for (const auto& limit : kHparamLimits) {
        const std::string key = fmt::format("hyperparameter: {}.{}", GetParam(), limit.key);
        for (const int64_t value : {int64_t(-64), int64_t(1) << 32}) {
            const std::string got = hparams_verdict(blueprint().set(limit.key, value));
            EXPECT_TRUE(got.starts_with(key)) << got;
            EXPECT_NE(got.find(std::to_string(value)), std::string::npos) << got;
        }
    }
}

TEST_P(hparams_limits, value_of_another_type_is_refused) {
    const std::vector<gguf::Value> not_integers{gguf::make_value(std::string("2")),
                                                gguf::make_value(2.0f), gguf::make_value(true),
                                                gguf::make_array(std::vector<float>{2})};
    for (const auto& limit : kHparamLimits) {
        const std::string refusal =
            fmt::format("wrong_metadata_type: {}.{} is ", GetParam(), limit.key);
        for (const gguf::Value& value : not_integers) {
            Blueprint b = blueprint();
            const std::string got = hparams_verdict(b.set_raw(b.key(limit.key), value));
            EXPECT_TRUE(got.starts_with(refusal)) << got;
        }
    }
    const std::vector<gguf::Value> not_floats{gguf::make_value(std::string("1")),
                                              gguf::make_value(1u), gguf::make_value(true),
                                              gguf::make_array(std::vector<float>{1})};
    for (const char* name :
         {epsilon(), "rope.freq_base", "rope.scaling.factor", "rope.scale_linear",
          "attention.scale", "residual_scale", "final_logit_softcapping"}) {
        for (const gguf::Value& value : not_floats) {
            Blueprint b = blueprint();
            const std::string got = hparams_verdict(b.set_raw(b.key(name), value));
            EXPECT_TRUE(got.starts_with("wrong_metadata_type: " + b.key(name) + " is ")) << got;
        }
    }
    const std::string got = hparams_verdict(blueprint().set("rope.scaling.type", 1u));
    EXPECT_TRUE(got.starts_with(
        fmt::format("wrong_metadata_type: {}.rope.scaling.type is u32", GetParam())))
        << got;
}

TEST_P(hparams_limits, float_that_is_not_above_zero_is_refused) {
    for (const char* name :
         {epsilon(), "rope.freq_base", "rope.scaling.factor", "rope.scale_linear",
          "attention.scale", "residual_scale", "final_logit_softcapping"}) {
        for (const float value : {0.0f, -1.0f})
            EXPECT_EQ(hparams_verdict(blueprint().set(name, value)),
                      fmt::format("hyperparameter: {}.{}: expected a number above 0, file has {}",
                                  GetParam(), name, value));
        for (const float value :
             {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
            const std::string got = hparams_verdict(blueprint().set(name, value));
            EXPECT_TRUE(got.starts_with(fmt::format("hyperparameter: {}.{}", GetParam(), name)))
                << got;
        }
    }
}

TEST_P(hparams_limits, required_key_that_is_missing_is_named) {
    for (const char* name : {"block_count", "context_length", "embedding_length",
                             "feed_forward_length", "attention.head_count", epsilon()})
        EXPECT_EQ(hparams_verdict(blueprint().erase(name)),
                  fmt::format("missing_metadata: {}.{}: key missing", GetParam(), name));
}

std::vector<std::string_view> arch_names() {
    std::vector<std::string_view> names;
    for (const ArchSpec& arch : all_archs()) names.push_back(arch.gguf_name);
    return names;
}

INSTANTIATE_TEST_SUITE_P(archs, hparams_limits, testing::ValuesIn(arch_names()),
                         [](const auto& at) { return test::as_test_name(at.param); });

}  // namespace
}  // namespace m2w
