// short_cuts.h — what single rows are evaluated with: Steps that do the work of several where a
// batch has one row of it, because what they compute again for themselves is small then.
#pragma once
#include <span>

#include "runtime/uses.h"

namespace m2w {

/// What `steps` of the Plan begin with, if one Step can do it for a single row. It need not look at
/// who else reads what lies in between.
using FindShortCut = std::optional<Fusion> (*)(const Plan& plan, std::span<const Step> steps);

/// The Plan with the short cuts that the finders see, the first of them first. Those that leave out
/// a value that somebody else reads, a tap among them, are not taken; nor those of Steps that
/// differ in their rows. It is the last of the rewrites: others know no short cuts.
Plan find_short_cuts(const Plan& plan, std::span<const FindShortCut> finders);

/// rms_norm or add_rms_norm, then the matmul that alone reads its normed row -> norm_matmul, unless
/// the row does not fit shared memory; rope_store, then the attend that alone reads its queries ->
/// rope_attend, unless they attend to sinks or with heat, which the op has not. What the Plan has
/// only once stays, too, the product for the vocabulary for instance: it would be a pipeline more
/// for one dispatch less.
Plan add_short_cuts(const Plan& plan);

}  // namespace m2w
