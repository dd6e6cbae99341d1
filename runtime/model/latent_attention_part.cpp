// latent_attention_part.cpp — multi-head latent attention of one layer as Steps. Keys and values of
// all heads are products of one short row a token, and the matrices of these products move to the
// other side: queries go into the latent space, results come back from it, and the caches hold
// latent rows for a single key-value head. Source: DeepSeek-AI 2024, DeepSeek-V2, section 2.1.
#include "runtime/model/layer_parts.h"

namespace m2w {
namespace {

/// Columns [first, first + n) of each of `groups` equal parts of a row.
ValueId columns(Emitter& e, std::string_view name, ValueId x, uint32_t groups, uint32_t first,
                uint32_t n) {
    const ValueId y = e.value(name, groups * n);
    e.emit(Op::join, {x.index, Operand::kAbsent, y.index},
           {groups, e.width(x) / groups, first, n, 0u, 0u, 0u});
    return y;
}

/// Part for part, a and behind it b.
ValueId join(Emitter& e, std::string_view name, ValueId a, ValueId b, uint32_t groups) {
    const uint32_t n_a = e.width(a) / groups, n_b = e.width(b) / groups;
    const ValueId y = e.value(name, groups * (n_a + n_b));
    e.emit(Op::join, {a.index, b.index, y.index}, {groups, n_a, 0u, n_a, n_b, 0u, n_b});
    return y;
}

/// A matrix for each head: x f32 [n_tok][n_head][k] -> [n_tok][n_head][m].
ValueId head_matmul(Emitter& e, std::string_view name, ValueId x, Slot weight, uint32_t m) {
    const uint32_t n_head = e.hp.head_count;
    const ValueId y = e.value(name, n_head * m);
    e.emit(Op::expert_matmul, {e.tensor(weight), x.index, kNoTensor, kNoTensor, kNoTensor, y.index},
           {e.width(x) / n_head, m, n_head, n_head, n_head});
    return y;
}

ValueId attend(Emitter& e, ValueId q, ValueId k, ValueId v) {
    const Hparams& hp = e.hp;
    const uint32_t k_cache = e.cache("k_cache", e.width(k), 0),
                   v_cache = e.cache("v_cache", e.width(v), 0);
    e.emit(Op::kv_store, {k.index, v.index, k_cache, v_cache}, {e.width(k), e.width(v)});
    const ValueId y = e.value("attended", hp.head_count * e.width(v));
    e.emit(Op::attend, {q.index, k_cache, v_cache, kNoTensor, y.index},
           {hp.head_count, 1u, e.width(k), e.width(v), hp.attention_scale, hp.attention_soft_cap,
            0u, hp.temperature, hp.temperature_length});
    return y;
}

}  // namespace

ValueId build_latent_attention(Emitter& e, const SharedValues& shared, ValueId h) {
    const LatentHparams& latent = e.hp.latent;
    const uint32_t n_head = e.hp.head_count, n_rot = e.hp.rope.dimension_count,
                   n_latent = latent.kv_lora_rank, n_plain = latent.key_length_mla - n_rot;
    ValueId q = h;
    if (latent.q_lora_rank > 0) {
        q = e.norm("q_a_norm", e.matmul("q_a", h, Slot::attn_q_a), Slot::attn_q_a_norm);
        q = e.matmul("q", q, Slot::attn_q_b);
    } else {
        q = e.matmul("q", h, Slot::attn_q);
    }
    const ValueId q_plain = columns(e, "q_plain", q, n_head, 0, n_plain);
    const ValueId q_latent = head_matmul(e, "q_latent", q_plain, Slot::attn_k_b, n_latent);
    const ValueId q_turned = e.rope("q_rope", columns(e, "q_turning", q, n_head, n_plain, n_rot),
                                    shared.rope_table, n_head);
    const ValueId query = join(e, "query", q_latent, q_turned, n_head);

    const ValueId kv = e.matmul("kv", h, Slot::attn_kv_a_mqa);
    const ValueId value =
        e.norm("kv_norm", columns(e, "kv_latent", kv, 1, 0, n_latent), Slot::attn_kv_a_norm);
    const ValueId k_turned =
        e.rope("k_rope", columns(e, "k_turning", kv, 1, n_latent, n_rot), shared.rope_table, 1);
    const ValueId key = join(e, "key", value, k_turned, 1);
    const ValueId attended = attend(e, query, key, value);
    const ValueId out =
        head_matmul(e, "attended_value", attended, Slot::attn_v_b, latent.value_length_mla);
    return e.matmul("attn_output", out, Slot::attn_output);
}

}  // namespace m2w
