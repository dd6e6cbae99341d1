// op_plan.cpp — one value, weight, constant and cache for each binding of each StepCase.
#include "runtime/kernel_check/op_plan.h"

#include <fmt/format.h>

#include <algorithm>

#include "gguf/write.h"

namespace m2w::op_check {
namespace {

class Builder {
  public:
    void add(size_t index, const StepCase& step) {
        index_ = index;
        step_ = &step;
        if (step.op == Op::attend) add_store_before_attend();
        if (step.op == Op::embed)
            out_.n_vocab = out_.n_vocab ? std::min(out_.n_vocab, step.n_vocab) : step.n_vocab;
        const OpInfo& info = op_info(step.op);
        Step in_plan{.op = step.op};
        for (size_t i = 0; i < info.n_bindings(); ++i)
            if (step.has(info.bindings[i])) in_plan.operands[i] = operand(info.bindings[i]);
        for (size_t i = 0; i < info.n_params(); ++i)
            in_plan.params[i] = step.param(info.params[i].name);
        M2W_ASSERT(step.params.size() <= info.n_params());
        out_.step_of.push_back(uint32_t(plan_.steps.size()));
        plan_.steps.push_back(in_plan);
    }

    Result<OpPlan> finish() {
        plan_.logits = uint32_t(plan_.values.size());
        plan_.n_vocab = kLogitsWidth;
        plan_.values.push_back({"logits", Rows::n_out, kLogitsWidth});
        std::vector<std::span<const std::byte>> data(data_.begin(), data_.end());
        TRY(auto bytes, gguf::write_file({}, specs_, data));
        TRY(out_.file, gguf::File::parse(make_memory_source("ops.gguf", std::move(bytes))));
        for (Tensor& t : plan_.tensors) {
            t.info = out_.file->find_tensor(t.name);
            if (!t.nbits) continue;
            t.nbits->codes = t.info;
            t.nbits->scales = out_.file->find_tensor(t.name + ".scales");
            t.nbits->zeros = out_.file->find_tensor(t.name + ".zeros");
        }
        out_.plan = std::make_shared<const Plan>(std::move(plan_));
        return std::move(out_);
    }

  private:
    Operand operand(const Binding& binding) {
        switch (binding.kind) {
            case Bind::activation:
                return value(binding, dims_of(binding, *step_));
            case Bind::weight:
            case Bind::vector:
                return weight(binding);
            case Bind::constant:
                return constant(binding);
            case Bind::cache:
                return cache(binding);
            case Bind::state:
                return state(binding);
            case Bind::tokens:
            case Bind::none:
                break;
        }
        return {};
    }

    Operand value(const Binding& binding, const Dims& dims) {
        const bool fixed = binding.shape.starts_with("[n_tok]");
        const bool out = binding.shape.starts_with("[n_out]");
        const Rows rows = out ? Rows::n_out : fixed ? Rows::n_tok : step_->rows;
        plan_.values.push_back({name(binding.name), rows, uint32_t(dims.count())});
        out_.slots.push_back({index_, binding.name, binding.mode, Bind::activation,
                              uint32_t(plan_.values.size() - 1), rows, dims.count()});
        return {uint32_t(plan_.values.size() - 1)};
    }

    Operand weight(const Binding& binding) {
        const Dims dims = dims_of(binding, *step_);
        const bool is_vector = binding.kind == Bind::vector;
        if (!is_vector && step_->nbits) return nbits_weight(dims.dims[0], dims.dims.back());
        const DType dtype = is_vector ? step_->vector_type : step_->weight_type;
        const uint64_t rows = is_vector ? 1 : dims.dims[0],
                       cols = is_vector ? dims.count() : dims.dims.back();
        M2W_ASSERT(cols % dtype_info(dtype).block_elems == 0);
        plan_.tensors.push_back({fmt::format("{}.{}", plan_.steps.size(), binding.name), dtype,
                                 rows, cols, is_vector, nullptr});
        plan_.tensors.back().paired = !is_vector && step_->is_gated();
        const auto stored = step_->stored.find(binding.name);
        if (stored != step_->stored.end()) {
            data_.push_back(stored->second);
        } else {
            Random random(name(binding.name));
            data_.push_back(random_blocks(dtype, rows * cols / dtype_info(dtype).block_elems,
                                          step_->scale_of(binding.name), random));
        }
        specs_.push_back({plan_.tensors.back().name, dtype, {cols, rows}});
        if (is_vector) specs_.back().dims = {cols};
        return {uint32_t(plan_.tensors.size() - 1)};
    }

