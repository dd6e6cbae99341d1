// archs.cpp — everything m2w knows about an architecture that the file itself does not say: one row
// each.
#include "runtime/model/arch_spec.h"

namespace m2w {
namespace {

// Q and K rows of many files are permuted by the converter, so that pairs are adjacent.
constexpr RopeSpec kAdjacent{.pairing = Pairing::adjacent};
constexpr FfnSpec kGeglu{.activation = Activation::gelu_tanh};
constexpr FfnSpec kSquaredRelu{FfnForm::plain, Activation::relu_squared};

constexpr ArchSpec kArchs[] = {
    {.gguf_name = "llama",
     .rope = kAdjacent,
     .window = {.used = true},
     .expert_weights_norm = true},
    {.gguf_name = "mistral3", .rope = kAdjacent},
    {.gguf_name = "qwen2", .qkv_bias = true},
    {.gguf_name = "qwen3", .norms = {.qk = QkNorm::head}},
    {.gguf_name = "qwen3moe", .norms = {.qk = QkNorm::head}, .expert_weights_norm = true},
    {.gguf_name = "deepseek2", .rope = {.pairing = Pairing::adjacent, .yarn_scales_scores = true}},
    {.gguf_name = "gpt-oss",
     .rope = {.yarn_truncates = false},
     .window = {.used = true, .full_every = 2},
     .ffn = {.activation = Activation::quick_gelu, .limit = 7, .up_shift = 1},
     .qkv_bias = true,
     .attn_sinks = true,
     .names = {{{"ffn_norm.weight", "post_attention_norm.weight"}}},
     .expert_weights_norm = true},
    {.gguf_name = "gemma", .ffn = kGeglu, .embedding_times_sqrt_width = true},
    {.gguf_name = "gemma2",
     .norms = {.post_attn = true, .post_ffn = true},
     .window = {.used = true, .full_every = 2},
     .ffn = kGeglu,
     .embedding_times_sqrt_width = true,
     .width_scaled_blocks = 46},
    {.gguf_name = "gemma3",
     .norms = {.post_attn = true, .post_ffn = true, .qk = QkNorm::head},
     .rope = {.local_freq_base = 10'000},
     .window = {.used = true, .full_every = 6},
     .ffn = kGeglu,
     .embedding_times_sqrt_width = true,
     .width_scaled_blocks = 62},
    {.gguf_name = "phi3", .window = {.used = true}},
    {.gguf_name = "olmo2",
     .norms = {.pre = false, .post_attn = true, .post_ffn = true, .qk = QkNorm::row}},
    {.gguf_name = "smollm3", .rope = {.pairing = Pairing::adjacent, .none_every = 4}},
    {.gguf_name = "granite", .rope = kAdjacent, .logit_scale = LogitScale::divide},
    {.gguf_name = "granitemoe",
     .rope = kAdjacent,
     .logit_scale = LogitScale::divide,
     .expert_weights_norm = true},
    {.gguf_name = "stablelm", .norms = {.kind = NormKind::layer}},
    {.gguf_name = "starcoder2",
     .norms = {.kind = NormKind::layer},
     .window = {.used = true},
     .ffn = {FfnForm::plain, Activation::gelu_tanh}},
    {.gguf_name = "cohere2",
     .norms = {.kind = NormKind::layer},
     .rope = {.pairing = Pairing::adjacent, .none_every = 4},
     .window = {.used = true, .full_every = 4},
     .parallel_residual = true,
     .logit_scale = LogitScale::multiply},
    {.gguf_name = "glm4", .norms = {.post_attn = true, .post_ffn = true}, .rope = kAdjacent},
    {.gguf_name = "nemotron", .norms = {.kind = NormKind::layer}, .ffn = kSquaredRelu},
    {.gguf_name = "hunyuan-dense", .norms = {.qk = QkNorm::head, .qk_after_rope = true}},
    {.gguf_name = "ernie4_5", .rope = kAdjacent},
    {.gguf_name = "seed_oss", .names = {{{"ffn_norm.weight", "post_attention_norm.weight"}}}},
    {.gguf_name = "apertus", .norms = {.qk = QkNorm::head}, .ffn = {.form = FfnForm::xielu}},
    {.gguf_name = "arcee", .rope = kAdjacent, .ffn = kSquaredRelu},
    {.gguf_name = "lfm2",
     .norms = {.qk = QkNorm::head},
     .recurrent = {.kind = Recurrence::short_conv},
     .names = {{{"output_norm.weight", "token_embd_norm.weight"}}}},
    {.gguf_name = "lfm2moe",
     .norms = {.qk = QkNorm::head},
     .recurrent = {.kind = Recurrence::short_conv},
     .names = {{{"output_norm.weight", "token_embd_norm.weight"}}},
     .expert_weights_norm = true},
    {.gguf_name = "falcon-h1",
     .recurrent = {.kind = Recurrence::scan},
     .names = {{{"ffn_norm.weight", "ffn_norm"}}}},
    {.gguf_name = "qwen35",
     .norms = {.qk = QkNorm::head},
     .attn_gate = true,
     .recurrent = {.kind = Recurrence::delta_net, .key_heads = KeyHeads::tiled},
     .names = {{{"ffn_norm.weight", "post_attention_norm.weight"}}}},
    {.gguf_name = "qwen3next",
     .norms = {.qk = QkNorm::head},
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
