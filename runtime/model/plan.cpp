// plan.cpp — access to a Step by contract names, and the printed form of a Plan.
#include "runtime/model/plan.h"

#include <fmt/format.h>

#include <bit>

#include "gguf/result.h"

namespace m2w {
namespace {

size_t param_index(Op op, std::string_view name) {
    const OpInfo& info = op_info(op);
    for (size_t i = 0; i < info.n_params(); ++i)
        if (info.params[i].name == name) return i;
    M2W_ASSERT(false && "the op has no such param");
    return 0;
}

std::string operand_str(const Plan& plan, const Binding& binding, Operand operand) {
    switch (binding.kind) {
        case Bind::activation:
            return plan.values[operand.index].name;
        case Bind::weight: {
            const Tensor& t = plan.tensors[operand.index];
            if (!t.file_rows.all())
                return fmt::format("{}{{{}+{}/{}}}[{}][{}]", t.name, t.file_rows.first,
                                   t.file_rows.take, t.file_rows.period, t.rows, t.cols);
            return t.slices > 1
                       ? fmt::format("{}[{}][{}][{}]", t.name, t.slices, t.rows / t.slices, t.cols)
                       : fmt::format("{}[{}][{}]", t.name, t.rows, t.cols);
        }
        case Bind::vector:
            return plan.tensors[operand.index].name;
        case Bind::constant:
            return plan.constants[operand.index].name;
        case Bind::cache:
            return plan.caches[operand.index].name;
        case Bind::state:
            return plan.states[operand.index].name;
        case Bind::tokens:
            return "tokens";
        case Bind::none:
            break;
    }
    return "?";
}

std::string step_str(const Plan& plan, const Step& step) {
    const OpInfo& info = op_info(step.op);
    std::string ins, outs, params;
    for (size_t i = 0; i < info.n_bindings(); ++i) {
        const Binding& binding = info.bindings[i];
        if (binding.optional && !step.operands[i].present()) continue;
        std::string& side = binding.mode == Mode::in ? ins : outs;
        if (!side.empty()) side += ", ";
        if (binding.optional) side += std::string(binding.name) + "=";
        side += operand_str(plan, binding, step.operands[i]);
    }
    for (size_t i = 0; i < info.n_params(); ++i) {
        const Param& param = info.params[i];
        if (param.optional && step.params[i] == 0) continue;
        params += param.type == ParamType::u32
                      ? fmt::format(" {}={}", param.name, step.params[i])
                      : fmt::format(" {}={:g}", param.name, std::bit_cast<float>(step.params[i]));
    }
    return fmt::format("  {:<11} {} -> {} {}\n", info.name, ins, outs, params);
}

}  // namespace

uint32_t Step::u32(std::string_view name) const {
    return params[param_index(op, name)];
}

float Step::f32(std::string_view name) const {
    return std::bit_cast<float>(params[param_index(op, name)]);
}

Operand Step::operand(std::string_view name) const {
    const OpInfo& info = op_info(op);
    for (size_t i = 0; i < info.n_bindings(); ++i)
        if (info.bindings[i].name == name) return operands[i];
    M2W_ASSERT(false && "the op has no such binding");
    return {};
}

std::vector<uint32_t> order_of_use(const Plan& plan) {
    std::vector<uint32_t> order;
    std::vector<bool> listed(plan.tensors.size());
    const auto list = [&](uint32_t tensor) {
        if (!listed[tensor]) order.push_back(tensor);
        listed[tensor] = true;
    };
    auto cut = plan.short_cuts.begin();
    for (uint32_t s = 0; s < plan.steps.size(); ++s) {
        for_each_tensor(plan.steps[s], list);
        if (cut != plan.short_cuts.end() && cut->first == s) for_each_tensor((cut++)->step, list);
    }
    for (uint32_t i = 0; i < plan.tensors.size(); ++i) list(i);
    return order;
}

std::vector<Moment> moments_of(const Plan& plan) {
    std::vector<Moment> moments;
    for (uint32_t s = 0; s < plan.steps.size(); ++s) moments.push_back({s, s});
    for (const ShortCut& cut : plan.short_cuts)
        for (uint32_t i = 0; i < cut.n; ++i)
            moments[cut.first + i] = {cut.first, cut.first + cut.n - 1};
    return moments;
}

std::string Plan::print() const {
    std::string out;
    int32_t layer = -2;
    auto cut = short_cuts.begin();
    for (uint32_t s = 0; s < steps.size(); ++s) {
        if (steps[s].layer != layer)
            out += steps[s].layer < 0 ? "model\n" : fmt::format("layer {}\n", steps[s].layer);
        layer = steps[s].layer;
        out += step_str(*this, steps[s]);
        if (cut == short_cuts.end() || cut->first + cut->n != s + 1) continue;
        out += fmt::format("  one row, instead of {}:\n", cut->n) + step_str(*this, cut->step);
        ++cut;
    }
    return out;
}

}  // namespace m2w
