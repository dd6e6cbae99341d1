// op_plan.h — StepCases as a Plan with its weights in a GGUF file. Runs nothing.
#pragma once
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "gguf/file.h"
#include "runtime/kernel_check/op_case.h"

namespace m2w::op_check {

/// An activation, cache or state of a StepCase in the Plan.
struct Slot {
    size_t step = 0;  // of the StepCases
    std::string_view binding;
    Mode mode = Mode::in;
    Bind kind = Bind::activation;
    uint32_t index = 0;  // of the Plan's values, caches or states
    Rows rows = Rows::n_tok;
    uint64_t width = 0;
};

struct OpPlan {
    std::shared_ptr<const gguf::File> file;  // the Plan's tensors point into it
    std::shared_ptr<const Plan> plan;
    std::vector<uint32_t> step_of;  // [StepCases] their Steps in the Plan
    std::vector<Slot> slots;
    uint32_t n_vocab = 0;  // ids below this are in every embed of the Plan; 0: there is none
};

/// Logits of the Plan are a value that no Step writes, f32 [n_out][kLogitsWidth].
constexpr uint32_t kLogitsWidth = 5;

Result<OpPlan> make_op_plan(std::span<const StepCase> steps);

}  // namespace m2w::op_check
