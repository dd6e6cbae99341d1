// hparams_rope.cpp — the rope.* keys: which dimensions turn, how fast, and how that is scaled.
#include <fmt/format.h>

#include <cmath>

#include "runtime/model/hparams_parts.h"

namespace m2w {
namespace {

constexpr float kDefaultFreqBase =
    10'000.0f;  // files from before rope.freq_base was written (Su et al. 2021)

// YaRN's own (Peng et al. 2023, section 3.2), for files that leave them out.
constexpr float kDefaultBetaFast = 32, kDefaultBetaSlow = 1;

bool has(const gguf::File& file, std::string_view tensor) {
    return file.find_tensor(tensor) != nullptr;
}

Result<void> read_original_context(KeyReader& keys, RopeHparams& rope) {
    TRY(rope.original_context,
        keys.get_u32("rope.scaling.original_context_length", 1, kMaxContext));
    return {};
}

/// 0.1 m ln(factor) + 1: how YaRN makes up for scores that scaling flattens.
float mscale(float factor, float m) {
    return factor <= 1 ? 1.0f : float(0.1 * m * std::log(double(factor)) + 1);
}

Result<void> read_yarn(KeyReader& keys, const ArchSpec& arch, RopeHparams& rope) {
    rope.scaling = RopeScaling::yarn;
    rope.yarn_truncates = arch.rope.yarn_truncates;
    TRY(rope.scaling_factor, keys.get_positive("rope.scaling.factor"));
    TRY(read_original_context(keys, rope));
    TRY(auto fast, keys.find_positive("rope.scaling.yarn_beta_fast"));
    TRY(auto slow, keys.find_positive("rope.scaling.yarn_beta_slow"));
    TRY(auto ext, keys.find_positive("rope.scaling.yarn_ext_factor"));
    TRY(auto multiplier, keys.find_positive("rope.scaling.yarn_log_multiplier"));
    TRY(auto attention, keys.find_positive("rope.scaling.yarn_attn_factor"));
    rope.yarn_beta_fast = fast.value_or(kDefaultBetaFast);
    rope.yarn_beta_slow = slow.value_or(kDefaultBetaSlow);
    rope.yarn_ext_factor = ext.value_or(1);
    rope.magnitude *= attention.value_or(1);
    if (multiplier && arch.rope.yarn_scales_scores) {
        // Source: DeepSeek-AI 2024, modeling_deepseek.py of DeepSeek-V2: cosines and sines are
        // multiplied by mscale(factor, mscale) / mscale(factor, mscale_all_dim), scores by the
        // square of the latter. The file has 0.1 mscale_all_dim alone; mscale is equal to it in all
        // models that were published.
        const float m = mscale(rope.scaling_factor, *multiplier / 0.1f);
        rope.yarn_score_scale = m * m;
    } else {
        rope.magnitude *= mscale(rope.scaling_factor, 1) /
                          (multiplier ? mscale(rope.scaling_factor, *multiplier) : 1);
    }
    return {};
}

Result<void> read_scaling(KeyReader& keys, const gguf::File& file, const ArchSpec& arch,
                          RopeHparams& rope) {
    TRY(auto factor, keys.find_positive("rope.scaling.factor"));
    TRY(auto old_factor,
        keys.find_positive("rope.scale_linear"));  // written before rope.scaling.* existed
    TRY(auto attention, keys.find_positive("rope.scaling.attn_factor"));
    rope.magnitude = attention.value_or(1);
    const bool has_long = has(file, "rope_factors_long.weight");
    if (has_long != has(file, "rope_factors_short.weight"))
        return Error{Category::unsupported,
                     "rope_factors_long.weight and rope_factors_short.weight: one without the "
                     "other is not supported"};
    // A factor alone means linear scaling: the type came later.
    const char* const fallback = has_long ? "longrope" : factor || old_factor ? "linear" : "none";
    TRY(auto type, keys.find_string("rope.scaling.type", fallback));
    if (type == "linear") {
        rope.scaling = RopeScaling::linear;
        rope.scaling_factor = factor.value_or(old_factor.value_or(1.0f));
    } else if (type == "yarn") {
        return read_yarn(keys, arch, rope);
    } else if (type == "longrope" || type == "su") {
        if (!has_long)
            return Error{Category::unsupported,
                         fmt::format("{}: scaling \"{}\" without the tensors "
                                     "rope_factors_long.weight and rope_factors_short.weight is "
                                     "not supported",
                                     keys.key("rope.scaling.type"), type)};
        return read_original_context(keys, rope);
    } else if (type == "llama3" && !has(file, "rope_freqs.weight")) {
        return Error{
            Category::unsupported,
            fmt::format("{}: scaling \"{}\" without the tensor rope_freqs.weight is not supported",
                        keys.key("rope.scaling.type"), type)};
    } else if (type != "none" && type != "llama3") {
        return bad_key(keys.key("rope.scaling.type"), fmt::format("unknown scaling \"{}\"", type));
    }
    return {};
}

}  // namespace

Result<void> read_rope(KeyReader& keys, const gguf::File& file, const ArchSpec& arch, Hparams& hp) {
    TRY(auto dims, keys.find_u32("rope.dimension_count", 1, kMaxHeadDim));
    hp.rope.dimension_count = dims.value_or(hp.key_length);
    if (hp.rope.dimension_count % 2 != 0 || hp.rope.dimension_count > hp.key_length)
        return bad_key(keys.key("rope.dimension_count"),
                       fmt::format("expected an even number up to {}, file has {}", hp.key_length,
                                   hp.rope.dimension_count));
    TRY(auto base, keys.find_positive("rope.freq_base"));
    hp.rope.freq_base = base.value_or(kDefaultFreqBase);
    if (arch.rope.local_freq_base > 0) {  // layers with a window are not scaled
        hp.rope_local = hp.rope;
        TRY(auto local, keys.find_positive("rope.freq_base_swa"));
        hp.rope_local.freq_base = local.value_or(arch.rope.local_freq_base);
    }
    return read_scaling(keys, file, arch, hp.rope);
}

}  // namespace m2w
