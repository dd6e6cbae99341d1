// attention_part.cpp — grouped-query attention of one layer as Steps.
#include "gguf/result.h"
#include "runtime/model/layer_parts.h"

namespace m2w {
namespace {

/// Queries, keys and values: f32 [n_tok][heads * head_dim].
struct Heads {
    ValueId q, k, v;
    uint32_t n_head, n_head_kv;
};

Heads project(Emitter& e, ValueId h) {
    const uint32_t n_head = e.hp.head_count, n_head_kv = e.hp.head_count_kv[e.layer()];
    if (e.find(Slot::attn_qkv) != kNoTensor) {
        const auto [q, k, v] = e.matmul_split(h, Slot::attn_qkv, Slot::attn_qkv_bias,
                                              {{"q", n_head * e.hp.key_length},
                                               {"k", n_head_kv * e.hp.key_length},
                                               {"v", n_head_kv * e.hp.value_length}});
        return {q, k, v, n_head, n_head_kv};
    }
    const ValueId q = e.matmul("q", h, Slot::attn_q, Slot::attn_q_bias);
    const ValueId k = e.matmul("k", h, Slot::attn_k, Slot::attn_k_bias);
    const ValueId v = e.matmul("v", h, Slot::attn_v, Slot::attn_v_bias);
    return {q, k, v, n_head, n_head_kv};
}

void normalise(Emitter& e, Heads& heads) {
    const bool by_head = e.arch.norms.qk == QkNorm::head;
    heads.q = e.norm("q_norm", heads.q, Slot::attn_q_norm, by_head ? heads.n_head : 1);
    heads.k = e.norm("k_norm", heads.k, Slot::attn_k_norm, by_head ? heads.n_head_kv : 1);
}

void rotate(Emitter& e, const SharedValues& shared, Heads& heads) {
    const RopeUse use = e.hp.layers[e.layer()].rope;
    if (use == RopeUse::none) return;
    const ValueId table = use == RopeUse::global ? shared.rope_table : shared.rope_table_local;
    heads.q = e.rope("q_rope", heads.q, table, heads.n_head);
    heads.k = e.rope("k_rope", heads.k, table, heads.n_head_kv);
}

ValueId attend(Emitter& e, const Heads& heads) {
    const Hparams& hp = e.hp;
    const uint32_t window = hp.layers[e.layer()].window;
    const uint32_t n_k = e.width(heads.k), n_v = e.width(heads.v);
    const uint32_t k_cache = e.cache("k_cache", n_k, window),
                   v_cache = e.cache("v_cache", n_v, window);
    e.emit(Op::kv_store, {heads.k.index, heads.v.index, k_cache, v_cache}, {n_k, n_v});
    const ValueId y = e.value("attended", heads.n_head * hp.value_length);
    e.emit(Op::attend, {heads.q.index, k_cache, v_cache, e.find(Slot::attn_sinks), y.index},
           {heads.n_head, heads.n_head_kv, hp.key_length, hp.value_length, hp.attention_scale,
            hp.attention_soft_cap, window, hp.temperature, hp.temperature_length});
    return y;
}

}  // namespace

ValueId build_attention(Emitter& e, const SharedValues& shared, ValueId h) {
    const NormSpec& norms = e.arch.norms;
    Heads heads = project(e, h);
    if (norms.qk != QkNorm::none && !norms.qk_after_rope) normalise(e, heads);
    rotate(e, shared, heads);
    if (norms.qk != QkNorm::none && norms.qk_after_rope) normalise(e, heads);
    ValueId attended = attend(e, heads);
    if (e.arch.attn_gate)
        attended = e.glu("gated", e.matmul("q_gate", h, Slot::attn_q_gate), attended,
                         {.activation = Activation::sigmoid});
    return e.matmul("attn_output", attended, Slot::attn_output, Slot::attn_output_bias);
}

}  // namespace m2w
