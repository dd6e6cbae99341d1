// sampler.h — logits -> token on the CPU: exact, seeded, the same everywhere. Knows no session.
#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "gguf/result.h"

namespace m2w {

/// How the next token is chosen. Applied in this order: repeat_penalty, top_k, top_p, min_p,
/// temperature.
struct Sampling {
    float temperature = 0.7f;     // 0: greedy (the lowest id wins a tie)
    uint32_t top_k = 40;          // 0: off
    float top_p = 0.95f;          // 1: off
    float min_p = 0.05f;          // 0: off
    float repeat_penalty = 1.0f;  // 1: off; positive logits of recent tokens are divided by it,
                                  // negative ones multiplied
    uint32_t repeat_last_n = 64;  // how many of the last tokens count as recent
    uint64_t seed = 0;
};

/// Errors: usage (a setting out of its range, by name).
Result<void> check_sampling(const Sampling& sampling);

/// Deterministic for a seed: the same logits and history give the same tokens on every platform.
class Sampler {
  public:
    /// sampling: values that check_sampling accepts.
    explicit Sampler(const Sampling& sampling);

    /// logits: f32 [n_vocab], not empty; NaN counts as minus infinity. recent: the tokens so far,
    /// oldest first.
    uint32_t sample(std::span<const float> logits, std::span<const uint32_t> recent);

    const Sampling& sampling() const { return sampling_; }

  private:
    struct Candidate {
        uint32_t id;
        float logit;
        double weight;  // proportional to the probability
    };
    void collect(std::span<const float> logits, std::span<const uint32_t> recent);
    void keep_top_k();
    void weigh(double temperature);
    void keep_top_p_min_p();
    double uniform();

    Sampling sampling_;
    uint64_t state_;
    std::vector<Candidate> candidates_;  // scratch
};

}  // namespace m2w
