// experts_part.cpp — the feed-forward part of a layer with experts as Steps: route each token to
// some of them, run those, add up what they say.
#include "runtime/model/layer_parts.h"

namespace m2w {
namespace {

struct Routes {
    ValueId ids, weights;  // f32 [n_tok][n_used]
    uint32_t n_expert, n_used;
};

Routes route(Emitter& e, ValueId h) {
    const ExpertHparams& x = e.hp.experts;
    const ValueId logits = e.matmul("router", h, Slot::ffn_gate_inp, Slot::ffn_gate_inp_bias);
    const Routes routes{e.value("expert_ids", x.used_count),
                        e.value("expert_weights", x.used_count), x.count, x.used_count};
    // A group stands for its best expert or, where scores are independent of each other, its best
    // two: DeepSeek-V2 section 2.2.2, DeepSeek-V3 section 2.1.2.
    const uint32_t group_top = x.group_count > 1 && x.gating == Scoring::sigmoid
                                   ? std::min(2u, x.count / x.group_count)
                                   : 1;
    e.emit(Op::route,
           {logits.index, e.find(Slot::ffn_exp_probs_bias), routes.ids.index, routes.weights.index},
           {x.count, x.used_count, uint32_t(x.gating), uint32_t(x.weights_norm), x.group_count,
            x.group_used_count, group_top, x.weights_scale});
    return routes;
}

/// x: a row for each token, or one for each of its slots. width: of y, a slot.
ValueId expert_matmul(Emitter& e, std::string_view name, ValueId x, const Routes& routes,
                      ValueId order, Slot weight, Slot bias, uint32_t k, uint32_t m) {
    const ValueId y = e.value(name, routes.n_used * m);
    e.emit(Op::expert_matmul,
           {e.tensor(weight), x.index, routes.ids.index, order.index, e.find(bias), y.index},
           {k, m, routes.n_expert, routes.n_used, e.width(x) / k});
    return y;
}

ValueId expert_sum(Emitter& e, std::string_view name, ValueId x, const Routes& routes,
                   ValueId residual) {
    const uint32_t n = e.width(x) / routes.n_used;
    const ValueId y = e.value(name, n);
    e.emit(Op::expert_sum, {x.index, routes.weights.index, residual.index, y.index},
           {n, routes.n_used});
    return y;
}

/// The experts that every token uses; with a gate the sum has one weight, a sigmoid: that is a
/// route to one expert of one.
ValueId shared_experts(Emitter& e, ValueId h) {
    const ValueId gate = e.matmul("shared_gate", h, Slot::ffn_gate_shexp);
    const ValueId up = e.matmul("shared_up", h, Slot::ffn_up_shexp);
    const ValueId act = e.glu("shared_act", gate, up, e.arch.ffn);
    const ValueId down = e.matmul("shared_down", act, Slot::ffn_down_shexp);
    if (e.find(Slot::ffn_gate_inp_shexp) == kNoTensor) return down;
    const ValueId logit = e.matmul("shared_router", h, Slot::ffn_gate_inp_shexp);
    const Routes one{e.value("shared_id", 1), e.value("shared_weight", 1), 1, 1};
    e.emit(Op::route, {logit.index, kNoTensor, one.ids.index, one.weights.index},
           {1u, 1u, uint32_t(Scoring::sigmoid), 0u, 1u, 1u, 1u, 1.0f});
    return expert_sum(e, "shared_out", down, one, {});
}

}  // namespace

ValueId build_expert_ffn(Emitter& e, ValueId h) {
    const uint32_t n_embd = e.width(h), n_ff = e.hp.experts.feed_forward_length;
    const Routes routes = route(e, h);
    const ValueId order = e.value("expert_order", routes.n_used);
    e.emit(Op::expert_order, {routes.ids.index, order.index}, {routes.n_expert, routes.n_used});
    const ValueId gate = expert_matmul(e, "experts_gate", h, routes, order, Slot::ffn_gate_exps,
                                       Slot::ffn_gate_exps_bias, n_embd, n_ff);
    const ValueId up = expert_matmul(e, "experts_up", h, routes, order, Slot::ffn_up_exps,
                                     Slot::ffn_up_exps_bias, n_embd, n_ff);
    const ValueId act = e.glu("experts_act", gate, up, e.arch.ffn);
    const ValueId down = expert_matmul(e, "experts_down", act, routes, order, Slot::ffn_down_exps,
                                       Slot::ffn_down_exps_bias, n_ff, n_embd);
    const bool shared = e.hp.experts.shared_feed_forward_length > 0;
    return expert_sum(e, "experts_out", down, routes, shared ? shared_experts(e, h) : ValueId{});
}

}  // namespace m2w
