// emitter.cpp — appends Steps and checks each against its contract.
#include "runtime/model/emitter.h"

#include <fmt/format.h>

#include <bit>

#include "gguf/result.h"

namespace m2w {

Emitter::Emitter(const ArchSpec& arch_spec, const Hparams& hparams, const TensorTable& table)
    : arch(arch_spec), hp(hparams), table_(table) {
    plan_.tensors = table.all();
    plan_.n_vocab = hp.vocab_size;
    plan_.context_length = hp.context_length;
}

void Emitter::emit(Op op, std::initializer_list<uint32_t> operands,
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
        step.params[i++] =
            is_float ? std::bit_cast<uint32_t>(std::get<float>(value)) : std::get<uint32_t>(value);
    }
    plan_.steps.push_back(step);
}

ValueId Emitter::value(std::string_view name, uint32_t width, Rows rows) {
    plan_.values.push_back({scoped(name), rows, width});
    return {uint32_t(plan_.values.size() - 1)};
}

uint32_t Emitter::cache(std::string_view name, uint32_t width, uint32_t window) {
    plan_.caches.push_back({scoped(name), width, window});
    return uint32_t(plan_.caches.size() - 1);
}

uint32_t Emitter::state(std::string_view name, uint32_t words) {
    plan_.states.push_back({scoped(name), words});
    return uint32_t(plan_.states.size() - 1);
}

uint32_t Emitter::constant(std::string_view name, std::vector<uint32_t> words) {
    plan_.constants.push_back({scoped(name), std::move(words)});
    return uint32_t(plan_.constants.size() - 1);
}

void Emitter::tap(ValueId x) {
    plan_.taps.push_back({uint32_t(plan_.steps.size() - 1), x.index});
}

uint32_t Emitter::find(Slot slot) const {
    return table_.find(slot, layer_ < 0 ? 0 : uint32_t(layer_));
}

uint32_t Emitter::tensor(Slot slot) const {
    const uint32_t index = find(slot);
    M2W_ASSERT(index != kNoTensor);
    return index;
}

uint32_t Emitter::find_optional(Slot slot) const {
    return slot == Slot::count ? kNoTensor : find(slot);
}

ValueId Emitter::norm(std::string_view name, ValueId x, Slot weight, uint32_t groups, Slot bias) {
    const ValueId y = value(name, width(x), rows(x));
    const std::initializer_list<ParamValue> params{width(x) / groups, groups, hp.norm_epsilon};
    if (arch.norms.kind == NormKind::rms)
        emit(Op::rms_norm, {x.index, tensor(weight), y.index}, params);
    else
        emit(Op::layer_norm, {x.index, tensor(weight), find_optional(bias), y.index}, params);
    return y;
}

ValueId Emitter::matmul(std::string_view name, ValueId x, Slot weight, Slot bias) {
    return matmul_split(x, weight, bias, {{name, uint32_t(plan_.tensors[tensor(weight)].rows)}})[0];
}

std::array<ValueId, 3> Emitter::matmul_split(ValueId x, Slot weight, Slot bias,
                                             std::initializer_list<Product> products) {
    std::array<ValueId, 3> y{};
    std::array<uint32_t, 3> widths{};
    M2W_ASSERT(products.size() <= y.size());
    size_t i = 0;
    for (const Product& product : products) {
        widths[i] = product.width;
        y[i++] = value(product.name, product.width, rows(x));
    }
    emit(Op::matmul,
         {tensor(weight), x.index, find_optional(bias), Operand::kAbsent, y[0].index, y[1].index,
          y[2].index},
         {width(x), widths[0], widths[1], widths[2], 0u, 0.0f, 0.0f});
    return y;
}

ValueId Emitter::rope(std::string_view name, ValueId x, ValueId table, uint32_t n_head) {
    const ValueId y = value(name, width(x));
    emit(Op::rope, {x.index, table.index, y.index},
         {n_head, width(x) / n_head, hp.rope.dimension_count, uint32_t(arch.rope.pairing)});
    return y;
}

ValueId Emitter::glu(std::string_view name, ValueId gate, ValueId up, const FfnSpec& of) {
    const ValueId y = value(name, width(up), rows(up));
    emit(Op::glu, {gate.index, up.index, y.index},
         {width(up), uint32_t(of.activation), of.limit, of.up_shift});
    return y;
}

ValueId Emitter::add(std::string_view name, ValueId a, ValueId b, float scale) {
    const ValueId y = value(name, width(a), rows(a));
    emit(Op::add, {a.index, b.index, y.index}, {width(a), scale});
    return y;
}

Plan Emitter::finish(ValueId logits) {
    plan_.logits = logits.index;
    return std::move(plan_);
}

std::string Emitter::scoped(std::string_view name) const {
    return layer_ < 0 ? std::string(name) : fmt::format("l{}.{}", layer_, name);
}

}  // namespace m2w
