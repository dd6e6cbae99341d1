// hparams.cpp — reads `<arch>.*` keys with range checks; every default is named here.
#include "runtime/model/hparams.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <set>

#include "runtime/model/arch_spec.h"

namespace m2w {
namespace {

// Limits of docs/models.md.
constexpr uint32_t kMaxLayers = 512, kMaxHeads = 1024, kMaxEmbedding = 1u << 17,
                   kMaxFeedForward = 1u << 20;
constexpr uint32_t kMaxContext = 1u << 28, kMaxHeadDim = 4096, kMaxVocab = 1u << 24;
constexpr float kDefaultFreqBase =
    10'000.0f;  // files from before rope.freq_base was written (Su et al. 2021)

// Keys that change nothing that is computed here, each with the reason.
constexpr std::array<std::string_view, 2> kIgnoredKeys{
    "rope.scaling.original_context_length",  // linear scaling does not use it
    "rope.scaling.finetuned",                // provenance
};

Error bad(const std::string& key, const std::string& detail) {
    return {Category::hyperparameter, fmt::format("{}: {}", key, detail)};
}

/// Reads keys of one architecture and remembers them.
class KeyReader {
  public:
    KeyReader(const gguf::File& file, const std::string& architecture)
        : file_(file), prefix_(architecture + ".") {}

    Result<std::optional<uint32_t>> find_u32(std::string_view name, uint32_t lo, uint32_t hi,
                                             Category otherwise = Category::hyperparameter) {
        const std::string key = note(name);
        TRY(auto value, file_.find_u32(key));
        if (value && (*value < lo || *value > hi))
            return Error{otherwise,
                         fmt::format("{}: expected {} to {}, file has {}", key, lo, hi, *value)};
        return value;
    }

    Result<uint32_t> get_u32(std::string_view name, uint32_t lo, uint32_t hi) {
        TRY(auto value, find_u32(name, lo, hi));
        if (!value)
            return Error{Category::missing_metadata,
                         fmt::format("{}{}: key missing", prefix_, name)};
        return *value;
    }

    Result<std::optional<float>> find_positive(std::string_view name) {
        const std::string key = note(name);
        TRY(auto value, file_.find_f32(key));
        if (value && !(*value > 0))
            return bad(key, fmt::format("expected a number above 0, file has {}", *value));
        return value;
    }

    Result<std::string> find_string(std::string_view name, std::string_view fallback) {
        TRY(auto value, file_.find_string(note(name)));
        return std::string(value.value_or(fallback));
    }

    const gguf::Value* find(std::string_view name) { return file_.find(note(name)); }
    Result<std::optional<std::vector<uint32_t>>> find_u32s(std::string_view name) {
        return file_.find_u32s(note(name));
    }
    std::string key(std::string_view name) const { return prefix_ + std::string(name); }

    std::vector<std::string> unread() const {
        std::vector<std::string> out;
        for (const auto& [key, value] : file_.metadata()) {
            if (!key.starts_with(prefix_) || read_.contains(key)) continue;
            const std::string_view name = std::string_view(key).substr(prefix_.size());
            if (std::find(kIgnoredKeys.begin(), kIgnoredKeys.end(), name) == kIgnoredKeys.end())
                out.push_back(key);
        }
        return out;
    }

  private:
    std::string note(std::string_view name) {
        std::string key = prefix_ + std::string(name);
        read_.insert(key);
        return key;
    }

