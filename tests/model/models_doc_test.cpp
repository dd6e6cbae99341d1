// models_doc_test.cpp — writes docs/models.md from the tables of the code and compares it with the
// one that is there.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "gguf/dtype.h"
#include "runtime/model/arch_spec.h"
#include "tests/model/hparams_limits.h"
#include "tests/support/golden.h"

namespace m2w {
namespace {

std::string_view activation_name(Activation activation) {
    switch (activation) {
        case Activation::silu:
            return "SiLU";
        case Activation::gelu_tanh:
            return "GELU (tanh)";
        case Activation::relu:
            return "ReLU";
        case Activation::sigmoid:
            return "sigmoid";
        case Activation::identity:
            return "none";
        case Activation::relu_squared:
            return "squared ReLU";
        case Activation::quick_gelu:
            return "GELU (sigmoid)";
    }
    return "?";
}

std::string ffn_name(const FfnSpec& ffn) {
    if (ffn.form == FfnForm::xielu) return "xIELU";
    std::string out(ffn.form == FfnForm::gated ? "gated, " : "");
    out += activation_name(ffn.activation);
    if (ffn.limit > 0) out += fmt::format(", limit {}", ffn.limit);
    if (ffn.up_shift != 0) out += fmt::format(", up + {}", ffn.up_shift);
    return out;
}

std::string norms_name(const NormSpec& norms) {
    std::string out = norms.kind == NormKind::rms ? "RMS" : "layer";
    out += norms.pre ? ", before" : "";
    out += norms.post_attn || norms.post_ffn ? ", after" : "";
    if (norms.qk != QkNorm::none)
        out += fmt::format(", q and k by {} {} RoPE", norms.qk == QkNorm::head ? "head" : "row",
                           norms.qk_after_rope ? "after" : "before");
    return out;
}

std::string ordinal(uint32_t n) {
    return fmt::format("{}{}", n, n == 2 ? "nd" : n == 3 ? "rd" : "th");
}

std::string rope_name(const RopeSpec& rope) {
    std::string out = rope.pairing == Pairing::adjacent ? "2i, 2i+1" : "i, i+n/2";
    if (rope.none_every) out += fmt::format("; none in every {} layer", ordinal(rope.none_every));
    if (rope.local_freq_base > 0) out += "; another base in windows";
    if (!rope.yarn_truncates) out += "; YaRN's range not rounded";
    return out;
}

std::string rest_of(const ArchSpec& arch) {
    std::string out;
    const auto add = [&](bool when, const std::string& text) {
        if (when) out += (out.empty() ? "" : ", ") + text;
    };
    add(arch.window.full_every > 0,
        fmt::format("windows, none in every {} layer", ordinal(arch.window.full_every)));
    add(arch.window.used && !arch.window.full_every, "windows where the file has them");
    add(arch.qkv_bias, "q, k, v biases required");
    add(arch.attn_sinks, "attention sinks");
    add(arch.parallel_residual, "parallel residual");
    add(arch.embedding_times_sqrt_width, "embedding times sqrt(width)");
    add(arch.logit_scale == LogitScale::multiply, "logits times logit_scale");
    add(arch.logit_scale == LogitScale::divide, "logits over logit_scale");
    add(arch.width_scaled_blocks > 0,
        fmt::format("with {} layers scores over sqrt(width / heads)", arch.width_scaled_blocks));
    return out;
}

std::string archs_table() {
    std::string out =
        "| `general.architecture` | norms | RoPE pairs | feed-forward part | more |\n"
        "|---|---|---|---|---|\n";
    for (const ArchSpec& arch : all_archs())
        out += fmt::format("| {} | {} | {} | {} | {} |\n", arch.gguf_name, norms_name(arch.norms),
                           rope_name(arch.rope), ffn_name(arch.ffn), rest_of(arch));
    return out;
}

std::string_view recurrence_name(const RecurrentSpec& spec) {
    switch (spec.kind) {
        case Recurrence::none:
            return "none";
        case Recurrence::short_conv:
            return "gated short convolution, in layers without key-value heads";
        case Recurrence::scan:
            return "selective scan (Mamba-2) beside the attention of every layer";
        case Recurrence::delta_net:
            return "gated delta net, except in every full_attention_interval-th layer";
    }
    return "?";
}

std::string recurrent_table() {
    std::string out =
        "| `general.architecture` | recurrent part | attention's output |\n|---|---|---|\n";
    for (const ArchSpec& arch : all_archs())
        if (arch.recurrent.kind != Recurrence::none)
            out +=
                fmt::format("| {} | {} | {} |\n", arch.gguf_name, recurrence_name(arch.recurrent),
                            arch.attn_gate ? "gated by a sigmoid" : "as it is");
    return out;
}

std::string types_table() {
    std::string out =
        "| type | weights in a block | bytes a block | bits a weight |\n|---|---|---|---|\n";
    for (const DTypeInfo& type : all_dtypes())
        if (type.decode)
            out += fmt::format("| {} | {} | {} | {:.4g} |\n", type.name, type.block_elems,
                               type.block_bytes, 8.0 * type.block_bytes / type.block_elems);
    return out;
}

std::string limits_table() {
    std::string out =
        "| key behind `<arch>.` | from | to | category outside |\n|---|---|---|---|\n";
    for (const auto& limit : test::kHparamLimits)
        out +=
            fmt::format("| {} | {} | {} | `{}` |\n", limit.key, limit.lo, limit.hi, limit.category);
    for (const auto& [architecture, limit] : test::kRecurrentLimits)
        out +=
            fmt::format("| {} | {} | {} | `{}` |\n", limit.key, limit.lo, limit.hi, limit.category);
    return out;
}

std::string models_doc() {
    return fmt::format(
        R"(# Models

Written by `tests/model/models_doc_test.cpp` from the tables of the code (`M2W_UPDATE_GOLDENS=1` rewrites it); not edited by hand.

## Architectures

Decoders with grouped-query attention, rotary positions and a feed-forward part. What a row of `runtime/model/archs.cpp` adds:

{}
For all of them: an output head of its own or tied to the embedding; biases of q, k, v, of the attention's output, of the
feed-forward matrices and of layer norms where the file has them; q, k and v, or gate and up, as one matrix; a number of key-value
heads for each layer; values of another width than keys; RoPE on a part of the head, scaled linearly, by YaRN, by the factors of a
`rope_freqs` tensor (Llama 3.1 and later) or by the two sets of LongRoPE, of which a session's context chooses one; scales of the
embedding, of scores and of residuals, soft caps of scores and logits, and a temperature that grows with the position, where the file
has the keys. Windowed layers keep a ring of their window. Models that are converted under another name run by their row: Mistral
and SmolLM2 files say `llama`.

Layers with experts (mixture of experts): softmax or sigmoid scores, a selection bias, groups of experts, weights that add up to 1 or
do not, a scale, shared experts with or without a gate, biases, leading dense layers; all of it on the device. Multi-head
latent attention with its matrices on the query side (files with `attn_k_b` and `attn_v_b`), with YaRN as DeepSeek-V2 has it.

Recurrent layers keep states of fixed size instead of keys and values of every position:

{}
They need no more memory for a longer context. Going back to an earlier position costs some tokens: see
[adr/0011-recurrent-states-in-slots.md](adr/0011-recurrent-states-in-slots.md).

An `<arch>.` key that nothing reads, and a tensor that nothing uses, is a warning of `m2w inspect`.


## Weight types

Each matrix of a file may have its own. Vectors (norms, biases) are F32, F16 or BF16.

{}
## Limits of hyperparameters

Those of the file format are in [limits.md](limits.md).

{}
Floats (epsilon, RoPE base and factors) are finite and above 0. Heads divide the embedding unless key_length is given, key-value heads
divide the heads, the rotated dimensions are even and inside a head. A recurrent layer has at most 2^26 words of state; on a device a
head has at most 512 states, a multiple of 4.
)",
        archs_table(), recurrent_table(), types_table(), limits_table());
}

TEST(models_doc, page_says_what_the_tables_say) {
    test::expect_golden(models_doc(), std::filesystem::path(M2W_SOURCE_DIR) / "docs/models.md");
}

TEST(models_doc, every_row_and_every_usable_type_is_listed) {
    const std::string page = models_doc();
    for (const ArchSpec& arch : all_archs())
        EXPECT_NE(page.find(fmt::format("| {} |", arch.gguf_name)), std::string::npos);
    EXPECT_NE(page.find("| Q4_K | 256 | 144 | 4.5 |"), std::string::npos);
    EXPECT_NE(page.find("| IQ1_S | 256 | 50 | 1.562 |"), std::string::npos);
    EXPECT_EQ(page.find("| Q8_K |"), std::string::npos);
}

}  // namespace
}  // namespace m2w
