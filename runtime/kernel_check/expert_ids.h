// expert_ids.h — which experts tokens take, for cases of the ops of a mixture of experts.
#pragma once
#include <cstdint>
#include <span>

#include "runtime/kernel_check/op_case.h"

namespace m2w::op_check {

enum class Spread : uint8_t {
    even,
    one,  // mostly expert n - 1
    few   // the upper half alone
};

/// Distinct experts for each token: [n_tok][n_used] ids as floats.
void fill_ids(Spread spread, uint32_t n_expert, uint32_t n_used, const BatchCase& batch,
              std::span<float> out);

/// The ids and the order of an expert_matmul; false for its other inputs.
bool fill_expert_inputs(Spread spread, uint32_t n_expert, uint32_t n_used, std::string_view binding,
                        const BatchCase& batch, std::span<float> out);

}  // namespace m2w::op_check
