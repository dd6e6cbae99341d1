// check_plan.cpp — the invariants of Plans, from the contracts of the ops and the directory of the
// file; without the code that builds Plans.
#include <vector>

#include "kernels/contract_shapes.h"
#include "runtime/fuzz/check_model.h"

namespace m2w::fuzz {
namespace {

void check_part(const TensorPart& part, const Tensor& tensor, const gguf::File& file) {
    M2W_ASSERT(part.info && file.find_tensor(part.info->name) == part.info);
    M2W_ASSERT(part.info->dtype == tensor.dtype || tensor.is_vector);
    M2W_ASSERT(part.rows > 0);
    if (tensor.is_vector) return;
    M2W_ASSERT(part.info->row_elems() == tensor.cols);
    const FileRows& rows = part.file_rows;
    M2W_ASSERT(rows.all() ? part.rows == part.info->rows() : rows.first + rows.take <= rows.period);
    for (const uint64_t row : {uint64_t(0), part.rows / 2, part.rows - 1})
        M2W_ASSERT(rows.file_row(row) < part.info->rows());
}

void check_tensor(const Tensor& tensor, const gguf::File& file) {
    M2W_ASSERT(!tensor.nbits);  // no GGUF file has those
    M2W_ASSERT(tensor.rows > 0 && tensor.cols > 0 && tensor.slices > 0);
    M2W_ASSERT((tensor.is_vector ? tensor.cols : tensor.rows) % tensor.slices == 0);
    uint64_t rows = 0, elements = 0;
    for (const TensorPart& part : tensor.parts()) {
        check_part(part, tensor, file);
        rows += part.rows;
        elements += part.info->rows() * part.info->row_elems();
    }
    M2W_ASSERT(tensor.is_vector ? elements == tensor.cols : rows == tensor.rows);
}

/// The contract of one Step against what its operands are.
class StepCheck {
  public:
    StepCheck(const Plan& plan, const Step& step)
        : plan_(plan), step_(step), info_(op_info(step.op)) {}

    void run(std::vector<uint32_t>& n_writes) {
        for (uint32_t i = 0; i < info_.n_bindings(); ++i) {
            const Binding& binding = info_.bindings[i];
            const Operand operand = step_.operands[i];
            if (binding.kind == Bind::tokens) continue;
            M2W_ASSERT(operand.present() || binding.optional);
            if (!operand.present()) continue;
            check_shape(binding, operand.index);
            if (binding.kind != Bind::activation) continue;
            // What a Step reads was written before; what it writes, by nobody else.
            M2W_ASSERT(n_writes[operand.index] == (binding.mode == Mode::in ? 1 : 0));
            if (binding.mode == Mode::out) ++n_writes[operand.index];
        }
    }

  private:
    /// Dynamic values count as 1, so that the product of the dims is what one row takes.
    uint64_t value_of(std::string_view name) const {
        if (name == "n_vocab") return plan_.n_vocab;
        for (uint32_t i = 0; i < info_.n_params(); ++i)
            if (info_.params[i].name == name) return step_.params[i];
        return 1;
    }

    void check_shape(const Binding& binding, uint32_t index) {
        const auto dims =
            evaluate_shape(binding.shape, [this](std::string_view name) { return value_of(name); });
        uint64_t count = 1;
        for (const uint64_t dim : dims) count *= dim;
        M2W_ASSERT(count > 0);
        switch (binding.kind) {
            case Bind::activation:
                M2W_ASSERT(index < plan_.values.size() && plan_.values[index].width == count);
                return check_rows(binding, plan_.values[index].rows);
            case Bind::weight: {
                M2W_ASSERT(index < plan_.tensors.size() && dims.size() == 2);
                const Tensor& t = plan_.tensors[index];
                M2W_ASSERT(!t.is_vector && t.rows == dims[0] && t.cols == dims[1]);
                return;
            }
            case Bind::vector:
                M2W_ASSERT(index < plan_.tensors.size() && plan_.tensors[index].is_vector);
                M2W_ASSERT(plan_.tensors[index].cols == count);
                return;
            case Bind::constant:
                M2W_ASSERT(index < plan_.constants.size());
                M2W_ASSERT(plan_.constants[index].words.size() == count);
                return;
            case Bind::cache:
                M2W_ASSERT(index < plan_.caches.size() && plan_.caches[index].width == count);
                return;
            case Bind::state:
                M2W_ASSERT(index < plan_.states.size() && plan_.states[index].words == count);
                return;
            case Bind::tokens:
            case Bind::none:
                break;
        }
        M2W_ASSERT(false);
    }

    void check_rows(const Binding& binding, Rows rows) {
        if (binding.shape.starts_with("[n_tok]")) M2W_ASSERT(rows == Rows::n_tok);
        if (binding.shape.starts_with("[n_out]")) M2W_ASSERT(rows == Rows::n_out);
        if (!binding.shape.starts_with("[rows")) return;
        M2W_ASSERT(!has_rows_ || rows_ == rows);
        has_rows_ = true;
        rows_ = rows;
    }

    const Plan& plan_;
    const Step& step_;
    const OpInfo& info_;
    bool has_rows_ = false;
    Rows rows_ = Rows::n_tok;  // what "rows" is, once a binding has shown it
};

/// What is looked at in the end was written.
void check_steps(const Plan& plan, std::span<const Step> steps) {
    std::vector<uint32_t> n_writes(plan.values.size());
    for (const Step& step : steps) {
        M2W_ASSERT(step.op < Op::count);
        StepCheck(plan, step).run(n_writes);
    }
    for (const Tap& tap : plan.taps) M2W_ASSERT(n_writes[tap.value] == 1);
    M2W_ASSERT(plan.logits < plan.values.size() && n_writes[plan.logits] == 1);
}

}  // namespace

void check_plan(const Plan& plan, const gguf::File& file) {
    for (const Tensor& tensor : plan.tensors) check_tensor(tensor, file);
    check_steps(plan, plan.steps);
    std::vector<Step> of_one_row;
    auto cut = plan.short_cuts.begin();
    for (uint32_t s = 0; s < plan.steps.size(); ++s) {
        const bool here = cut != plan.short_cuts.end() && cut->first == s;
        of_one_row.push_back(here ? cut->step : plan.steps[s]);
        if (!here) continue;
        M2W_ASSERT(cut->n > 0 && s + cut->n <= plan.steps.size());
        s += (cut++)->n - 1;
    }
    M2W_ASSERT(cut == plan.short_cuts.end());
    check_steps(plan, of_one_row);
    for (const Tap& tap : plan.taps) M2W_ASSERT(tap.step < plan.steps.size());
    const PlanValue& logits = plan.values[plan.logits];
    M2W_ASSERT(logits.rows == Rows::n_out && logits.width == plan.n_vocab && plan.n_vocab > 0);
}

}  // namespace m2w::fuzz
