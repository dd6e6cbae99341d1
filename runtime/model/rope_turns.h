// rope_turns.h — RoPE frequencies as exact fractions of a turn; every scaling scheme ends here.
// Computes no rotation.
#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "runtime/model/hparams.h"

namespace m2w {

/// theta_i / 2 pi of each rotated pair as a 64-bit fraction of a turn, low word first: u32
/// [n_pairs][2]. theta_i = freq_base^(-2i / dimension_count) / scaling_factor / factors[i].
/// factors: f32 [n_pairs], or empty. YaRN divides only the slow
/// pairs by the factor, with a ramp between beta_fast and beta_slow turns in the original context.
/// Source: Su et al. 2021; linear scaling: Chen et al. 2023; per-pair factors: the Llama 3.1 model
/// definition; YaRN: Peng et al. 2023, section 3.2.
std::vector<uint32_t> rope_turns(const RopeHparams& rope, std::span<const float> factors);

}  // namespace m2w
