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
            return "SwiGLU";
        case Activation::gelu_tanh:
            return "GeGLU (tanh)";
        case Activation::relu:
            return "ReGLU";
        case Activation::sigmoid:
            return "GLU";
        case Activation::identity:
            return "bilinear";
        case Activation::relu_squared:
            return "squared ReLU";
    }
    return "?";
}

std::string_view pairing_name(Pairing pairing) {
    return pairing == Pairing::adjacent ? "adjacent (2i, 2i+1)" : "halves (i, i+n/2)";
}

std::string archs_table() {
    std::string out =
        "| `general.architecture` | RoPE pairs | q, k, v biases | q, k norms | feed-forward |\n"
        "|---|---|---|---|---|\n";
    for (const ArchSpec& arch : all_archs())
        out += fmt::format("| {} | {} | {} | {} | {} |\n", arch.gguf_name,
                           pairing_name(arch.rope.pairing),
                           arch.qkv_bias ? "required" : "where the file has them",
                           arch.norms.qk ? "RMS norm of each head before RoPE" : "none",
                           activation_name(arch.ffn_activation));
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
        if (type.decode && type.repack)
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

Decoders with RMS norms before attention and before the feed-forward part, rotary positions, grouped-query attention and a gated
feed-forward part. What a row of `runtime/model/archs.cpp` adds:

{}
For all of them: an output head of its own or tied to the embedding; biases of the attention's output and of the feed-forward
matrices where the file has them; a number of key-value heads for each layer; RoPE on a part of the head; linear RoPE scaling; the
factors of a `rope_freqs` tensor (Llama 3.1 and later). Models that are converted under another name run by their row: Mistral and
SmolLM2 files say `llama`.

Layers with experts (mixture of experts): softmax or sigmoid scores, a selection bias, groups of experts, weights that add up to 1 or
do not, a scale, shared experts with or without a gate, biases, leading dense layers; all of it on the device. Multi-head
latent attention with its matrices on the query side (files with `attn_k_b` and `attn_v_b`).

Recurrent layers keep states of fixed size instead of keys and values of every position:

{}
They need no more memory for a longer context. Going back to an earlier position costs some tokens: see
[adr/0011-recurrent-states-in-slots.md](adr/0011-recurrent-states-in-slots.md).

Refused by name: YaRN and LongRoPE scaling, keys and values of different widths without latent attention. Any other `<arch>.` key that
nothing reads, and any tensor that nothing uses, is a warning of `m2w inspect`.

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
