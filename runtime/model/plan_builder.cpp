// plan_builder.cpp — the transformer as Steps: build_layer is the architecture diagram.
#include "runtime/model/plan_builder.h"

#include <algorithm>

#include "gguf/result.h"
#include "runtime/model/layer_parts.h"
#include "runtime/model/rope_turns.h"

namespace m2w {
namespace {

ValueId build_rope_table(Emitter& e, std::string_view name, const RopeHparams& rope,
                         const RopeFactors& factors) {
    const uint32_t n_pairs = rope.dimension_count / 2;
    const std::string turns_name = std::string(name) + "_turns";
    const uint32_t turns = e.constant(turns_name, rope_turns(rope, factors.usual));
    const uint32_t turns_long =
        factors.longer.empty() ? Operand::kAbsent
                               : e.constant(turns_name + "_long", rope_turns(rope, factors.longer));
    const ValueId table = e.value(std::string(name) + "_table", n_pairs * 2);
    e.emit(Op::rope_table, {turns, turns_long, table.index},
           {n_pairs, rope.magnitude, factors.longer.empty() ? 0u : rope.original_context});
    return table;
}

SharedValues build_shared(Emitter& e, const RopeFactors& factors) {
    const auto any = [&](RopeUse use) {
        return std::any_of(e.hp.layers.begin(), e.hp.layers.end(),
                           [&](const LayerHparams& layer) { return layer.rope == use; });
    };
    SharedValues shared;
    if (any(RopeUse::global)) shared.rope_table = build_rope_table(e, "rope", e.hp.rope, factors);
    if (any(RopeUse::local))
        shared.rope_table_local = build_rope_table(e, "rope_local", e.hp.rope_local, {});
    return shared;
}

ValueId build_embedding(Emitter& e) {
    const ValueId x = e.value("embedding", e.hp.embedding_length);
    e.emit(Op::embed, {0, e.tensor(Slot::token_embd), x.index},
           {e.hp.embedding_length, e.hp.embedding_scale});
    return x;
}

ValueId build_mixer(Emitter& e, const SharedValues& shared, ValueId h) {
    switch (e.hp.layers[e.layer()].mixer) {
        case Mixer::attention:
            return build_attention(e, shared, h);
        case Mixer::latent_attention:
            return build_latent_attention(e, shared, h);
        case Mixer::short_conv:
            return build_short_conv(e, h);
        case Mixer::scan_and_attention: {
            // Two statements: compilers differ in the order in which they evaluate arguments.
            const ValueId attended = build_attention(e, shared, h);
            return e.add("mixed", build_scan(e, h), attended);
        }
        case Mixer::delta_net:
            return build_delta_net(e, h);
    }
    M2W_ASSERT(false && "unknown mixer");
    return {};
}

ValueId build_ffn(Emitter& e, ValueId h) {
    switch (e.hp.layers[e.layer()].feed_forward) {
        case FeedForward::dense:
            return build_dense_ffn(e, h);
        case FeedForward::experts:
            return build_expert_ffn(e, h);
    }
    M2W_ASSERT(false && "unknown feed-forward part");
    return {};
}

ValueId build_layer(Emitter& e, const SharedValues& shared, ValueId x) {
    const NormSpec& norms = e.arch.norms;
    const float scale = e.hp.residual_scale;
    const ValueId h =
        norms.pre ? e.norm("attn_norm", x, Slot::attn_norm, 1, Slot::attn_norm_bias) : x;
    ValueId added = build_mixer(e, shared, h);
    if (norms.post_attn) added = e.norm("post_attn_norm", added, Slot::post_attn_norm);
    const ValueId between = e.add("ffn_in", x, added, scale);

    ValueId ffn_in = e.hp.parallel_residual ? x : between;
    if (e.find(Slot::ffn_norm) != kNoTensor)
        ffn_in = e.norm("ffn_norm", ffn_in, Slot::ffn_norm, 1, Slot::ffn_norm_bias);
    else if (e.hp.parallel_residual)
        ffn_in = h;
    added = build_ffn(e, ffn_in);
    if (norms.post_ffn) added = e.norm("post_ffn_norm", added, Slot::post_ffn_norm);
    return e.add("out", between, added, scale);
}

ValueId build_head(Emitter& e, ValueId x) {
    const ValueId last = e.value("last", e.hp.embedding_length, Rows::n_out);
    e.emit(Op::take_rows, {x.index, last.index}, {e.hp.embedding_length});
    const ValueId h = e.norm("output_norm", last, Slot::output_norm, 1, Slot::output_norm_bias);
    const bool tied = e.find(Slot::output) == kNoTensor;
    const bool scaled = e.hp.logit_scale != 1 || e.hp.logit_soft_cap > 0;
    const ValueId product =
        e.matmul(scaled ? "head" : "logits", h, tied ? Slot::token_embd : Slot::output);
    if (!scaled) return product;
    const ValueId logits = e.value("logits", e.width(product), Rows::n_out);
    e.emit(Op::soft_cap, {product.index, logits.index},
           {e.width(product), e.hp.logit_scale, e.hp.logit_soft_cap});
    return logits;
}

}  // namespace

Plan make_plan(const ArchSpec& arch, const Hparams& hparams, const TensorTable& tensors,
               const RopeFactors& factors) {
    Emitter e(arch, hparams, tensors);
    const SharedValues shared = build_shared(e, factors);
    ValueId x = build_embedding(e);
    e.tap(x);
    for (uint32_t layer = 0; layer < hparams.block_count; ++layer) {
        e.enter_layer(int32_t(layer));
        x = build_layer(e, shared, x);
        e.tap(x);
    }
    e.enter_layer(-1);
    return e.finish(build_head(e, x));
}

}  // namespace m2w
