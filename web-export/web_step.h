// web_step.h — which WGSL kernels compute a Step on a WebGPU device, with which constants, bindings
// and grid. Prints nothing and knows no model; the exporter and the kernels' own tests ask here.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "gguf/nbits.h"
#include "gguf/result.h"
#include "runtime/model/plan.h"

namespace m2w::web {

/// What a page may find. A package carries the kernels of all classes and chooses when it loads.
enum class Adapter : uint8_t {
    gpu,  // subgroups or shared memory
    cpu   // isFallbackAdapter with subgroups of four: barriers are dear there, so an owner is one
          // invocation, and only rows that a workgroup makes for all of its owners have them
};

/// Products have a kernel for single tokens and one that reads a weight once for several.
enum class BatchSize : uint8_t { one, many };

enum class CacheFormat : uint8_t { f16, f32 };

/// A weight of a Step, or a piece of its rows where the whole is larger than one binding may be.
struct WebWeight {
    DType dtype = DType::f32;
    std::optional<NBits> nbits{};
    uint64_t row0 = 0, rows = 0;
};

struct WebContext {
    Adapter adapter = Adapter::gpu;
    BatchSize batch = BatchSize::one;
    CacheFormat cache = CacheFormat::f16;
    bool rows_are_out = false;  // the Step's rows are n_out, not n_tok
    bool subgroups = false;
    /// Products of Q8_0 and Q4_0 round their activations to 8 bits first (round_to_int8 of
    /// gguf/nbits.h, groups of 32), which for several rows, and for large weights, takes a kernel
    /// more.
    bool int8_activations = false;
    WebWeight weight{};
};

/// A value of a WGSL `override`: what differs between Steps that share a shader module.
struct WebConstant {
    std::string name;
    bool is_float = false;
    uint32_t bits = 0;
};

/// The grid in workgroups: n = ceil(fixed * (rows or 1) / per), laid out as x = min(n, 65535),
/// y = ceil(n / x); kernels count workgroup_id.x + workgroup_id.y * num_workgroups.x and leave what
/// is beyond. z = ceil(rows / columns), or 1 where columns is 0.
struct WebGrid {
    uint64_t fixed = 1;
    bool times_rows = false;
    uint32_t per = 1;
    uint32_t columns = 0;
};

/// Stands in WebKernel::bindings for a scratch buffer, which is read and written, and which the
/// kernels of one Step share.
constexpr uint32_t kScratchBinding = kMaxBindings;

/// One dispatch.
struct WebKernel {
    std::string module;  // an identifier: kernel, formats and optional bindings that it has
    std::string code;    // WGSL, entry point `main`: the same for the same module
    std::vector<WebConstant> constants;
    /// @group(0) @binding(0) is the uniform buffer of the batch, u32 {n_tok, pos, n_out, n_ctx,
    /// n_rows, seen}, the last two of the Step's caches (kernels/wgsl/common.wgsl);
    /// @binding(i + 1) is the Step's operand bindings[i], an index into the contract's bindings.
    /// A weight is one array<u32>: its planes as plane_layout() of this piece lays them out, the
    /// grid of types that have one included.
    std::vector<uint32_t> bindings;
    bool uniform_vectors = false;  // vectors are bound as uniform buffers
    uint64_t scratch_words = 0;    // for each row of the Step
    WebGrid grid;
};

/// How the kernel of this op has one of its bindings in its layout: r (read), w (written, too) or u
/// (uniform).
char layout_of(Op op, const WebKernel& kernel, uint32_t binding);

/// The dispatch of a Step; none where an adapter had better take the Steps that a short cut stands
/// for. With int8_activations products may have one more before it, {x, scratch}:
/// Steps that read the same x one after the other can share what it writes. Errors: unsupported (a
/// shape that no kernel computes).
Result<std::vector<WebKernel>> web_kernels(const Step& step, const WebContext& context);

}  // namespace m2w::web
