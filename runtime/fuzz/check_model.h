// check_model.h — what must hold for any bytes given to the model layer and to the reference
// executor. Shared by the fuzz target and the tests; a violation aborts.
#pragma once
#include <cstddef>
#include <span>
#include <string>

#include "runtime/model/plan.h"

namespace m2w::fuzz {

/// Parses the bytes as a model file and makes hyperparameters, tensors and a Plan of it. A refusal
/// has a category of refused models and is the same the second time. Of an accepted model the
/// hyperparameters agree with each other, the Plan and its fused form keep check_plan, and, if it
/// is small, the reference computes the same logits for a few tokens at once and one by one.
/// Returns how far the bytes came: "file: CATEGORY", "model: CATEGORY", "weights: CATEGORY",
/// "too large to run" or "ok".
std::string check_model(std::span<const std::byte> bytes);

/// Every operand is there and has the shape that its op's contract says; every value is written
/// once, before it is read; every tensor lies inside a tensor of the file.
void check_plan(const Plan& plan, const gguf::File& file);

}  // namespace m2w::fuzz
