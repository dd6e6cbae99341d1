// ops.h — the op contracts: what every operation reads, writes and computes, on every target.
// Generated interface headers (GLSL now, WGSL later), the reference ops, the Plan and the tests all
// follow this one table. Knows no model.
#pragma once
#include <cstdint>
#include <span>
#include <string_view>

namespace m2w {

/// The operations that a Plan is made of.
enum class Op : uint8_t {
    embed,
    take_rows,
    rms_norm,
    layer_norm,
    matmul,
    add,
    add_rms_norm,
    norm_matmul,
    rope_table,
    rope,
    kv_store,
    rope_store,
    attend,
    rope_attend,
    glu,
    causal_conv,
    ssm_scan,
    gated_delta,
    xielu,
    soft_cap,
    route,
    expert_order,
    expert_matmul,
    expert_sum,
    join,
    count
};

/// What stands behind a binding.
enum class Bind : uint8_t {
    none,
    activation,  // f32 rows in device memory
    weight,      // a matrix in any weight type, as planes (gguf/repack.h)
    vector,      // an f32 weight vector
    constant,    // u32 words that the model computed at load
    tokens,      // u32 token ids of this batch
    cache,       // f16 or f32 key or value rows of one layer: n_rows of them, a ring
    state,       // f32 words that one recurrent layer keeps; read from one slot, written to another
};

enum class Mode : uint8_t { in, out };

struct Binding {
    std::string_view name;
    Bind kind = Bind::none;
    Mode mode = Mode::in;
    std::string_view
        shape;  // slowest dimension first, in terms of params and of n_tok, n_out, n_ctx
    bool optional = false;  // may be absent; the kernel then leaves the term out
};

enum class ParamType : uint8_t { u32, f32 };

struct Param {
    std::string_view name;
    ParamType type = ParamType::u32;
    bool optional = false;  // 0 is none, and not printed
    bool constant = false;  // kernels are specialised for it: no push constant
};

constexpr uint32_t kMaxBindings = 9;
constexpr uint32_t kMaxParams = 12;

/// One contract. Dynamic values are known to every op besides its params: n_tok (tokens in the
/// batch), pos (position of the batch's first token), n_out (how many of the last tokens get
/// logits), n_ctx (positions that the timeline may have) and, where it has a cache, n_rows (rows of
/// that cache; position p is in row p mod n_rows). An op
/// with a state has it twice: `past`, as it was before the batch, and `state`, as it is after it,
/// in two slots of the same memory that are never the same. At position 0 the past is zero,
/// whatever its slot holds.
struct OpInfo {
    Op op;
    std::string_view name;
    Binding bindings[kMaxBindings];
    Param params[kMaxParams];
    bool one_token = false;  // n_tok is always 1
    float rtol;              // allowed ||gpu - reference|| / ||reference|| per op, f32 accumulation
    std::string_view formula;  // what is computed
    std::string_view source;   // where the formula comes from

    uint32_t n_bindings() const;
    uint32_t n_params() const;
};

/// The contract of an op.
const OpInfo& op_info(Op op);

/// All contracts in enum order.
std::span<const OpInfo> all_ops();

/// Values of the enumerating params, the same numbers in every language.
enum class Pairing : uint32_t {
    adjacent = 0,
    halves = 1
};  // rope.pairing: (2i, 2i+1) or (i, i + n_rot/2)
enum class Activation : uint32_t {
    silu = 0,
    gelu_tanh = 1,
    relu = 2,
    sigmoid = 3,
    identity = 4,
    relu_squared = 5,
    quick_gelu = 6
};  // glu.activation, causal_conv.activation, matmul.gated_by - 1
enum class KeyHeads : uint32_t {
    grouped = 0,
    tiled = 1
};  // gated_delta.key_heads: head h reads key head h * n_head_k / n_head, or h mod n_head_k
enum class Scoring : uint32_t { softmax = 0, sigmoid = 1 };  // route.scoring

}  // namespace m2w
