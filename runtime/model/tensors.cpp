// tensors.cpp — the slot table's rows, and the check of a file's tensor directory against them.
#include "runtime/model/tensors.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <span>
#include <unordered_set>

namespace m2w {
namespace {

/// Shape expressions in terms of hyperparameters.
enum class Dim : uint8_t {
    none,
    n_embd,
    n_vocab,
    n_ff,
    n_q,
    n_k,
    n_v,
    n_qkv,
    n_attn,
    n_up,  // n_ff, or twice that with the gate's rows
    q_norm,
    k_norm,
    head_dim,
    rope_pairs,
    n_q_latent,
    n_latent,
    n_plain,
    n_head,
    value_mla,
    one,
    n_expert,
    n_ff_expert,
    n_ff_shared,
    n_inner,
    n_conv,
    conv_width,
    n_ssm_head,
    ssm_head_dim
};

/// When a file must have the tensor.
enum class When : uint8_t {
    always,
    optional,
    any_attention,     // layers with attention of any kind
    fused_qkv,         // layers with plain attention where q, k and v are one matrix
    split_qkv,         // and where they are three
    attention_q,       // those, or latent attention without latent queries
    latent_attention,  // layers with latent attention
    latent_queries,    // and with latent queries
    dense_ffn,         // layers with a dense feed-forward part
    gate,              // of those, gated ones with a matrix for the gate
    layer_bias,        // with layer norms, where the file has it
    pre_norm,
    post_attn,
    ffn_norm,
    post_ffn,
    experts,  // layers with experts
    experts_optional,
    shared_experts,  // layers with shared experts besides
    shared_experts_optional,
    qkv_bias,
    qk_norm,
    sinks,
    attn_gate,   // layers with a gate in attn_q
    short_conv,  // layers with a mixer of this kind
    scan,
    delta_net,
    scan_or_delta_net,
    scan_optional,
    scan_rates,  // their vectors of one name differ in shape
    delta_net_rates,
    separate_beta,  // delta nets with matrices of their own for beta and decay
    joint_beta
};

/// Matrices that a file has in one.
enum class Part : uint8_t {
    whole,
    conv_b,
    conv_c,
    conv_x,
    scan_z,
    scan_xbc,
    scan_dt,
    query,
    query_gate,
    beta,
    alpha
};

struct SlotRow {
    Slot slot;
    std::string_view name;  // "blk.N." goes before those of layers
    Dim cols;               // fastest dimension
    Dim rows;               // none: a vector
    When when;
    Dim slices = Dim::one;  // slowest dimension
    Part part = Part::whole;
};

constexpr std::array<SlotRow, size_t(Slot::count)> kSlots{{
    {Slot::token_embd, "token_embd.weight", Dim::n_embd, Dim::n_vocab, When::always},
    {Slot::output_norm, "output_norm.weight", Dim::n_embd, Dim::none, When::always},
    {Slot::output_norm_bias, "output_norm.bias", Dim::n_embd, Dim::none, When::layer_bias},
    {Slot::output, "output.weight", Dim::n_embd, Dim::n_vocab,
     When::optional},  // absent: tied to token_embd
    {Slot::rope_freqs, "rope_freqs.weight", Dim::rope_pairs, Dim::none, When::optional},
    {Slot::rope_factors_long, "rope_factors_long.weight", Dim::rope_pairs, Dim::none,
     When::optional},
    {Slot::rope_factors_short, "rope_factors_short.weight", Dim::rope_pairs, Dim::none,
     When::optional},
    {Slot::attn_norm, "attn_norm.weight", Dim::n_embd, Dim::none, When::pre_norm},
    {Slot::attn_norm_bias, "attn_norm.bias", Dim::n_embd, Dim::none, When::layer_bias},
    {Slot::attn_qkv, "attn_qkv.weight", Dim::n_embd, Dim::n_qkv, When::fused_qkv},
    {Slot::attn_qkv_bias, "attn_qkv.bias", Dim::n_qkv, Dim::none, When::optional},
    {Slot::attn_q, "attn_q.weight", Dim::n_embd, Dim::n_q, When::attention_q, Dim::one,
     Part::query},
    {Slot::attn_k, "attn_k.weight", Dim::n_embd, Dim::n_k, When::split_qkv},
    {Slot::attn_v, "attn_v.weight", Dim::n_embd, Dim::n_v, When::split_qkv},
    {Slot::attn_output, "attn_output.weight", Dim::n_attn, Dim::n_embd, When::any_attention},
    {Slot::attn_q_bias, "attn_q.bias", Dim::n_q, Dim::none, When::qkv_bias},
    {Slot::attn_k_bias, "attn_k.bias", Dim::n_k, Dim::none, When::qkv_bias},
    {Slot::attn_v_bias, "attn_v.bias", Dim::n_v, Dim::none, When::qkv_bias},
    {Slot::attn_output_bias, "attn_output.bias", Dim::n_embd, Dim::none, When::optional},
    {Slot::attn_sinks, "attn_sinks.weight", Dim::n_head, Dim::none, When::sinks},
    {Slot::attn_q_norm, "attn_q_norm.weight", Dim::q_norm, Dim::none, When::qk_norm},
    {Slot::attn_k_norm, "attn_k_norm.weight", Dim::k_norm, Dim::none, When::qk_norm},
    {Slot::attn_q_a, "attn_q_a.weight", Dim::n_embd, Dim::n_q_latent, When::latent_queries},
    {Slot::attn_q_a_norm, "attn_q_a_norm.weight", Dim::n_q_latent, Dim::none, When::latent_queries},
    {Slot::attn_q_b, "attn_q_b.weight", Dim::n_q_latent, Dim::n_q, When::latent_queries},
    {Slot::attn_kv_a_mqa, "attn_kv_a_mqa.weight", Dim::n_embd, Dim::head_dim,
     When::latent_attention},
    {Slot::attn_kv_a_norm, "attn_kv_a_norm.weight", Dim::n_latent, Dim::none,
     When::latent_attention},
    {Slot::attn_k_b, "attn_k_b.weight", Dim::n_plain, Dim::n_latent, When::latent_attention,
     Dim::n_head},
    {Slot::attn_v_b, "attn_v_b.weight", Dim::n_latent, Dim::value_mla, When::latent_attention,
     Dim::n_head},
    {Slot::post_attn_norm, "post_attention_norm.weight", Dim::n_embd, Dim::none, When::post_attn},
    {Slot::ffn_norm, "ffn_norm.weight", Dim::n_embd, Dim::none, When::ffn_norm},
    {Slot::ffn_norm_bias, "ffn_norm.bias", Dim::n_embd, Dim::none, When::layer_bias},
    {Slot::post_ffn_norm, "post_ffw_norm.weight", Dim::n_embd, Dim::none, When::post_ffn},
    {Slot::ffn_gate, "ffn_gate.weight", Dim::n_embd, Dim::n_ff, When::gate},
    {Slot::ffn_up, "ffn_up.weight", Dim::n_embd, Dim::n_up, When::dense_ffn},
    {Slot::ffn_down, "ffn_down.weight", Dim::n_ff, Dim::n_embd, When::dense_ffn},
    {Slot::ffn_gate_bias, "ffn_gate.bias", Dim::n_ff, Dim::none, When::optional},
    {Slot::ffn_up_bias, "ffn_up.bias", Dim::n_up, Dim::none, When::optional},
    {Slot::ffn_down_bias, "ffn_down.bias", Dim::n_embd, Dim::none, When::optional},
    {Slot::ffn_gate_inp, "ffn_gate_inp.weight", Dim::n_embd, Dim::n_expert, When::experts},
    {Slot::ffn_gate_inp_bias, "ffn_gate_inp.bias", Dim::n_expert, Dim::none,
     When::experts_optional},
    {Slot::ffn_exp_probs_bias, "exp_probs_b.bias", Dim::n_expert, Dim::none,
     When::experts_optional},
    {Slot::ffn_gate_exps, "ffn_gate_exps.weight", Dim::n_embd, Dim::n_ff_expert, When::experts,
     Dim::n_expert},
    {Slot::ffn_up_exps, "ffn_up_exps.weight", Dim::n_embd, Dim::n_ff_expert, When::experts,
     Dim::n_expert},
    {Slot::ffn_down_exps, "ffn_down_exps.weight", Dim::n_ff_expert, Dim::n_embd, When::experts,
     Dim::n_expert},
    {Slot::ffn_gate_exps_bias, "ffn_gate_exps.bias", Dim::n_ff_expert, Dim::none,
     When::experts_optional, Dim::n_expert},
    {Slot::ffn_up_exps_bias, "ffn_up_exps.bias", Dim::n_ff_expert, Dim::none,
     When::experts_optional, Dim::n_expert},
    {Slot::ffn_down_exps_bias, "ffn_down_exps.bias", Dim::n_embd, Dim::none, When::experts_optional,
     Dim::n_expert},
    {Slot::ffn_gate_inp_shexp, "ffn_gate_inp_shexp.weight", Dim::n_embd, Dim::one,
     When::shared_experts_optional},
    {Slot::ffn_gate_shexp, "ffn_gate_shexp.weight", Dim::n_embd, Dim::n_ff_shared,
     When::shared_experts},
    {Slot::ffn_up_shexp, "ffn_up_shexp.weight", Dim::n_embd, Dim::n_ff_shared,
     When::shared_experts},
    {Slot::ffn_down_shexp, "ffn_down_shexp.weight", Dim::n_ff_shared, Dim::n_embd,
     When::shared_experts},
    {Slot::attn_q_gate, "attn_q.weight", Dim::n_embd, Dim::n_q, When::attn_gate, Dim::one,
     Part::query_gate},
    {Slot::shortconv_b, "shortconv.in_proj.weight", Dim::n_embd, Dim::n_embd, When::short_conv,
     Dim::one, Part::conv_b},
    {Slot::shortconv_c, "shortconv.in_proj.weight", Dim::n_embd, Dim::n_embd, When::short_conv,
     Dim::one, Part::conv_c},
    {Slot::shortconv_x, "shortconv.in_proj.weight", Dim::n_embd, Dim::n_embd, When::short_conv,
     Dim::one, Part::conv_x},
    {Slot::shortconv_conv, "shortconv.conv.weight", Dim::conv_width, Dim::none, When::short_conv,
     Dim::n_embd},
    {Slot::shortconv_out, "shortconv.out_proj.weight", Dim::n_embd, Dim::n_embd, When::short_conv},
    {Slot::ssm_z, "ssm_in.weight", Dim::n_embd, Dim::n_inner, When::scan, Dim::one, Part::scan_z},
    {Slot::ssm_xbc, "ssm_in.weight", Dim::n_embd, Dim::n_conv, When::scan, Dim::one,
     Part::scan_xbc},
    {Slot::ssm_dt, "ssm_in.weight", Dim::n_embd, Dim::n_ssm_head, When::scan, Dim::one,
     Part::scan_dt},
    {Slot::delta_qkv, "attn_qkv.weight", Dim::n_embd, Dim::n_conv, When::delta_net},
    {Slot::delta_gate, "attn_gate.weight", Dim::n_embd, Dim::n_inner, When::delta_net},
    {Slot::ssm_beta, "ssm_beta.weight", Dim::n_embd, Dim::n_ssm_head, When::separate_beta},
    {Slot::ssm_alpha, "ssm_alpha.weight", Dim::n_embd, Dim::n_ssm_head, When::separate_beta},
    {Slot::ssm_ba_beta, "ssm_ba.weight", Dim::n_embd, Dim::n_ssm_head, When::joint_beta, Dim::one,
     Part::beta},
    {Slot::ssm_ba_alpha, "ssm_ba.weight", Dim::n_embd, Dim::n_ssm_head, When::joint_beta, Dim::one,
     Part::alpha},
    {Slot::ssm_conv, "ssm_conv1d.weight", Dim::conv_width, Dim::none, When::scan_or_delta_net,
     Dim::n_conv},
    {Slot::ssm_conv_bias, "ssm_conv1d.bias", Dim::n_conv, Dim::none, When::scan_optional},
    {Slot::ssm_dt_bias, "ssm_dt.bias", Dim::n_ssm_head, Dim::none, When::scan_or_delta_net},
    {Slot::scan_a, "ssm_a", Dim::one, Dim::none, When::scan_rates, Dim::n_ssm_head},
    {Slot::delta_a, "ssm_a", Dim::n_ssm_head, Dim::none, When::delta_net_rates},
    {Slot::ssm_d, "ssm_d", Dim::one, Dim::none, When::scan, Dim::n_ssm_head},
    {Slot::ssm_norm, "ssm_norm.weight", Dim::ssm_head_dim, Dim::none, When::delta_net},
    {Slot::ssm_out, "ssm_out.weight", Dim::n_inner, Dim::n_embd, When::scan_or_delta_net},
}};

constexpr bool slots_in_enum_order() {
    for (size_t i = 0; i < kSlots.size(); ++i)
        if (kSlots[i].slot != Slot(i)) return false;
    return true;
}
static_assert(slots_in_enum_order());

bool in_layer(Slot slot) {
    return slot >= kFirstLayerSlot;
}

/// What the slots of one layer depend on; those that are not in layers ask for layer 0.
struct LayerShape {
    const ArchSpec& arch;
    const Hparams& hp;
    uint32_t layer;
    bool fused_qkv;   // the file has attn_qkv
    bool fused_gate;  // the form is gated, and the file's ffn_up has the gate's rows before its own
};

uint64_t extent(Dim dim, const LayerShape& shape) {
    const Hparams& hp = shape.hp;
    const bool latent = hp.layers[shape.layer].mixer == Mixer::latent_attention;
    const bool norm_of_row = shape.arch.norms.qk == QkNorm::row;
    const uint64_t n_q =
        uint64_t(hp.head_count) * (latent ? hp.latent.key_length_mla : hp.key_length);
    const uint64_t n_k = uint64_t(hp.head_count_kv[shape.layer]) * hp.key_length,
                   n_v = uint64_t(hp.head_count_kv[shape.layer]) * hp.value_length;
    switch (dim) {
        case Dim::none:
            return 1;
        case Dim::n_embd:
            return hp.embedding_length;
        case Dim::n_vocab:
            return hp.vocab_size;
        case Dim::n_ff:
            return hp.feed_forward_length;
        case Dim::n_q:
            return n_q;
        case Dim::n_k:
            return n_k;
        case Dim::n_v:
            return n_v;
        case Dim::n_qkv:
            return n_q + n_k + n_v;
        case Dim::n_up:
            return uint64_t(hp.feed_forward_length) * (shape.fused_gate ? 2 : 1);
        case Dim::q_norm:
            return norm_of_row ? n_q : hp.key_length;
        case Dim::k_norm:
            return norm_of_row ? n_k : hp.key_length;
        case Dim::n_attn:
            return uint64_t(hp.head_count) *
                   (latent ? hp.latent.value_length_mla : hp.value_length);
        case Dim::head_dim:
            return hp.key_length;
        case Dim::rope_pairs:
            return hp.rope.dimension_count / 2;
        case Dim::n_q_latent:
            return hp.latent.q_lora_rank;
        case Dim::n_latent:
            return hp.latent.kv_lora_rank;
        case Dim::n_plain:
            return hp.latent.key_length_mla - hp.rope.dimension_count;
        case Dim::n_head:
            return hp.head_count;
        case Dim::value_mla:
            return hp.latent.value_length_mla;
        case Dim::one:
            return 1;
        case Dim::n_expert:
            return hp.experts.count;
        case Dim::n_ff_expert:
            return hp.experts.feed_forward_length;
        case Dim::n_ff_shared:
            return hp.experts.shared_feed_forward_length;
        case Dim::n_inner:
            return hp.recurrent.inner_size;
        case Dim::n_conv:
            return hp.recurrent.conv_size();
        case Dim::conv_width:
            return hp.recurrent.conv_width;
        case Dim::n_ssm_head:
            return hp.recurrent.head_count;
        case Dim::ssm_head_dim:
            return hp.recurrent.head_dim();
    }
    return 0;
}

/// Where a part lies in the matrix of the file, and how many rows that has.
struct Place {
    FileRows rows;
    uint64_t total;
};

Place place_of(Part part, const ArchSpec& arch, const Hparams& hp, uint64_t n_rows) {
    const RecurrentHparams& r = hp.recurrent;
    const uint64_t scan = 2ull * r.inner_size + 2ull * r.group_count * r.state_size + r.head_count;
    const uint64_t shared = r.group_count ? r.head_count / r.group_count : 0;  // heads of a key
    const auto run = [&](uint64_t first, uint64_t total) {
        return Place{{first, n_rows, total}, total};
    };
    switch (part) {
        case Part::conv_b:
            return run(0, 3 * n_rows);
        case Part::conv_c:
            return run(n_rows, 3 * n_rows);
        case Part::conv_x:
            return run(2 * n_rows, 3 * n_rows);
        case Part::scan_z:
            return run(0, scan);
        case Part::scan_xbc:
            return run(r.inner_size, scan);
        case Part::scan_dt:
            return run(scan - r.head_count, scan);
        case Part::query:  // head by head: its query, its gate
            if (!arch.attn_gate) break;
            return {{0, hp.key_length, 2ull * hp.key_length}, 2 * n_rows};
        case Part::query_gate:
            return {{hp.key_length, hp.key_length, 2ull * hp.key_length}, 2 * n_rows};
        case Part::beta:  // key head by key head: betas of its heads, then their decays
            return {{0, shared, 2 * shared}, 2 * n_rows};
        case Part::alpha:
            return {{shared, shared, 2 * shared}, 2 * n_rows};
        case Part::whole:
            break;
    }
    return {{}, n_rows};
}

/// absent: the name may be there for another slot.
enum class Need : uint8_t { required, optional, refused, absent };

Need required_if(bool condition) {
    return condition ? Need::required : Need::refused;
}

Need need_of_norm(When when, const LayerShape& shape, bool attention) {
    const NormSpec& norms = shape.arch.norms;
    const auto& names = shape.arch.names;
    switch (when) {
        case When::layer_bias:
            return norms.kind == NormKind::layer ? Need::optional : Need::refused;
        case When::pre_norm:
            return required_if(norms.pre);
        case When::post_attn:  // some have the norm before the feed-forward part under this name
            if (norms.post_attn) return Need::required;
            return std::any_of(names.begin(), names.end(),
                               [](const TensorName& name) {
                                   return name.here == "post_attention_norm.weight";
                               })
                       ? Need::absent
                       : Need::refused;
        case When::ffn_norm:
            return shape.hp.parallel_residual ? Need::optional : required_if(norms.pre);
        case When::post_ffn:
            return required_if(norms.post_ffn);
        case When::qk_norm:
            return required_if(attention && norms.qk != QkNorm::none);
        default:
            break;
    }
    return Need::refused;
}

Need need(When when, const LayerShape& shape) {
    const ArchSpec& arch = shape.arch;
    const Hparams& hp = shape.hp;
    const LayerHparams& kind = hp.layers[shape.layer];
    const Mixer mixer = kind.mixer;
    const bool attention = has_attention(mixer), scan = mixer == Mixer::scan_and_attention,
               delta_net = mixer == Mixer::delta_net, latent = mixer == Mixer::latent_attention,
               latent_queries = latent && hp.latent.q_lora_rank > 0;
    const bool dense = kind.feed_forward == FeedForward::dense,
               experts = kind.feed_forward == FeedForward::experts,
               shared_experts = experts && hp.experts.shared_feed_forward_length > 0;
    switch (when) {
        case When::always:
            return Need::required;
        case When::optional:
            return Need::optional;
        case When::any_attention:
            return required_if(attention || latent);
        case When::fused_qkv:  // a delta net has another matrix of this name
            if (delta_net) return Need::absent;
            return required_if(attention && shape.fused_qkv);
        case When::split_qkv:
            return required_if(attention && !shape.fused_qkv);
        case When::attention_q:
            return required_if((attention && !shape.fused_qkv) || (latent && !latent_queries));
        case When::latent_attention:
            return required_if(latent);
        case When::latent_queries:
            return required_if(latent_queries);
        case When::dense_ffn:
            return required_if(dense);
        case When::gate:
            return required_if(dense && arch.ffn.form == FfnForm::gated && !shape.fused_gate);
        case When::layer_bias:
        case When::pre_norm:
        case When::post_attn:
        case When::ffn_norm:
        case When::post_ffn:
        case When::qk_norm:
            return need_of_norm(when, shape, attention);
        case When::experts:
            return required_if(experts);
        case When::experts_optional:
            return experts ? Need::optional : Need::refused;
        case When::shared_experts:
            return required_if(shared_experts);
        case When::shared_experts_optional:
            return shared_experts ? Need::optional : Need::refused;
        case When::qkv_bias:
            if (!attention) return Need::refused;
            return arch.qkv_bias && !shape.fused_qkv ? Need::required : Need::optional;
        case When::sinks:
            return required_if(attention && arch.attn_sinks);
        case When::attn_gate:
            return attention && arch.attn_gate ? Need::required : Need::absent;
        case When::short_conv:
            return mixer == Mixer::short_conv ? Need::required : Need::refused;
        case When::scan:
            return required_if(scan);
        case When::delta_net:  // fused queries, keys and values have one of its names
            return !delta_net && shape.fused_qkv ? Need::absent : required_if(delta_net);
        case When::scan_or_delta_net:
            return required_if(scan || delta_net);
        case When::scan_optional:
            return scan ? Need::optional : Need::refused;
        case When::scan_rates:
            return scan ? Need::required : delta_net ? Need::absent : Need::refused;
        case When::delta_net_rates:
            return delta_net ? Need::required : scan ? Need::absent : Need::refused;
        case When::separate_beta:
            return delta_net && !arch.recurrent.joint_beta ? Need::required : Need::refused;
        case When::joint_beta:
            return delta_net && arch.recurrent.joint_beta ? Need::required : Need::refused;
    }
    return Need::refused;
}

std::string slot_name(const SlotRow& row, const ArchSpec& arch, uint32_t layer) {
    std::string_view name = row.name;
    for (const TensorName& other : arch.names)
        if (other.usual == name) name = other.here;
    return in_layer(row.slot) ? fmt::format("blk.{}.{}", layer, name) : std::string(name);
}

/// dims: fastest first, as in the file.
std::string shape_str(std::span<const uint64_t> dims) {
    std::string out;
    for (size_t d = dims.size(); d-- > 0;) out += fmt::format("[{}]", dims[d]);
    return out.empty() ? "a scalar" : out;
}

/// Trailing dimensions of 1 may be there or not.
bool same_shape(const gguf::TensorInfo& info, std::span<const uint64_t> expected) {
    const std::span<const uint64_t> found(info.dims.data(), info.n_dims);
    for (size_t d = 0; d < std::max(found.size(), expected.size()); ++d)
        if ((d < found.size() ? found[d] : 1) != (d < expected.size() ? expected[d] : 1))
            return false;
    return info.n_dims > 0;
}

Result<Tensor> check_shape(const gguf::TensorInfo& info, const SlotRow& row,
                           const LayerShape& shape) {
    const uint64_t cols = extent(row.cols, shape), rows = extent(row.rows, shape),
                   slices = extent(row.slices, shape);
    const bool vector = row.rows == Dim::none;
    const bool vocab_rows = row.rows == Dim::n_vocab;
    std::vector<uint64_t> expected{cols};
    const Place place = place_of(row.part, shape.arch, shape.hp, rows);
    if (!vector) expected.push_back(place.total);
    if (row.slices != Dim::one) expected.push_back(slices);
    const bool fits = same_shape(info, expected);
    if (!fits && vocab_rows && info.n_dims == 2 && info.dims[0] == cols)
        return Error{Category::vocab,
                     fmt::format("{}: expected {} rows (the vocabulary), file has {}", info.name,
                                 rows, info.dims[1])};
    if (!fits)
        return Error{Category::shape_mismatch,
                     fmt::format("{}: expected {}, file has {}", info.name, shape_str(expected),
                                 shape_str({info.dims.data(), info.n_dims}))};
    const DTypeInfo& type = dtype_info(info.dtype);
    if (vector && info.dtype != DType::f32 && info.dtype != DType::f16 && info.dtype != DType::bf16)
        return Error{Category::shape_mismatch,
                     fmt::format("{}: a vector must be F32, F16 or BF16, file has {}", info.name,
                                 type.name)};
    const bool integer = info.dtype == DType::i8 || info.dtype == DType::i16 ||
                         info.dtype == DType::i32 || info.dtype == DType::i64 ||
                         info.dtype == DType::f64;
    if (!vector && integer)
        return Error{Category::shape_mismatch,
                     fmt::format("{}: a matrix cannot be {}", info.name, type.name)};
    if (!type.decode)
        return Error{Category::unsupported,
                     fmt::format("{}: weight type {} is not supported", info.name, type.name)};
    const uint64_t all = vector ? cols * slices : rows * slices;
    return Tensor{.name = info.name,
                  .dtype = info.dtype,
                  .rows = vector ? 1 : all,
                  .cols = vector ? all : cols,
                  .is_vector = vector,
                  .info = &info,
                  .file_rows = place.rows,
                  .slices = slices};
}

/// "blk.N.rest" -> N; false for names outside layers. Names like "blk.-1.x" give a number that no
/// model has.
bool layer_of(std::string_view name, uint64_t& layer) {
    if (!name.starts_with("blk.")) return false;
    name.remove_prefix(4);
    const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), layer);
    if (error != std::errc{} || end == name.data() + name.size() || *end != '.') layer = UINT64_MAX;
    return true;
}

