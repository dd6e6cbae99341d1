// plan_builder.cpp — the transformer as Steps: build_layer is the architecture diagram.
#include "runtime/model/plan_builder.h"

#include <fmt/format.h>

#include <bit>
#include <cmath>
#include <variant>

#include "gguf/result.h"
#include "runtime/model/rope_turns.h"

namespace m2w {
namespace {

/// A param value for a contract; the emitter checks the type against the table.
using ParamValue = std::variant<uint32_t, float>;

struct ValueId {
    uint32_t index;
};

class Builder {
  public:
    Builder(const ArchSpec& arch, const Hparams& hp, const TensorTable& table)
        : arch_(arch), hp_(hp), table_(table) {
        plan_.tensors = table.all();
        plan_.n_vocab = hp.vocab_size;
        plan_.context_length = hp.context_length;
    }

    Plan build(std::span<const float> rope_factors) {
        const uint32_t n_pairs = hp_.rope.dimension_count / 2;
        plan_.constants.push_back({"rope_turns", rope_turns(hp_.rope, rope_factors)});
        table_value_ = value("rope_table", n_pairs * 2);
        emit(Op::rope_table, {0, table_value_.index}, {n_pairs, 1.0f});

        ValueId x = value("embedding", hp_.embedding_length);
        emit(Op::embed, {0, slot(Slot::token_embd), x.index}, {hp_.embedding_length, 1.0f});
        tap(x);
        for (uint32_t layer = 0; layer < hp_.block_count; ++layer) {
            layer_ = int32_t(layer);
            x = build_layer(layer, x);
            tap(x);
        }
        layer_ = -1;
        build_head(x);
        return std::move(plan_);
    }

  private:
    ValueId build_layer(uint32_t layer, ValueId x) {
        const uint32_t kv_heads = hp_.head_count_kv[layer];
        ValueId h = rms_norm("attn_norm", x, Slot::attn_norm);
        ValueId q = matmul("q", h, Slot::attn_q, Slot::attn_q_bias);
        ValueId k = matmul("k", h, Slot::attn_k, Slot::attn_k_bias);
        ValueId v = matmul("v", h, Slot::attn_v, Slot::attn_v_bias);
        if (arch_.norms.qk) {
            q = rms_norm("q_norm", q, Slot::attn_q_norm, hp_.head_count);
            k = rms_norm("k_norm", k, Slot::attn_k_norm, kv_heads);
        }
        q = rope("q_rope", q, hp_.head_count);
        k = rope("k_rope", k, kv_heads);
        const ValueId attended = attend(q, k, v, kv_heads);
        const ValueId o =
            matmul("attn_output", attended, Slot::attn_output, Slot::attn_output_bias);
        x = add("ffn_in", x, o);

        h = rms_norm("ffn_norm", x, Slot::ffn_norm);
        const ValueId gate = matmul("ffn_gate", h, Slot::ffn_gate, Slot::ffn_gate_bias);
        const ValueId up = matmul("ffn_up", h, Slot::ffn_up, Slot::ffn_up_bias);
        const ValueId act = value("ffn_act", hp_.feed_forward_length);
        emit(Op::glu, {gate.index, up.index, act.index},
             {hp_.feed_forward_length, uint32_t(arch_.ffn_activation)});
        return add("out", x, matmul("ffn_down", act, Slot::ffn_down, Slot::ffn_down_bias));
    }

    void build_head(ValueId x) {
        ValueId last = value("last", hp_.embedding_length, Rows::n_out);
        emit(Op::take_rows, {x.index, last.index}, {hp_.embedding_length});
        ValueId h = rms_norm("output_norm", last, Slot::output_norm);
        const bool tied = table_.find(Slot::output) == kNoTensor;
        plan_.logits = matmul("logits", h, tied ? Slot::token_embd : Slot::output).index;
    }

    ValueId rms_norm(std::string_view name, ValueId x, Slot weight, uint32_t groups = 1) {
        const uint32_t width = plan_.values[x.index].width;
        ValueId y = value(name, width, plan_.values[x.index].rows);
        emit(Op::rms_norm, {x.index, slot(weight), y.index},
             {width / groups, groups, hp_.layer_norm_rms_epsilon});
        return y;
    }

