// edge_cases.cpp — edges of the ops without weights of many types.
#include "tests/web/edge_cases.h"

#include <fmt/format.h>

#include <array>
#include <cmath>

#include "runtime/model/rope_turns.h"

namespace m2w::test {

void add_runs(std::vector<Run>& out, const StepCase& step, std::initializer_list<BatchCase> batches,
              Adapters adapters) {
    for (const BatchCase& batch : batches)
        out.push_back({.step = step, .batch = batch, .adapters = adapters});
}

namespace {

using Params = std::vector<ParamValue>;

/// x evenly over [-limit, limit], zero among them, and 1 for all else.
StepCase ramp(Op op, const std::string& name, Params params, std::string_view x, float limit) {
    StepCase step{.name = fmt::format("{},ramp={}", name, limit), .op = op, .params = params};
    step.params.insert(step.params.begin(), {"n", 1025});
    step.fill = [=](std::string_view binding, const BatchCase&, std::span<float> out) {
        for (size_t i = 0; i < out.size(); ++i)
            out[i] = binding == x ? limit * (float(i % 1025) / 512.0f - 1) : 1.0f;
        return true;
    };
    return step;
}

/// Gates and ups on both sides of the limit, at it, and next to it: every gate meets every up.
StepCase glu_limits(uint32_t activation, float up_shift) {
    constexpr float kLimit = 7;
    static const float ends[] = {
        -1e30f, -100, -7.5f, std::nextafter(-kLimit, -8.0f), -kLimit, std::nextafter(-kLimit, 0.0f),
        -1,     0,    1,     std::nextafter(kLimit, 0.0f),   kLimit,  std::nextafter(kLimit, 8.0f),
        7.5f,   100,  1e30f};
    constexpr size_t kEnds = std::size(ends);
    StepCase step{.name = fmt::format("activation={},limit,up_shift={}", activation, up_shift),
                  .op = Op::glu,
                  .params = {{"n", uint32_t(kEnds * kEnds)},
                             {"activation", activation},
                             f32_param("limit", kLimit),
                             f32_param("up_shift", up_shift)},
                  .with = {"up"}};
    step.fill = [](std::string_view binding, const BatchCase&, std::span<float> out) {
        for (size_t i = 0; i < out.size(); ++i)
            out[i] = ends[(binding == "gate" ? i / kEnds : i) % kEnds];
        return true;
    };
    return step;
}

StepCase join(uint32_t groups, std::array<uint32_t, 3> a, std::array<uint32_t, 3> b) {
    StepCase step{.name = fmt::format("groups={},n={}+{}", groups, a[2], b[2]),
                  .op = Op::join,
                  .params = {{"groups", groups},
                             {"a_width", a[0]},
                             {"a_first", a[1]},
                             {"n_a", a[2]},
                             {"b_width", b[0]},
                             {"b_first", b[1]},
                             {"n_b", b[2]}}};
    if (b[2] > 0) step.with = {"b"};
    return step;
}

}  // namespace

std::vector<Run> elementwise_edges() {
    std::vector<Run> out;
    for (const uint32_t n : {1u, 31u, 5000u})
        add_runs(out,
                 {.name = fmt::format("n={}", n),
                  .op = Op::add,
                  .params = {{"n", n}, f32_param("scale", 0.22f)}},
                 {{}, {.n_tok = 9}, {.n_tok = 130}});
    for (const float scale : {1e-30f, 1e30f})
        add_runs(out,
                 {.name = fmt::format("n=97,n_out,scale={}", scale),
                  .op = Op::add,
                  .params = {{"n", 97}, f32_param("scale", 1)},
                  .rows = Rows::n_out,
                  .scale = {{"a", scale}, {"b", scale}}},
                 {{.n_tok = 9, .n_out = 1}, {.n_tok = 9, .n_out = 9}});
    add_runs(out, {.name = "n=33", .op = Op::take_rows, .params = {{"n", 33}}},
             {{.n_tok = 9},
              {.n_tok = 9, .n_out = 2},
              {.n_tok = 9, .n_out = 9},
              {.n_tok = 130, .n_out = 129}});
    for (uint32_t activation = 0; activation <= uint32_t(Activation::quick_gelu); ++activation)
        for (const float limit : {1e-6f, 1.0f, 89.0f, 1e4f}) {
            StepCase step =
                ramp(Op::glu, fmt::format("activation={}", activation),
                     {{"activation", activation}, f32_param("limit", 0), f32_param("up_shift", 0)},
                     "gate", limit);
            step.with = {"up"};
            add_runs(out, step, {{}});
        }
    for (const Activation a : {Activation::silu, Activation::quick_gelu})
        for (const float up_shift : {0.0f, 1.0f})
            add_runs(out, glu_limits(uint32_t(a), up_shift), {{}, {.n_tok = 2}});
    for (const float eps : {-1e-6f, -0.3f})
        for (const float limit : {1e-6f, 1.0f, 89.0f, 1e3f})
            add_runs(out,
                     ramp(Op::xielu, fmt::format("eps={}", eps),
                          {f32_param("alpha_p", 0.8f), f32_param("alpha_n", 1.3f),
                           f32_param("beta", 0.5f), f32_param("eps", eps)},
                          "x", limit),
                     {{}});
    for (const auto [scale, cap] :
         std::vector<std::array<float, 2>>{{1, 30}, {0.25f, 0}, {-0.5f, 5}, {8, 1e4f}})
        for (const float limit : {1e-6f, 1.0f, 1e4f, 1e30f})
            add_runs(out,
                     ramp(Op::soft_cap, fmt::format("scale={},cap={}", scale, cap),
                          {f32_param("scale", scale), f32_param("cap", cap)}, "x", limit),
                     {{}});
    for (const StepCase& step :
         {join(1, {1, 0, 1}, {0, 0, 0}), join(3, {33, 5, 17}, {0, 0, 0}),
          join(1, {257, 0, 257}, {31, 0, 31}), join(128, {576, 512, 64}, {64, 0, 64})})
        add_runs(out, step, {{}, {.n_tok = 3}});
    return out;
}

namespace {

StepCase norm(Op op, uint32_t n, uint32_t groups = 1, float eps = 1e-5f, float scale = 1) {
    StepCase step{.name = fmt::format("n={},groups={},eps={},scale={}", n, groups, eps, scale),
                  .op = op,
                  .params = {{"n", n}, {"groups", groups}, f32_param("eps", eps)},
                  .with = {"w"},
                  .scale = {{"x", scale}}};
    if (op == Op::layer_norm) step.with.push_back("bias");
    return step;
}

/// Rows around 64 with a spread of 1: the mean of the squares would lose the spread.
StepCase far_norm(Op op, uint32_t n) {
    StepCase step = norm(op, n);
    step.name += ",far";
    step.fill = [](std::string_view, const BatchCase&, std::span<float> out) {
        Random("far").fill(out, 1);
        for (float& x : out) x = 64 + std::round(x * 64) / 64;  // exact differences
        return true;
    };
    return step;
}

StepCase add_norm(uint32_t n, std::vector<std::string_view> with, float x_scale = 1) {
    StepCase step{.name = fmt::format("n={},x={}", n, x_scale),
                  .op = Op::add_rms_norm,
                  .params = {{"n", n}, f32_param("scale", -0.7f), f32_param("eps", 1e-6f)},
                  .with = std::move(with),
                  .scale = {{"x", x_scale}}};
    for (const std::string_view binding : step.with) step.name += fmt::format(",{}", binding);
    return step;
}

}  // namespace

std::vector<Run> norm_edges() {
    std::vector<Run> out;
    for (const uint32_t n : {1u, 65u})
        add_runs(out, add_norm(n, {"x_w", "w", "y2"}), {{}, {.n_tok = 17}},
                 n == 65 ? on_all : on_cpu);
    for (const float scale : {1e-3f, 1e-6f, 0.0f, 1e15f})
        add_runs(out, add_norm(33, {"x_w", "w", "y2"}, scale), {{.n_tok = 9}});
    add_runs(out, add_norm(300, {"x_w"}), {{.n_tok = 2}}, without_barriers);
    add_runs(out, add_norm(300, {"w", "y2"}), {{.n_tok = 2}}, without_barriers);
    StepCase unweighted = add_norm(257, {"y2"});
    unweighted.rows = Rows::n_out;
    add_runs(out, unweighted, {{.n_tok = 9, .n_out = 2}});
    for (const Op op : {Op::rms_norm, Op::layer_norm}) {
        for (const uint32_t n : {1u, 2u, 63u, 65u, 4096u})
            add_runs(out, norm(op, n), {{}, {.n_tok = 17}},
                     n == 65   ? on_all
                     : n < 100 ? without_barriers
                               : on_cpu);
        add_runs(out, norm(op, 300, 33), {{.n_tok = 3}}, without_barriers);
        // With x of 1e-3 and eps 1e-6 both weigh the same; with 1e-6 eps is all there is.
        for (const float scale : {1e-3f, 1e-6f, 1e-12f, 0.0f, 1e15f})
            add_runs(out, norm(op, 33, 1, 1e-6f, scale), {{.n_tok = 9}}, without_barriers);
        for (const uint32_t n : {33u, 4096u})
            add_runs(out, far_norm(op, n), {{.n_tok = 2}}, n == 33 ? on_all : on_cpu);
        StepCase logits = norm(op, 257);
        logits.name += ",bf16,n_out";
        logits.vector_type = DType::bf16;
        logits.rows = Rows::n_out;
        add_runs(out, logits, {{.n_tok = 9, .n_out = 2}});
        StepCase alone = norm(op, 33, 2);
        alone.name += ",alone";
        alone.with.clear();
        add_runs(out, alone, {{.n_tok = 9}}, without_barriers);
    }
    for (const std::string_view only : {"w", "bias"}) {
        StepCase step = norm(Op::layer_norm, 64);
        step.with = {only};
        step.name += fmt::format(",{}", only);
        add_runs(out, step, {{}});
    }
    return out;
}

std::vector<Run> rope_edges() {
    std::vector<Run> out;
    const auto table = [](std::string name, uint32_t n_pairs) {
        return StepCase{
            .name = fmt::format("n_pairs={}{}", n_pairs, name),
            .op = Op::rope_table,
            .params = {{"n_pairs", n_pairs}, f32_param("magnitude", 1), {"short_context", 49}}};
    };
    for (const uint32_t n_pairs : {1u, 31u, 128u})
        add_runs(out, table("", n_pairs), {{}, {.n_tok = 17, .pos = 4095}});
    // Phases at and around the eighths of a turn, where the kernel changes its branch.
    StepCase octants = table(",octants", 40);
    for (uint32_t eighth = 0; eighth < 8; ++eighth)
        for (const int32_t off : {-1, 0, 1, -1000, 1000}) {
            octants.words.push_back(0x80000000u);
            octants.words.push_back(eighth * 0x20000000u + uint32_t(off));
        }
    add_runs(out, octants, {{.pos = 1}, {.n_tok = 9, .pos = 1}});
    RopeHparams rope;
    rope.dimension_count = 128;
    rope.freq_base = 1e6f;
    rope.scaling_factor = 1;
    StepCase usual = table(",base=1e6", 64);
    usual.words = rope_turns(rope, {});
    for (const uint32_t pos : {131071u, 1000000u, 0x7ffffff0u, 0xfffffff0u})
        add_runs(out, usual, {{.n_tok = 9, .pos = pos}});
    // Long factors count where the context is longer than the short one, however far pos is.
    StepCase longer = table(",long", 24);
    longer.with = {"turns_long"};
    for (const uint32_t n_ctx : {49u, 50u}) {
        out.push_back({.step = longer, .batch = {.n_tok = 3, .pos = 7}, .n_ctx = n_ctx});
        out.back().step.name += fmt::format(",n_ctx={}", n_ctx);
    }
    for (const uint32_t pairing : {0u, 1u})
        for (const auto [n_head, head_dim, n_rot] :
             std::vector<std::array<uint32_t, 3>>{{1, 2, 2}, {3, 64, 2}, {2, 256, 64}, {3, 96, 94}})
            add_runs(out,
                     {.name = fmt::format("n_head={},head_dim={},n_rot={},pairing={}", n_head,
                                          head_dim, n_rot, pairing),
                      .op = Op::rope,
                      .params = {{"n_head", n_head},
                                 {"head_dim", head_dim},
                                 {"n_rot", n_rot},
                                 {"pairing", pairing}}},
                     {{.n_tok = 9}});
    return out;
}

std::vector<Run> recurrent_edges() {
    std::vector<Run> out;
    for (const auto [n, width] : std::vector<std::array<uint32_t, 2>>{{1, 2}, {33, 3}, {257, 7}})
        add_runs(out,
                 {.name = fmt::format("n={},width={}", n, width),
                  .op = Op::causal_conv,
                  .params = {{"n", n},
                             {"width", width},
                             {"activation", uint32_t(Activation::identity)}}},
                 {{}, {.n_tok = 2, .pos = 3}, {.n_tok = 65, .pos = 3}, {.pos = 3}});
    const auto rates = [](StepCase& step, uint32_t n_head, float mean) {
        step.name += fmt::format(",mean={}", mean);
        step.stored["a"] = stored_uniform(step.name, n_head, -16, -0.01f);
        step.stored["dt_bias"] = stored_uniform(step.name, n_head, mean - 1, mean + 1);
    };
    const auto scan = [&](std::array<uint32_t, 4> s, float mean) {
        StepCase step{
            .name = fmt::format("heads={}x{}/{},d_state={}", s[0], s[1], s[2], s[3]),
            .op = Op::ssm_scan,
            .params = {{"n_head", s[0]}, {"head_dim", s[1]}, {"n_group", s[2]}, {"d_state", s[3]}}};
        rates(step, s[0], mean);
        add_runs(out, step, {{}, {.n_tok = 7, .pos = 3}});
    };
    for (const auto& shape :
         std::vector<std::array<uint32_t, 4>>{{4, 1, 1, 4}, {3, 20, 3, 12}, {4, 17, 4, 256}})
        scan(shape, 0);
    // Steps of exp(-12), where softplus is easily all rounding, and of 30, where nothing is kept.
    for (const float mean : {-12.0f, -6.0f, 6.0f, 30.0f}) scan({2, 8, 1, 32}, mean);
    const auto delta = [&](std::array<uint32_t, 4> s, uint32_t key_heads, float mean, float scale) {
        StepCase step{.name = fmt::format("heads={}/{},k_dim={},v_dim={},key_heads={},x={}", s[0],
                                          s[1], s[2], s[3], key_heads, scale),
                      .op = Op::gated_delta,
                      .params = {{"n_head", s[0]},
                                 {"n_head_k", s[1]},
                                 {"k_dim", s[2]},
                                 {"v_dim", s[3]},
                                 {"key_heads", key_heads},
                                 f32_param("eps", 1e-6f)},
                      .scale = {{"x", scale}}};
        rates(step, s[0], mean);
        add_runs(out, step, {{}, {.n_tok = 7, .pos = 3}});
    };
    for (const auto& shape : std::vector<std::array<uint32_t, 4>>{
             {4, 4, 4, 1}, {6, 2, 12, 6}, {2, 1, 128, 128}, {4, 1, 256, 9}})
        delta(shape, 0, 0, 1);
    delta({6, 2, 12, 6}, 1, 0, 1);
    for (const float mean : {-12.0f, 30.0f}) delta({4, 2, 32, 8}, 0, mean, 1);
    for (const float scale : {0.0f, 1e-5f, 1e4f}) delta({4, 2, 32, 8}, 0, 0, scale);
    return out;
}

}  // namespace m2w::test