std::vector<LayerShape> layer_shapes(const gguf::File& file, const Hparams& hp,
                                     const ArchSpec& arch) {
    std::vector<LayerShape> shapes;
    for (uint32_t layer = 0; layer < hp.block_count; ++layer) {
        const auto find = [&](std::string_view name) {
            return file.find_tensor(fmt::format("blk.{}.{}", layer, name));
        };
        const gguf::TensorInfo* up = find("ffn_up.weight");
        const bool double_up = up && up->rows() == 2 * uint64_t(hp.feed_forward_length);
        shapes.push_back({.arch = arch,
                          .hp = hp,
                          .layer = layer,
                          .fused_qkv = find("attn_qkv.weight") && !find("attn_q.weight"),
                          .fused_gate = arch.ffn.form == FfnForm::gated && double_up &&
                                        !find("ffn_gate.weight")});
    }
    return shapes;
}

}  // namespace

Result<TensorTable> TensorTable::from(const gguf::File& file, const Hparams& hp,
                                      const ArchSpec& arch) {
    TensorTable table;
    table.index_.assign(size_t(hp.block_count + 1) * size_t(Slot::count), kNoTensor);
    std::unordered_set<std::string_view> used;
    const std::vector<LayerShape> shapes = layer_shapes(file, hp, arch);
    for (const SlotRow& row : kSlots) {
        for (uint32_t layer = 0; layer < (in_layer(row.slot) ? hp.block_count : 1); ++layer) {
            const Need wanted = need(row.when, shapes[layer]);
            if (wanted == Need::absent) continue;
            const std::string name = slot_name(row, arch, layer);
            const gguf::TensorInfo* info = file.find_tensor(name);
            if (!info && wanted == Need::required)
                return Error{Category::shape_mismatch, fmt::format("{}: tensor missing", name)};
            if (!info) continue;
            if (wanted == Need::refused)
                return Error{
                    Category::unsupported,
                    fmt::format("{}: architecture \"{}\" is not expected to have this tensor", name,
                                arch.gguf_name)};
            TRY(auto tensor, check_shape(*info, row, shapes[layer]));
            const size_t at =
                (in_layer(row.slot) ? layer + 1 : 0) * size_t(Slot::count) + size_t(row.slot);
            table.index_[at] = uint32_t(table.tensors_.size());
            used.insert(info->name);
            table.tensors_.push_back(std::move(tensor));
        }
    }
    for (const gguf::TensorInfo& info : file.tensors()) {
        uint64_t layer = 0;
        const uint32_t n_layers = hp.block_count + hp.nextn_predict_layers;
        if (layer_of(info.name, layer) && layer >= n_layers)
            return Error{Category::shape_mismatch,
                         fmt::format("{}: the model has {} layers", info.name, n_layers)};
        if (!used.contains(info.name)) table.unused_names_.push_back(info.name);
    }
    return table;
}

