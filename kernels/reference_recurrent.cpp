// reference_recurrent.cpp — the reference ops that keep a state: token after token, in double.
#include <algorithm>
#include <cmath>

#include "kernels/reference.h"

namespace m2w::ref {
namespace {

/// log(1 + exp(x)) without overflow.
double softplus(double x) {
    return std::max(x, 0.0) + std::log1p(std::exp(-std::abs(x)));
}

double inverse_norm(std::span<const float> x, double eps) {
    double sum = 0;
    for (const float value : x) sum += double(value) * double(value);
    return 1 / std::sqrt(sum + eps);
}

/// A state while it is computed.
std::vector<double> widened(std::span<const float> past) {
    return {past.begin(), past.end()};
}

void narrow(const std::vector<double>& from, std::span<float> to) {
    for (size_t i = 0; i < to.size(); ++i) to[i] = float(from[i]);
}

}  // namespace

void causal_conv(std::span<const float> x, std::span<const float> w, std::span<const float> bias,
                 std::span<const float> past, const ConvShape& shape, std::span<float> y,
                 std::span<float> state) {
    const size_t n = shape.n, n_past = shape.width - 1, n_tok = x.size() / n;
    // Row r of the past followed by x.
    const auto row = [&](size_t r) { return r < n_past ? &past[r * n] : &x[(r - n_past) * n]; };
    for (size_t t = 0; t < n_tok; ++t)
        for (size_t i = 0; i < n; ++i) {
            double sum = bias.empty() ? 0 : double(bias[i]);
            for (size_t j = 0; j < shape.width; ++j)
                sum += double(w[i * shape.width + j]) * double(row(t + j)[i]);
            y[t * n + i] = float(activate(sum, shape.activation));
        }
    for (size_t r = 0; r < n_past; ++r) std::copy_n(row(n_tok + r), n, &state[r * n]);
}

void ssm_scan(std::span<const float> x, std::span<const float> dt, const DecayVectors& vectors,
              std::span<const float> d, std::span<const float> past, const ScanShape& shape,
              std::span<float> y, std::span<float> state) {
    const size_t n_head = shape.n_head, dim = shape.head_dim, d_state = shape.d_state;
    const size_t inner = n_head * dim, width = inner + size_t(2) * shape.n_group * d_state;
    std::vector<double> kept = widened(past), sum(dim);
    for (size_t at = 0; at < dt.size(); ++at) {
        const size_t t = at / n_head, head = at % n_head, group = head * shape.n_group / n_head;
        const float* u = &x[t * width + head * dim];
        const float* b = &x[t * width + inner + group * d_state];
        const float* c = b + shape.n_group * d_state;
        const double step = softplus(double(dt[at]) + double(vectors.dt_bias[head]));
        const double decay = std::exp(double(vectors.a[head]) * step);
        std::fill(sum.begin(), sum.end(), 0);
        for (size_t j = 0; j < d_state; ++j)
            for (size_t i = 0; i < dim; ++i) {
                double& s = kept[(head * d_state + j) * dim + i];
                s = decay * s + step * double(b[j]) * double(u[i]);
                sum[i] += double(c[j]) * s;
            }
        for (size_t i = 0; i < dim; ++i)
            y[at * dim + i] = float(sum[i] + double(d[head]) * double(u[i]));
    }
    narrow(kept, state);
}

void gated_delta(std::span<const float> x, std::span<const float> decay,
                 std::span<const float> beta, const DecayVectors& vectors,
                 std::span<const float> past, const DeltaShape& shape, std::span<float> y,
                 std::span<float> state) {
    const size_t n_head = shape.n_head, k_dim = shape.k_dim, v_dim = shape.v_dim;
    const size_t keys = shape.n_head_k * k_dim, width = 2 * keys + n_head * v_dim;
    std::vector<double> kept = widened(past), delta(v_dim), sum(v_dim);
    for (size_t at = 0; at < decay.size(); ++at) {
        const size_t t = at / n_head, head = at % n_head;
        const size_t k_head = shape.key_heads == KeyHeads::tiled ? head % shape.n_head_k
                                                                 : head * shape.n_head_k / n_head;
        const auto q = x.subspan(t * width + k_head * k_dim, k_dim);
        const auto k = x.subspan(t * width + keys + k_head * k_dim, k_dim);
        const float* v = &x[t * width + 2 * keys + head * v_dim];
        const double step = softplus(double(decay[at]) + double(vectors.dt_bias[head]));
        const double g = std::exp(double(vectors.a[head]) * step);
        const double k_scale = inverse_norm(k, double(shape.eps));
        const double q_scale = inverse_norm(q, double(shape.eps)) / std::sqrt(double(k_dim));
        double* s = &kept[head * k_dim * v_dim];
        for (size_t i = 0; i < v_dim; ++i) delta[i] = double(v[i]);
        for (size_t j = 0; j < k_dim; ++j)
            for (size_t i = 0; i < v_dim; ++i) {
                s[j * v_dim + i] *= g;
                delta[i] -= k_scale * double(k[j]) * s[j * v_dim + i];
            }
        std::fill(sum.begin(), sum.end(), 0);
        const double rate = activate(double(beta[at]), Activation::sigmoid);
        for (size_t j = 0; j < k_dim; ++j)
            for (size_t i = 0; i < v_dim; ++i) {
                s[j * v_dim + i] += rate * k_scale * double(k[j]) * delta[i];
                sum[i] += q_scale * double(q[j]) * s[j * v_dim + i];
            }
        for (size_t i = 0; i < v_dim; ++i) y[at * v_dim + i] = float(sum[i]);
    }
    narrow(kept, state);
}

}  // namespace m2w::ref
