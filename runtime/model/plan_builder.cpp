// plan_builder.cpp — the transformer as Steps: build_layer is the architecture diagram.
#include "runtime/model/plan_builder.h"

#include "gguf/result.h"
#include "runtime/model/layer_parts.h"
#include "runtime/model/rope_turns.h"

namespace m2w {
namespace {

SharedValues build_shared(Emitter& e, std::span<const float> rope_factors) {
    const uint32_t n_pairs = e.hp.rope.dimension_count / 2;
    const uint32_t turns = e.constant("rope_turns", rope_turns(e.hp.rope, rope_factors));
    const ValueId table = e.value("rope_table", n_pairs * 2);
    e.emit(Op::rope_table, {turns, Operand::kAbsent, table.index}, {n_pairs, 1.0f, 0u});
    return {.rope_table = table};
}

ValueId build_embedding(Emitter& e) {
    const ValueId x = e.value("embedding", e.hp.embedding_length);
    e.emit(Op::embed, {0, e.tensor(Slot::token_embd), x.index}, {e.hp.embedding_length, 1.0f});
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
        case Mixer::scan_and_attention:
            return e.add("mixed", build_scan(e, h), build_attention(e, shared, h));
        case Mixer::delta_net:
            return build_delta_net(e, h);
    }
    M2W_ASSERT(!"unknown mixer");
    return {};
}

ValueId build_ffn(Emitter& e, ValueId h) {
    switch (e.hp.layers[e.layer()].feed_forward) {
        case FeedForward::dense:
            return build_dense_ffn(e, h);
        case FeedForward::experts:
            return build_expert_ffn(e, h);
    }
    M2W_ASSERT(!"unknown feed-forward part");
    return {};
}

ValueId build_layer(Emitter& e, const SharedValues& shared, ValueId x) {
    ValueId h = e.norm("attn_norm", x, Slot::attn_norm);
    x = e.add("ffn_in", x, build_mixer(e, shared, h));
    h = e.norm("ffn_norm", x, Slot::ffn_norm);
    return e.add("out", x, build_ffn(e, h));
}

ValueId build_head(Emitter& e, ValueId x) {
    const ValueId last = e.value("last", e.hp.embedding_length, Rows::n_out);
    e.emit(Op::take_rows, {x.index, last.index}, {e.hp.embedding_length});
    const ValueId h = e.norm("output_norm", last, Slot::output_norm);
    const bool tied = e.find(Slot::output) == kNoTensor;
    return e.matmul("logits", h, tied ? Slot::token_embd : Slot::output);
}

}  // namespace

Plan make_plan(const ArchSpec& arch, const Hparams& hparams, const TensorTable& tensors,
               std::span<const float> rope_factors) {
    Emitter e(arch, hparams, tensors);
    const SharedValues shared = build_shared(e, rope_factors);
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
