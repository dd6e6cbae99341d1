// delta_net_part.cpp — a gated delta net of one layer as Steps.
#include "runtime/model/recurrent_parts.h"

namespace m2w {
namespace {

constexpr float kKeyEpsilon = 1e-6f;  // of the l2 norm of queries and keys, as its authors' code

}  // namespace

ValueId build_delta_net(Emitter& e, ValueId h) {
    const RecurrentHparams& r = e.hp.recurrent;
    const bool joint = e.arch.recurrent.joint_beta;
    const ValueId qkv = e.matmul("delta_qkv", h, Slot::delta_qkv);
    const ValueId z = e.matmul("delta_z", h, Slot::delta_gate);
    const ValueId decay = e.matmul("delta_decay", h, joint ? Slot::ssm_ba_alpha : Slot::ssm_alpha);
    const ValueId beta = e.matmul("delta_beta", h, joint ? Slot::ssm_ba_beta : Slot::ssm_beta);
    const ValueId x =
        causal_conv(e, "delta_conv", qkv, Slot::ssm_conv, Slot::count, Activation::silu);
    const uint32_t state = e.state("delta_state", r.inner_size * r.state_size);
    const ValueId y = e.value("delta", r.inner_size);
    e.emit(Op::gated_delta,
           {x.index, decay.index, beta.index, e.tensor(Slot::ssm_dt_bias), e.tensor(Slot::delta_a),
            state, y.index, state},
           {r.head_count, r.group_count, r.state_size, r.head_dim(),
            uint32_t(e.arch.recurrent.key_heads), kKeyEpsilon});
    const ValueId normed = e.norm("delta_norm", y, Slot::ssm_norm, r.head_count);
    return e.matmul("delta_out", e.glu("delta_gated", z, normed, {.activation = Activation::silu}),
                    Slot::ssm_out);
}

}  // namespace m2w
