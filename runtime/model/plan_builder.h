// plan_builder.h — ArchSpec + Hparams + tensors -> Plan. The only place where an architecture
// becomes operations.
#pragma once
#include <vector>

#include "runtime/model/arch_spec.h"
#include "runtime/model/hparams.h"
#include "runtime/model/plan.h"
#include "runtime/model/tensors.h"

namespace m2w {

/// What RoPE frequencies are divided by: f32 [n_pairs], or empty. usual: rope_freqs or
/// rope_factors_short; longer: rope_factors_long, for contexts beyond the original one.
struct RopeFactors {
    std::vector<float> usual, longer;
};

/// The unfused Plan of a model.
Plan make_plan(const ArchSpec& arch, const Hparams& hparams, const TensorTable& tensors,
               const RopeFactors& factors);

}  // namespace m2w