    const gguf::File& file_;
    std::string prefix_;
    std::set<std::string> read_;
};

Result<void> read_heads(KeyReader& keys, Hparams& hp) {
    TRY(hp.head_count, keys.get_u32("attention.head_count", 1, kMaxHeads));
    const gguf::Value* kv = keys.find("attention.head_count_kv");
    if (kv && kv->type == gguf::ValueType::array) {
        TRY(auto per_layer, keys.find_u32s("attention.head_count_kv"));
        hp.head_count_kv = *per_layer;
        if (hp.head_count_kv.size() != hp.block_count)
            return bad(keys.key("attention.head_count_kv"),
                       fmt::format("expected {} entries, file has {}", hp.block_count,
                                   hp.head_count_kv.size()));
    } else {
        TRY(auto one, keys.find_u32("attention.head_count_kv", 1, kMaxHeads));
        hp.head_count_kv.assign(hp.block_count, one.value_or(hp.head_count));
    }
    for (uint32_t n : hp.head_count_kv)
        if (n == 0 || n > hp.head_count || hp.head_count % n != 0)
            return bad(
                keys.key("attention.head_count_kv"),
                fmt::format("expected a divisor of head_count {}, file has {}", hp.head_count, n));

    TRY(auto key_length, keys.find_u32("attention.key_length", 1, kMaxHeadDim));
    TRY(auto value_length, keys.find_u32("attention.value_length", 1, kMaxHeadDim));
    if (!key_length && hp.embedding_length % hp.head_count != 0)
        return bad(keys.key("attention.head_count"),
                   fmt::format("{} does not divide embedding_length {}", hp.head_count,
                               hp.embedding_length));
    hp.key_length = key_length.value_or(hp.embedding_length / hp.head_count);
    hp.value_length = value_length.value_or(hp.embedding_length / hp.head_count);
    if (hp.key_length != hp.value_length)
        return Error{
            Category::shape_mismatch,
            fmt::format("{}: expected key_length {}, file has {}",
                        keys.key("attention.value_length"), hp.key_length, hp.value_length)};
    return {};
}

/// has_factors: the file has the factors of Llama 3.1 as a tensor.
Result<void> read_rope(KeyReader& keys, bool has_factors, Hparams& hp) {
    TRY(auto dims, keys.find_u32("rope.dimension_count", 1, kMaxHeadDim));
    hp.rope.dimension_count = dims.value_or(hp.key_length);
    if (hp.rope.dimension_count % 2 != 0 || hp.rope.dimension_count > hp.key_length)
        return bad(keys.key("rope.dimension_count"),
                   fmt::format("expected an even number up to {}, file has {}", hp.key_length,
                               hp.rope.dimension_count));
    TRY(auto base, keys.find_positive("rope.freq_base"));
    hp.rope.freq_base = base.value_or(kDefaultFreqBase);

    TRY(auto factor, keys.find_positive("rope.scaling.factor"));
    TRY(auto old_factor,
        keys.find_positive("rope.scale_linear"));  // written before rope.scaling.* existed
    // A factor alone means linear scaling: the type came later.
    TRY(auto type, keys.find_string("rope.scaling.type", factor || old_factor ? "linear" : "none"));
    if (type == "linear") {
        hp.rope.scaling = RopeScaling::linear;
        hp.rope.scaling_factor = factor.value_or(old_factor.value_or(1.0f));
    } else if (type == "yarn" || type == "longrope" || type == "su") {
        return Error{
            Category::unsupported,
            fmt::format("{}: scaling \"{}\" is not supported; none, linear and rope_freqs are",
                        keys.key("rope.scaling.type"), type)};
    } else if (type == "llama3" && !has_factors) {  // they come as a tensor, made by the converter
        return Error{
            Category::unsupported,
            fmt::format("{}: scaling \"{}\" without the tensor rope_freqs.weight is not supported",
                        keys.key("rope.scaling.type"), type)};
    } else if (type != "none" && type != "llama3") {
        return bad(keys.key("rope.scaling.type"), fmt::format("unknown scaling \"{}\"", type));
    }
    return {};
}

Result<void> refuse_experts(KeyReader& keys) {
    TRY(auto experts, keys.find_u32("expert_count", 0, 1024));
    TRY(auto used, keys.find_u32("expert_used_count", 0, 1024));
    if (used.value_or(0) > experts.value_or(0))
        return bad(keys.key("expert_used_count"),
                   fmt::format("{} exceeds expert_count {}", *used, experts.value_or(0)));
    if (experts.value_or(0) > 0)
        return Error{Category::unsupported,
                     fmt::format("{} = {}: mixture-of-experts layers are not supported",
                                 keys.key("expert_count"), *experts)};
    return {};
}

}  // namespace

Result<Hparams> Hparams::from(const gguf::File& file) {
    TRY(const std::string_view architecture, file.get_string("general.architecture"));
    if (!find_arch(architecture)) {
        std::string known;
        for (const ArchSpec& arch : all_archs())
            known += (known.empty() ? "" : ", ") + std::string(arch.gguf_name);
        return bad("general.architecture",
                   fmt::format("architecture \"{}\" is not supported; supported: {}",
                               architecture.substr(0, 64), known));
    }
    Hparams hp;
    hp.architecture = architecture;
    KeyReader keys(file, hp.architecture);
    TRY(hp.context_length, keys.get_u32("context_length", 1, kMaxContext));
    TRY(hp.embedding_length, keys.get_u32("embedding_length", 1, kMaxEmbedding));
    TRY(hp.block_count, keys.get_u32("block_count", 1, kMaxLayers));
    TRY(hp.feed_forward_length, keys.get_u32("feed_forward_length", 1, kMaxFeedForward));
    TRY(read_heads(keys, hp));
    TRY(read_rope(keys, file.find_tensor("rope_freqs.weight") != nullptr, hp));
    TRY(auto eps, keys.find_positive("attention.layer_norm_rms_epsilon"));
    if (!eps)
        return Error{Category::missing_metadata,
                     keys.key("attention.layer_norm_rms_epsilon") + ": key missing"};
    hp.layer_norm_rms_epsilon = *eps;
    TRY(refuse_experts(keys));

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
