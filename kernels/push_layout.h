// push_layout.h — the push constants of an op, in one order for the host and the generated GLSL:
// the dynamic header, addresses in binding order, weight rows, cache rows, params. Knows no Vulkan.
#pragma once
#include <cstdint>

#include "kernels/ops.h"

namespace m2w {

/// Planes that a weight binding's addresses are for; formats with fewer leave the rest 0.
constexpr uint32_t kWeightPlanes = 4;

/// Bytes of the header: address of the dynamic block, rows (of the op's output), n_tok.
constexpr uint32_t kPushHeaderBytes = 16;

/// Bytes that a binding takes: an address, or those of a weight's planes.
constexpr uint32_t push_bytes(Bind kind) {
    return kind == Bind::none ? 0 : kind == Bind::weight ? 8 * kWeightPlanes : 8;
}

/// Rows of a weight are split over allocations when it is large: each dispatch gets row0 and n_rows
/// of its piece.
constexpr uint32_t kPushWeightRowsBytes = 8;

/// Ops with a cache get n_rows, which the executor chooses.
constexpr uint32_t kPushCacheRowsBytes = 4;

/// Params that are constants have the constant_id kParamConstants + their index instead.
constexpr uint32_t kParamConstants = 32;

/// Whether an op has a binding of this kind.
inline bool has_binding(const OpInfo& info, Bind kind) {
    for (const Binding& binding : info.bindings)
        if (binding.kind == kind) return true;
    return false;
}

/// All of an op's push constants, at most the 128 bytes that every device has.
inline uint32_t push_constant_bytes(const OpInfo& info) {
    uint32_t bytes = kPushHeaderBytes;
    for (const Binding& binding : info.bindings) bytes += push_bytes(binding.kind);
    for (uint32_t i = 0; i < info.n_params(); ++i) bytes += info.params[i].constant ? 0 : 4;
    if (has_binding(info, Bind::weight)) bytes += kPushWeightRowsBytes;
    if (has_binding(info, Bind::cache)) bytes += kPushCacheRowsBytes;
    return bytes;
}

/// The dynamic block: what changes from batch to batch while recorded commands stay. The batch's
/// token ids follow it.
struct DynamicBlock {
    uint32_t pos = 0;
    uint32_t past_slot = 0;   // of states: where the past is, unless pos is 0
    uint32_t state_slot = 0;  // and where the new state goes
    uint32_t n_ctx = 0;
};

}  // namespace m2w
