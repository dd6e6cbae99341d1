// ffn_part.cpp — the dense feed-forward part of one layer as Steps.
#include "runtime/model/layer_parts.h"

namespace m2w {

ValueId build_dense_ffn(Emitter& e, ValueId h) {
    const ValueId gate = e.matmul("ffn_gate", h, Slot::ffn_gate, Slot::ffn_gate_bias);
    const ValueId up = e.matmul("ffn_up", h, Slot::ffn_up, Slot::ffn_up_bias);
    const ValueId act = e.glu("ffn_act", gate, up, e.arch.ffn_activation);
    return e.matmul("ffn_down", act, Slot::ffn_down, Slot::ffn_down_bias);
}

}  // namespace m2w