    ValueId matmul(std::string_view name, ValueId x, Slot weight, Slot bias = Slot::count) {
        const Tensor& w = plan_.tensors[slot(weight)];
        ValueId y = value(name, uint32_t(w.rows), plan_.values[x.index].rows);
        const uint32_t bias_index = bias == Slot::count ? kNoTensor : find(bias);
        emit(Op::matmul, {slot(weight), x.index, bias_index, Operand::kAbsent, y.index},
             {uint32_t(w.cols), uint32_t(w.rows)});
        return y;
    }

    ValueId add(std::string_view name, ValueId a, ValueId b) {
        const PlanValue shape = plan_.values[a.index];
        ValueId y = value(name, shape.width, shape.rows);
        emit(Op::add, {a.index, b.index, y.index}, {shape.width});
        return y;
    }

    ValueId rope(std::string_view name, ValueId x, uint32_t n_head) {
        ValueId y = value(name, n_head * hp_.key_length);
        emit(Op::rope, {x.index, table_value_.index, y.index},
             {n_head, hp_.key_length, hp_.rope.dimension_count, uint32_t(arch_.rope.pairing)});
        return y;
    }

    ValueId attend(ValueId q, ValueId k, ValueId v, uint32_t kv_heads) {
        const uint32_t n_k = kv_heads * hp_.key_length, n_v = kv_heads * hp_.value_length;
        const uint32_t k_cache = cache("k_cache", n_k), v_cache = cache("v_cache", n_v);
        emit(Op::kv_store, {k.index, v.index, k_cache, v_cache}, {n_k, n_v});
        ValueId y = value("attended", hp_.head_count * hp_.value_length);
        const float scale = float(1.0 / std::sqrt(double(hp_.key_length)));
        emit(Op::attend, {q.index, k_cache, v_cache, y.index},
             {hp_.head_count, kv_heads, hp_.key_length, scale});
        return y;
    }

    std::string scoped(std::string_view name) const {
        return layer_ < 0 ? std::string(name) : fmt::format("l{}.{}", layer_, name);
    }

    ValueId value(std::string_view name, uint32_t width, Rows rows = Rows::n_tok) {
        plan_.values.push_back({scoped(name), rows, width});
        return {uint32_t(plan_.values.size() - 1)};
    }

    uint32_t cache(std::string_view name, uint32_t width) {
        plan_.caches.push_back({scoped(name), width});
        return uint32_t(plan_.caches.size() - 1);
    }

    void tap(ValueId x) { plan_.taps.push_back({uint32_t(plan_.steps.size() - 1), x.index}); }

    uint32_t find(Slot wanted) const {
        return table_.find(wanted, layer_ < 0 ? 0 : uint32_t(layer_));
    }

    uint32_t slot(Slot wanted) const {
        const uint32_t index = find(wanted);
        M2W_ASSERT(index != kNoTensor);  // TensorTable::from made sure
        return index;
    }

    /// operands: indices in binding order; params in contract order.
    void emit(Op op, std::initializer_list<uint32_t> operands,
              std::initializer_list<ParamValue> params) {
        const OpInfo& info = op_info(op);
        M2W_ASSERT(operands.size() == info.n_bindings() && params.size() == info.n_params());
        Step step{.op = op, .layer = layer_};
        size_t i = 0;
        for (uint32_t index : operands) step.operands[i++] = {index};
        i = 0;
        for (const ParamValue& value : params) {
            const bool is_float = std::holds_alternative<float>(value);
            M2W_ASSERT(is_float == (info.params[i].type == ParamType::f32));
            step.params[i++] = is_float ? std::bit_cast<uint32_t>(std::get<float>(value))
                                        : std::get<uint32_t>(value);
        }
        plan_.steps.push_back(step);
    }

    const ArchSpec& arch_;
    const Hparams& hp_;
    const TensorTable& table_;
    Plan plan_;
    ValueId table_value_{};
    int32_t layer_ = -1;
};

}  // namespace

Plan make_plan(const ArchSpec& arch, const Hparams& hparams, const TensorTable& tensors,
               std::span<const float> rope_factors) {
    return Builder(arch, hparams, tensors).build(rope_factors);
}

}  // namespace m2w
