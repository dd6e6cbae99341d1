// short_conv_part.cpp — a gated short convolution of one layer as Steps.
#include "runtime/model/recurrent_parts.h"

namespace m2w {

ValueId causal_conv(Emitter& e, std::string_view name, ValueId x, Slot weight, Slot bias,
                    Activation activation) {
    const uint32_t n = e.width(x), width = e.hp.recurrent.conv_width;
    const uint32_t state = e.state("conv_state", (width - 1) * n);
    const ValueId y = e.value(name, n);
    e.emit(Op::causal_conv,
           {x.index, e.tensor(weight), bias == Slot::count ? kNoTensor : e.find(bias), state,
            y.index, state},
           {n, width, uint32_t(activation)});
    return y;
}

ValueId build_short_conv(Emitter& e, ValueId h) {
    const ValueId b = e.matmul("conv_b", h, Slot::shortconv_b);
    const ValueId c = e.matmul("conv_c", h, Slot::shortconv_c);
    const ValueId x = e.matmul("conv_x", h, Slot::shortconv_x);
    const ValueId gated = e.glu("conv_in", b, x, {.activation = Activation::identity});
    const ValueId y =
        causal_conv(e, "conv", gated, Slot::shortconv_conv, Slot::count, Activation::identity);
    return e.matmul("conv_out", e.glu("conv_gated", c, y, {.activation = Activation::identity}),
                    Slot::shortconv_out);
}

}  // namespace m2w
