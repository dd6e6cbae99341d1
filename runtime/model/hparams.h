// hparams.h — the hyperparameters of a model, typed and checked. Records which keys were read;
// hides no default.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "gguf/file.h"
#include "gguf/result.h"
#include "kernels/ops.h"

namespace m2w {

enum class RopeScaling : uint8_t { none, linear, yarn };

struct RopeHparams {
    uint32_t dimension_count = 0;  // dimensions of a head that are rotated, even
    float freq_base = 0;
    RopeScaling scaling = RopeScaling::none;
    float scaling_factor = 1;
    float magnitude = 1;            // cosines and sines are multiplied by it
    uint32_t original_context = 0;  // that the model was trained for before it was scaled; of YaRN
                                    // and of models with two sets of factors
    float yarn_beta_fast = 0, yarn_beta_slow = 0, yarn_ext_factor = 0;
    bool yarn_truncates = true;
    float yarn_score_scale = 1;  // scores are multiplied by it
};

/// The table of cosines and sines that a layer rotates by.
enum class RopeUse : uint8_t { none, global, local };

/// Numbers of the xIELU of one layer (kernels/ops.h).
struct XieluHparams {
    float alpha_p = 0, alpha_n = 0, beta = 0, eps = 0;
};

/// How a layer looks at other tokens, and what its feed-forward part is: layers of one model may
/// differ (layer_parts.h has a builder for each).
enum class Mixer : uint8_t {
    attention,
    latent_attention,
    short_conv,
    scan_and_attention,
    delta_net
};
constexpr bool has_attention(Mixer mixer) {
    return mixer == Mixer::attention || mixer == Mixer::scan_and_attention;
}
enum class FeedForward : uint8_t { dense, experts };

struct LayerHparams {
    Mixer mixer = Mixer::attention;
    FeedForward feed_forward = FeedForward::dense;
    uint32_t window = 0;  // positions that a query sees, itself included; 0: all before it
    RopeUse rope = RopeUse::global;
    XieluHparams xielu;
};

/// Mixture of experts: how tokens find their experts, and how wide these are. count 0: none.
struct ExpertHparams {
    uint32_t count = 0;
    uint32_t used_count = 0;                  // of a token
    uint32_t feed_forward_length = 0;         // of an expert
    uint32_t shared_feed_forward_length = 0;  // of all shared experts together; 0: none
    uint32_t group_count = 1;
    uint32_t group_used_count = 1;
    Scoring gating = Scoring::softmax;
    bool weights_norm = false;
    float weights_scale = 1;
};

/// Multi-head latent attention: keys and values of all heads are products of one short row. With it
/// head_count_kv is 1, key_length and value_length are those of the latent space. kv_lora_rank 0:
/// none.
struct LatentHparams {
    uint32_t kv_lora_rank = 0;
    uint32_t q_lora_rank = 0;  // 0: queries come from the residual stream at once
    uint32_t key_length_mla = 0;
    uint32_t value_length_mla = 0;
};

/// Recurrent layers: the `ssm.*` keys, or `shortconv.l_cache` alone.
struct RecurrentHparams {
    uint32_t conv_width = 0;   // inputs that a convolution sees
    uint32_t inner_size = 0;   // all heads together; of a delta net those of the values
    uint32_t state_size = 0;   // states of a head's dimension; of a delta net the width of a key
    uint32_t head_count = 0;   // ssm.time_step_rank
    uint32_t group_count = 0;  // heads of B and C; of a delta net those of the keys

    uint32_t head_dim() const { return inner_size / head_count; }
    /// Channels of the convolution: x, B and C, or queries, keys and values.
    uint32_t conv_size() const { return inner_size + 2 * group_count * state_size; }
};

/// What `<arch>.*` metadata says. Names are those of the GGUF keys.
struct Hparams {
    std::string architecture;
    uint32_t block_count = 0;           // without those that predict more tokens ahead
    uint32_t nextn_predict_layers = 0;  // so many follow in the file; they are not used
    uint32_t context_length = 0;
    uint32_t embedding_length = 0;
    uint32_t feed_forward_length = 0;
    uint32_t head_count = 0;
    std::vector<uint32_t> head_count_kv;  // [block_count]; 0 for layers without attention
    uint32_t key_length = 0;              // head_dim of queries and keys
    uint32_t value_length = 0;            // head_dim of values
    float norm_epsilon = 0;               // of the kind of norms that the architecture has
    RopeHparams rope, rope_local;         // rope_local: of layers with RopeUse::local
    float attention_scale = 0;            // of scores
    float attention_soft_cap = 0;         // 0: none
    float temperature = 0;                // see op attend; temperature_length 0: none
    uint32_t temperature_length = 0;
    bool parallel_residual = false;
    float embedding_scale = 1, residual_scale = 1, logit_scale = 1;
    float logit_soft_cap = 0;  // 0: none
    ExpertHparams experts;
    LatentHparams latent;
    RecurrentHparams recurrent;
    uint32_t vocab_size = 0;
    std::vector<LayerHparams> layers;  // [block_count]

    /// `<arch>.*` keys of the file that nothing read: each may be a behaviour that is missing here.
    std::vector<std::string> unread_keys;

    /// Reads and validates. Errors: missing_metadata, wrong_metadata_type, hyperparameter (unknown
    /// architecture, value out of the limits in docs/models.md), unsupported (a scheme that this
    /// build does not compute, by name).
    static Result<Hparams> from(const gguf::File& file);
};

}  // namespace m2w
