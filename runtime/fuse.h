// fuse.h — Plan -> Plan rewrites that keep what is computed and save steps. Executors for devices
// run the fused Plan; the reference runs the plain one, which is the oracle.
#pragma once
#include "runtime/model/plan.h"

namespace m2w {

/// matmul, then an add that is the only reader of its result -> one matmul with a residual. The
/// add's value keeps its index and name, so taps stay valid; the product's value is no longer
/// written.
Plan fuse_residuals(const Plan& plan);

}  // namespace m2w
