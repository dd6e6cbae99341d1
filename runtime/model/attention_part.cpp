// attention_part.cpp — grouped-query attention of one layer as Steps.
#include <cmath>

#include "runtime/model/layer_parts.h"

namespace m2w {
namespace {

ValueId rope(Emitter& e, std::string_view name, ValueId x, ValueId table, uint32_t n_head) {
    const ValueId y = e.value(name, e.width(x));
    e.emit(Op::rope, {x.index, table.index, y.index},
           {n_head, e.hp.key_length, e.hp.rope.dimension_count, uint32_t(e.arch.rope.pairing)});
    return y;
}

ValueId attend(Emitter& e, ValueId q, ValueId k, ValueId v, uint32_t n_head_kv) {
    const uint32_t k_cache = e.cache("k_cache", e.width(k), 0),
                   v_cache = e.cache("v_cache", e.width(v), 0);
    e.emit(Op::kv_store, {k.index, v.index, k_cache, v_cache}, {e.width(k), e.width(v)});
    const ValueId y = e.value("attended", e.hp.head_count * e.hp.value_length);
    const float scale = float(1.0 / std::sqrt(double(e.hp.key_length)));
    e.emit(Op::attend, {q.index, k_cache, v_cache, kNoTensor, y.index},
           {e.hp.head_count, n_head_kv, e.hp.key_length, e.hp.value_length, scale, 0.0f, 0u, 0.0f,
            0u});
    return y;
}

}  // namespace

ValueId build_attention(Emitter& e, const SharedValues& shared, ValueId h) {
    const uint32_t n_head = e.hp.head_count, n_head_kv = e.hp.head_count_kv[e.layer()];
    ValueId q = e.matmul("q", h, Slot::attn_q, Slot::attn_q_bias);
    ValueId k = e.matmul("k", h, Slot::attn_k, Slot::attn_k_bias);
    const ValueId v = e.matmul("v", h, Slot::attn_v, Slot::attn_v_bias);
    if (e.arch.norms.qk) {
        q = e.norm("q_norm", q, Slot::attn_q_norm, n_head);
        k = e.norm("k_norm", k, Slot::attn_k_norm, n_head_kv);
    }
    q = rope(e, "q_rope", q, shared.rope_table, n_head);
    k = rope(e, "k_rope", k, shared.rope_table, n_head_kv);
    ValueId attended = attend(e, q, k, v, n_head_kv);
    if (e.arch.attn_gate)
        attended =
            e.glu("gated", e.matmul("q_gate", h, Slot::attn_q_gate), attended, Activation::sigmoid);
    return e.matmul("attn_output", attended, Slot::attn_output, Slot::attn_output_bias);
}

}  // namespace m2w
