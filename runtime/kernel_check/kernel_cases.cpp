// kernel_cases.cpp — one function for each kind of op, and the table that says which op has which.
#include "runtime/kernel_check/kernel_cases.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "runtime/kernel_check/expert_ids.h"

namespace m2w::op_check {
namespace {

using Cases = std::vector<StepCase>;
using Types = std::span<const DType>;

/// Longer rows than the uniform window of a CPU device holds (64 KiB): other kernels read them.
constexpr uint32_t kLongRow = 16640;

/// A width that no workgroup divides, whole blocks of the type.
uint32_t usual_width(DType dtype) {
    const uint32_t block = dtype_info(dtype).block_elems;
    return block == 1 ? 257 : (320 + block - 1) / block * block;
}

Cases embed(Types types) {
    Cases cases;
    for (const DType dtype : types)
        cases.push_back({.name = type_name(dtype),
                         .op = Op::embed,
                         .params = {{"n", usual_width(dtype)}, f32_param("scale", 1.5f)},
                         .weight_type = dtype,
                         .n_vocab = 67});
    return cases;
}

Cases take_rows(Types) {
    return {{.name = "n=257", .op = Op::take_rows, .params = {{"n", 257}}}};
}

StepCase norm(Op op, uint32_t n, uint32_t groups) {
    StepCase step{.name = fmt::format("n={},groups={}", n, groups),
                  .op = op,
                  .params = {{"n", n}, {"groups", groups}, f32_param("eps", 1e-5f)},
                  .with = {"w"}};
    if (op == Op::layer_norm) step.with.push_back("bias");
    return step;
}

template <Op op>
Cases norms(Types) {
    return {norm(op, 257, 1), norm(op, 80, 3), norm(op, 4097, 1)};
}

StepCase matmul(DType dtype, uint32_t k, uint32_t m, bool with) {
    StepCase step{.name = fmt::format("{},k={},m={}", type_name(dtype), k, m),
                  .op = Op::matmul,
                  .params = {{"k", k}, {"m", m}, {"m2", 0}, {"m3", 0}},
                  .weight_type = dtype};
    if (with) step.with = {"bias", "residual"};
    // As large as the sum, so that a wrong one shows.
    for (const auto optional : step.with) step.scale[optional] = std::sqrt(float(k));
    return step;
}

Cases matmuls(Types types) {
    Cases cases;
    for (const DType dtype : types) {
        cases.push_back(matmul(dtype, usual_width(dtype) & ~7u, 65, true));
        cases.push_back(matmul(dtype, kLongRow, 3, false));
        if (dtype_info(dtype).block_elems == 1) cases.push_back(matmul(dtype, 33, 65, true));
    }
    StepCase stacked = matmul(types[0], usual_width(types[0]) & ~7u, 33, false);
    stacked.name += ",m2=31,m3=7";
    stacked.params[2].second = 31;
    stacked.params[3].second = 7;
    stacked.with = {"y2", "y3"};
    cases.push_back(stacked);
    cases.push_back(
        gated(matmul(types[0], usual_width(types[0]) & ~7u, 33, false), Activation::silu));
    return cases;
}

Cases add(Types) {
    return {{.name = "n=257", .op = Op::add, .params = {{"n", 257}, f32_param("scale", 0.22f)}}};
}

/// norms: those before and behind the sum.
StepCase add_rms_norm(uint32_t n, std::vector<std::string_view> norms) {
    StepCase step{.name = fmt::format("n={}", n),
                  .op = Op::add_rms_norm,
                  .params = {{"n", n}, f32_param("scale", 0.22f), f32_param("eps", 1e-5f)},
                  .with = std::move(norms)};
    for (const std::string_view with : step.with) step.name += fmt::format(",{}", with);
    return step;
}

Cases add_rms_norms(Types) {
    return {add_rms_norm(257, {"x_w", "w", "y2"}), add_rms_norm(4097, {"x_w"}),
            add_rms_norm(80, {"w", "y2"})};
}

/// with: the stream, its sum and the norm before it, if any.
StepCase norm_matmul(DType dtype, uint32_t k, uint32_t m, std::vector<std::string_view> with) {
    StepCase step = matmul(dtype, k, m, false);
    step.op = Op::norm_matmul;
    step.params.push_back(f32_param("scale", 0.22f));
    step.params.push_back(f32_param("eps", 1e-5f));
    step.with = std::move(with);
    for (const std::string_view optional : step.with) step.name += fmt::format(",{}", optional);
    return step;
}

Cases norm_matmuls(Types types) {
    Cases cases;
    for (const DType dtype : types)
        cases.push_back(norm_matmul(dtype, usual_width(dtype) & ~7u, 65, {}));
    cases.push_back(
        norm_matmul(types[0], usual_width(types[0]) & ~7u, 65, {"stream", "x_norm", "sum"}));
    return cases;
}

Cases rope_table(Types) {
    StepCase table{
        .name = "n_pairs=33",
        .op = Op::rope_table,
        .params = {{"n_pairs", 33}, f32_param("magnitude", 1.25f), {"short_context", 0}}};
    StepCase longer = table;
    longer.name += ",long";
    longer.with = {"turns_long"};
    return {table, longer};
}

Cases rope(Types) {
    Cases cases;
    for (const Pairing pairing : {Pairing::adjacent, Pairing::halves})
        cases.push_back(
            {.name = fmt::format("pairing={}", uint32_t(pairing)),
             .op = Op::rope,
             .params = {
                 {"n_head", 5}, {"head_dim", 80}, {"n_rot", 20}, {"pairing", uint32_t(pairing)}}});
    return cases;
}

Cases kv_store(Types) {
    return {{.name = "n_k=257,n_v=31", .op = Op::kv_store, .params = {{"n_k", 257}, {"n_v", 31}}}};
}

Cases rope_store(Types) {
    Cases cases;
    for (const Pairing pairing : {Pairing::adjacent, Pairing::halves})
        cases.push_back({.name = fmt::format("pairing={}", uint32_t(pairing)),
                         .op = Op::rope_store,
                         .params = {{"n_head", 6},
                                    {"n_head_kv", 3},
                                    {"head_dim", 34},
                                    {"n_rot", 34},
                                    {"pairing", uint32_t(pairing)},
                                    {"n_v", 257},
                                    f32_param("eps", 1e-5f)}});
    cases.push_back(cases.back());
    cases.back().name += ",qk_norm";
    cases.back().with = {"qk_norm"};
    return cases;
}

StepCase attend(std::string name, uint32_t n_head, uint32_t n_head_kv, uint32_t head_dim,
                uint32_t value_dim, uint32_t window, float soft_cap, uint32_t temperature_length) {
    return {.name = std::move(name),
            .op = Op::attend,
            .params = {{"n_head", n_head},
                       {"n_head_kv", n_head_kv},
                       {"head_dim", head_dim},
                       {"value_dim", value_dim},
                       f32_param("scale", 1 / std::sqrt(float(head_dim))),
                       f32_param("soft_cap", soft_cap),
                       {"window", window},
                       f32_param("temperature", 0.25f),
                       {"temperature_length", temperature_length}}};
}

Cases attends(Types) {
    Cases cases{attend("heads=4/2,dim=64", 4, 2, 64, 64, 0, 0, 0),
                attend("heads=9/3,dim=80/128", 9, 3, 80, 128, 0, 50, 7),
                attend("heads=4/4,dim=64,window=9", 4, 4, 64, 64, 9, 0, 0)};
    cases.back().with = {"sinks"};
    return cases;
}

/// What queries and keys are turned by and the keys themselves have few bits, so that turned keys
/// are exact in f32 and a cache of f16 rounds them alike on every device.
bool fill_short(std::string_view binding, const BatchCase& batch, bool normed,
                std::span<float> out) {
    if (binding != "table" && binding != "k") return false;
    Random random(fmt::format("{} {}", binding, batch.name()));
    for (float& x : out) {
        if (binding == "table")
            x = float(random.below(9)) / 4 - 1;
        else  // the root mean square of a head is to be exact, too
            x = normed ? float(random.below(2)) * 2 - 1
                       : float(random.below(1 << 16)) * 0x1p-14f - 2;
    }
    return true;
}

StepCase rope_attend(std::array<uint32_t, 5> s, Pairing pairing, uint32_t window, float soft_cap,
                     bool normed) {
    StepCase step{.name = fmt::format("heads={}/{},dim={}/{},n_rot={},pairing={}{}{}{}", s[0], s[1],
                                      s[2], s[3], s[4], uint32_t(pairing),
                                      window ? fmt::format(",window={}", window) : "",
                                      soft_cap > 0 ? fmt::format(",cap={}", soft_cap) : "",
                                      normed ? ",qk_norm" : ""),
                  .op = Op::rope_attend,
                  .params = {{"n_head", s[0]},
                             {"n_head_kv", s[1]},
                             {"head_dim", s[2]},
                             {"value_dim", s[3]},
                             {"n_rot", s[4]},
                             {"pairing", uint32_t(pairing)},
                             f32_param("eps", 1e-6f),
                             f32_param("scale", 1 / std::sqrt(float(s[2]))),
                             f32_param("soft_cap", soft_cap),
                             {"window", window}}};
    step.fill = [normed](std::string_view binding, const BatchCase& batch, std::span<float> out) {
        return fill_short(binding, batch, normed, out);
    };
    if (!normed) return step;
    step.with = {"qk_norm"};
    std::vector<float> weights(2 * s[2]);
    for (size_t i = 0; i < weights.size(); ++i) weights[i] = 1 + float(i % 7) / 8;
    const auto bytes = std::as_bytes(std::span(weights));
    step.stored["qk_norm"] = {bytes.begin(), bytes.end()};
    return step;
}

/// A window that ends, dimensions that are not turned, more queries than a workgroup takes.
Cases rope_attends(Types) {
    return {rope_attend({4, 1, 32, 32, 32}, Pairing::halves, 9, 0, true),
            rope_attend({6, 2, 20, 24, 12}, Pairing::adjacent, 0, 3, false),
            rope_attend({16, 1, 16, 16, 12}, Pairing::halves, 0, 0, false)};
}

Cases glu(Types) {
    Cases cases;
    for (uint32_t activation = 0; activation <= uint32_t(Activation::quick_gelu); ++activation) {
        const bool limited = activation % 2 == 1;
        cases.push_back({.name = fmt::format("activation={}", activation),
                         .op = Op::glu,
                         .params = {{"n", 257},
                                    {"activation", activation},
                                    f32_param("limit", limited ? 2.0f : 0.0f),
                                    f32_param("up_shift", limited ? 1.0f : 0.0f)},
                         .scale = {{"gate", 3.0f}, {"up", 3.0f}}});
    }
    for (size_t i = 0; i < cases.size(); i += 3) cases[i].with = {"up"};
    cases[uint32_t(Activation::quick_gelu)].with = {"up"};
    return cases;
}

Cases causal_conv(Types) {
    StepCase conv{.name = "n=257,width=4",
                  .op = Op::causal_conv,
                  .params = {{"n", 257}, {"width", 4}, {"activation", uint32_t(Activation::silu)}},
                  .with = {"bias"}};
    return {conv};
}

/// Decays of all sizes, and steps around 1.
void give_rates(StepCase& step, uint32_t n_head) {
    step.stored["a"] = stored_uniform(step.name + " a", n_head, -16, -0.01f);
    step.stored["dt_bias"] = stored_uniform(step.name + " dt_bias", n_head, -1, 1);
}

Cases ssm_scan(Types) {
    StepCase scan{.name = "n_head=4,head_dim=33,n_group=2,d_state=128",
                  .op = Op::ssm_scan,
                  .params = {{"n_head", 4}, {"head_dim", 33}, {"n_group", 2}, {"d_state", 128}}};
    give_rates(scan, 4);
    return {scan};
}

Cases gated_delta(Types) {
    Cases cases;
    for (const KeyHeads heads : {KeyHeads::grouped, KeyHeads::tiled}) {
        cases.push_back({.name = fmt::format("key_heads={}", uint32_t(heads)),
                         .op = Op::gated_delta,
                         .params = {{"n_head", 4},
                                    {"n_head_k", 2},
                                    {"k_dim", 64},
                                    {"v_dim", 33},
                                    {"key_heads", uint32_t(heads)},
                                    f32_param("eps", 1e-6f)}});
        give_rates(cases.back(), 4);
    }
    return cases;
}

Cases xielu(Types) {
    return {{.name = "n=257",
             .op = Op::xielu,
             .params = {{"n", 257},
                        f32_param("alpha_p", 0.8f),
                        f32_param("alpha_n", 1.3f),
                        f32_param("beta", 0.5f),
                        f32_param("eps", -1e-6f)}}};
}

Cases soft_cap(Types) {
    return {{.name = "n=257",
             .op = Op::soft_cap,
             .params = {{"n", 257}, f32_param("scale", 8), f32_param("cap", 5)},
             .rows = Rows::n_out}};
}

Cases route(Types) {
    Cases cases;
    for (const Scoring scoring : {Scoring::softmax, Scoring::sigmoid})
        cases.push_back({.name = fmt::format("scoring={}", uint32_t(scoring)),
                         .op = Op::route,
                         .params = {{"n_expert", 66},
                                    {"n_used", 7},
                                    {"scoring", uint32_t(scoring)},
                                    {"normalised", uint32_t(scoring)},
                                    {"n_group", 3},
                                    {"n_group_used", 2},
                                    {"group_top", 2},
                                    f32_param("scale", 2.5f)},
                         .with = {"bias"},
                         .scale = {{"logits", 3.0f}, {"bias", 0.3f}}});
    return cases;
}

Cases expert_order(Types) {
    StepCase order{
        .name = "5of33", .op = Op::expert_order, .params = {{"n_expert", 33}, {"n_used", 5}}};
    order.fill = [](std::string_view, const BatchCase& batch, std::span<float> out) {
        fill_ids(Spread::even, 33, 5, batch, out);
        return true;
    };
    return {order};
}

StepCase expert_matmul(DType dtype, uint32_t k, uint32_t m, bool of_slots) {
    constexpr uint32_t kExperts = 3, kUsed = 2;
    StepCase step{.name = fmt::format("{},k={},m={}", type_name(dtype), k, m),
                  .op = Op::expert_matmul,
                  .params = {{"k", k},
                             {"m", m},
                             {"n_expert", kExperts},
                             {"n_used", kUsed},
                             {"n_x", of_slots ? kUsed : 1}},
                  .with = {"ids", "order", "bias"},
                  .weight_type = dtype,
                  .scale = {{"bias", std::sqrt(float(k))}}};
    step.fill = [](std::string_view binding, const BatchCase& batch, std::span<float> out) {
        return fill_expert_inputs(Spread::even, kExperts, kUsed, binding, batch, out);
    };
    return step;
}

Cases expert_matmuls(Types types) {
    Cases cases;
    for (const DType dtype : types) {
        cases.push_back(expert_matmul(dtype, usual_width(dtype) & ~7u, 65, true));
        cases.push_back(expert_matmul(dtype, kLongRow, 3, false));
    }
    return cases;
}

Cases expert_sum(Types) {
    return {{.name = "n=257,n_used=3",
             .op = Op::expert_sum,
             .params = {{"n", 257}, {"n_used", 3}},
             .with = {"residual"}}};
}

Cases join(Types) {
    return {{.name = "groups=4",
             .op = Op::join,
             .params = {{"groups", 4},
                        {"a_width", 48},
                        {"a_first", 32},
                        {"n_a", 16},
                        {"b_width", 33},
                        {"b_first", 1},
                        {"n_b", 32}},
             .with = {"b"}}};
}

struct CasesOfOp {
    Op op;
    Cases (*make)(Types types);
};
constexpr std::array<CasesOfOp, size_t(Op::count)> kCases{{
    {Op::embed, embed},
    {Op::take_rows, take_rows},
    {Op::rms_norm, norms<Op::rms_norm>},
    {Op::layer_norm, norms<Op::layer_norm>},
    {Op::matmul, matmuls},
    {Op::add, add},
    {Op::add_rms_norm, add_rms_norms},
    {Op::norm_matmul, norm_matmuls},
    {Op::rope_table, rope_table},
    {Op::rope, rope},
    {Op::kv_store, kv_store},
    {Op::rope_store, rope_store},
    {Op::attend, attends},
    {Op::rope_attend, rope_attends},
    {Op::glu, glu},
    {Op::causal_conv, causal_conv},
    {Op::ssm_scan, ssm_scan},
    {Op::gated_delta, gated_delta},
    {Op::xielu, xielu},
    {Op::soft_cap, soft_cap},
    {Op::route, route},
    {Op::expert_order, expert_order},
    {Op::expert_matmul, expert_matmuls},
    {Op::expert_sum, expert_sum},
    {Op::join, join},
}};
constexpr bool cases_in_enum_order() {
    for (size_t i = 0; i < kCases.size(); ++i)
        if (kCases[i].op != Op(i)) return false;
    return true;
}
static_assert(cases_in_enum_order());

const BatchCase kBatches[] = {{.n_tok = 1, .pos = 0},
                              {.n_tok = 3, .pos = 1},
                              {.n_tok = 9, .pos = 4},
                              {.n_tok = 65, .pos = 13, .n_out = 3},
                              {.n_tok = 1, .pos = 78}};
constexpr uint32_t kSingleTokens = 40;

}  // namespace

std::vector<StepCase> kernel_cases(Op op, std::span<const DType> types) {
    return kCases[size_t(op)].make(types);
}

std::vector<BatchCase> kernel_batches(Op op) {
    if (!op_info(op).one_token) return {std::begin(kBatches), std::end(kBatches)};
    std::vector<BatchCase> batches(kSingleTokens);
    for (uint32_t pos = 0; pos < kSingleTokens; ++pos) batches[pos].pos = pos;
    return batches;
}

}  // namespace m2w::op_check
