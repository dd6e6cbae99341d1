// ffn_part.cpp — the dense feed-forward part of one layer as Steps.
#include "gguf/result.h"
#include "runtime/model/layer_parts.h"

namespace m2w {
namespace {

ValueId gated(Emitter& e, ValueId h) {
    ValueId gate, up;
    if (e.find(Slot::ffn_gate) != kNoTensor) {
        gate = e.matmul("ffn_gate", h, Slot::ffn_gate, Slot::ffn_gate_bias);
        up = e.matmul("ffn_up", h, Slot::ffn_up, Slot::ffn_up_bias);
    } else {
        const uint32_t n_ff = e.hp.feed_forward_length;
        const auto both = e.matmul_split(h, Slot::ffn_up, Slot::ffn_up_bias,
                                         {{"ffn_gate", n_ff}, {"ffn_up", n_ff}});
        gate = both[0];
        up = both[1];
    }
    return e.glu("ffn_act", gate, up, e.arch.ffn);
}

ValueId plain(Emitter& e, ValueId h) {
    const ValueId up = e.matmul("ffn_up", h, Slot::ffn_up, Slot::ffn_up_bias);
    const ValueId y = e.value("ffn_act", e.width(up));
    e.emit(Op::glu, {up.index, Operand::kAbsent, y.index},
           {e.width(up), uint32_t(e.arch.ffn.activation), e.arch.ffn.limit, 0.0f});
    return y;
}

ValueId xielu(Emitter& e, ValueId h) {
    const ValueId up = e.matmul("ffn_up", h, Slot::ffn_up, Slot::ffn_up_bias);
    const ValueId y = e.value("ffn_act", e.width(up));
    const XieluHparams& of = e.hp.layers[e.layer()].xielu;
    e.emit(Op::xielu, {up.index, y.index}, {e.width(up), of.alpha_p, of.alpha_n, of.beta, of.eps});
    return y;
}

ValueId activated(Emitter& e, ValueId h) {
    switch (e.arch.ffn.form) {
        case FfnForm::gated:
            return gated(e, h);
        case FfnForm::plain:
            return plain(e, h);
        case FfnForm::xielu:
            return xielu(e, h);
    }
    M2W_ASSERT(false && "unknown form");
    return {};
}

}  // namespace

ValueId build_dense_ffn(Emitter& e, ValueId h) {
    return e.matmul("ffn_down", activated(e, h), Slot::ffn_down, Slot::ffn_down_bias);
}

}  // namespace m2w
