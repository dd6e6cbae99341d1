// reference_experts.cpp — the reference ops of a mixture of experts. Knows no model.
#include <algorithm>
#include <cmath>
#include <numeric>

#include "kernels/reference.h"

namespace m2w::ref {
namespace {

/// Indices of the n largest of `keys` among `allowed`, the largest first, ties to the lower index.
std::vector<uint32_t> largest(std::span<const double> keys, std::vector<uint32_t> allowed,
                              size_t n) {
    std::stable_sort(allowed.begin(), allowed.end(),
                     [&](uint32_t a, uint32_t b) { return keys[a] > keys[b]; });
    allowed.resize(std::min(n, allowed.size()));
    return allowed;
}

std::vector<uint32_t> count_from(uint32_t first, uint32_t n) {
    std::vector<uint32_t> out(n);
    std::iota(out.begin(), out.end(), first);
    return out;
}

std::vector<double> scores_of(std::span<const float> logits, Scoring scoring) {
    std::vector<double> s(logits.size());
    const double top = double(*std::max_element(logits.begin(), logits.end()));
    double total = 0;
    for (size_t e = 0; e < s.size(); ++e) {
        s[e] = scoring == Scoring::softmax ? std::exp(double(logits[e]) - top)
                                           : 1 / (1 + std::exp(-double(logits[e])));
        total += s[e];
    }
    if (scoring == Scoring::softmax)
        for (double& x : s) x /= total;
    return s;
}

/// The experts of the groups that may be chosen from, in order.
std::vector<uint32_t> candidates(std::span<const double> keys, const RouteShape& shape) {
    const uint32_t per_group = shape.n_expert / shape.n_group;
    if (shape.n_group == 1) return count_from(0, shape.n_expert);
    std::vector<double> sums(shape.n_group, 0.0);
    for (uint32_t g = 0; g < shape.n_group; ++g)
        for (const uint32_t e :
             largest(keys, count_from(g * per_group, per_group), shape.group_top))
            sums[g] += keys[e];
    std::vector<uint32_t> groups = largest(sums, count_from(0, shape.n_group), shape.n_group_used);
    std::sort(groups.begin(), groups.end());
    std::vector<uint32_t> out;
    for (const uint32_t g : groups)
        for (uint32_t e = 0; e < per_group; ++e) out.push_back(g * per_group + e);
    return out;
}

}  // namespace

void route(std::span<const float> logits, std::span<const float> bias, const RouteShape& shape,
           std::span<float> ids, std::span<float> weights) {
    for (size_t t = 0; t < logits.size() / shape.n_expert; ++t) {
        const auto row = logits.subspan(t * shape.n_expert, shape.n_expert);
        const std::vector<double> s = scores_of(row, shape.scoring);
        // Scores rise with logits, so these give the same order where nothing is added to scores.
        const bool by_score = !bias.empty() || shape.group_top > 1;
        std::vector<double> keys(s.size());
        for (size_t e = 0; e < s.size(); ++e)
            keys[e] = (by_score ? s[e] : double(row[e])) + (bias.empty() ? 0.0 : double(bias[e]));
        const auto chosen = largest(keys, candidates(keys, shape), shape.n_used);
        double total = 0;
        for (const uint32_t e : chosen) total += s[e];
        for (size_t j = 0; j < chosen.size(); ++j) {
            ids[t * shape.n_used + j] = float(chosen[j]);
            weights[t * shape.n_used + j] =
                float(double(shape.scale) * s[chosen[j]] / (shape.normalised ? total : 1.0));
        }
    }
}

void expert_order(std::span<const float> ids, uint32_t n_expert, std::span<float> order) {
    size_t at = 0;
    for (uint32_t e = 0; e < n_expert; ++e)
        for (size_t slot = 0; slot < ids.size(); ++slot)
            if (ids[slot] == float(e)) order[at++] = float(slot);
}

void expert_matmul(const Weight& w, std::span<const float> x, std::span<const float> ids,
                   std::span<const float> bias, const ExpertShape& shape, std::span<float> y) {
    const size_t k = w.cols, m = w.rows / shape.n_expert, n_slots = y.size() / m;
    for (size_t e = 0; e < shape.n_expert; ++e) {
        std::vector<size_t> slots;
        std::vector<float> rows;
        for (size_t slot = 0; slot < n_slots; ++slot) {
            if ((ids.empty() ? float(slot % shape.n_used) : ids[slot]) != float(e)) continue;
            slots.push_back(slot);
            const auto from = x.subspan(slot / (shape.n_used / shape.n_x) * k, k);
            rows.insert(rows.end(), from.begin(), from.end());
        }
        if (slots.empty()) continue;
        std::vector<float> product(slots.size() * m);
        matmul(w.slice(e * m, m), rows, bias.empty() ? bias : bias.subspan(e * m, m), {},
               {product});
        for (size_t i = 0; i < slots.size(); ++i) std::copy_n(&product[i * m], m, &y[slots[i] * m]);
    }
}

void expert_sum(std::span<const float> x, std::span<const float> weights,
                std::span<const float> residual, std::span<float> y) {
    const size_t n = x.size() / weights.size();  // of a slot
    const size_t n_used = x.size() / y.size();
    for (size_t i = 0; i < y.size(); ++i) {
        const size_t first = i / n * n_used;
        double sum = residual.empty() ? 0.0 : double(residual[i]);
        for (size_t slot = first; slot < first + n_used; ++slot)
            sum += double(weights[slot]) * double(x[slot * n + i % n]);
        y[i] = float(sum);
    }
}

}  // namespace m2w::ref
