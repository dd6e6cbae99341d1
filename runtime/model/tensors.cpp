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
    n_attn,
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
    n_ff_shared
};

/// When a file must have the tensor.
enum class When : uint8_t {
    always,
    optional,
    any_attention,     // layers with attention of any kind
    attention,         // layers with plain attention
    attention_q,       // those, or latent attention without latent queries
    latent_attention,  // layers with latent attention
    latent_queries,    // and with latent queries
    dense_ffn,         // layers with a dense feed-forward part
    experts,           // layers with experts
    experts_optional,
    shared_experts,  // layers with shared experts besides
    shared_experts_optional,
    qkv_bias,
    qk_norm
};

struct SlotRow {
    Slot slot;
    std::string_view name;  // "blk.N." goes before those of layers
    Dim cols;               // fastest dimension
    Dim rows;               // none: a vector
    When when;
    Dim slices = Dim::one;  // slowest dimension
};

constexpr std::array<SlotRow, size_t(Slot::count)> kSlots{{
    {Slot::token_embd, "token_embd.weight", Dim::n_embd, Dim::n_vocab, When::always},
    {Slot::output_norm, "output_norm.weight", Dim::n_embd, Dim::none, When::always},
    {Slot::output, "output.weight", Dim::n_embd, Dim::n_vocab,
     When::optional},  // absent: tied to token_embd
    {Slot::rope_freqs, "rope_freqs.weight", Dim::rope_pairs, Dim::none, When::optional},
    {Slot::attn_norm, "attn_norm.weight", Dim::n_embd, Dim::none, When::always},
    {Slot::attn_q, "attn_q.weight", Dim::n_embd, Dim::n_q, When::attention_q},
    {Slot::attn_k, "attn_k.weight", Dim::n_embd, Dim::n_k, When::attention},
    {Slot::attn_v, "attn_v.weight", Dim::n_embd, Dim::n_v, When::attention},
    {Slot::attn_output, "attn_output.weight", Dim::n_attn, Dim::n_embd, When::any_attention},
    {Slot::attn_q_bias, "attn_q.bias", Dim::n_q, Dim::none, When::qkv_bias},
    {Slot::attn_k_bias, "attn_k.bias", Dim::n_k, Dim::none, When::qkv_bias},
    {Slot::attn_v_bias, "attn_v.bias", Dim::n_v, Dim::none, When::qkv_bias},
    {Slot::attn_output_bias, "attn_output.bias", Dim::n_embd, Dim::none, When::optional},
    {Slot::attn_q_norm, "attn_q_norm.weight", Dim::head_dim, Dim::none, When::qk_norm},
    {Slot::attn_k_norm, "attn_k_norm.weight", Dim::head_dim, Dim::none, When::qk_norm},
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
    {Slot::ffn_norm, "ffn_norm.weight", Dim::n_embd, Dim::none, When::always},
    {Slot::ffn_gate, "ffn_gate.weight", Dim::n_embd, Dim::n_ff, When::dense_ffn},
    {Slot::ffn_up, "ffn_up.weight", Dim::n_embd, Dim::n_ff, When::dense_ffn},
    {Slot::ffn_down, "ffn_down.weight", Dim::n_ff, Dim::n_embd, When::dense_ffn},
    {Slot::ffn_gate_bias, "ffn_gate.bias", Dim::n_ff, Dim::none, When::optional},
    {Slot::ffn_up_bias, "ffn_up.bias", Dim::n_ff, Dim::none, When::optional},
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

uint64_t extent(Dim dim, const Hparams& hp, uint32_t layer) {
    const bool latent = hp.layers[layer].mixer == Mixer::latent_attention;
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
            return uint64_t(hp.head_count) * (latent ? hp.latent.key_length_mla : hp.key_length);
        case Dim::n_k:
            return uint64_t(hp.head_count_kv[layer]) * hp.key_length;
        case Dim::n_v:
            return uint64_t(hp.head_count_kv[layer]) * hp.value_length;
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
    }
    return 0;
}

enum class Need : uint8_t { required, optional, refused };

/// Layers may differ; slots that are not in layers ask for layer 0.
Need need(When when, const ArchSpec& arch, const Hparams& hp, uint32_t layer) {
    const LayerHparams& kind = hp.layers[layer];
    const bool plain = kind.mixer == Mixer::attention,
               latent = kind.mixer == Mixer::latent_attention,
               latent_queries = latent && hp.latent.q_lora_rank > 0;
    const bool experts = kind.feed_forward == FeedForward::experts,
               shared_experts = experts && hp.experts.shared_feed_forward_length > 0;
    switch (when) {
        case When::always:
            return Need::required;
        case When::optional:
            return Need::optional;
        case When::any_attention:
            return plain || latent ? Need::required : Need::refused;
        case When::attention:
            return plain ? Need::required : Need::refused;
        case When::attention_q:
            return plain || (latent && !latent_queries) ? Need::required : Need::refused;
        case When::latent_attention:
            return latent ? Need::required : Need::refused;
        case When::latent_queries:
            return latent_queries ? Need::required : Need::refused;
        case When::dense_ffn:
            return kind.feed_forward == FeedForward::dense ? Need::required : Need::refused;
        case When::experts:
            return experts ? Need::required : Need::refused;
        case When::experts_optional:
            return experts ? Need::optional : Need::refused;
        case When::shared_experts:
            return shared_experts ? Need::required : Need::refused;
        case When::shared_experts_optional:
            return shared_experts ? Need::optional : Need::refused;
        case When::qkv_bias:
            return arch.qkv_bias ? Need::required : Need::optional;
        case When::qk_norm:
            return arch.norms.qk ? Need::required : Need::refused;
    }
    return Need::refused;
}

std::string slot_name(const SlotRow& row, uint32_t layer) {
    return in_layer(row.slot) ? fmt::format("blk.{}.{}", layer, row.name) : std::string(row.name);
}

/// dims: fastest first, as in the file.
std::string shape_str(std::span<const uint64_t> dims) {
    std::string out;
    for (size_t d = dims.size(); d-- > 0;) out += fmt::format("[{}]", dims[d]);
    return out.empty() ? "a scalar" : out;
}

/// Trailing dimensions of 1 may be there or not.
bool same_shape(const gguf::TensorInfo& info, std::span<const uint64_t> expected) {
    for (size_t d = 0; d < std::max<size_t>(info.n_dims, expected.size()); ++d)
        if ((d < info.n_dims ? info.dims[d] : 1) != (d < expected.size() ? expected[d] : 1))
            return false;
    return info.n_dims > 0;
}

Result<Tensor> check_shape(const gguf::TensorInfo& info, const SlotRow& row, const Hparams& hp,
                           uint32_t layer) {
    const uint64_t cols = extent(row.cols, hp, layer), rows = extent(row.rows, hp, layer),
                   slices = extent(row.slices, hp, layer);
    const bool vector = row.rows == Dim::none;
    const bool vocab_rows = row.rows == Dim::n_vocab;
    std::vector<uint64_t> expected{cols};
    if (!vector) expected.push_back(rows);
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
    return vector ? Tensor{info.name, info.dtype, 1, cols * slices, true, &info, {}, slices}
                  : Tensor{info.name, info.dtype, rows * slices, cols, false, &info, {}, slices};
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

}  // namespace

Result<TensorTable> TensorTable::from(const gguf::File& file, const Hparams& hp,
                                      const ArchSpec& arch) {
    TensorTable table;
    table.index_.assign(size_t(hp.block_count + 1) * size_t(Slot::count), kNoTensor);
    std::unordered_set<std::string_view> used;
    for (const SlotRow& row : kSlots) {
        for (uint32_t layer = 0; layer < (in_layer(row.slot) ? hp.block_count : 1); ++layer) {
            const Need wanted = need(row.when, arch, hp, layer);
            const std::string name = slot_name(row, layer);
            const gguf::TensorInfo* info = file.find_tensor(name);
            if (!info && wanted == Need::required)
                return Error{Category::shape_mismatch, fmt::format("{}: tensor missing", name)};
            if (!info) continue;
            if (wanted == Need::refused)
                return Error{
                    Category::unsupported,
                    fmt::format("{}: architecture \"{}\" is not expected to have this tensor", name,
                                arch.gguf_name)};
            TRY(auto tensor, check_shape(*info, row, hp, layer));
            const size_t at =
                (in_layer(row.slot) ? layer + 1 : 0) * size_t(Slot::count) + size_t(row.slot);
            table.index_[at] = uint32_t(table.tensors_.size());
            used.insert(info->name);
            table.tensors_.push_back(std::move(tensor));
        }
    }
    for (const gguf::TensorInfo& info : file.tensors()) {
        uint64_t layer = 0;
        if (layer_of(info.name, layer) && layer >= hp.block_count)
            return Error{Category::shape_mismatch,
                         fmt::format("{}: the model has {} layers", info.name, hp.block_count)};
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

uint64_t Tensor::file_bytes() const {
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
