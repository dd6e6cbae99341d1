// layer_parts.h — the parts that layers are put together from, each in a file of its own. A part
// takes the normalised residual stream and returns what is added to it; norms, scales and the
// residual connection are plan_builder.cpp's.
#pragma once
#include "runtime/model/emitter.h"

namespace m2w {

/// What parts of all layers share.
struct SharedValues {
    ValueId rope_table;        // f32 [n_tok][n_rot / 2][2]
    ValueId rope_table_local;  // the same of layers with RopeUse::local; absent without such
};

/// Attention over keys and values of earlier positions: attention_part.cpp.
ValueId build_attention(Emitter& e, const SharedValues& shared, ValueId h);

/// Multi-head latent attention: latent_attention_part.cpp.
ValueId build_latent_attention(Emitter& e, const SharedValues& shared, ValueId h);

/// Gated short convolution, selective scan, gated delta net: short_conv_part.cpp, scan_part.cpp,
/// delta_net_part.cpp. They keep states of all tokens so far.
ValueId build_short_conv(Emitter& e, ValueId h);
ValueId build_scan(Emitter& e, ValueId h);
ValueId build_delta_net(Emitter& e, ValueId h);

/// The dense feed-forward part of a layer: ffn_part.cpp.
ValueId build_dense_ffn(Emitter& e, ValueId h);

/// The feed-forward part of a layer with experts, shared ones included: experts_part.cpp.
ValueId build_expert_ffn(Emitter& e, ValueId h);

}  // namespace m2w
