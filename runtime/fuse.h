// fuse.h — Plan -> Plan rewrites that keep what is computed and save steps. Executors for devices
// run the fused Plan; the reference runs the plain one, which is the oracle. Plans with short cuts
// (short_cuts.h) are not rewritten any more.
#pragma once
#include "runtime/model/plan.h"

namespace m2w {

/// The rewrites below that suit every target. Values keep their indices and names, so that taps
/// stay valid; those in between that no Step needs any more are no longer written.
Plan fuse(const Plan& plan);

/// matmul, then an add that is the only reader of its result -> one matmul with a residual.
Plan fuse_residuals(const Plan& plan);

/// rms_norm of what is added to the residual stream, the add, rms_norm of the sum -> one
/// add_rms_norm, with or without the first or the last of them. Norms of groups stay.
Plan fuse_norms(const Plan& plan);

/// Up to three matmuls in a row of the same rows, with weights of one type that nothing else uses
/// (queries, keys and values; gate and up) -> one matmul of a tensor that stacks them. The Plan's
/// tensors get new indices.
Plan stack_matmuls(const Plan& plan);

/// matmul of a gate and of what it gates, then a glu that alone reads both -> one gated matmul,
/// whose weight's rows go in pairs. The values in between are no longer written.
Plan fuse_gates(const Plan& plan);

/// rope of queries, rope of keys that only the cache reads, kv_store -> one rope_store.
Plan fuse_rope_stores(const Plan& plan);

/// rms_norm of each head of queries, the same of keys, rope_store -> rope_store with both norms,
/// their weights stacked. The Plan's tensors get new indices.
Plan fuse_head_norms(const Plan& plan);

/// expert_order and the operands that it writes go: for targets whose kernels take slots as they
/// come. Not one of fuse().
Plan drop_expert_orders(const Plan& plan);

}  // namespace m2w
