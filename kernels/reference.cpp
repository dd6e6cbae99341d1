// reference.cpp — the reference ops.
#include "kernels/reference.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <thread>

#include "gguf/float16.h"

namespace m2w::ref {
namespace {

#if defined(__clang__)
#define M2W_UNWATCHED [[clang::no_sanitize("address", "undefined")]]
#elif defined(__GNUC__)
#define M2W_UNWATCHED [[gnu::no_sanitize("address", "undefined")]]
#else
#define M2W_UNWATCHED
#endif

/// Four partial sums: independent chains for the compiler, still double. Sanitizers leave it out:
/// it was three quarters of the time of tests that run a model under them. Both ranges are spans
/// whose sizes the caller has checked.
M2W_UNWATCHED double dot(const float* a, const float* b, size_t n) {
    double s[4] = {0, 0, 0, 0};
    size_t i = 0;
    for (; i + 4 <= n; i += 4)
        for (size_t j = 0; j < 4; ++j) s[j] += double(a[i + j]) * double(b[i + j]);
    for (; i < n; ++i) s[0] += double(a[i]) * double(b[i]);
    return (s[0] + s[1]) + (s[2] + s[3]);
}

void matmul_rows(const Weight& w, std::span<const float> x, std::span<const float> bias,
                 std::span<const float> residual, const Products& out, uint64_t first,
                 uint64_t last) {
    std::vector<float> row(w.cols);
    const size_t n_rows = x.size() / w.cols;
    const size_t m = out.y.size() / n_rows, m2 = out.y2.size() / n_rows,
                 m3 = out.y3.size() / n_rows;
    for (uint64_t i = first; i < last; ++i) {
        w.row(i, row.data());
        const bool in_y = i < m, in_y2 = !in_y && i < m + m2;
        const std::span<float> y = in_y ? out.y : in_y2 ? out.y2 : out.y3;
        const size_t width = in_y ? m : in_y2 ? m2 : m3;
        const size_t at = i - (in_y ? 0 : in_y2 ? m : m + m2);
        for (size_t r = 0; r < n_rows; ++r) {
            double sum = dot(row.data(), &x[r * w.cols], w.cols);
            if (!bias.empty()) sum += bias[i];
            if (!residual.empty() && in_y) sum += residual[r * m + at];
            y[r * width + at] = float(sum);
        }
    }
}

/// The scores of one query against positions [first, first + p.size()).
void scores_of(const float* q, const Cache& k, size_t kv_head, size_t first, size_t position,
               const AttendShape& shape, std::span<double> p) {
    double scale = shape.scale;
    if (shape.temperature_length)
        scale *= 1 + double(shape.temperature) *
                         std::log(1 + std::floor(double(position / shape.temperature_length)));
    const double cap = shape.soft_cap;
    for (size_t j = 0; j < p.size(); ++j) {
        const double s = scale * dot(q, k.at(first + j) + kv_head * shape.head_dim, shape.head_dim);
        p[j] = cap > 0 ? cap * std::tanh(s / cap) : s;
    }
}

}  // namespace

Weight Weight::slice(uint64_t first, uint64_t count) const {
    Weight out = *this;
    out.rows = count;
    const DTypeInfo& type = dtype_info(dtype);
    if (nbits)
        out.first_row += first;
    else
        out.blocks += first * (cols / type.block_elems) * type.block_bytes;
    return out;
}

void Weight::row(uint64_t index, float* out) const {
    if (nbits) return decode_nbits_row(*nbits, blocks, layout, cols, first_row + index, out);
    const DTypeInfo& type = dtype_info(dtype);
    const size_t n_blocks = cols / type.block_elems;
    type.decode(blocks + index * n_blocks * type.block_bytes, n_blocks, out);
}

void Cache::store(uint32_t position, std::span<const float> values) {
    constexpr float kMostF16 = 65504;
    float* to = &rows[position % (rows.size() / width) * width];
    for (size_t i = 0; i < values.size(); ++i)
        to[i] =
            is_f16 ? f16_to_f32(f32_to_f16(std::clamp(values[i], -kMostF16, kMostF16))) : values[i];
}

void embed(std::span<const uint32_t> tokens, const Weight& w, float scale, std::span<float> y) {
    for (size_t t = 0; t < tokens.size(); ++t) {
        float* row = &y[t * w.cols];
        w.row(tokens[t], row);
        for (size_t i = 0; i < w.cols; ++i) row[i] *= scale;
    }
}

void take_rows(std::span<const float> x, std::span<float> y) {
    std::copy(x.end() - ptrdiff_t(y.size()), x.end(), y.begin());
}

void join(std::span<const float> a, const Columns& of_a, std::span<const float> b,
          const Columns& of_b, std::span<float> y) {
    const size_t n = size_t(of_a.n) + of_b.n;
    for (size_t row = 0; row < y.size() / n; ++row) {
        for (size_t i = 0; i < of_a.n; ++i) y[row * n + i] = a[row * of_a.width + of_a.first + i];
        for (size_t i = 0; i < of_b.n; ++i)
            y[row * n + of_a.n + i] = b[row * of_b.width + of_b.first + i];
    }
}

void rms_norm(std::span<const float> x, std::span<const float> w, size_t n, float eps,
              std::span<float> y) {
    for (size_t row = 0; row < x.size(); row += n) {
        const double mean = dot(&x[row], &x[row], n) / double(n);
        const double scale = 1 / std::sqrt(mean + double(eps));
        for (size_t i = 0; i < n; ++i)
            y[row + i] = float((w.empty() ? 1.0 : double(w[i])) * double(x[row + i]) * scale);
    }
}

void layer_norm(std::span<const float> x, std::span<const float> w, std::span<const float> bias,
                size_t n, float eps, std::span<float> y) {
    for (size_t row = 0; row < x.size(); row += n) {
        const auto values = x.subspan(row, n);
        double mean = 0, variance = 0;
        for (const float v : values) mean += double(v) / double(n);
        for (const float v : values) variance += (v - mean) * (v - mean) / double(n);
        const double scale = 1 / std::sqrt(variance + double(eps));
        for (size_t i = 0; i < n; ++i)
            y[row + i] = float((w.empty() ? 1.0 : double(w[i])) * (values[i] - mean) * scale +
                               (bias.empty() ? 0.0 : double(bias[i])));
    }
}

void matmul(const Weight& w, std::span<const float> x, std::span<const float> bias,
            std::span<const float> residual, const Products& out) {
    std::vector<float> rounded;
    if (w.nbits && w.nbits->int8_activations) {
        rounded.assign(x.begin(), x.end());
        round_to_int8(w.nbits->activation_group(), w.cols, rounded);
        x = rounded;
    }
    // Rows are independent, so threads change no result.
    const uint64_t n_threads =
        w.rows * w.cols < 1u << 18 ? 1 : std::max(1u, std::thread::hardware_concurrency());
    std::vector<std::jthread> threads;
    for (uint64_t t = 1; t < n_threads; ++t)
        threads.emplace_back([&, t] {
            matmul_rows(w, x, bias, residual, out, w.rows * t / n_threads,
                        w.rows * (t + 1) / n_threads);
        });
    matmul_rows(w, x, bias, residual, out, 0, w.rows / n_threads);
}

void gated_matmul(const Weight& w, std::span<const float> x, std::span<const float> bias,
                  const GluShape& shape, std::span<float> y) {
    std::vector<float> gate(y.size()), up(y.size());
    matmul(w, x, bias, {}, {gate, up, {}});
    glu(gate, up, shape, y);
}

void add(std::span<const float> a, std::span<const float> b, float scale, std::span<float> y) {
    for (size_t i = 0; i < y.size(); ++i) y[i] = float(a[i] + double(scale) * b[i]);
}

void add_rms_norm(std::span<const float> x, std::span<const float> residual,
                  const AddNormShape& shape, std::span<float> y, std::span<float> y2) {
    const size_t n = shape.n;
    for (size_t row = 0; row < x.size(); row += n) {
        const double mean = shape.x_w.empty() ? 0 : dot(&x[row], &x[row], n) / double(n);
        const double x_scale = shape.x_w.empty() ? 1 : 1 / std::sqrt(mean + double(shape.eps));
        for (size_t i = 0; i < n; ++i) {
            const double z = (shape.x_w.empty() ? 1 : double(shape.x_w[i])) * double(x[row + i]);
            y[row + i] = float(residual[row + i] + double(shape.scale) * z * x_scale);
        }
    }
    if (!y2.empty()) rms_norm(y, shape.w, n, shape.eps, y2);
}

std::vector<float> normed_rows(std::span<const float> x, std::span<const float> stream,
                               const AddNormShape& shape, std::span<float> sum) {
    std::vector<float> normed(x.size());
    if (stream.empty())
        rms_norm(x, shape.w, shape.n, shape.eps, normed);
    else
        add_rms_norm(x, stream, shape, sum, normed);
    return normed;
}

void rope_table(std::span<const uint32_t> turns, uint32_t pos, float magnitude,
                std::span<float> y) {
    const size_t n_pairs = turns.size() / 2;
    for (size_t t = 0; t < y.size() / turns.size(); ++t) {
        for (size_t i = 0; i < n_pairs; ++i) {
            const uint64_t per_position = uint64_t(turns[2 * i + 1]) << 32 | turns[2 * i];
            const uint64_t phase = per_position * (pos + t);  // wraps: whole turns drop out
            const double angle = 2 * std::numbers::pi * double(phase) * 0x1p-64;
            y[(t * n_pairs + i) * 2] = float(magnitude * std::cos(angle));
            y[(t * n_pairs + i) * 2 + 1] = float(magnitude * std::sin(angle));
        }
    }
}

void rope(std::span<const float> x, std::span<const float> table, const RopeShape& shape,
          std::span<float> y) {
    const size_t n_pairs = shape.n_rot / 2, width = size_t(shape.n_head) * shape.head_dim;
    const size_t step = shape.pairing == Pairing::adjacent ? 2 : 1,
                 apart = shape.pairing == Pairing::adjacent ? 1 : n_pairs;
    std::copy(x.begin(), x.end(), y.begin());
    for (size_t row = 0; row < x.size() / shape.head_dim; ++row) {
        const float* angles = &table[row * shape.head_dim / width * shape.n_rot];
        for (size_t i = 0; i < n_pairs; ++i) {
            const size_t a = row * shape.head_dim + i * step, b = a + apart;
            const double c = angles[2 * i], s = angles[2 * i + 1];
            y[a] = float(x[a] * c - x[b] * s);
            y[b] = float(x[a] * s + x[b] * c);
        }
    }
}

void attend(std::span<const float> q, const Cache& k, const Cache& v, std::span<const float> sinks,
            const AttendShape& shape, std::span<float> y) {
    const size_t dim = shape.value_dim;
    std::vector<double> p, sum(dim);
    for (size_t row = 0; row < q.size() / shape.head_dim; ++row) {
        const size_t head = row % shape.n_head, position = shape.pos + row / shape.n_head;
        const size_t kv_head = head * shape.n_head_kv / shape.n_head;
        const bool all = shape.window == 0 || position < shape.window;
        const size_t first = all ? 0 : position + 1 - shape.window;
        p.assign(position + 1 - first, 0);
        scores_of(&q[row * shape.head_dim], k, kv_head, first, position, shape, p);
        double top = sinks.empty() ? -INFINITY : double(sinks[head]);
        for (const double s : p) top = std::max(top, s);
        double total = sinks.empty() ? 0 : std::exp(double(sinks[head]) - top);
        std::fill(sum.begin(), sum.end(), 0);
        for (size_t j = 0; j < p.size(); ++j) {
            const double weight = std::exp(p[j] - top);
            const float* value = v.at(first + j) + kv_head * dim;
            total += weight;
            for (size_t i = 0; i < dim; ++i) sum[i] += weight * double(value[i]);
        }
        for (size_t i = 0; i < dim; ++i) y[row * dim + i] = float(sum[i] / total);
    }
}

double activate(double x, Activation activation) {
    switch (activation) {
        case Activation::silu:
            return x / (1 + std::exp(-x));
        case Activation::gelu_tanh:
            return 0.5 * x *
                   (1 + std::tanh(std::sqrt(2 / std::numbers::pi) * (x + 0.044715 * x * x * x)));
        case Activation::relu:
            return std::max(x, 0.0);
        case Activation::sigmoid:
            return 1 / (1 + std::exp(-x));
        case Activation::identity:
            return x;
        case Activation::relu_squared:
            return std::max(x, 0.0) * std::max(x, 0.0);
        case Activation::quick_gelu:
            return x / (1 + std::exp(-1.702 * x));
    }
    return 0;
}

void glu(std::span<const float> gate, std::span<const float> up, const GluShape& shape,
         std::span<float> y) {
    const double limit = shape.limit > 0 ? double(shape.limit) : INFINITY;
    for (size_t i = 0; i < y.size(); ++i) {
        const double act = activate(std::min(double(gate[i]), limit), shape.activation);
        const double factor =
            up.empty() ? 1.0 : std::clamp(double(up[i]), -limit, limit) + double(shape.up_shift);
        y[i] = float(act * factor);
    }
}

void xielu(std::span<const float> x, const XieluShape& shape, std::span<float> y) {
    const double alpha_p = shape.alpha_p, alpha_n = shape.alpha_n, beta = shape.beta,
                 eps = shape.eps;
    for (size_t i = 0; i < y.size(); ++i) {
        const double v = x[i];
        y[i] = float(v > 0 ? alpha_p * v * v + beta * v
                           : alpha_n * (std::expm1(std::min(v, eps)) - v) + beta * v);
    }
}

void soft_cap(std::span<const float> x, float scale, float cap, std::span<float> y) {
    for (size_t i = 0; i < y.size(); ++i) {
        const double v = double(scale) * double(x[i]);
        y[i] = float(cap > 0 ? double(cap) * std::tanh(v / double(cap)) : v);
    }
}

}  // namespace m2w::ref
