// edge_cases_products.cpp — edges of matrix products, of the ops of a mixture of experts, and of
// rows of weights.
#include <fmt/format.h>

#include <array>
#include <cmath>

#include "runtime/kernel_check/expert_ids.h"
#include "tests/kernels/nbits_steps.h"
#include "tests/web/edge_cases.h"

namespace m2w::test {
namespace {

StepCase matmul(DType dtype, uint32_t k, uint32_t m, std::vector<std::string_view> with = {}) {
    StepCase step{.name = fmt::format("{},k={},m={}", type_name(dtype), k, m),
                  .op = Op::matmul,
                  .params = {{"k", k}, {"m", m}, {"m2", 0}, {"m3", 0}},
                  .with = std::move(with),
                  .weight_type = dtype};
    for (const auto optional : step.with) {
        step.name += "," + std::string(optional);
        step.scale[optional] = std::sqrt(float(k));  // as large as the sum, so that it shows
    }
    return step;
}

StepCase stacked(DType dtype, uint32_t m, uint32_t m2, uint32_t m3) {
    StepCase step =
        matmul(dtype, 256, m,
               m3 ? std::vector<std::string_view>{"bias"} : std::vector<std::string_view>{});
    step.params = {{"k", 256}, {"m", m}, {"m2", m2}, {"m3", m3}};
    step.name += fmt::format(",m2={},m3={}", m2, m3);
    step.with.push_back("y2");
    if (m3) step.with.push_back("y3");
    return step;
}

struct Product {
    uint32_t k, m, n_expert, n_used;
    bool x_of_slots = false, ids = true, bias = false;
    Spread spread = Spread::even;
};

StepCase expert_matmul(DType dtype, const Product& p) {
    StepCase step{.name = fmt::format("{},k={},m={},{}of{},{}{}{}", type_name(dtype), p.k, p.m,
                                      p.n_used, p.n_expert, p.x_of_slots ? "x_of_slots" : "",
                                      p.ids ? "" : ",heads", p.bias ? ",bias" : ""),
                  .op = Op::expert_matmul,
                  .params = {{"k", p.k},
                             {"m", p.m},
                             {"n_expert", p.n_expert},
                             {"n_used", p.n_used},
                             {"n_x", p.x_of_slots ? p.n_used : 1}},
                  .weight_type = dtype};
    if (p.ids) step.with = {"ids", "order"};
    if (p.bias) step.with.push_back("bias");
    step.scale["bias"] = std::sqrt(float(p.k));
    step.fill = [p](std::string_view binding, const BatchCase& batch, std::span<float> out) {
        return fill_expert_inputs(p.spread, p.n_expert, p.n_used, binding, batch, out);
    };
    return step;
}

struct Routing {
    uint32_t n_expert, n_used;
    Scoring scoring = Scoring::softmax;
    bool normalised = false;
    uint32_t n_group = 1, n_group_used = 1, group_top = 1;
    bool bias = false;
};

StepCase route(const Routing& r) {
    StepCase step{
        .name = fmt::format("{}of{},scoring={},normalised={},groups={}of{}top{}{}", r.n_used,
                            r.n_expert, uint32_t(r.scoring), r.normalised, r.n_group_used,
                            r.n_group, r.group_top, r.bias ? ",bias" : ""),
        .op = Op::route,
        .params = {{"n_expert", r.n_expert},
                   {"n_used", r.n_used},
                   {"scoring", uint32_t(r.scoring)},
                   {"normalised", uint32_t(r.normalised)},
                   {"n_group", r.n_group},
                   {"n_group_used", r.n_group_used},
                   {"group_top", r.group_top},
                   f32_param("scale", 2.5f)},
        .scale = {{"logits", 3.0f}, {"bias", 0.3f}}};
    if (r.bias) step.with = {"bias"};
    return step;
}

/// Few different logits: most choices are between equals.
StepCase with_ties(StepCase step) {
    step.name += ",ties";
    step.with.clear();
    step.fill = [](std::string_view, const BatchCase& batch, std::span<float> out) {
        Random random(batch.name());
        for (float& x : out) x = float(random.below(3)) - 1;
        return true;
    };
    return step;
}

void add_routes(std::vector<Run>& out) {
    const Routing kRoutings[] = {
        {.n_expert = 1, .n_used = 1, .scoring = Scoring::sigmoid},
        {.n_expert = 31, .n_used = 31, .normalised = true},
        {.n_expert = 128, .n_used = 8, .normalised = true},
        {.n_expert = 160, .n_used = 6, .n_group = 8, .n_group_used = 3},
        {.n_expert = 256,
         .n_used = 8,
         .scoring = Scoring::sigmoid,
         .normalised = true,
         .n_group = 8,
         .n_group_used = 4,
         .group_top = 2,
         .bias = true},
        {.n_expert = 64, .n_used = 8, .n_group = 32, .n_group_used = 5, .group_top = 2},
    };
    for (const Routing& r : kRoutings) {
        const Adapters adapters = r.n_expert == 256   ? on_all
                                  : r.n_expert == 128 ? without_barriers
                                                      : on_cpu;
        add_runs(out, route(r), {{}, {.n_tok = 9}}, adapters);
        add_runs(out, with_ties(route(r)), {{.n_tok = 9}}, adapters);
    }
    for (const float scale : {1e-3f, 1e4f}) {
        StepCase step = route({.n_expert = 40, .n_used = 3});
        step.name += fmt::format(",logits={}", scale);
        step.scale["logits"] = scale;
        add_runs(out, step, {{.n_tok = 9}});
    }
}

/// Each workgroup norms the row for itself and has several owners; the first one writes the sum.
void add_normed(std::vector<Run>& out) {
    const auto normed = [](StepCase step, std::vector<std::string_view> with) {
        step.op = Op::norm_matmul;
        step.params.push_back(f32_param("scale", -0.7f));
        step.params.push_back(f32_param("eps", 1e-6f));
        for (const auto optional : with) {
            step.with.push_back(optional);
            step.name += fmt::format(",{}", optional);
        }
        return step;
    };
    StepCase three = stacked(DType::q8_0, 33, 31, 7);
    three.with = {"y2", "y3"};
    out.push_back(
        {.step = normed(three, {"stream", "sum", "x_norm"}), .pieces = 2, .adapters = on_all});
    out.push_back(
        {.step = normed(matmul(DType::q8_0, 96, 1000), {}), .adapters = without_barriers});
    out.push_back({.step = normed(gated(matmul(DType::f16, 48, 33), Activation::gelu_tanh),
                                  {"stream", "sum"}),
                   .adapters = without_barriers});
    for (const DType dtype : {DType::q8_0, DType::q4_0}) {
        three = stacked(dtype, 330, 310, 70);
        three.with = {"y2", "y3"};
        Run run{.step = normed(three, {"stream", "sum", "x_norm"}), .pieces = 2};
        run.int8_activations = true;
        run.rtol = kNBitsInt8Rtol;
        out.push_back(run);
        run.step = normed(gated(matmul(dtype, 640, 1030), Activation::silu), {});
        out.push_back(run);
    }
}

/// With activations rounded to 8 bits: near to what floats give, and just what the same ones give.
void add_int8(std::vector<Run>& out) {
    for (const DType dtype : {DType::q8_0, DType::q4_0})
        for (const auto [k, m] : std::vector<std::array<uint32_t, 2>>{{32, 1}, {640, 65}})
            for (const uint32_t n_tok : {1u, 5u}) {
                StepCase step = matmul(dtype, k, m, {"bias", "residual"});
                Run run{.step = step, .batch = {.n_tok = n_tok}, .adapters = without_barriers};
                run.int8_activations = true;
                run.rtol = kNBitsInt8Rtol;
                out.push_back(run);
                run.step.name += ",near";
                run.step.fill = [k = k](std::string_view binding, const BatchCase& batch,
                                        std::span<float> x) {
                    return binding == "x" && fill_near_multiples(32, k, batch, x);
                };
                run.rounded_reference = true;
                run.rtol = -1;
                out.push_back(run);
            }
    // Rounded by each workgroup for itself, or before: in more rows than that is worth.
    for (const uint32_t m : {1500u, 20000u}) {
        Run run{.step = matmul(DType::q8_0, 32, m)};
        run.int8_activations = true;
        run.rtol = kNBitsInt8Rtol;
        out.push_back(run);
    }
    Run logits{.step = stacked(DType::q8_0, 33, 1000, 7), .batch = {.n_tok = 3}};
    logits.int8_activations = true;
    logits.rtol = kNBitsInt8Rtol;
    logits.pieces = 2;
    out.push_back(logits);
}

/// An owner has gate and up of an element, whatever its lanes, rows and columns, in every piece.
void add_gated(std::vector<Run>& out) {
    add_runs(out, gated(matmul(DType::q8_0, 64, 33, {"bias"}), Activation::gelu_tanh),
             {{}, {.n_tok = 9}}, on_all);
    add_runs(out, gated(matmul(DType::q4_k, 256, 515), Activation::silu), {{}, {.n_tok = 3}});
    add_runs(out, gated(matmul(DType::bf16, 33, 5, {"bias"}), Activation::relu, 1.5f, 1), {{}});
    for (const uint32_t n_tok : {1u, 9u})
        out.push_back({.step = gated(matmul(DType::q8_0, 96, 17, {"bias"}), Activation::gelu_tanh),
                       .batch = {.n_tok = n_tok},
                       .pieces = 3});
    for (const uint32_t n_tok : {1u, 9u}) {
        Run run{.step = gated(matmul(DType::q8_0, 64, 33), Activation::silu),
                .batch = {.n_tok = n_tok},
                .adapters = without_barriers};
        run.step.fill = [](std::string_view, const BatchCase& batch, std::span<float> x) {
            return fill_near_multiples(32, 64, batch, x);
        };
        run.int8_activations = true;
        run.rounded_reference = true;
        out.push_back(run);
    }
}

void add_embeds(std::vector<Run>& out) {
    for (const DType dtype : {DType::f32, DType::f16, DType::bf16})
        for (const uint32_t n : {1u, 7u, 8u})
            add_runs(out,
                     {.name = fmt::format("{},n={}", type_name(dtype), n),
                      .op = Op::embed,
                      .params = {{"n", n}, f32_param("scale", 1)},
                      .weight_type = dtype,
                      .n_vocab = 67},
                     {{.n_tok = 9}});
}

void add_nbits(std::vector<Run>& out) {
    for (const NBits& format : kNBitsFormats) {
        for (const uint32_t k : {5u, 40u, 1100u})
            add_runs(out,
                     nbits_matmul(format, k, 19,
                                  k == 40 ? std::vector<std::string_view>{"bias"}
                                          : std::vector<std::string_view>{}),
                     {{}, {.n_tok = 5}}, k == 1100 ? without_barriers : on_cpu);
        for (const uint32_t n : {1u, 33u, 600u})
            out.push_back({.step = {.name = fmt::format("{},n={}", nbits_name(format), n),
                                    .op = Op::embed,
                                    .params = {{"n", n}, f32_param("scale", 1.5f)},
                                    .nbits = format,
                                    .n_vocab = 37},
                           .batch = {.n_tok = 40},
                           .pieces = n == 33 ? 3u : 1u});
    }
}

}  // namespace

std::vector<Run> expert_edges() {
    std::vector<Run> out;
    add_routes(out);
    for (const DType dtype : {DType::bf16, DType::q8_0}) {
        const uint32_t odd = dtype == DType::bf16 ? 33 : 64;
        add_runs(out, expert_matmul(dtype, {.k = odd, .m = 1, .n_expert = 3, .n_used = 1}),
                 {{}, {.n_tok = 9}});
        add_runs(out,
                 expert_matmul(dtype, {.k = odd,
                                       .m = 31,
                                       .n_expert = 8,
                                       .n_used = 3,
                                       .x_of_slots = true,
                                       .bias = true,
                                       .spread = Spread::one}),
                 {{}, {.n_tok = 9}}, dtype == DType::q8_0 ? on_all : without_barriers);
        add_runs(
            out,
            expert_matmul(
                dtype,
                {.k = odd, .m = 33, .n_expert = 3, .n_used = 3, .x_of_slots = true, .ids = false}),
            {{}, {.n_tok = 3}});
    }
    out.push_back(
        {.step = expert_matmul(DType::q4_k, {.k = 256, .m = 45, .n_expert = 5, .n_used = 2}),
         .batch = {.n_tok = 7},
         .pieces = 3});  // that end inside an expert
    for (const uint32_t n : {1u, 1000u})
        add_runs(out,
                 {.name = fmt::format("n={},n_used=9", n),
                  .op = Op::expert_sum,
                  .params = {{"n", n}, {"n_used", 9}}},
                 {{}, {.n_tok = 7}});
    return out;
}

std::vector<Run> product_edges() {
    std::vector<Run> out;
    for (const DType dtype : weight_types()) {  // each loader by lanes that share a row
        const uint32_t k = std::max(dtype_info(dtype).block_elems * 2, 64u);
        add_runs(out, matmul(dtype, k, 5), {{}}, on_subgroups);
    }
    for (const auto [k, m] :
         std::vector<std::array<uint32_t, 2>>{{1, 1}, {7, 5}, {31, 64}, {100, 65}})
        for (const DType dtype : {DType::f32, DType::f16, DType::bf16})
            add_runs(out,
                     matmul(dtype, k, m,
                            k == 7 ? std::vector<std::string_view>{"residual"}
                                   : std::vector<std::string_view>{}),
                     {{}, {.n_tok = 5}},
                     dtype == DType::f16 && k == 31 ? without_barriers : on_cpu);
    for (const DType dtype : {DType::q8_0, DType::q4_k})
        for (const auto [k, m] :
             std::vector<std::array<uint32_t, 2>>{{256, 1}, {2048, 5}, {512, 257}})
            add_runs(out, matmul(dtype, k, m, {"bias", "residual"}), {{}, {.n_tok = 9}},
                     m == 5 ? without_barriers : on_cpu);
    add_runs(out, matmul(DType::q8_0, 32, 65), {{.n_tok = 2}, {.n_tok = 8}, {.n_tok = 65}},
             without_barriers);
    for (const DType dtype : {DType::q8_0, DType::q6_k})
        add_runs(out, matmul(dtype, 8448, 5), {{}, {.n_tok = 3}});
    for (const auto& [m, m2, m3] : {std::array{33u, 31u, 0u}, {1u, 255u, 7u}})
        add_runs(out, stacked(DType::q8_0, m, m2, m3), {{}, {.n_tok = 9}}, without_barriers);
    // From 1,024 weight rows on, a CPU adapter's lanes take more of them.
    for (const uint32_t m : {1023u, 1024u, 1030u})
        add_runs(out, matmul(DType::q4_0, 32, m, {"bias"}), {{}, {.n_tok = 5}});
    StepCase logits = matmul(DType::q8_0, 64, 257);
    logits.name += ",n_out";
    logits.rows = Rows::n_out;
    add_runs(out, logits, {{.n_tok = 9, .n_out = 1}, {.n_tok = 9, .n_out = 9}}, without_barriers);
    for (const float scale : {1e-6f, 1e4f}) {
        StepCase step = matmul(DType::q4_k, 256, 31, {"residual"});
        step.name += fmt::format(",scale={}", scale);
        for (const auto name : {"x", "residual"}) step.scale[name] = scale;
        add_runs(out, step, {{.n_tok = 3}});
    }
    for (const DType dtype : {DType::f16, DType::q6_k, DType::iq2_xxs, DType::mxfp4})
        out.push_back({.step = matmul(dtype, 256, 65, {"bias", "residual"}),
                       .batch = {.n_tok = 9},
                       .pieces = 2});  // each is a pipeline
    add_gated(out);
    add_normed(out);
    add_embeds(out);
    add_int8(out);
    add_nbits(out);
    return out;
}

}  // namespace m2w::test
