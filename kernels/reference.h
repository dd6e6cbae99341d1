// reference.h — the plain C++ meaning of every op: double accumulators, no tricks. The oracle for
// all kernels; speed is no aim.
#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "gguf/dtype.h"
#include "gguf/nbits.h"
#include "kernels/ops.h"

namespace m2w::ref {

/// A weight matrix [rows][cols] as the file's blocks, or n-bit codes as planes. Borrowed.
struct Weight {
    DType dtype = DType::f32;
    const std::byte* blocks = nullptr;
    uint64_t rows = 0;
    uint64_t cols = 0;
    /// Of n-bit codes: blocks are planes in this layout, of which row 0 is row first_row.
    std::optional<NBits> nbits{};
    PlaneLayout layout{};
    uint64_t first_row = 0;

    /// Rows [first, first + count).
    Weight slice(uint64_t first, uint64_t count) const;
    /// Decodes one row: f32 [cols].
    void row(uint64_t index, float* out) const;
};

/// Key or value rows of one layer: [n_rows][width], f32 or f16. Position p is in row p mod n_rows.
struct Cache {
    uint32_t width = 0;
    bool is_f16 = false;
    std::vector<float>
        rows;  // f32 [n_rows][width]; f16 caches hold values clamped and rounded to f16

    void store(uint32_t position, std::span<const float> values);
    const float* at(size_t position) const {
        return &rows[position % (rows.size() / width) * width];
    }
};

// One function an op, in the terms of its contract (kernels/ops.h). Spans are whole operands; rows
// follow from their sizes.
void embed(std::span<const uint32_t> tokens, const Weight& w, float scale, std::span<float> y);
void take_rows(std::span<const float> x, std::span<float> y);
/// n: values of a group; w and bias may be empty.
void rms_norm(std::span<const float> x, std::span<const float> w, size_t n, float eps,
              std::span<float> y);
void layer_norm(std::span<const float> x, std::span<const float> w, std::span<const float> bias,
                size_t n, float eps, std::span<float> y);
struct Columns {
    uint32_t width, first, n;
};
void join(std::span<const float> a, const Columns& of_a, std::span<const float> b,
          const Columns& of_b, std::span<float> y);
struct GluShape {
    Activation activation;
    float limit, up_shift;
};
/// up may be empty.
void glu(std::span<const float> gate, std::span<const float> up, const GluShape& shape,
         std::span<float> y);

/// The rows of w fill y, then y2, then y3; absent ones are empty. The residual is added to y.
struct Products {
    std::span<float> y, y2, y3;
};
void matmul(const Weight& w, std::span<const float> x, std::span<const float> bias,
            std::span<const float> residual, const Products& out);
/// The rows of w are those of the gate, then as many of what it gates.
void gated_matmul(const Weight& w, std::span<const float> x, std::span<const float> bias,
                  const GluShape& shape, std::span<float> y);
void add(std::span<const float> a, std::span<const float> b, float scale, std::span<float> y);
struct AddNormShape {
    std::span<const float> x_w, w;  // [n] or empty
    uint32_t n;
    float scale, eps;
};
/// y2 may be empty.
void add_rms_norm(std::span<const float> x, std::span<const float> residual,
                  const AddNormShape& shape, std::span<float> y, std::span<float> y2);
/// What a norm_matmul multiplies: the norm of the sum, or of x where there is no stream; then sum
/// is empty.
std::vector<float> normed_rows(std::span<const float> x, std::span<const float> stream,
                               const AddNormShape& shape, std::span<float> sum);
void rope_table(std::span<const uint32_t> turns, uint32_t pos, float magnitude, std::span<float> y);

struct RopeShape {
    uint32_t n_head, head_dim, n_rot;
    Pairing pairing;
};
void rope(std::span<const float> x, std::span<const float> table, const RopeShape& shape,
          std::span<float> y);

struct AttendShape {
    uint32_t n_head, n_head_kv, head_dim, value_dim;
    float scale, soft_cap;
    uint32_t window;
    float temperature;
    uint32_t temperature_length;
    uint32_t pos;
};
/// sinks: [n_head] or empty.
void attend(std::span<const float> q, const Cache& k, const Cache& v, std::span<const float> sinks,
            const AttendShape& shape, std::span<float> y);

struct XieluShape {
    float alpha_p, alpha_n, beta, eps;
};
void xielu(std::span<const float> x, const XieluShape& shape, std::span<float> y);
void soft_cap(std::span<const float> x, float scale, float cap, std::span<float> y);
/// Activations in double, for the ops that have one as a param.
double activate(double x, Activation activation);

// Recurrent ops (reference_recurrent.cpp). past: the state before the batch, all zero at position
// 0; state: room for the one after it.
struct ConvShape {
    uint32_t n, width;
    Activation activation;
};
void causal_conv(std::span<const float> x, std::span<const float> w, std::span<const float> bias,
                 std::span<const float> past, const ConvShape& shape, std::span<float> y,
                 std::span<float> state);

/// Vectors of an op whose heads decay by exp(a softplus(dt + dt_bias)): f32 [n_head] each.
struct DecayVectors {
    std::span<const float> dt_bias, a;
};
struct ScanShape {
    uint32_t n_head, head_dim, n_group, d_state;
};
void ssm_scan(std::span<const float> x, std::span<const float> dt, const DecayVectors& vectors,
              std::span<const float> d, std::span<const float> past, const ScanShape& shape,
              std::span<float> y, std::span<float> state);

struct DeltaShape {
    uint32_t n_head, n_head_k, k_dim, v_dim;
    KeyHeads key_heads;
    float eps;
};
void gated_delta(std::span<const float> x, std::span<const float> decay,
                 std::span<const float> beta, const DecayVectors& vectors,
                 std::span<const float> past, const DeltaShape& shape, std::span<float> y,
                 std::span<float> state);

// Mixture of experts (reference_experts.cpp).
struct RouteShape {
    uint32_t n_expert, n_used;
    Scoring scoring;
    bool normalised;
    uint32_t n_group, n_group_used, group_top;
    float scale;
};
void route(std::span<const float> logits, std::span<const float> bias, const RouteShape& shape,
           std::span<float> ids, std::span<float> weights);
void expert_order(std::span<const float> ids, uint32_t n_expert, std::span<float> order);

struct ExpertShape {
    uint32_t n_expert, n_used, n_x;
};
void expert_matmul(const Weight& w, std::span<const float> x, std::span<const float> ids,
                   std::span<const float> bias, const ExpertShape& shape, std::span<float> y);
void expert_sum(std::span<const float> x, std::span<const float> weights,
                std::span<const float> residual, std::span<float> y);

}  // namespace m2w::ref