std::vector<TensorPart> Tensor::parts() const {
    TensorPart first{info, file_rows, rows};
    for (const TensorPart& part : stacked) first.rows -= is_vector ? 0 : part.rows;
    std::vector<TensorPart> all{first};
    all.insert(all.end(), stacked.begin(), stacked.end());
    return all;
}

PlaneLayout Tensor::planes(uint64_t n_rows) const {
    if (nbits) return nbits_layout(nbits->format, n_rows, cols);
    return plane_layout(dtype, cols / dtype_info(dtype).block_elems * n_rows);
}

uint64_t Tensor::rows_within(uint64_t max_bytes) const {
    if (planes(rows).size_bytes <= max_bytes) return rows;
    // Each buffer has a grid of its own; sizes are padded, so a row is never counted too small.
    const uint64_t grid_bytes = planes(0).size_bytes;
    const uint64_t row_bytes = planes(1).size_bytes - grid_bytes;
    const uint64_t most = max_bytes > grid_bytes ? (max_bytes - grid_bytes) / row_bytes : 0;
    return paired ? most / 2 * 2 : most;
}

std::vector<RowRun> Tensor::rows_of_buffer(uint64_t row0, uint64_t n_rows) const {
    if (!paired || n_rows == rows) return {{row0, n_rows, 0}};
    return {{row0 / 2, n_rows / 2, 0}, {(rows + row0) / 2, n_rows / 2, n_rows / 2}};
}

uint64_t Tensor::file_bytes() const {
    if (nbits) return nbits->file_bytes();
    uint64_t sum = 0;
    for (const TensorPart& part : parts())
        sum += is_vector ? part.info->size_bytes
                         : part.info->size_bytes / part.info->rows() * part.rows;
    return sum;
}

uint32_t TensorTable::find(Slot slot, uint32_t layer) const {
    return index_[(in_layer(slot) ? layer + 1 : 0) * size_t(Slot::count) + size_t(slot)];
}

}  // namespace m2w
