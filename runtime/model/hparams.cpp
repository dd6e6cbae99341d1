// hparams.cpp — reads `<arch>.*` keys with range checks; every default is named here.
#include "runtime/model/hparams.h"

#include <fmt/format.h>

#include "runtime/model/arch_spec.h"
#include "runtime/model/hparams_parts.h"

namespace m2w {
namespace {

// Limits of docs/models.md.
constexpr uint32_t kMaxLayers = 512, kMaxEmbedding = 1u << 17, kMaxVocab = 1u << 24;

Result<void> read_heads(KeyReader& keys, const ArchSpec& arch, Hparams& hp) {
    TRY(hp.head_count, keys.get_u32("attention.head_count", 1, kMaxHeads));
    const gguf::Value* kv = keys.find("attention.head_count_kv");
    if (kv && kv->type == gguf::ValueType::array) {
        TRY(auto per_layer, keys.find_u32s("attention.head_count_kv"));
        hp.head_count_kv = *per_layer;
        const uint32_t expected = hp.block_count + hp.nextn_predict_layers;
        if (hp.head_count_kv.size() != expected)
            return bad_key(
                keys.key("attention.head_count_kv"),
                fmt::format("expected {} entries, file has {}", expected, hp.head_count_kv.size()));
        hp.head_count_kv.resize(hp.block_count);
    } else {
        TRY(auto one, keys.find_u32("attention.head_count_kv", 1, kMaxHeads));
        hp.head_count_kv.assign(hp.block_count, one.value_or(hp.head_count));
    }
    const bool without_attention = arch.recurrent.kind == Recurrence::short_conv;
    for (uint32_t n : hp.head_count_kv)
        if ((n == 0 && !without_attention) ||
            (n != 0 && (n > hp.head_count || hp.head_count % n != 0)))
            return bad_key(
                keys.key("attention.head_count_kv"),
                fmt::format("expected a divisor of head_count {}, file has {}", hp.head_count, n));

    TRY(auto key_length, keys.find_u32("attention.key_length", 1, kMaxHeadDim));
    TRY(auto value_length, keys.find_u32("attention.value_length", 1, kMaxHeadDim));
    if (!key_length && hp.embedding_length % hp.head_count != 0)
        return bad_key(keys.key("attention.head_count"),
                       fmt::format("{} does not divide embedding_length {}", hp.head_count,
                                   hp.embedding_length));
    hp.key_length = key_length.value_or(hp.embedding_length / hp.head_count);
    hp.value_length = value_length.value_or(hp.embedding_length / hp.head_count);
    return {};
}

}  // namespace

Result<Hparams> Hparams::from(const gguf::File& file) {
    TRY(const std::string_view architecture, file.get_string("general.architecture"));
    if (!find_arch(architecture)) {
        std::string known;
        for (const ArchSpec& arch : all_archs())
            known += (known.empty() ? "" : ", ") + std::string(arch.gguf_name);
        return bad_key("general.architecture",
                       fmt::format("architecture \"{}\" is not supported; supported: {}",
                                   architecture.substr(0, 64), known));
    }
    const ArchSpec& arch = *find_arch(architecture);
    Hparams hp;
    hp.architecture = architecture;
    KeyReader keys(file, hp.architecture);
    TRY(hp.context_length, keys.get_u32("context_length", 1, kMaxContext));
    TRY(hp.embedding_length, keys.get_u32("embedding_length", 1, kMaxEmbedding));
    TRY(hp.block_count, keys.get_u32("block_count", 1, kMaxLayers));
    TRY(auto nextn, keys.find_u32("nextn_predict_layers", 0, kMaxLayers));
    hp.nextn_predict_layers = nextn.value_or(0);
    if (hp.nextn_predict_layers >= hp.block_count)
        return bad_key(keys.key("nextn_predict_layers"),
                       fmt::format("{} of {} layers", hp.nextn_predict_layers, hp.block_count));
    hp.block_count -= hp.nextn_predict_layers;
    hp.layers.resize(hp.block_count);
    TRY(hp.feed_forward_length, keys.get_u32("feed_forward_length", 1, kMaxFeedForward));
    TRY(read_heads(keys, arch, hp));
    TRY(read_rope(keys, file, arch, hp));
    TRY(hp.norm_epsilon,
        keys.get_positive(arch.norms.kind == NormKind::rms ? "attention.layer_norm_rms_epsilon"
                                                           : "attention.layer_norm_epsilon"));
    TRY(read_latent(keys, hp));
    TRY(read_experts(keys, arch, hp));
    TRY(read_recurrent(keys, arch, hp));
    TRY(read_behaviour(keys, file, arch, hp));

    TRY(const auto* tokens, file.find_strings("tokenizer.ggml.tokens"));
    TRY(auto vocab_size, keys.find_u32("vocab_size", 1, kMaxVocab, Category::vocab));
    if (!tokens && !vocab_size)
        return Error{Category::missing_metadata,
                     "tokenizer.ggml.tokens and " + keys.key("vocab_size") + ": both missing"};
    if (tokens && tokens->empty())
        return Error{Category::vocab, "tokenizer.ggml.tokens: no tokens"};
    hp.vocab_size = tokens ? uint32_t(tokens->size()) : *vocab_size;
    if (vocab_size && *vocab_size != hp.vocab_size)
        return Error{Category::vocab,
                     fmt::format("{}: expected {} (tokenizer.ggml.tokens), file has {}",
                                 keys.key("vocab_size"), hp.vocab_size, *vocab_size)};
    hp.unread_keys = keys.unread();
    return hp;
}

}  // namespace m2w
