// hparams_latent.cpp — the keys of multi-head latent attention, and how wide keys and values are
// with and without it.
#include <fmt/format.h>

#include <algorithm>

#include "runtime/model/hparams_parts.h"

namespace m2w {
namespace {

constexpr uint32_t kMaxLatent = 1u << 14;  // docs/models.md

/// Keys are a latent row and the part that RoPE turns, values the latent row alone.
Result<void> check_widths(const KeyReader& keys, const Hparams& hp) {
    const LatentHparams& latent = hp.latent;
    if (std::any_of(hp.head_count_kv.begin(), hp.head_count_kv.end(),
                    [](uint32_t n) { return n != 1; }))
        return bad_key(keys.key("attention.head_count_kv"),
                       "expected 1 with attention.kv_lora_rank (files with attn_kv_b are older)");
    if (hp.value_length != latent.kv_lora_rank)
        return bad_key(keys.key("attention.value_length"),
                       fmt::format("expected kv_lora_rank {}, file has {}", latent.kv_lora_rank,
                                   hp.value_length));
    const uint32_t n_rot = hp.rope.dimension_count;
    if (hp.key_length != latent.kv_lora_rank + n_rot || n_rot >= latent.key_length_mla)
        return bad_key(
            keys.key("attention.key_length"),
            fmt::format("expected kv_lora_rank {} and rope.dimension_count {}, which is less than "
                        "key_length_mla {}; file has {}",
                        latent.kv_lora_rank, n_rot, latent.key_length_mla, hp.key_length));
    return {};
}

}  // namespace

Result<void> read_latent(KeyReader& keys, Hparams& hp) {
    LatentHparams& latent = hp.latent;
    TRY(auto kv_rank, keys.find_u32("attention.kv_lora_rank", 0, kMaxLatent));
    TRY(auto q_rank, keys.find_u32("attention.q_lora_rank", 0, kMaxLatent));
    TRY(auto key_length, keys.find_u32("attention.key_length_mla", 1, kMaxHeadDim));
    TRY(auto value_length, keys.find_u32("attention.value_length_mla", 1, kMaxHeadDim));
    latent.kv_lora_rank = kv_rank.value_or(0);
    if (latent.kv_lora_rank == 0) return {};
    latent.q_lora_rank = q_rank.value_or(0);
    latent.key_length_mla = key_length.value_or(hp.key_length);
    latent.value_length_mla = value_length.value_or(hp.value_length);
    TRY(check_widths(keys, hp));
    for (LayerHparams& layer : hp.layers) layer.mixer = Mixer::latent_attention;
    return {};
}

}  // namespace m2w
