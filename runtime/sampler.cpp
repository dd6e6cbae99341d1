// sampler.cpp — exact filters over sorted candidates, then one draw. Uses no function of the C
// library whose last bit a platform may choose, so the same seed draws the same tokens everywhere.
#include "runtime/sampler.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <limits>

namespace m2w {
namespace {

constexpr float kMinusInfinity = -std::numeric_limits<float>::infinity();

/// 1/0! to 1/13!. The factorials are exact, so each entry is rounded once.
constexpr auto kInverseFactorial = [] {
    std::array<double, 14> out{};
    double factorial = 1;
    for (size_t n = 0; n < out.size(); ++n) {
        if (n > 0) factorial *= double(n);
        out[n] = 1 / factorial;
    }
    return out;
}();

/// e^x for x <= 0, from +, -, * and exact scaling only. libm's exp differs between platforms in
/// the last bit. |r| <= ln(2)/2 leaves the series after r^13 / 13! an error below 1e-17.
double exp_of_negative(double x) {
    if (!(x > -700.0)) return 0.0;  // below e^-700 nothing can be drawn
    constexpr double kLog2E = 1.4426950408889634;
    constexpr double kLn2High = 6.93147180369123816490e-01, kLn2Low = 1.90821492927058770002e-10;
    const double k = std::floor(x * kLog2E + 0.5);
    const double r = (x - k * kLn2High) - k * kLn2Low;  // k * kLn2High is exact: 21 zero bits
    double sum = kInverseFactorial.back();
    for (size_t n = kInverseFactorial.size() - 1; n-- > 0;) sum = sum * r + kInverseFactorial[n];
    return sum * std::bit_cast<double>(uint64_t(int64_t(k) + 1023) << 52);
}

/// log-weight of a logit against the largest one; infinities never make a NaN.
double distance(float logit, float largest) {
    return logit == largest ? 0.0 : double(logit) - double(largest);
}

constexpr size_t kFirstSorted = 256;

/// The order of choice: the largest logit first, the lowest id among equals. Total, so that
/// partial sorts of any standard library agree.
constexpr auto kBetter = [](const auto& a, const auto& b) {
    return a.logit != b.logit ? a.logit > b.logit : a.id < b.id;
};

Error out_of_range(const char* name, const char* range, double found) {
    return {Category::usage, fmt::format("{}: expected {}, got {}", name, range, found)};
}

}  // namespace

Result<void> check_sampling(const Sampling& s) {
    if (!(s.temperature >= 0) || !std::isfinite(s.temperature))
        return out_of_range("temperature", "0 or more", s.temperature);
    if (!(s.top_p >= 0 && s.top_p <= 1)) return out_of_range("top_p", "0 to 1", s.top_p);
    if (!(s.min_p >= 0 && s.min_p <= 1)) return out_of_range("min_p", "0 to 1", s.min_p);
    if (!(s.repeat_penalty > 0) || !std::isfinite(s.repeat_penalty))
        return out_of_range("repeat_penalty", "more than 0", s.repeat_penalty);
    return {};
}

Sampler::Sampler(const Sampling& sampling) : sampling_(sampling), state_(sampling.seed) {
    M2W_ASSERT(check_sampling(sampling));
}

uint32_t Sampler::sample(std::span<const float> logits, std::span<const uint32_t> recent) {
    M2W_ASSERT(!logits.empty());
    collect(logits, recent);
    const auto best = std::min_element(candidates_.begin(), candidates_.end(), kBetter);
    // With nothing above minus infinity there is no distribution to draw from.
    if (sampling_.temperature == 0 || sampling_.top_k == 1 || best->logit == kMinusInfinity)
        return best->id;

    if (sampling_.top_k != 0) keep_top_k();
    const bool cut = sampling_.top_p < 1 || sampling_.min_p > 0;
    if (cut) keep_top_p_min_p();
    if (!cut || sampling_.temperature != 1) weigh(sampling_.temperature);

    double total = 0;
    for (const Candidate& c : candidates_) total += c.weight;
    double left = uniform() * total;
    for (const Candidate& c : candidates_) {
        if (left < c.weight) return c.id;
        left -= c.weight;
    }
    // Rounding used up the last weight: the last candidate that has any.
    for (size_t i = candidates_.size(); i-- > 0;)
        if (candidates_[i].weight > 0) return candidates_[i].id;
    return candidates_.front().id;
}

/// Fills candidates_ in order of ids: NaN out, penalty in.
void Sampler::collect(std::span<const float> logits, std::span<const uint32_t> recent) {
    candidates_.resize(logits.size());
    for (size_t id = 0; id < logits.size(); ++id)
        candidates_[id] = {uint32_t(id), std::isnan(logits[id]) ? kMinusInfinity : logits[id], 0};
    if (sampling_.repeat_penalty == 1.0f) return;

    recent = recent.last(std::min<size_t>(recent.size(), sampling_.repeat_last_n));
    std::vector<uint32_t> ids(recent.begin(), recent.end());
    std::sort(ids.begin(), ids.end());
    ids.erase(std::unique(ids.begin(), ids.end()), ids.end());  // a token is penalised once
    for (uint32_t id : ids) {
        if (id >= candidates_.size()) continue;
        float& logit = candidates_[id].logit;
        logit = logit > 0 ? logit / sampling_.repeat_penalty : logit * sampling_.repeat_penalty;
    }
}

/// Leaves the top_k best, best first.
void Sampler::keep_top_k() {
    const size_t k = std::min<size_t>(sampling_.top_k, candidates_.size());
    const auto end = candidates_.begin() + ptrdiff_t(k);
    if (k < candidates_.size())
        std::nth_element(candidates_.begin(), end, candidates_.end(), kBetter);
    candidates_.erase(end, candidates_.end());
    std::sort(candidates_.begin(), candidates_.end(), kBetter);
}

void Sampler::weigh(double temperature) {
    float largest = kMinusInfinity;
    for (const Candidate& c : candidates_) largest = std::max(largest, c.logit);
    for (Candidate& c : candidates_)
        c.weight = exp_of_negative(distance(c.logit, largest) / temperature);
}

/// Leaves candidates with at least min_p of the best one's probability, and of those the fewest
/// whose probabilities reach top_p. Both sets are the best few, so which is taken first does not
/// matter; min_p goes first because it leaves less to sort.
void Sampler::keep_top_p_min_p() {
    weigh(1.0);
    double total = 0;  // before anything is cut: probabilities are those of all that top_k left
    for (const Candidate& c : candidates_) total += c.weight;
    std::erase_if(candidates_, [&](const Candidate& c) { return c.weight < sampling_.min_p; });
    if (sampling_.top_p >= 1) return;
    double sum = 0;
    size_t kept = 0, sorted = 0;
    do {
        if (kept == sorted) {  // sort only as far as the sum needs
            const auto from = candidates_.begin() + ptrdiff_t(sorted);
            sorted = std::min(candidates_.size(), std::max(kFirstSorted, 4 * sorted));
            std::partial_sort(from, candidates_.begin() + ptrdiff_t(sorted), candidates_.end(),
                              kBetter);
        }
        sum += candidates_[kept++].weight;
    } while (kept < candidates_.size() && sum < double(sampling_.top_p) * total);
    candidates_.resize(kept, Candidate{});
}

/// [0, 1) with 53 bits, from SplitMix64 (Steele, Lea, Flood 2014).
double Sampler::uniform() {
    state_ += 0x9e3779b97f4a7c15u;
    uint64_t z = state_;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    z ^= z >> 31;
    return double(z >> 11) * 0x1p-53;
}

}  // namespace m2w
