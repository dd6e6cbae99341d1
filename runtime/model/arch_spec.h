// arch_spec.h — the vocabulary of choices by which architectures differ. One ArchSpec row each, in
// archs.cpp.
#pragma once
#include <array>
#include <cstdint>
#include <span>
#include <string_view>

#include "kernels/ops.h"

namespace m2w {

enum class NormKind : uint8_t { rms, layer };

/// What queries and keys are normalised by (attn_q_norm, attn_k_norm).
enum class QkNorm : uint8_t {
    none,
    head,  // each head by itself, weights [head_dim]
    row    // all heads together, weights [n_head * head_dim]
};

/// Which norms a layer has, and where.
struct NormSpec {
    NormKind kind = NormKind::rms;
    bool pre = true;         // before attention and before the feed-forward part
    bool post_attn = false;  // of what attention adds (post_attention_norm)
    bool post_ffn = false;   // of what the feed-forward part adds (post_ffw_norm)
    QkNorm qk = QkNorm::none;
    bool qk_after_rope = false;
};

struct RopeSpec {
    Pairing pairing = Pairing::halves;
    uint32_t none_every = 0;     // layers n - 1, 2n - 1, ... have no RoPE; 0: all have it
    float local_freq_base = 0;   // of layers with a window, unless the file says; 0: as the others
    bool yarn_truncates = true;  // YaRN's correction range is rounded outwards to whole dimensions
    /// yarn_log_multiplier scales scores, and is a tenth of what it is elsewhere.
    bool yarn_scales_scores = false;
};

/// What layers have besides attention, or in place of it.
enum class Recurrence : uint8_t {
    none,
    short_conv,  // gated short convolutions, in layers without key-value heads
    scan,        // a selective scan (Mamba-2) beside the attention of every layer
    delta_net    // gated delta rule; every full_attention_interval-th layer has attention
};

struct RecurrentSpec {
    Recurrence kind = Recurrence::none;
    KeyHeads key_heads = KeyHeads::grouped;  // of delta_net: order of the value heads in the file
    bool joint_beta = false;                 // of delta_net: beta and decay are one matrix, ssm_ba
};

/// A tensor that has another name than in most files, both behind "blk.N." where in layers.
struct TensorName {
    std::string_view usual, here;
};

/// Layers in which a query sees only the last attention.sliding_window positions.
struct WindowSpec {
    bool used = false;
    uint32_t full_every = 0;  // layers n - 1, 2n - 1, ... see all positions; 0: none does
};

enum class FfnForm : uint8_t {
    gated,  // down(act(gate(x)) * up(x))
    plain,  // down(act(up(x)))
    xielu   // down(xielu(up(x))), with the numbers of each layer in the file
};

struct FfnSpec {
    FfnForm form = FfnForm::gated;
    Activation activation = Activation::silu;
    float limit = 0;     // of the gate from above, of the other factor on both sides; 0: none
    float up_shift = 0;  // is added to the other factor
};

enum class LogitScale : uint8_t { none, multiply, divide };

/// Everything m2w knows about an architecture that its files do not say themselves.
struct ArchSpec {
    std::string_view gguf_name;  // general.architecture
    NormSpec norms;
    RopeSpec rope;
    WindowSpec window;
    FfnSpec ffn;
    bool qkv_bias =
        false;  // q, k and v biases must be there; elsewhere they are used where the file has them
    bool attn_sinks = false;  // each head has one more score, without a value (attn_sinks)
    bool attn_gate = false;   // rows of attn_q alternate by head with those of a sigmoid gate of
                              // the attention's output
    RecurrentSpec recurrent;
    std::array<TensorName, 2> names{};
    bool parallel_residual = false;  // attention and the feed-forward part read the same norm
    bool embedding_times_sqrt_width = false;
    LogitScale logit_scale = LogitScale::none;  // what the key logit_scale does
    /// Models of so many layers scale scores by 1 / sqrt(embedding_length / head_count) instead of
    /// 1 / sqrt(key_length): their files do not say it. 0: none.
    uint32_t width_scaled_blocks = 0;
    /// Weights of a token's experts add up to 1, unless the file says something else. The same as a
    /// softmax over the logits of the chosen ones.
    bool expert_weights_norm = false;
};

/// The row of an architecture, or nullptr.
const ArchSpec* find_arch(std::string_view gguf_name);

/// All rows.
std::span<const ArchSpec> all_archs();

}  // namespace m2w
