// sampler_test.cpp — the sampler against brute force, against its own probabilities, and at the
// edges.
#include "runtime/sampler.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <numeric>
#include <set>

namespace m2w {
namespace {

constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();
constexpr float kInf = std::numeric_limits<float>::infinity();

/// Everything off: draws from the plain softmax.
Sampling plain(uint64_t seed) {
    return {.temperature = 1,
            .top_k = 0,
            .top_p = 1,
            .min_p = 0,
            .repeat_penalty = 1,
            .repeat_last_n = 64,
            .seed = seed};
}

/// Deterministic test logits in [-6, 6), with ties when `steps` is small.
std::vector<float> make_logits(size_t n, uint32_t seed, uint32_t steps) {
    std::vector<float> logits(n);
    uint32_t state = seed;
    for (float& x : logits) {
        state = state * 1664525u + 1013904223u;
        x = float(int((state >> 8) % steps)) / float(steps) * 12.0f - 6.0f;
    }
    return logits;
}

/// The definition, written as plainly as possible: probability of every id after all filters.
std::map<uint32_t, double> expected_distribution(const std::vector<float>& logits,
                                                 const Sampling& s) {
    std::vector<uint32_t> ids(logits.size());
    std::iota(ids.begin(), ids.end(), 0u);
    std::stable_sort(ids.begin(), ids.end(),
                     [&](uint32_t a, uint32_t b) { return logits[a] > logits[b]; });
    if (s.top_k != 0 && s.top_k < ids.size()) ids.resize(s.top_k);
    const double largest = logits[ids[0]];
    double total = 0;
    for (uint32_t id : ids) total += std::exp(logits[id] - largest);

    std::map<uint32_t, double> kept;
    double sum = 0, norm = 0;
    for (uint32_t id : ids) {
        const double p = std::exp(logits[id] - largest) / total;
        const bool within_top_p = s.top_p >= 1 || kept.empty() || sum < double(s.top_p);
        if (!within_top_p || p < double(s.min_p) / total) break;
        sum += p;
        kept[id] = std::exp((logits[id] - largest) / double(s.temperature));
        norm += kept[id];
    }
    for (auto& [id, p] : kept) p /= norm;
    return kept;
}

struct Fit {
    double chi_square = 0;
    int degrees = 0;
    bool only_allowed = true;
};

Fit draw_and_compare(const std::vector<float>& logits, const Sampling& s, int draws) {
    const auto expected = expected_distribution(logits, s);
    Sampler sampler(s);
    std::map<uint32_t, int> counts;
    for (int i = 0; i < draws; ++i) ++counts[sampler.sample(logits, {})];
    Fit fit;
    for (const auto& [id, count] : counts)
        if (!expected.contains(id)) fit.only_allowed = false;
    double rest_expected = 0;
    int rest_count = 0;
    for (const auto& [id, p] : expected) {
        const auto found = counts.find(id);
        const int count = found == counts.end() ? 0 : found->second;
        if (p * draws < 10) {  // pooled: the statistic needs cells that are not nearly empty
            rest_expected += p * draws;
            rest_count += count;
            continue;
        }
        fit.chi_square += (count - p * draws) * (count - p * draws) / (p * draws);
        ++fit.degrees;
    }
    if (rest_expected >= 5)
        fit.chi_square +=
            (rest_count - rest_expected) * (rest_count - rest_expected) / rest_expected;
    else
        --fit.degrees;
    return fit;
}

/// Wilson and Hilferty's approximation of the chi-square quantile at z = 3.09 (p = 0.001).
double chi_square_limit(int degrees) {
    const double n = std::max(degrees, 1), a = 2.0 / (9.0 * n);
    return n * std::pow(1 - a + 3.09 * std::sqrt(a), 3);
}

TEST(sampler, draws_follow_the_probabilities_of_every_filter) {
    const std::vector<float> logits = make_logits(300, 7, 1000);
    const Sampling cases[] = {
        plain(1),
        {.temperature = 0.7f, .top_k = 40, .top_p = 0.95f, .min_p = 0.05f, .seed = 2},
        {.temperature = 1.5f, .top_k = 10, .top_p = 1, .min_p = 0, .seed = 3},
        {.temperature = 1, .top_k = 0, .top_p = 0.6f, .min_p = 0, .seed = 4},
        {.temperature = 2, .top_k = 0, .top_p = 1, .min_p = 0.2f, .seed = 5},
        {.temperature = 0.9f, .top_k = 200, .top_p = 0.9f, .min_p = 0.01f, .seed = 6},
    };
    for (const Sampling& s : cases) {
        const Fit fit = draw_and_compare(logits, s, 20'000);
        EXPECT_TRUE(fit.only_allowed) << "seed " << s.seed;
        EXPECT_GE(fit.degrees, 1) << "seed " << s.seed;
        EXPECT_LT(fit.chi_square, chi_square_limit(fit.degrees)) << "seed " << s.seed;
    }
}

TEST(sampler, a_wrong_temperature_would_be_noticed) {
    const std::vector<float> logits = make_logits(300, 7, 1000);
    Sampling drawn = plain(1);
    drawn.temperature = 1.1f;
    Sampler sampler(drawn);
    const auto expected = expected_distribution(logits, plain(1));
    std::map<uint32_t, int> counts;
    for (int i = 0; i < 20'000; ++i) ++counts[sampler.sample(logits, {})];
    double chi_square = 0;
    int degrees = -1;
    for (const auto& [id, p] : expected)
        if (p * 20'000 >= 10) {
            chi_square += std::pow(counts[id] - p * 20'000, 2) / (p * 20'000);
            ++degrees;
        }
    EXPECT_GT(chi_square, chi_square_limit(degrees));
}

/// With logits this flat every candidate is drawn soon, so what was drawn is what was kept.
std::set<uint32_t> kept_ids(const std::vector<float>& logits, const Sampling& s, int draws) {
    Sampler sampler(s);
    std::set<uint32_t> ids;
    for (int i = 0; i < draws; ++i) ids.insert(sampler.sample(logits, {}));
    return ids;
}

TEST(sampler, top_k_keeps_exactly_the_best_with_low_ids_first_among_ties) {
    for (uint32_t k : {2u, 3u, 7u, 16u, 31u, 32u, 33u}) {
        std::vector<float> logits = make_logits(100, k, 8);  // eight levels: ties at every cut
        for (float& x : logits) x *= 0.01f;
        Sampling s = plain(k);
        s.top_k = k;
        std::vector<uint32_t> ids(100);
        std::iota(ids.begin(), ids.end(), 0u);
        std::stable_sort(ids.begin(), ids.end(),
                         [&](uint32_t a, uint32_t b) { return logits[a] > logits[b]; });
        EXPECT_EQ(kept_ids(logits, s, 4000), std::set<uint32_t>(ids.begin(), ids.begin() + k));
    }
}

TEST(sampler, top_p_keeps_the_fewest_that_reach_it_also_beyond_the_first_sorted_block) {
    const std::vector<float> flat(600, 0.5f);  // each has 1/600
    Sampling s = plain(9);
    s.top_p = 0.4999f;
    const auto ids = kept_ids(flat, s, 8000);
    EXPECT_EQ(ids.size(), 300u);
    EXPECT_EQ(*ids.rbegin(), 299u);
}

TEST(sampler, top_p_zero_keeps_one) {
    Sampling s = plain(9);
    s.top_p = 0;
    EXPECT_EQ(kept_ids({1, 3, 2, 3}, s, 100), std::set<uint32_t>{1});
}

TEST(sampler, min_p_one_keeps_the_ties_of_the_best) {
    Sampling s = plain(9);
    s.min_p = 1;
    EXPECT_EQ(kept_ids({1, 3, 2, 3}, s, 200), (std::set<uint32_t>{1, 3}));
}

TEST(sampler, greedy_and_top_k_1_take_the_lowest_id_of_the_largest) {
    Sampling greedy = plain(1), top1 = plain(1);
    greedy.temperature = 0;
    top1.top_k = 1;
    for (uint32_t seed = 0; seed < 50; ++seed) {
        const std::vector<float> logits = make_logits(501, seed, 20);
        const uint32_t expected =
            uint32_t(std::max_element(logits.begin(), logits.end()) - logits.begin());
        EXPECT_EQ(Sampler(greedy).sample(logits, {}), expected);
        EXPECT_EQ(Sampler(top1).sample(logits, {}), expected);
    }
}

TEST(sampler, nan_counts_as_minus_infinity_and_is_never_drawn) {
    std::vector<float> logits = make_logits(64, 3, 100);
    for (size_t i = 0; i < logits.size(); i += 2) logits[i] = kNaN;
    for (float temperature : {0.0f, 0.5f, 1.0f, 100.0f}) {
        Sampling s = plain(5);
        s.temperature = temperature;
        for (uint32_t id : kept_ids(logits, s, 500)) EXPECT_EQ(id % 2, 1u);
    }
}

TEST(sampler, hopeless_logits_still_give_an_id) {
    Sampling s = plain(5);
    EXPECT_EQ(Sampler(s).sample(std::vector<float>(9, kNaN), {}), 0u);
    EXPECT_EQ(Sampler(s).sample(std::vector<float>(9, -kInf), {}), 0u);
    EXPECT_EQ(kept_ids({0, kInf, 5, kInf}, s, 200), (std::set<uint32_t>{1, 3}));
    EXPECT_EQ(kept_ids({3e38f, -3e38f, 0}, s, 200), std::set<uint32_t>{0});
    EXPECT_EQ(Sampler(s).sample(std::vector<float>{4}, {}), 0u);
}

TEST(sampler, repeat_penalty_divides_positive_and_multiplies_negative_logits_once) {
    Sampling s = plain(1);
    s.temperature = 0;
    s.repeat_penalty = 2;
    const std::vector<uint32_t> once{0}, twice{0, 0, 0};
    EXPECT_EQ(Sampler(s).sample(std::vector<float>{3, 1.4f}, once), 0u);   // 1.5 against 1.4
    EXPECT_EQ(Sampler(s).sample(std::vector<float>{3, 1.6f}, once), 1u);   // 1.5 against 1.6
    EXPECT_EQ(Sampler(s).sample(std::vector<float>{3, 1.4f}, twice), 0u);  // not 0.375
    EXPECT_EQ(Sampler(s).sample(std::vector<float>{-1, -1.9f}, once), 1u);
    EXPECT_EQ(Sampler(s).sample(std::vector<float>{-1, -2.1f}, once), 0u);
}

TEST(sampler, repeat_penalty_sees_only_the_last_n_and_ignores_foreign_ids) {
    Sampling s = plain(1);
    s.temperature = 0;
    s.repeat_penalty = 2;
    s.repeat_last_n = 2;
    const std::vector<float> logits{3, 2};
    EXPECT_EQ(Sampler(s).sample(logits, std::vector<uint32_t>{0, 1000000, 7}), 0u);
    EXPECT_EQ(Sampler(s).sample(logits, std::vector<uint32_t>{1000000, 0}), 1u);
    s.repeat_last_n = 0;
    EXPECT_EQ(Sampler(s).sample(logits, std::vector<uint32_t>{0, 0}), 0u);
}

TEST(sampler, a_seed_gives_these_tokens_on_every_platform) {
    // Computed apart from the definition in double precision; no compiler, library or machine may
    // change them.
    const std::vector<float> logits = make_logits(5000, 11, 100'000);
    Sampler sampler({.temperature = 2, .top_k = 300, .top_p = 0.98f, .min_p = 0.001f, .seed = 42});
    std::vector<uint32_t> drawn;
    for (int i = 0; i < 8; ++i) drawn.push_back(sampler.sample(logits, {}));
    EXPECT_EQ(drawn, (std::vector<uint32_t>{567, 4141, 4367, 169, 4667, 3044, 1732, 298}));
}

TEST(sampler, seeds_differ_and_repeat) {
    const std::vector<float> logits(1000, 0.0f);
    const auto run = [&](uint64_t seed) {
        Sampler sampler(plain(seed));
        std::vector<uint32_t> ids;
        for (int i = 0; i < 20; ++i) ids.push_back(sampler.sample(logits, {}));
        return ids;
    };
    EXPECT_EQ(run(1), run(1));
    EXPECT_NE(run(1), run(2));
    EXPECT_NE(run(0), run(1));
}

TEST(sampler, settings_out_of_range_are_named) {
    const auto message = [](Sampling s) {
        const auto checked = check_sampling(s);
        return checked ? std::string("accepted") : checked.error().message;
    };
    EXPECT_EQ(message({}), "accepted");
    EXPECT_EQ(message({.temperature = -1}), "temperature: expected 0 or more, got -1");
    EXPECT_EQ(message({.temperature = kNaN}), "temperature: expected 0 or more, got nan");
    EXPECT_EQ(message({.top_p = 1.5f}), "top_p: expected 0 to 1, got 1.5");
    EXPECT_EQ(message({.min_p = kNaN}), "min_p: expected 0 to 1, got nan");
    EXPECT_EQ(message({.repeat_penalty = 0}), "repeat_penalty: expected more than 0, got 0");
    EXPECT_EQ(message({.repeat_penalty = kInf}), "repeat_penalty: expected more than 0, got inf");
}

}  // namespace
}  // namespace m2w
