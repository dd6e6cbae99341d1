// hparams_behaviour.cpp — windows, scales, caps and the numbers of activations, layer by layer.
#include <fmt/format.h>

#include <cmath>

#include "runtime/model/hparams_parts.h"

namespace m2w {
namespace {

/// Whether `layer` is one of layers n - 1, 2n - 1, ...
bool is_every(uint32_t layer, uint32_t n) {
    return n > 0 && (layer + 1) % n == 0;
}

Result<void> read_layers(KeyReader& keys, const ArchSpec& arch, Hparams& hp) {
    uint32_t window = 0;
    if (arch.window.used) {
        TRY(auto found, keys.find_u32("attention.sliding_window", 0, kMaxContext));
        if (!found && arch.window.full_every)
            return Error{Category::missing_metadata,
                         keys.key("attention.sliding_window") + ": key missing"};
        window = found.value_or(0);
    }
    for (uint32_t i = 0; i < hp.block_count; ++i) {
        LayerHparams& layer = hp.layers[i];
        layer.window = is_every(i, arch.window.full_every) ? 0 : window;
        if (is_every(i, arch.rope.none_every))
            layer.rope = RopeUse::none;
        else if (arch.rope.local_freq_base > 0 && !is_every(i, arch.window.full_every))
            layer.rope = RopeUse::local;
    }
    return {};
}

Result<void> read_scales(KeyReader& keys, const ArchSpec& arch, Hparams& hp) {
    TRY(auto embedding, keys.find_positive("embedding_scale"));
    const float width_scale =
        arch.embedding_times_sqrt_width ? float(std::sqrt(double(hp.embedding_length))) : 1.0f;
    hp.embedding_scale = embedding.value_or(width_scale);
    TRY(auto residual, keys.find_positive("residual_scale"));
    hp.residual_scale = residual.value_or(1);
    if (arch.logit_scale != LogitScale::none) {
        TRY(const float scale, keys.get_positive("logit_scale"));
        hp.logit_scale = arch.logit_scale == LogitScale::divide ? 1 / scale : scale;
    }
    TRY(auto logit_cap, keys.find_positive("final_logit_softcapping"));
    hp.logit_soft_cap = logit_cap.value_or(0);
    return {};
}

Result<void> read_scores(KeyReader& keys, const ArchSpec& arch, Hparams& hp) {
    const bool by_width = arch.width_scaled_blocks == hp.block_count;
    const double dim = by_width                     ? double(hp.embedding_length) / hp.head_count
                       : hp.latent.kv_lora_rank > 0 ? hp.latent.key_length_mla
                                                    : hp.key_length;
    TRY(auto scale, keys.find_positive("attention.scale"));
    hp.attention_scale = scale.value_or(float(hp.rope.yarn_score_scale / std::sqrt(dim)));
    TRY(auto cap, keys.find_positive("attn_logit_softcapping"));
    hp.attention_soft_cap = cap.value_or(0);
    TRY(auto temperature, keys.find_positive("attention.temperature_scale"));
    if (!temperature) return {};
    TRY(auto length, keys.find_u32("attention.temperature_length", 1, kMaxContext));
    hp.temperature = *temperature;
    hp.temperature_length = length.value_or(hp.rope.original_context);
    if (hp.temperature_length == 0)
        return Error{Category::missing_metadata,
                     fmt::format("{} and {}: both missing, {} needs one",
                                 keys.key("attention.temperature_length"),
                                 keys.key("rope.scaling.original_context_length"),
                                 keys.key("attention.temperature_scale"))};
    return {};
}

/// The keys of xIELU stand without the architecture.
Result<void> read_xielu(const gguf::File& file, Hparams& hp) {
    constexpr std::pair<std::string_view, float XieluHparams::*> kKeys[] = {
        {"xielu.alpha_p", &XieluHparams::alpha_p},
        {"xielu.alpha_n", &XieluHparams::alpha_n},
        {"xielu.beta", &XieluHparams::beta},
        {"xielu.eps", &XieluHparams::eps}};
    for (const auto& [key, member] : kKeys) {
        TRY(const auto values, file.find_f32s(key));
        if (!values) return Error{Category::missing_metadata, fmt::format("{}: key missing", key)};
        if (values->size() != hp.block_count)
            return bad_key(std::string(key), fmt::format("expected {} entries, file has {}",
                                                         hp.block_count, values->size()));
        for (uint32_t i = 0; i < hp.block_count; ++i) hp.layers[i].xielu.*member = (*values)[i];
    }
    // The model keeps alphas unconstrained: softplus makes alpha_p, beta + softplus alpha_n.
    for (LayerHparams& layer : hp.layers) {
        layer.xielu.alpha_p = float(std::log1p(std::exp(double(layer.xielu.alpha_p))));
        layer.xielu.alpha_n =
            float(layer.xielu.beta + std::log1p(std::exp(double(layer.xielu.alpha_n))));
    }
    return {};
}

}  // namespace

Result<void> read_behaviour(KeyReader& keys, const gguf::File& file, const ArchSpec& arch,
                            Hparams& hp) {
    TRY(read_layers(keys, arch, hp));
    TRY(read_scales(keys, arch, hp));
    TRY(read_scores(keys, arch, hp));
    TRY(auto parallel, keys.find_bool("use_parallel_residual"));
    hp.parallel_residual = parallel.value_or(arch.parallel_residual);
    if (arch.ffn.form == FfnForm::xielu) TRY(read_xielu(file, hp));
    return {};
}

}  // namespace m2w
