// recurrent_parts.h — what the recurrent parts of layers share: the convolution in front of each.
#pragma once
#include "runtime/model/layer_parts.h"

namespace m2w {

/// A causal convolution over the tokens, with a state of its own. weight: f32 [width of x][width].
/// bias: Slot::count for none; used where the file has it.
ValueId causal_conv(Emitter& e, std::string_view name, ValueId x, Slot weight, Slot bias,
                    Activation activation);

}  // namespace m2w
