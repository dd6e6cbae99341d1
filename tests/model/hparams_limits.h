// hparams_limits.h — the bounds that hparams.cpp holds files to, as docs/models.md lists them.
// hparams_limits_test.cpp tries each.
#pragma once
#include <cstdint>
#include <string_view>

namespace m2w::test {

/// Both values are accepted, their neighbours are refused.
struct HparamLimit {
    std::string_view key;  // behind "<arch>."
    uint32_t lo, hi;
    std::string_view category = "hyperparameter";
};

inline constexpr HparamLimit kHparamLimits[] = {
    {"block_count", 1, 512},
    {"context_length", 1, 1u << 28},
    {"embedding_length", 1, 1u << 17},
    {"feed_forward_length", 1, 1u << 20},
    {"attention.head_count", 1, 1024},
    {"attention.head_count_kv", 1, 1024},
    {"attention.key_length", 1, 4096},
    {"attention.value_length", 1, 4096},
    {"rope.dimension_count", 1, 4096},
    {"vocab_size", 1, 1u << 24, "vocab"},
    {"expert_count", 0, 1024},
    {"expert_used_count", 0, 64},
    {"expert_group_count", 0, 32},
    {"expert_group_used_count", 0, 32},
    {"expert_shared_count", 0, 64},
    {"expert_feed_forward_length", 1, 1u << 20},
    {"expert_gating_func", 0, 3},
    {"nextn_predict_layers", 0, 512},
    {"attention.kv_lora_rank", 0, 1u << 14},
    {"attention.q_lora_rank", 0, 1u << 14},
    {"attention.key_length_mla", 1, 4096},
    {"attention.value_length_mla", 1, 4096},
};

/// The same for recurrent layers: keys that only some architectures have.
struct RecurrentLimit {
    std::string_view architecture;
    HparamLimit limit;
};

inline constexpr RecurrentLimit kRecurrentLimits[] = {
    {"lfm2", {"shortconv.l_cache", 2, 64}},          {"falcon-h1", {"ssm.conv_kernel", 2, 64}},
    {"falcon-h1", {"ssm.inner_size", 1, 1u << 17}},  {"falcon-h1", {"ssm.state_size", 1, 4096}},
    {"falcon-h1", {"ssm.time_step_rank", 1, 1024}},  {"falcon-h1", {"ssm.group_count", 1, 1024}},
    {"qwen35", {"full_attention_interval", 1, 512}},
};

}  // namespace m2w::test
