// write_seeds.cpp — a tiny model of every architecture row, and of what rows can have besides, as
// files of a few kilobytes: seeds of fuzz_model.
#include <cstdio>
#include <filesystem>
#include <fstream>

#include "runtime/model/fuzz/blueprint.h"

namespace m2w {
namespace {

using test::Blueprint;
using test::BlueprintShape;

constexpr BlueprintShape kTiny{.context_length = 16,
                               .embedding_length = 8,
                               .feed_forward_length = 12,
                               .head_count = 2,
                               .head_count_kv = 1,
                               .head_dim = 4,
                               .vocab_size = 8,
                               .conv_width = 2,
                               .ssm_state = 4,
                               .ssm_heads = 2,
                               .ssm_groups = 1};

Blueprint with_experts(std::string_view arch) {
    Blueprint b(arch, kTiny);
    constexpr uint64_t kExperts = 4, kWidth = 4, kEmbedding = kTiny.embedding_length;
    b.set("expert_count", uint32_t(kExperts)).set("expert_used_count", 2u);
    b.set("expert_feed_forward_length", uint32_t(kWidth));
    for (uint32_t layer = 0; layer < kTiny.block_count; ++layer) {
        const std::string ffn = "blk." + std::to_string(layer) + ".ffn_";
        for (const char* name : {"gate", "up", "down"}) b.erase_tensor(ffn + name + ".weight");
        b.add(ffn + "gate_inp.weight", {kEmbedding, kExperts});
        b.add(ffn + "gate_exps.weight", {kEmbedding, kWidth, kExperts});
        b.add(ffn + "up_exps.weight", {kEmbedding, kWidth, kExperts});
        b.add(ffn + "down_exps.weight", {kWidth, kEmbedding, kExperts});
    }
    return b;
}

Blueprint with_shared_experts(std::string_view arch) {
    Blueprint b = with_experts(arch);
    constexpr uint64_t kWidth = 4, kEmbedding = kTiny.embedding_length;
    b.set("expert_shared_count", 1u).set("expert_group_count", 2u);
    b.set("expert_gating_func", 2u).set("expert_weights_norm", true);
    for (uint32_t layer = 0; layer < kTiny.block_count; ++layer) {
        const std::string blk = "blk." + std::to_string(layer) + ".";
        b.add(blk + "ffn_gate_shexp.weight", {kEmbedding, kWidth});
        b.add(blk + "ffn_up_shexp.weight", {kEmbedding, kWidth});
        b.add(blk + "ffn_down_shexp.weight", {kWidth, kEmbedding});
        b.add(blk + "exp_probs_b.bias", {4});
    }
    return b;
}

Blueprint with_latent_attention(bool latent_queries) {
    Blueprint b("deepseek2", kTiny);
    constexpr uint64_t kRank = 4, kRot = 2, kKey = 6, kValue = 4, kQueryRank = 4;
    constexpr uint64_t kEmbedding = kTiny.embedding_length, kHeads = kTiny.head_count;
    b.set("attention.head_count_kv", 1u).set("attention.kv_lora_rank", uint32_t(kRank));
    b.set("attention.key_length", uint32_t(kRank + kRot));
    b.set("attention.value_length", uint32_t(kRank));
    b.set("attention.key_length_mla", uint32_t(kKey));
    b.set("attention.value_length_mla", uint32_t(kValue));
    b.set("rope.dimension_count", uint32_t(kRot));
    if (latent_queries) b.set("attention.q_lora_rank", uint32_t(kQueryRank));
    for (uint32_t layer = 0; layer < kTiny.block_count; ++layer) {
        const std::string attn = "blk." + std::to_string(layer) + ".attn_";
        for (const char* name : {"q", "k", "v", "output"}) b.erase_tensor(attn + name + ".weight");
        if (latent_queries) {
            b.add(attn + "q_a.weight", {kEmbedding, kQueryRank});
            b.add(attn + "q_a_norm.weight", {kQueryRank});
            b.add(attn + "q_b.weight", {kQueryRank, kHeads * kKey});
        } else {
            b.add(attn + "q.weight", {kEmbedding, kHeads * kKey});
        }
        b.add(attn + "kv_a_mqa.weight", {kEmbedding, kRank + kRot});
        b.add(attn + "kv_a_norm.weight", {kRank});
        b.add(attn + "k_b.weight", {kKey - kRot, kRank, kHeads});
        b.add(attn + "v_b.weight", {kRank, kValue, kHeads});
        b.add(attn + "output.weight", {kHeads * kValue, kEmbedding});
    }
    return b;
}

Blueprint with_scaled_rope(const char* type) {
    Blueprint b("llama", kTiny);
    b.set("rope.scaling.type", type).set("rope.scaling.factor", 4.0f);
    b.set("rope.scaling.original_context_length", 8u);
    if (type == std::string_view("none"))
        b.add("rope_freqs.weight", {kTiny.head_dim / 2}).fill("rope_freqs.weight", {1, 8});
    return b;
}

/// Blocks of 32 values; the weights are zero.
Blueprint quantised(DType dtype) {
    BlueprintShape shape = kTiny;
    shape.block_count = 1;
    shape.embedding_length = shape.feed_forward_length = 32;
    shape.head_dim = 16;
    shape.matrices = dtype;
    return Blueprint("llama", shape);
}

/// Whether the seed is a model that can be run, and was written.
bool write(const std::filesystem::path& folder, const std::string& name, const Blueprint& b) {
    const auto model = b.model();
    if (!model) {
        std::fprintf(stderr, "%s: %s\n", name.c_str(), model.error().str().c_str());
        return false;
    }
    const auto bytes = b.bytes();
    std::ofstream out(folder / (name + ".gguf"), std::ios::binary);
    out << *bytes;
    return bool(out.flush());
}

bool write_all(const std::filesystem::path& folder) {
    std::filesystem::create_directories(folder);
    bool good = true;
    for (const ArchSpec& arch : all_archs())
        good &= write(folder, std::string(arch.gguf_name), Blueprint(arch, kTiny));
    for (const char* arch : {"llama", "granitemoe", "qwen3moe", "lfm2moe"})
        good &= write(folder, std::string(arch) + "-experts", with_experts(arch));
    for (const char* arch : {"deepseek2", "qwen3next"})
        good &= write(folder, std::string(arch) + "-shared-experts", with_shared_experts(arch));
    good &= write(folder, "latent", with_latent_attention(false));
    good &= write(folder, "latent-queries", with_latent_attention(true));
    for (const char* type : {"none", "linear", "yarn"})
        good &= write(folder, std::string("rope-") + type, with_scaled_rope(type));
    good &= write(folder, "f16", quantised(DType::f16));
    good &= write(folder, "q8_0", quantised(DType::q8_0));
    return good & write(folder, "q4_0", quantised(DType::q4_0));
}

}  // namespace
}  // namespace m2w

int main(int argc, char** argv) {
    return argc == 2 && m2w::write_all(argv[1]) ? 0 : 1;
}
