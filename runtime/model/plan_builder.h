// plan_builder.h — ArchSpec + Hparams + tensors -> Plan. The only place where an architecture
// becomes operations.
#pragma once
#include <span>

#include "runtime/model/arch_spec.h"
#include "runtime/model/hparams.h"
#include "runtime/model/plan.h"
#include "runtime/model/tensors.h"

namespace m2w {

/// The unfused Plan of a model. rope_factors: f32 [n_pairs] or empty (the values of rope_freqs).
Plan make_plan(const ArchSpec& arch, const Hparams& hparams, const TensorTable& tensors,
               std::span<const float> rope_factors);

}  // namespace m2w
