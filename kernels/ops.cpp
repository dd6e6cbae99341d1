// ops.cpp — the rows of the op contract table.
#include "kernels/ops.h"

#include <array>

namespace m2w {
namespace {

using enum Bind;
constexpr auto in = Mode::in, out = Mode::out;
constexpr auto u32 = ParamType::u32, f32 = ParamType::f32;

constexpr std::array<OpInfo, size_t(Op::count)> kOps{{
    {.op = Op::embed,
     .name = "embed",
     .bindings = {{"tokens", tokens, in, "[n_tok]"},
                  {"w", weight, in, "[n_vocab][n]"},
                  {"y", activation, out, "[n_tok][n]"}},
     .params = {{"n", u32}, {"scale", f32}},
     .rtol = 1e-6f,
     .formula = "y[t] = scale * w[tokens[t]]",
     .source = "Vaswani et al. 2017, section 3.4"},
    {.op = Op::take_rows,
     .name = "take_rows",
     .bindings = {{"x", activation, in, "[n_tok][n]"}, {"y", activation, out, "[n_out][n]"}},
     .params = {{"n", u32}},
     .rtol = 0,
     .formula = "y[i] = x[n_tok - n_out + i]",
     .source = "logits are only needed for the last tokens of a batch"},
    {.op = Op::rms_norm,
     .name = "rms_norm",
     .bindings = {{"x", activation, in, "[rows * groups][n]"},
                  {"w", vector, in, "[n]", true},
                  {"y", activation, out, "[rows * groups][n]"}},
     .params = {{"n", u32}, {"groups", u32}, {"eps", f32}},
     .rtol = 1e-5f,
     .formula = "y = w * x / sqrt(mean(x^2) + eps), each group of n values by itself",
     .source = "Zhang and Sennrich 2019, Root Mean Square Layer Normalization; eps inside the root "
               "as torch.nn.RMSNorm"},
    {.op = Op::layer_norm,
     .name = "layer_norm",
     .bindings = {{"x", activation, in, "[rows * groups][n]"},
                  {"w", vector, in, "[n]", true},
                  {"bias", vector, in, "[n]", true},
                  {"y", activation, out, "[rows * groups][n]"}},
     .params = {{"n", u32}, {"groups", u32}, {"eps", f32}},
     .rtol = 1e-5f,
     .formula = "y = w * (x - mean(x)) / sqrt(mean((x - mean(x))^2) + eps) + bias, each group of n "
                "values by itself",
     .source = "Ba, Kiros and Hinton 2016, Layer Normalization; eps inside the root as "
               "torch.nn.LayerNorm"},
    {.op = Op::matmul,
     .name = "matmul",
     .bindings = {{"w", weight, in, "[m + m2 + m3][k]"},
                  {"x", activation, in, "[rows][k]"},
                  {"bias", vector, in, "[m + m2 + m3]", true},
                  {"residual", activation, in, "[rows][m]", true},
                  {"y", activation, out, "[rows][m]"},
                  {"y2", activation, out, "[rows][m2]", true},
                  {"y3", activation, out, "[rows][m3]", true}},
     .params = {{"k", u32},
                {"m", u32},
                {"m2", u32, true},
                {"m3", u32, true},
                {"gated_by", u32, true, true},
                {"limit", f32, true, true},
                {"up_shift", f32, true, true}},
     .rtol = 1e-5f,
     .formula = "y[r][i] = sum_k w[i][k] * x[r][k] + bias[i] + residual[r][i]; rows of w from m on "
                "give y2, from m + m2 on y3, without a residual; m2, m3 are 0 where y2, y3 are "
                "absent; unless gated_by is 0, m2 = m and what would be y and y2, without a "
                "residual, are gate and up of a glu with the activation gated_by - 1, which gives "
                "y",
     .source = "torch.nn.Linear: the weight is [out][in]; several at once as the in_proj_weight of "
               "torch.nn.MultiheadAttention; gated: Shazeer 2020, GLU Variants Improve "
               "Transformer"},
    {.op = Op::add,
     .name = "add",
     .bindings = {{"a", activation, in, "[rows][n]"},
                  {"b", activation, in, "[rows][n]"},
                  {"y", activation, out, "[rows][n]"}},
     .params = {{"n", u32}, {"scale", f32}},
     .rtol = 1e-6f,
     .formula = "y = a + scale * b",
     .source = "residual connection"},
    {.op = Op::add_rms_norm,
     .name = "add_rms_norm",
     .bindings = {{"x", activation, in, "[rows][n]"},
                  {"x_w", vector, in, "[n]", true},
                  {"residual", activation, in, "[rows][n]"},
                  {"w", vector, in, "[n]", true},
                  {"y", activation, out, "[rows][n]"},
                  {"y2", activation, out, "[rows][n]", true}},
     .params = {{"n", u32}, {"scale", f32}, {"eps", f32}},
     .rtol = 1e-5f,
     .formula = "y = residual + scale * z, z = x_w * x / sqrt(mean(x^2) + eps), or x where x_w is "
                "absent; y2 = w * y / sqrt(mean(y^2) + eps)",
     .source = "rms_norm, add and rms_norm in one pass"},
    {.op = Op::norm_matmul,
     .name = "norm_matmul",
     .bindings = {{"w", weight, in, "[m + m2 + m3][k]"},
                  {"x", activation, in, "[rows][k]"},
                  {"norm", vector, in, "[k]"},
                  {"stream", activation, in, "[rows][k]", true},
                  {"y", activation, out, "[rows][m]"},
                  {"y2", activation, out, "[rows][m2]", true},
                  {"y3", activation, out, "[rows][m3]", true},
                  {"x_norm", vector, in, "[k]", true},
                  {"sum", activation, out, "[rows][k]", true}},
     .params = {{"k", u32},
                {"m", u32},
                {"m2", u32, true, true},
                {"m3", u32, true, true},
                {"gated_by", u32, true, true},
                {"limit", f32, true, true},
                {"up_shift", f32, true, true},
                {"scale", f32, true, true},
                {"eps", f32, true, true}},
     .rtol = 1e-5f,
     .formula =
         "y, y2, y3: those of matmul for norm * sum / sqrt(mean(sum^2) + eps), with no bias and "
         "no residual; sum = stream + scale * z, z = x_norm * x / sqrt(mean(x^2) + eps), or x "
         "where x_norm is absent; sum = x where stream is absent; k is a multiple of 8",
     .source = "add_rms_norm or rms_norm, and matmul, in one pass"},
    {.op = Op::rope_table,
     .name = "rope_table",
     .bindings = {{"turns", constant, in, "[n_pairs][2]"},
                  {"turns_long", constant, in, "[n_pairs][2]", true},
                  {"y", activation, out, "[n_tok][n_pairs][2]"}},
     .params = {{"n_pairs", u32}, {"magnitude", f32}, {"short_context", u32}},
     .rtol = 1e-5f,
     .formula =
         "phi = (pos + t) * turns[i] mod 1 in 64-bit fixed point (turns: low word, high word); "
         "y[t][i] = magnitude * (cos(2 pi phi), sin(2 pi phi)); turns_long instead of turns where "
         "it is there and n_ctx > short_context",
     .source = "Su et al. 2021, RoFormer; turns[i] = theta_i / 2 pi, exact at any position; two "
               "sets: Ding et al. 2024, LongRoPE"},
    {.op = Op::rope,
     .name = "rope",
     .bindings = {{"x", activation, in, "[n_tok][n_head][head_dim]"},
                  {"table", activation, in, "[n_tok][n_rot / 2][2]"},
                  {"y", activation, out, "[n_tok][n_head][head_dim]"}},
     .params = {{"n_head", u32}, {"head_dim", u32}, {"n_rot", u32}, {"pairing", u32}},
     .rtol = 1e-5f,
     .formula = "pair (a, b) with table (c, s): a' = a c - b s, b' = a s + b c; dimensions from "
                "n_rot on are copied",
     .source = "Su et al. 2021, RoFormer, equation 34; pairing halves as GPT-NeoX"},
    {.op = Op::kv_store,
     .name = "kv_store",
     .bindings = {{"k", activation, in, "[n_tok][n_k]"},
                  {"v", activation, in, "[n_tok][n_v]"},
                  {"k_cache", cache, out, "[n_rows][n_k]"},
                  {"v_cache", cache, out, "[n_rows][n_v]"}},
     .params = {{"n_k", u32}, {"n_v", u32}},
     .rtol = 0,
     .formula = "k_cache[(pos + t) mod n_rows] = k[t], v_cache[(pos + t) mod n_rows] = v[t]; where "
                "the cache is f16, clamped to +-65504 and rounded to nearest even",
     .source = "key-value cache"},
    {.op = Op::rope_store,
     .name = "rope_store",
     .bindings = {{"q", activation, in, "[n_tok][n_head][head_dim]"},
                  {"k", activation, in, "[n_tok][n_head_kv][head_dim]"},
                  {"v", activation, in, "[n_tok][n_v]"},
                  {"table", activation, in, "[n_tok][n_rot / 2][2]"},
                  {"qk_norm", vector, in, "[2][head_dim]", true},
                  {"y", activation, out, "[n_tok][n_head][head_dim]"},
                  {"k_cache", cache, out, "[n_rows][n_head_kv * head_dim]"},
                  {"v_cache", cache, out, "[n_rows][n_v]"}},
     .params = {{"n_head", u32},
                {"n_head_kv", u32},
                {"head_dim", u32},
                {"n_rot", u32},
                {"pairing", u32},
                {"n_v", u32},
                {"eps", f32, true}},
     .rtol = 1e-5f,
     .formula = "y = rope(q), k_cache[(pos + t) mod n_rows] = rope(k)[t], v_cache[(pos + t) mod "
                "n_rows] = v[t]; rounded as by kv_store; where qk_norm is there, heads of q and k "
                "are before normalised as by rms_norm with the weights qk_norm[0] and qk_norm[1]",
     .source = "rms_norm of heads, rope and kv_store in one pass"},
    {.op = Op::attend,
     .name = "attend",
     .bindings = {{"q", activation, in, "[n_tok][n_head][head_dim]"},
                  {"k_cache", cache, in, "[n_rows][n_head_kv][head_dim]"},
                  {"v_cache", cache, in, "[n_rows][n_head_kv][value_dim]"},
                  {"sinks", vector, in, "[n_head]", true},
                  {"y", activation, out, "[n_tok][n_head][value_dim]"}},
     .params = {{"n_head", u32},
                {"n_head_kv", u32},
                {"head_dim", u32},
                {"value_dim", u32},
                {"scale", f32},
                {"soft_cap", f32},
                {"window", u32},
                {"temperature", f32},
                {"temperature_length", u32}},
     .rtol = 2e-5f,
     .formula =
         "y[t][h] = sum_j p_j v[j][g], p = softmax_j(s_j), s_j = cap(scale * heat * q[t][h] . "
         "k[j][g]), j <= i = pos + t, j > i - window unless window is 0, g = h * n_head_kv / "
         "n_head; cap(s) = soft_cap tanh(s / soft_cap) unless soft_cap is 0; heat = 1 + "
         "temperature "
         "ln(1 + floor(i / temperature_length)) unless temperature_length is 0; sinks[h] is one "
         "more score, without a value",
     .source = "Vaswani et al. 2017, equation 1; grouped queries: Ainslie et al. 2023; windows: "
               "Beltagy et al. 2020, Longformer; soft_cap: Bello et al. 2016, Neural Combinatorial "
               "Optimization; sinks: Miller 2023, Attention Is Off By One; heat: Nakanishi 2025, "
               "Scalable-Softmax"},
    {.op = Op::rope_attend,
     .name = "rope_attend",
     .bindings = {{"q", activation, in, "[n_tok][n_head][head_dim]"},
                  {"k", activation, in, "[n_tok][n_head_kv][head_dim]"},
                  {"v", activation, in, "[n_tok][n_head_kv][value_dim]"},
                  {"table", activation, in, "[n_tok][n_rot / 2][2]"},
                  {"qk_norm", vector, in, "[2][head_dim]", true},
                  {"k_cache", cache, out, "[n_rows][n_head_kv][head_dim]"},
                  {"v_cache", cache, out, "[n_rows][n_head_kv][value_dim]"},
                  {"y", activation, out, "[n_tok][n_head][value_dim]"}},
     .params = {{"n_head", u32},
                {"n_head_kv", u32},
                {"head_dim", u32},
                {"value_dim", u32},
                {"n_rot", u32},
                {"pairing", u32},
                {"eps", f32, true},
                {"scale", f32},
                {"soft_cap", f32},
                {"window", u32}},
     .one_token = true,
     .rtol = 2e-5f,
     .formula = "rope_store, then attend of its y, of one token, where n_head_kv divides n_head: "
                "rows of earlier positions are read from the caches, the new ones are written "
                "there and count as they are kept",
     .source = "rope_store and attend in one pass, without sinks and heat: with them it would take "
               "more push constants than every device has"},
    {.op = Op::glu,
     .name = "glu",
     .bindings = {{"gate", activation, in, "[n_tok][n]"},
                  {"up", activation, in, "[n_tok][n]", true},
                  {"y", activation, out, "[n_tok][n]"}},
     .params = {{"n", u32}, {"activation", u32}, {"limit", f32, true}, {"up_shift", f32, true}},
     .rtol = 1e-5f,
     .formula =
         "y = act(min(gate, limit)) * (clamp(up, -limit, limit) + up_shift), gate and up as they "
         "are where limit is 0; silu(x) = x / (1 + exp(-x)), "
         "gelu_tanh(x) = x/2 (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3))), relu(x) = max(x, 0), "
         "sigmoid(x) = 1 / (1 + exp(-x)), identity(x) = x, relu_squared(x) = relu(x)^2, "
         "quick_gelu(x) = x sigmoid(1.702 x); without up y = act(min(gate, limit))",
     .source =
         "Shazeer 2020, GLU Variants Improve Transformer; So et al. 2021, Primer; quick_gelu: "
         "Hendrycks and Gimpel 2016, Gaussian Error Linear Units; limit and up_shift: arXiv "
         "2508.10925"},
    {.op = Op::causal_conv,
     .name = "causal_conv",
     .bindings = {{"x", activation, in, "[n_tok][n]"},
                  {"w", vector, in, "[n][width]"},
                  {"bias", vector, in, "[n]", true},
                  {"past", state, in, "[width - 1][n]"},
                  {"y", activation, out, "[n_tok][n]"},
                  {"state", state, out, "[width - 1][n]"}},
     .params = {{"n", u32}, {"width", u32}, {"activation", u32}},
     .rtol = 1e-5f,
     .formula =
         "y[t][i] = act(sum_j w[i][j] * x[t - width + 1 + j][i] + bias[i]); rows of x before "
         "the first are the last rows of past, state = the last width - 1 rows",
     .source = "torch.nn.Conv1d with groups = channels, padded on the left"},
    {.op = Op::ssm_scan,
     .name = "ssm_scan",
     .bindings = {{"x", activation, in, "[n_tok][n_head * head_dim + 2 * n_group * d_state]"},
                  {"dt", activation, in, "[n_tok][n_head]"},
                  {"dt_bias", vector, in, "[n_head]"},
                  {"a", vector, in, "[n_head]"},
                  {"d", vector, in, "[n_head]"},
                  {"past", state, in, "[n_head][d_state][head_dim]"},
                  {"y", activation, out, "[n_tok][n_head * head_dim]"},
                  {"state", state, out, "[n_head][d_state][head_dim]"}},
     .params = {{"n_head", u32}, {"head_dim", u32}, {"n_group", u32}, {"d_state", u32}},
     .rtol = 2e-5f,
     .formula = "a row of x is u[h], B[g], C[g]; s = softplus(dt[t][h] + dt_bias[h]), state[h] = "
                "exp(a[h] s) state[h] + s B[g] u[h]^T, y[t][h] = C[g] . state[h] + d[h] u[h], "
                "g = h * n_group / n_head",
     .source = "Dao and Gu 2024, Transformers are SSMs (Mamba-2)"},
    {.op = Op::gated_delta,
     .name = "gated_delta",
     .bindings = {{"x", activation, in, "[n_tok][2 * n_head_k * k_dim + n_head * v_dim]"},
                  {"decay", activation, in, "[n_tok][n_head]"},
                  {"beta", activation, in, "[n_tok][n_head]"},
                  {"dt_bias", vector, in, "[n_head]"},
                  {"a", vector, in, "[n_head]"},
                  {"past", state, in, "[n_head][k_dim][v_dim]"},
                  {"y", activation, out, "[n_tok][n_head * v_dim]"},
                  {"state", state, out, "[n_head][k_dim][v_dim]"}},
     .params = {{"n_head", u32},
                {"n_head_k", u32},
                {"k_dim", u32},
                {"v_dim", u32},
                {"key_heads", u32},
                {"eps", f32}},
     .rtol = 2e-5f,
     .formula = "a row of x is q[g], k[g], v[h], q and k over sqrt(sum of squares + eps); S = "
                "exp(a[h] softplus(decay[t][h] + dt_bias[h])) state[h], state[h] = S + "
                "sigmoid(beta[t][h]) k (v - k . S)^T, y[t][h] = q . state[h] / sqrt(k_dim)",
     .source = "Yang et al. 2024, Gated Delta Networks, equation 10"},
    {.op = Op::xielu,
     .name = "xielu",
     .bindings = {{"x", activation, in, "[n_tok][n]"}, {"y", activation, out, "[n_tok][n]"}},
     .params = {{"n", u32}, {"alpha_p", f32}, {"alpha_n", f32}, {"beta", f32}, {"eps", f32}},
     .rtol = 1e-5f,
     .formula = "y = alpha_p x^2 + beta x for x > 0, else alpha_n (exp(min(x, eps)) - 1 - x) + "
                "beta x",
     .source = "Huang and Schlag 2024, Deriving Activation Functions Using Integration"},
    {.op = Op::soft_cap,
     .name = "soft_cap",
     .bindings = {{"x", activation, in, "[rows][n]"}, {"y", activation, out, "[rows][n]"}},
     .params = {{"n", u32}, {"scale", f32}, {"cap", f32}},
     .rtol = 1e-5f,
     .formula = "y = cap tanh(scale * x / cap); scale * x where cap is 0",
     .source = "Bello et al. 2016, Neural Combinatorial Optimization"},
    {.op = Op::route,
     .name = "route",
     .bindings = {{"logits", activation, in, "[n_tok][n_expert]"},
                  {"bias", vector, in, "[n_expert]", true},
                  {"ids", activation, out, "[n_tok][n_used]"},
                  {"weights", activation, out, "[n_tok][n_used]"}},
     .params = {{"n_expert", u32},
                {"n_used", u32},
                {"scoring", u32},
                {"normalised", u32},
                {"n_group", u32},
                {"n_group_used", u32},
                {"group_top", u32},
                {"scale", f32}},
     .rtol = 1e-5f,
     .formula =
         "s = softmax(logits) or 1 / (1 + exp(-logits)); ids: the n_used largest of s + bias in "
         "the n_group_used groups with the largest sums of their group_top largest, ties to the "
         "lower id; weights = scale * s[ids], divided by their sum where normalised",
     .source = "Shazeer et al. 2017, equation 3; groups and selection bias: arXiv "
               "2405.04434 section 2.2.2 and arXiv 2412.19437 section 2.1.2"},
    {.op = Op::expert_order,
     .name = "expert_order",
     .bindings = {{"ids", activation, in, "[n_tok][n_used]"},
                  {"order", activation, out, "[n_tok][n_used]"}},
     .params = {{"n_expert", u32}, {"n_used", u32}},
     .rtol = 0,
     .formula = "order[i] = the slot t * n_used + j that is the i-th by (ids[t][j], slot)",
     .source = "counting sort: slots of one expert stand together, so its weights are read once"},
    {.op = Op::expert_matmul,
     .name = "expert_matmul",
     .bindings = {{"w", weight, in, "[n_expert * m][k]"},
                  {"x", activation, in, "[n_tok][n_x][k]"},
                  {"ids", activation, in, "[n_tok][n_used]", true},
                  {"order", activation, in, "[n_tok][n_used]", true},
                  {"bias", vector, in, "[n_expert][m]", true},
                  {"y", activation, out, "[n_tok][n_used][m]"}},
     .params = {{"k", u32}, {"m", u32}, {"n_expert", u32}, {"n_used", u32}, {"n_x", u32}},
     .rtol = 1e-5f,
     .formula =
         "y[t][j][i] = sum_k w[e][i][k] * x[t][n_x = 1: 0, n_x = n_used: j][k] + bias[e][i], "
         "e = ids[t][j], or j where ids are absent; order: expert_order of the ids",
     .source = "Shazeer et al. 2017; a matrix for each head: multi-head latent attention, "
               "arXiv 2405.04434 section 2.1"},
    {.op = Op::expert_sum,
     .name = "expert_sum",
     .bindings = {{"x", activation, in, "[n_tok][n_used][n]"},
                  {"weights", activation, in, "[n_tok][n_used]"},
                  {"residual", activation, in, "[n_tok][n]", true},
                  {"y", activation, out, "[n_tok][n]"}},
     .params = {{"n", u32}, {"n_used", u32}},
     .rtol = 1e-5f,
     .formula = "y[t] = sum_j weights[t][j] * x[t][j] + residual[t]",
     .source = "Shazeer et al. 2017, equation 1"},
    {.op = Op::join,
     .name = "join",
     .bindings = {{"a", activation, in, "[rows * groups][a_width]"},
                  {"b", activation, in, "[rows * groups][b_width]", true},
                  {"y", activation, out, "[rows * groups][n_a + n_b]"}},
     .params = {{"groups", u32},
                {"a_width", u32},
                {"a_first", u32},
                {"n_a", u32},
                {"b_width", u32},
                {"b_first", u32},
                {"n_b", u32}},
     .rtol = 0,
     .formula =
         "y[r] = a[r][a_first .. a_first + n_a - 1], b[r][b_first .. b_first + n_b - 1]; n_b "
         "is 0 where b is absent",
     .source = "torch.cat of two torch.narrow"},
}};

constexpr bool rows_in_enum_order() {
    for (size_t i = 0; i < kOps.size(); ++i)
        if (kOps[i].op != Op(i)) return false;
    return true;
}
static_assert(rows_in_enum_order());

}  // namespace

uint32_t OpInfo::n_bindings() const {
    uint32_t n = 0;
    while (n < kMaxBindings && bindings[n].kind != Bind::none) ++n;
    return n;
}

uint32_t OpInfo::n_params() const {
    uint32_t n = 0;
    while (n < kMaxParams && !params[n].name.empty()) ++n;
    return n;
}

const OpInfo& op_info(Op op) {
    return kOps[size_t(op)];
}

std::span<const OpInfo> all_ops() {
    return kOps;
}

}  // namespace m2w
