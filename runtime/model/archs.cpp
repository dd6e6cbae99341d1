// archs.cpp — everything m2w knows about an architecture that the file itself does not say: one row
// each.
#include "runtime/model/arch_spec.h"

namespace m2w {
namespace {

constexpr ArchSpec kArchs[] = {
    // Q and K rows of llama files are permuted by the converter, so that pairs are adjacent.
    {.gguf_name = "llama", .rope = {.pairing = Pairing::adjacent}, .expert_weights_norm = true},
    {.gguf_name = "qwen2", .qkv_bias = true},
    {.gguf_name = "qwen3", .norms = {.qk = true}},
    {.gguf_name = "qwen3moe", .norms = {.qk = true}, .expert_weights_norm = true},
    {.gguf_name = "deepseek2", .rope = {.pairing = Pairing::adjacent}},
    {.gguf_name = "lfm2",
     .norms = {.qk = true},
     .recurrent = {.kind = Recurrence::short_conv},
     .names = {{{"output_norm.weight", "token_embd_norm.weight"}}}},
    {.gguf_name = "falcon-h1",
     .recurrent = {.kind = Recurrence::scan},
     .names = {{{"ffn_norm.weight", "ffn_norm"}}}},
    {.gguf_name = "qwen35",
     .norms = {.qk = true},
     .attn_gate = true,
     .recurrent = {.kind = Recurrence::delta_net, .key_heads = KeyHeads::tiled},
     .names = {{{"ffn_norm.weight", "post_attention_norm.weight"}}}},
    {.gguf_name = "qwen3next",
     .norms = {.qk = true},
     .attn_gate = true,
     .recurrent = {.kind = Recurrence::delta_net, .joint_beta = true},
     .names = {{{"ffn_norm.weight", "post_attention_norm.weight"}}},
     .expert_weights_norm = true},
};

}  // namespace

const ArchSpec* find_arch(std::string_view gguf_name) {
    for (const ArchSpec& arch : kArchs)
        if (arch.gguf_name == gguf_name) return &arch;
    return nullptr;
}

std::span<const ArchSpec> all_archs() {
    return kArchs;
}

}  // namespace m2w
