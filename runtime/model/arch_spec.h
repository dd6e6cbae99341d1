// arch_spec.h — the vocabulary of choices by which architectures differ. One ArchSpec row each, in
// archs.cpp.
#pragma once
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

/// Everything m2w knows about an architecture that its files do not say themselves.
struct ArchSpec {
    std::string_view gguf_name;  // general.architecture
    NormSpec norms;
    RopeSpec rope;
    bool qkv_bias =
        false;  // q, k and v biases must be there; elsewhere they are used where the file has them
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