    Operand nbits_weight(uint64_t rows, uint64_t cols) {
        const NBits& format = *step_->nbits;
        Tensor t{fmt::format("{}.w", plan_.steps.size()), DType::i8, rows, cols};
        t.nbits = NBitsTensor{format};
        t.paired = step_->is_gated();
        Random random(name("w"));
        NBitsArrays arrays = random_nbits(format, rows, cols, step_->scale_of("w"), random);
        if (step_->stored.contains("w"))
            arrays = {step_->stored.at("w"), step_->stored.at("w.scales"),
                      step_->stored.contains("w.zeros") ? step_->stored.at("w.zeros")
                                                        : std::vector<std::byte>()};
        const DType floats = format.halves ? DType::f16 : DType::f32;
        const uint64_t blocks = format.blocks(cols);
        specs_.push_back({t.name, DType::i8, {format.code_bytes(cols), rows}});
        specs_.push_back({t.name + ".scales", floats, {blocks, rows}});
        data_.push_back(std::move(arrays.codes));
        data_.push_back(std::move(arrays.scales));
        if (format.zero != NBits::Zero::middle) {
            const bool packed = format.zero == NBits::Zero::codes;
            specs_.push_back({t.name + ".zeros",
                              packed ? DType::i8 : floats,
                              {packed ? format.zero_bytes(cols) : blocks, rows}});
            data_.push_back(std::move(arrays.zeros));
        }
        plan_.tensors.push_back(std::move(t));
        return {uint32_t(plan_.tensors.size() - 1)};
    }

    Operand constant(const Binding& binding) {
        std::vector<uint32_t> words = step_->words;
        if (words.empty()) {
            Random random(name(binding.name));
            words.resize(dims_of(binding, *step_).count());
            for (uint32_t& word : words) word = uint32_t(random.next());
        }
        M2W_ASSERT(words.size() == dims_of(binding, *step_).count());
        plan_.constants.push_back({name(binding.name), std::move(words)});
        return {uint32_t(plan_.constants.size() - 1)};
    }

    Operand cache(const Binding& binding) {
        // The caches of an attend are those that its kv_store writes.
        if (step_->op == Op::attend)
            return {uint32_t(plan_.caches.size() - (binding.name == "k_cache" ? 2 : 1))};
        const uint64_t width = dims_of(binding, *step_).count();
        const uint32_t window = step_->op == Op::rope_attend ? step_->param("window") : 0;
        plan_.caches.push_back({name(binding.name), uint32_t(width), window});
        out_.slots.push_back({index_, binding.name, binding.mode, Bind::cache,
                              uint32_t(plan_.caches.size() - 1), Rows::n_tok, width});
        return {uint32_t(plan_.caches.size() - 1)};
    }

    /// The past and the state of an op are two slots of one state.
    Operand state(const Binding& binding) {
        const uint64_t words = dims_of(binding, *step_).count();
        if (binding.mode == Mode::in) plan_.states.push_back({name("state"), uint32_t(words)});
        out_.slots.push_back({index_, binding.name, binding.mode, Bind::state,
                              uint32_t(plan_.states.size() - 1), Rows::n_tok, words});
        return {uint32_t(plan_.states.size() - 1)};
    }

    void add_store_before_attend() {
        Step store{.op = Op::kv_store};
        for (size_t i = 0; i < 2; ++i) {
            const uint32_t width =
                step_->param("n_head_kv") * step_->param(i == 0 ? "head_dim" : "value_dim");
            store.operands[i] = value(op_info(Op::kv_store).bindings[i], {{1, width}});
            store.params[i] = width;
            plan_.caches.push_back(
                {name(i == 0 ? "k_cache" : "v_cache"), width, step_->param("window")});
            store.operands[2 + i] = {uint32_t(plan_.caches.size() - 1)};
        }
        plan_.steps.push_back(store);
    }

    std::string name(std::string_view binding) const {
        return fmt::format("{}.{}", step_->full_name(), binding);
    }

    size_t index_ = 0;
    const StepCase* step_ = nullptr;
    Plan plan_;
    OpPlan out_;
    std::vector<gguf::TensorSpec> specs_;
    std::vector<std::vector<std::byte>> data_;
};

}  // namespace

Result<OpPlan> make_op_plan(std::span<const StepCase> steps) {
    Builder builder;
    for (size_t i = 0; i < steps.size(); ++i) builder.add(i, steps[i]);
    return builder.finish();
}

}  // namespace m2w::op_check
