// edge_cases_caches.cpp — edges of the ops that write and read caches.
#include <fmt/format.h>

#include <array>
#include <cmath>

#include "tests/web/edge_cases.h"

namespace m2w::test {
namespace {

StepCase kv_store(uint32_t n_k, uint32_t n_v, float scale = 1) {
    return {.name = fmt::format("n_k={},n_v={},scale={}", n_k, n_v, scale),
            .op = Op::kv_store,
            .params = {{"n_k", n_k}, {"n_v", n_v}},
            .scale = {{"k", scale}, {"v", scale}}};
}

/// Every other number lies halfway between two halves, at all exponents.
StepCase kv_store_of_ties() {
    StepCase ties = kv_store(2048, 2048);
    ties.name += ",ties";
    ties.fill = [](std::string_view binding, const BatchCase&, std::span<float> out) {
        for (size_t i = 0; i < out.size(); ++i) {
            const float mantissa = 1 + float(i % 64) * 0x1p-11f;
            out[i] = std::ldexp(mantissa, int(i / 64 % 32) - 16) * (binding == "k" ? 1.0f : -1.0f);
        }
        return true;
    };
    return ties;
}

StepCase rope_store(std::array<uint32_t, 5> s, uint32_t pairing, bool qk_norm) {
    StepCase step{.name = fmt::format("heads={}/{},head_dim={},n_rot={},n_v={},pairing={}", s[0],
                                      s[1], s[2], s[3], s[4], pairing),
                  .op = Op::rope_store,
                  .params = {{"n_head", s[0]},
                             {"n_head_kv", s[1]},
                             {"head_dim", s[2]},
                             {"n_rot", s[3]},
                             {"pairing", pairing},
                             {"n_v", s[4]},
                             f32_param("eps", 1e-6f)}};
    if (!qk_norm) return step;
    step.name += ",qk_norm";
    step.with = {"qk_norm"};
    step.scale = {{"q", 1e-3f}, {"k", 1e4f}};
    return step;
}

/// What attend can do beyond the plain formula.
struct More {
    uint32_t value_dim = 0;  // 0: as head_dim
    float soft_cap = 0;
    uint32_t window = 0;
    float temperature = 0;
    uint32_t temperature_length = 0;
    bool sinks = false;
    float scale = 0;  // 0: as usual
};

StepCase attend(uint32_t n_head, uint32_t n_head_kv, uint32_t head_dim, const More& more = {}) {
    const uint32_t value_dim = more.value_dim ? more.value_dim : head_dim;
    const float scale = more.scale == 0 ? 1 / std::sqrt(float(head_dim)) : more.scale;
    StepCase step{
        .name = fmt::format("heads={}/{},dim={}/{},cap={},window={},temperature={}/{}{}", n_head,
                            n_head_kv, head_dim, value_dim, more.soft_cap, more.window,
                            more.temperature, more.temperature_length, more.sinks ? ",sinks" : ""),
        .op = Op::attend,
        .params = {{"n_head", n_head},
                   {"n_head_kv", n_head_kv},
                   {"head_dim", head_dim},
                   {"value_dim", value_dim},
                   f32_param("scale", scale),
                   f32_param("soft_cap", more.soft_cap),
                   {"window", more.window},
                   f32_param("temperature", more.temperature),
                   {"temperature_length", more.temperature_length}}};
    if (more.sinks) step.with = {"sinks"};
    return step;
}

/// Scores of +-1e3, where exp() of one overflows: whole numbers, far apart.
StepCase attend_huge_scores(float sign) {
    StepCase step = attend(4, 2, 64, {.scale = sign});
    step.name += fmt::format(",huge={}", sign);
    step.fill = [](std::string_view binding, const BatchCase& batch, std::span<float> out) {
        if (binding == "v") return false;
        Random random(fmt::format("{} {}", binding, batch.name()));
        for (float& x : out) x = float(random.below(41)) - 20;
        return true;
    };
    return step;
}

StepCase attend_equal_scores(float score) {
    StepCase step = attend(4, 2, 64, {.scale = 1});
    step.name += fmt::format(",score={}", score);
    step.fill = [score](std::string_view binding, const BatchCase&, std::span<float> out) {
        if (binding == "v") return false;
        for (float& x : out) x = binding == "q" ? score / 64 : 1;
        return true;
    };
    return step;
}

}  // namespace

std::vector<Run> cache_edges() {
    constexpr uint32_t kContext = 90, kRing = 70;
    std::vector<Run> out;
    const auto add = [&](const StepCase& step, std::initializer_list<BatchCase> batches,
                         uint32_t ring = 0) {
        for (const CacheType cache : {CacheType::f16, CacheType::f32})
            for (const BatchCase& batch : batches)
                out.push_back({.step = step,
                               .batch = batch,
                               .cache = cache,
                               .n_ctx = kContext,
                               .ring = ring});
    };
    for (const auto [n_k, n_v] :
         std::vector<std::array<uint32_t, 2>>{{1, 1}, {31, 33}, {256, 255}, {33, 1024}}) {
        add(kv_store(n_k, n_v),
            {{}, {.pos = 89}, {.n_tok = 9, .pos = 17}, {.n_tok = 65, .pos = 25}});
        add(kv_store(n_k, n_v), {{.pos = 70}, {.n_tok = 9, .pos = 66}, {.n_tok = 65, .pos = 25}},
            kRing);
    }
    for (const float scale : {1e-8f, 1e-7f, 1e-5f, 1e-3f, 6e4f, 1e30f})
        add(kv_store(33, 33, scale), {{.n_tok = 3, .pos = 5}});
    add(kv_store_of_ties(), {{}});
    for (const uint32_t pairing : {0u, 1u})
        for (const auto& shape : std::vector<std::array<uint32_t, 5>>{
                 {1, 1, 2, 2, 1}, {8, 2, 64, 64, 128}, {3, 1, 80, 20, 33}, {6, 3, 34, 34, 257}}) {
            const StepCase step = rope_store(shape, pairing, shape[2] == 80);
            add(step, {{}, {.n_tok = 65, .pos = 25}});
            add(step, {{.n_tok = 9, .pos = 66}}, kRing);
        }
    return out;
}

std::vector<Run> attend_edges() {
    std::vector<Run> out;
    for (const uint32_t head_dim : {16u, 80u, 256u})
        add_runs(out, attend(2, 1, head_dim), {{.pos = 78}, {.n_tok = 65, .pos = 13}});
    for (const auto [n_head, n_head_kv] :
         std::vector<std::array<uint32_t, 2>>{{1, 1}, {9, 3}, {14, 2}, {12, 4}})
        add_runs(out, attend(n_head, n_head_kv, 32), {{}, {.n_tok = 9, .pos = 30}});
    for (const auto [head_dim, value_dim] :
         std::vector<std::array<uint32_t, 2>>{{16, 24}, {64, 4}, {192, 128}})
        add_runs(out, attend(4, 2, head_dim, {.value_dim = value_dim}), {{.n_tok = 3, .pos = 20}});
    // More positions than a workgroup has lanes (256), of values that do and do not divide them.
    for (const uint32_t value_dim : {16u, 24u})
        add_runs(out, attend(2, 1, 16, {.value_dim = value_dim}),
                 {{.pos = 255}, {.pos = 600}, {.n_tok = 3, .pos = 510}}, on_all);
    add_runs(out, attend(2, 1, 16, {.window = 300}), {{.pos = 700}}, on_all);
    // Windows below, at and above what a batch and a workgroup hold, in rings that have wrapped.
    for (const uint32_t window : {1u, 2u, 8u, 9u, 33u, 64u, 1000u})
        add_runs(out, attend(4, 2, 16, {.window = window}),
                 {{.pos = 78}, {.n_tok = 9, .pos = 70}, {.n_tok = 65, .pos = 31}},
                 window == 9    ? on_all
                 : window == 64 ? without_barriers
                                : on_cpu);
    add_runs(out, attend(4, 2, 32, {.soft_cap = 1}), {{.n_tok = 9, .pos = 30}});
    add_runs(out, attend(6, 1, 32, {.window = 9, .sinks = true}), {{.n_tok = 9, .pos = 30}});
    add_runs(out, attend(4, 2, 32, {.temperature = 0.25f, .temperature_length = 7}),
             {{.n_tok = 9, .pos = 30}});
    add_runs(out,
             attend(4, 4, 32,
                    {.soft_cap = 3,
                     .window = 20,
                     .temperature = 0.1f,
                     .temperature_length = 16,
                     .sinks = true}),
             {{.pos = 40}, {.n_tok = 9, .pos = 30}}, on_all);
    // A sink far above and far below all scores takes nearly all and nothing.
    for (const float scale : {60.0f, 1e30f}) {
        StepCase step = attend(8, 2, 16, {.sinks = true});
        step.name += fmt::format(",scale={}", scale);
        step.scale = {{"sinks", scale}};
        add_runs(out, step, {{.n_tok = 3, .pos = 30}}, scale > 100 ? without_barriers : on_cpu);
    }
    for (const float sign : {1.0f, -1.0f})
        add_runs(out, attend_huge_scores(sign), {{.n_tok = 9, .pos = 60}},
                 sign > 0 ? without_barriers : on_cpu);
    for (const float score : {0.0f, 1000.0f, -1000.0f})
        add_runs(out, attend_equal_scores(score), {{.n_tok = 9, .pos = 60}},
                 score < 0 ? without_barriers : on_cpu);
    for (const float scale : {1e-6f, 1e4f}) {
        StepCase step = attend(4, 2, 32);
        step.name += fmt::format(",v={}", scale);
        step.scale = {{"v", scale}};
        add_runs(out, step, {{.n_tok = 9, .pos = 30}});
    }
    const size_t halves = out.size();
    for (size_t i = 0; i < halves; i += 5) {
        out.push_back(out[i]);
        out.back().cache = CacheType::f32;
    }
    return out;
}

}  // namespace m2w::test
