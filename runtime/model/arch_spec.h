// arch_spec.h — the vocabulary of choices by which architectures differ. One ArchSpec row each, in
// archs.cpp.
#pragma once
#include <array>
#include <cstdint>
#include <span>
#include <string_view>

#include "kernels/ops.h"

namespace m2w {

/// Norms beyond the two that every layer has (before attention, before the feed-forward part).
struct NormSpec {
    bool qk = false;  // RMS norm of each query and key head before RoPE (attn_q_norm, attn_k_norm)
};

struct RopeSpec {
    Pairing pairing = Pairing::halves;
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

/// Everything m2w knows about an architecture that its files do not say themselves.
struct ArchSpec {
    std::string_view gguf_name;  // general.architecture
    NormSpec norms;
    RopeSpec rope;
    bool qkv_bias =
        false;  // q, k and v biases must be there; elsewhere they are used where the file has them
    bool attn_gate = false;  // rows of attn_q alternate by head with those of a sigmoid gate of
                             // the attention's output
    RecurrentSpec recurrent;
    std::array<TensorName, 2> names{};
    Activation ffn_activation = Activation::silu;
    /// Weights of a token's experts add up to 1, unless the file says something else. The same as a
    /// softmax over the logits of the chosen ones.
    bool expert_weights_norm = false;
};

/// The row of an architecture, or nullptr.
const ArchSpec* find_arch(std::string_view gguf_name);

/// All rows.
std::span<const ArchSpec> all_archs();

}  // namespace m2w
