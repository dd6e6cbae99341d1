// scan_part.cpp — a selective scan (Mamba-2) of one layer as Steps.
#include "runtime/model/recurrent_parts.h"

namespace m2w {

ValueId build_scan(Emitter& e, ValueId h) {
    const RecurrentHparams& r = e.hp.recurrent;
    const ValueId z = e.matmul("scan_z", h, Slot::ssm_z);
    const ValueId xbc = e.matmul("scan_xbc", h, Slot::ssm_xbc);
    const ValueId dt = e.matmul("scan_dt", h, Slot::ssm_dt);
    const ValueId x =
        causal_conv(e, "scan_conv", xbc, Slot::ssm_conv, Slot::ssm_conv_bias, Activation::silu);
    const uint32_t state = e.state("scan_state", r.inner_size * r.state_size);
    const ValueId y = e.value("scan", r.inner_size);
    e.emit(Op::ssm_scan,
           {x.index, dt.index, e.tensor(Slot::ssm_dt_bias), e.tensor(Slot::scan_a),
            e.tensor(Slot::ssm_d), state, y.index, state},
           {r.head_count, r.head_dim(), r.group_count, r.state_size});
    return e.matmul("scan_out", e.glu("scan_gated", z, y, {.activation = Activation::silu}),
                    Slot::ssm_out);
}

}  // namespace m2w
