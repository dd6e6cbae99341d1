// experts_test.cpp — the ops of a mixture of experts against the reference, and what the reference
// itself must do with ties.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "kernels/reference.h"
#include "runtime/kernel_check/expert_ids.h"
#include "tests/kernels/sweep.h"

namespace m2w::test {
namespace {

class ExpertOps : public OpsTest {};

// --- route ---------------------------------------------------------------------------------------

struct Routing {
    uint32_t n_expert, n_used;
    Scoring scoring = Scoring::softmax;
    bool normalised = false;
    uint32_t n_group = 1, n_group_used = 1, group_top = 1;
    float scale = 1;
    bool bias = false;
};

StepCase route(const Routing& r) {
    StepCase step{
        .name = fmt::format("{}of{},{}{},groups={}of{}top{},scale={}{}", r.n_used, r.n_expert,
                            r.scoring == Scoring::softmax ? "softmax" : "sigmoid",
                            r.normalised ? ",normalised" : "", r.n_group_used, r.n_group,
                            r.group_top, r.scale, r.bias ? ",bias" : ""),
        .op = Op::route,
        .params = {{"n_expert", r.n_expert},
                   {"n_used", r.n_used},
                   {"scoring", uint32_t(r.scoring)},
                   {"normalised", uint32_t(r.normalised)},
                   {"n_group", r.n_group},
                   {"n_group_used", r.n_group_used},
                   {"group_top", r.group_top},
                   f32_param("scale", r.scale)},
        .scale = {{"logits", 3.0f}, {"bias", 0.3f}}};
    if (r.bias) step.with = {"bias"};
    return step;
}

const Routing kRoutings[] = {
    {.n_expert = 1, .n_used = 1, .scoring = Scoring::sigmoid},
    {.n_expert = 1, .n_used = 1, .normalised = true},
    {.n_expert = 2, .n_used = 2},
    {.n_expert = 8, .n_used = 2, .normalised = true},
    {.n_expert = 31, .n_used = 31, .normalised = true, .scale = 2.5f},
    {.n_expert = 33, .n_used = 9, .scoring = Scoring::sigmoid, .normalised = true},
    {.n_expert = 33, .n_used = 4, .scoring = Scoring::sigmoid, .bias = true},
    {.n_expert = 128, .n_used = 8, .normalised = true},
    {.n_expert = 160, .n_used = 6, .n_group = 8, .n_group_used = 3, .scale = 16.0f},
    {.n_expert = 256,
     .n_used = 8,
     .scoring = Scoring::sigmoid,
     .normalised = true,
     .n_group = 8,
     .n_group_used = 4,
     .group_top = 2,
     .scale = 2.5f,
     .bias = true},
    {.n_expert = 64, .n_used = 8, .n_group = 32, .n_group_used = 5, .group_top = 2},
    {.n_expert = 1024, .n_used = 64, .normalised = true},
};

TEST_F(ExpertOps, route_of_any_kind_equals_the_reference) {
    std::vector<StepCase> steps;
    for (const Routing& r : kRoutings) steps.push_back(route(r));
    sweep(steps, usual_batches());
}

/// Few different logits: most choices are between equals.
TEST_F(ExpertOps, route_gives_ties_to_the_lower_id) {
    std::vector<StepCase> steps;
    for (const Routing& r : kRoutings) {
        steps.push_back(route(r));
        steps.back().with.clear();
        steps.back().fill = [](std::string_view, const BatchCase& batch, std::span<float> out) {
            Random random(batch.name());
            for (float& x : out) x = float(random.below(3)) - 1;
            return true;
        };
    }
    sweep(steps, usual_batches());

    const float logits[] = {1, 2, 2, 0, 2, 1};
    float ids[4], weights[4];
    ref::route(logits, {}, {6, 4, Scoring::softmax, true, 1, 1, 1, 1.0f}, ids, weights);
    EXPECT_TRUE(std::equal(ids, ids + 4, std::begin({1.0f, 2.0f, 4.0f, 0.0f})));
    EXPECT_EQ(weights[0], weights[2]);
}

TEST_F(ExpertOps, route_of_logits_from_tiny_to_huge_equals_the_reference) {
    std::vector<StepCase> steps;
    for (const float scale : {1e-3f, 30.0f, 1e4f})
        for (const Scoring scoring : {Scoring::softmax, Scoring::sigmoid}) {
            steps.push_back(route({.n_expert = 40, .n_used = 3, .scoring = scoring}));
            steps.back().name += fmt::format(",logits={}", scale);
            steps.back().scale["logits"] = scale;
        }
    sweep(steps, std::vector<BatchCase>{{}, {.n_tok = 9}});
}

// --- expert_order --------------------------------------------------------------------------------

constexpr Spread kSpreads[] = {Spread::even, Spread::one, Spread::few};
constexpr const char* kSpreadNames[] = {"even", "one", "few"};

TEST_F(ExpertOps, expert_order_of_any_spread_is_exact) {
    std::vector<StepCase> steps;
    for (const auto& [n_expert, n_used] :
         {std::pair(1u, 1u), {3u, 1u}, {4u, 4u}, {8u, 2u}, {33u, 5u}, {128u, 8u}})
        for (const Spread spread : kSpreads) {
            steps.push_back(
                {.name = fmt::format("{}of{},{}", n_used, n_expert, kSpreadNames[size_t(spread)]),
                 .op = Op::expert_order,
                 .params = {{"n_expert", n_expert}, {"n_used", n_used}}});
            steps.back().fill = [spread, n_expert = n_expert, n_used = n_used](
                                    std::string_view, const BatchCase& batch,
                                    std::span<float> out) {
                fill_ids(spread, n_expert, n_used, batch, out);
                return true;
            };
        }
    sweep(steps, usual_batches());
}

// --- expert_matmul -------------------------------------------------------------------------------

struct Product {
    uint32_t k, m, n_expert, n_used;
    bool x_of_slots = false, ids = true, order = true, bias = false;
    Spread spread = Spread::even;
};

StepCase expert_matmul(DType dtype, const Product& p) {
    StepCase step{.name = fmt::format("{},k={},m={},{}of{},{}{}{}{}", type_name(dtype), p.k, p.m,
                                      p.n_used, p.n_expert, kSpreadNames[size_t(p.spread)],
                                      p.x_of_slots ? ",x_of_slots" : "",
                                      !p.ids    ? ",heads"
                                      : p.order ? ",order"
                                                : "",
                                      p.bias ? ",bias" : ""),
                  .op = Op::expert_matmul,
                  .params = {{"k", p.k},
                             {"m", p.m},
                             {"n_expert", p.n_expert},
                             {"n_used", p.n_used},
                             {"n_x", p.x_of_slots ? p.n_used : 1}},
                  .weight_type = dtype};
    if (p.ids) step.with.push_back("ids");
    if (p.ids && p.order) step.with.push_back("order");
    if (p.bias) step.with.push_back("bias");
    step.scale["bias"] = std::sqrt(float(p.k));  // as large as the sum, so that a wrong one shows
    step.fill = [p](std::string_view binding, const BatchCase& batch, std::span<float> out) {
        return fill_expert_inputs(p.spread, p.n_expert, p.n_used, binding, batch, out);
    };
    return step;
}

class ExpertMatmulOfType : public ExpertOps, public testing::WithParamInterface<DType> {};

TEST_P(ExpertMatmulOfType, any_shape_equals_the_reference) {
    const uint32_t block = dtype_info(GetParam()).block_elems;
    const uint32_t k = std::max(block, 64u);
    const Product products[] = {
        {.k = k, .m = 65, .n_expert = 4, .n_used = 2},
        {.k = k, .m = 65, .n_expert = 4, .n_used = 2, .x_of_slots = true, .bias = true},
        {.k = 3 * k, .m = 31, .n_expert = 8, .n_used = 3, .bias = true, .spread = Spread::one},
        {.k = block == 1 ? 33 : k, .m = 5, .n_expert = 3, .n_used = 1, .spread = Spread::few},
        {.k = k, .m = 33, .n_expert = 3, .n_used = 3, .x_of_slots = true, .ids = false},
    };
    std::vector<StepCase> steps;
    for (const Product& p : products) steps.push_back(expert_matmul(GetParam(), p));
    std::vector<BatchCase> batches;
    for (const uint32_t n_tok : {1u, 9u, 65u}) batches.push_back({.n_tok = n_tok});
    sweep(steps, batches);
}

INSTANTIATE_TEST_SUITE_P(all, ExpertMatmulOfType, testing::ValuesIn(weight_types()),
                         [](const auto& tested) { return type_name(tested.param); });

TEST_F(ExpertOps, expert_matmul_of_any_spread_and_any_batch_equals_the_reference) {
    std::vector<StepCase> steps;
    for (const Spread spread : kSpreads)
        for (const bool order : {false, true}) {
            steps.push_back(expert_matmul(DType::q8_0, {.k = 64,
                                                        .m = 70,
                                                        .n_expert = 6,
                                                        .n_used = 2,
                                                        .x_of_slots = order,
                                                        .order = order,
                                                        .bias = true,
                                                        .spread = spread}));
            steps.push_back(expert_matmul(DType::bf16, {.k = 33,
                                                        .m = 70,
                                                        .n_expert = 40,
                                                        .n_used = 7,
                                                        .x_of_slots = !order,
                                                        .order = order,
                                                        .spread = spread}));
        }
    steps.push_back(expert_matmul(DType::f16, {.k = 40, .m = 9, .n_expert = 1, .n_used = 1}));
    sweep(steps, usual_batches());
}

/// x of a token that fills a CPU's uniform window (64 KiB), or is too long for it.
TEST_F(ExpertOps, expert_matmul_of_long_rows_equals_the_reference) {
    std::vector<StepCase> steps;
    for (const uint32_t k : {1032u, 8192u, 8200u})
        for (const bool of_slots : {false, true})
            steps.push_back(expert_matmul(
                DType::f16, {.k = k, .m = 5, .n_expert = 3, .n_used = 2, .x_of_slots = of_slots}));
    sweep(steps, std::vector<BatchCase>{{}, {.n_tok = 13}});
}

/// Pieces of 2 KiB end inside an expert.
TEST_F(ExpertOps, expert_matmul_of_weights_in_many_pieces_equals_the_reference) {
    std::vector<StepCase> steps;
    for (const DType dtype : {DType::f32, DType::q8_0, DType::q4_k})
        for (const uint32_t m : {1u, 45u})
            steps.push_back(
                expert_matmul(dtype, {.k = 256, .m = m, .n_expert = 5, .n_used = 2, .bias = true}));
    sweep(steps, std::vector<BatchCase>{{}, {.n_tok = 33}}, {.max_piece_bytes = 2048});
}

// --- expert_sum ----------------------------------------------------------------------------------

TEST_F(ExpertOps, expert_sum_of_any_size_equals_the_reference) {
    std::vector<StepCase> steps;
    for (const uint32_t n : {1u, 31u, 257u, 1000u})
        for (const uint32_t n_used : {1u, 2u, 9u}) {
            steps.push_back({.name = fmt::format("n={},n_used={}", n, n_used),
                             .op = Op::expert_sum,
                             .params = {{"n", n}, {"n_used", n_used}}});
            if (n_used == 2) steps.back().with = {"residual"};
        }
    sweep(steps, usual_batches());
}

}  // namespace
}  // namespace m2w::test
