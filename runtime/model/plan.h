// plan.h — the narrow waist: a model as straight-line Steps over named values. Executors and
// exporters consume it; nothing below knows architectures. No control flow; n_tok, pos and n_out
// are the only dynamic values.
#pragma once
#include <array>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "kernels/ops.h"
#include "runtime/model/tensors.h"

namespace m2w {

/// How many rows a value has in a batch.
enum class Rows : uint8_t { n_tok, n_out };

/// An activation: f32 [rows][width]. Written by exactly one Step.
struct PlanValue {
    std::string name;
    Rows rows = Rows::n_tok;
    uint32_t width = 0;
};

/// The key or value rows that one layer keeps: f16 or f32 [n_rows][width].
struct PlanCache {
    std::string name;
    uint32_t width = 0;
    uint32_t window = 0;  // positions that a query sees, itself included; 0: all before it
};

/// What one recurrent layer keeps of all tokens so far: f32 [words] a slot. Unlike a cache it
/// cannot be cut at a position: whoever runs the Plan keeps copies in further slots.
struct PlanState {
    std::string name;
    uint32_t words = 0;
};

/// Words computed at load: u32 [words].
struct PlanConstant {
    std::string name;
    std::vector<uint32_t> words;
};

/// What an operand of a Step refers to. The kind follows from the op's binding; index points into
/// the Plan's list of it (activation: values, weight and vector: tensors, constant: constants,
/// cache: caches, state: states; tokens has none).
struct Operand {
    static constexpr uint32_t kAbsent = UINT32_MAX;
    uint32_t index = kAbsent;
    bool present() const { return index != kAbsent; }
};

/// One operation. Operands and params stand in the order of the op's contract.
struct Step {
    Op op = Op::count;
    int32_t layer = -1;  // -1: not in a layer
    std::array<Operand, kMaxBindings> operands{};
    std::array<uint32_t, kMaxParams> params{};  // f32 params as their bits

    /// A param by its contract name; asserts that the op has it.
    uint32_t u32(std::string_view name) const;
    float f32(std::string_view name) const;
    /// An operand by its binding name; asserts that the op has it.
    Operand operand(std::string_view name) const;
};

/// Calls visit(index) for each of the Plan's tensors that a Step reads.
template <class Visit>
void for_each_tensor(const Step& step, Visit&& visit) {
    const OpInfo& info = op_info(step.op);
    for (size_t i = 0; i < info.n_bindings(); ++i) {
        const Bind kind = info.bindings[i].kind;
        if ((kind == Bind::weight || kind == Bind::vector) && step.operands[i].present())
            visit(step.operands[i].index);
    }
}

/// Where the residual stream can be looked at: after `step` ran, `value` holds hidden[i], i =
/// position in Plan::taps.
struct Tap {
    uint32_t step = 0;
    uint32_t value = 0;
};

/// Where a batch has one row of what Steps [first, first + n) compute, `step` does all that they do
/// for the rest of the Plan. Values that they alone use stay unwritten. Executors are free to take
/// it; the reference never does.
struct ShortCut {
    uint32_t first = 0, n = 0;
    Step step;
};

struct Plan {
    std::vector<PlanValue> values;
    std::vector<Tensor> tensors;
    std::vector<PlanConstant> constants;
    std::vector<PlanCache> caches;
    std::vector<PlanState> states;
    std::vector<Step> steps;
    std::vector<ShortCut> short_cuts;  // in order of their Steps, which no two of them share
    std::vector<Tap> taps;  // [block_count + 1]: what enters layer 0, then what leaves each layer
    uint32_t logits = 0;    // value index: f32 [n_out][n_vocab]
    uint32_t n_vocab = 0;
    uint32_t context_length = 0;

    /// One line a Step, for people and for golden files.
    std::string print() const;
};

/// Steps [first, last].
struct Moment {
    uint32_t first = 0, last = 0;
};

/// [steps]: those that may run as one with each, by a short cut. All that they read has to stay
/// until the last of them is done, and nothing that they write may take its place.
std::vector<Moment> moments_of(const Plan& plan);

/// All tensors of a Plan in the order in which its Steps first read them; those of short cuts
/// come with the first of their Steps.
std::vector<uint32_t> order_of_use(const Plan& plan);

}  // namespace m2w
