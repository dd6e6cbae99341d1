// blueprint.h — a small model file under construction: valid for any architecture row until a test
// spoils it. Knows what rows say, not what plans do with it.
#pragma once
#include <algorithm>
#include <cmath>
#include <cstring>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "gguf/float16.h"
#include "gguf/write.h"
#include "runtime/model/arch_spec.h"
#include "runtime/model/model.h"

namespace m2w::test {

struct BlueprintShape {
    uint32_t block_count = 2, context_length = 64, embedding_length = 32, feed_forward_length = 48;
    uint32_t head_count = 4, head_count_kv = 2, head_dim = 8, vocab_size = 40;
    // Of recurrent layers.
    uint32_t conv_width = 3, ssm_state = 8, ssm_heads = 4, ssm_head_dim = 4, ssm_groups = 2;
    DType matrices = DType::f32;
};

class Blueprint {
  public:
    /// Every tensor that the row needs, with repeatable weights; the output head is tied.
    explicit Blueprint(const ArchSpec& arch, const BlueprintShape& shape = {})
        : prefix_(std::string(arch.gguf_name) + "."), names_(arch.names) {
        set_raw("general.architecture", gguf::make_value(std::string(arch.gguf_name)));
        set("block_count", shape.block_count);
        set("context_length", shape.context_length);
        set("embedding_length", shape.embedding_length);
        set("feed_forward_length", shape.feed_forward_length);
        set("attention.head_count", shape.head_count);
        set("attention.head_count_kv", shape.head_count_kv);
        set("attention.key_length", shape.head_dim);
        set("attention.value_length", shape.head_dim);
        set(arch.norms.kind == NormKind::rms ? "attention.layer_norm_rms_epsilon"
                                             : "attention.layer_norm_epsilon",
            1e-5f);
        set("rope.dimension_count", shape.head_dim);
        set("rope.freq_base", 10'000.0f);
        set_vocabulary(shape.vocab_size);
        set_recurrent_keys(arch, shape);
        add_behaviour(arch, shape);
        add_tensors(arch, shape);
    }
    explicit Blueprint(std::string_view arch, const BlueprintShape& shape = {})
        : Blueprint(*find_arch(arch), shape) {}

    /// Sets `<arch>.name`; the GGUF type is that of the C++ type.
    template <class T>
    Blueprint& set(std::string_view name, T value) {
        return set_raw(key(name), gguf::make_value(std::move(value)));
    }
    Blueprint& set(std::string_view name, const char* text) { return set(name, std::string(text)); }
    Blueprint& set_raw(std::string_view full_key, gguf::Value value) {
        erase_raw(full_key);
        metadata_.push_back({std::string(full_key), std::move(value)});
        return *this;
    }
    Blueprint& set_vocabulary(uint32_t n) {
        std::vector<std::string> tokens;
        for (uint32_t i = 0; i < n; ++i) tokens.push_back("t" + std::to_string(i));
        return set_raw("tokenizer.ggml.tokens", gguf::make_array(std::move(tokens)));
    }
    Blueprint& erase(std::string_view name) { return erase_raw(key(name)); }
    Blueprint& erase_raw(std::string_view full_key) {
        std::erase_if(metadata_, [&](const auto& kv) { return kv.key == full_key; });
        return *this;
    }
    std::string key(std::string_view name) const { return prefix_ + std::string(name); }

    /// dims: fastest first, as in the file.
    Blueprint& add(std::string name, std::vector<uint64_t> dims, DType dtype = DType::f32) {
        tensors_.push_back({std::move(name), dtype, std::move(dims)});
        return *this;
    }
    Blueprint& erase_tensor(std::string_view name) {
        std::erase_if(tensors_, [&](const auto& t) { return t.name == name; });
        return *this;
    }
    gguf::TensorSpec& tensor(std::string_view name) {
        const auto at = std::find_if(tensors_.begin(), tensors_.end(),
                                     [&](const auto& t) { return t.name == name; });
        M2W_ASSERT(at != tensors_.end());
        return *at;
    }
    const std::vector<gguf::TensorSpec>& tensors() const { return tensors_; }
    /// The values of an F32 or F16 tensor, instead of the repeatable random ones.
    Blueprint& fill(const std::string& name, std::vector<float> values) {
        values_[name] = std::move(values);
        return *this;
    }
    /// What a tensor holds: uniform in +-1.7 / sqrt(columns), vectors of norms around 1.
    std::vector<float> values(const gguf::TensorSpec& t) const {
        if (const auto at = values_.find(t.name); at != values_.end()) {
            std::vector<float> given = at->second;
            given.resize(count(t));  // a test may have given the tensor another shape since
            return given;
        }
        uint64_t state = 0xcbf29ce484222325u;  // FNV-1a of the name, then splitmix64
        for (const char c : t.name) state = (state ^ uint8_t(c)) * 0x100000001b3u;
        const bool norm = t.name.find("norm") != std::string::npos;
        std::vector<float> out(count(t));
        for (float& x : out) {
            uint64_t z = state += 0x9e3779b97f4a7c15u;
            z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
            z = (z ^ z >> 27) * 0x94d049bb133111ebu;
            const double unit = double((z ^ z >> 31) >> 11) * 0x1p-52 - 1;
            x = float(norm ? 1 + unit / 4 : unit * 1.7 / std::sqrt(double(t.dims[0])));
        }
        return out;
    }

    Result<std::string> bytes() const {
        std::vector<std::vector<std::byte>> data;
        for (const gguf::TensorSpec& t : tensors_) data.push_back(encode(t));
        const std::vector<std::span<const std::byte>> spans(data.begin(), data.end());
        return gguf::write_file(metadata_, tensors_, spans);
    }
    Result<std::shared_ptr<const gguf::File>> file() const {
        TRY(auto content, bytes());
        return gguf::File::parse(make_memory_source("blueprint.gguf", std::move(content)));
    }
    Result<std::shared_ptr<const Model>> model() const {
        TRY(auto opened, file());
        return Model::from(std::move(opened));
    }

  private:
    static uint64_t count(const gguf::TensorSpec& t) {
        uint64_t n = 1;
        for (const uint64_t d : t.dims) n *= d;
        return n;
    }

    /// Types other than F32 and F16 are zeros: good enough for files that are refused.
    std::vector<std::byte> encode(const gguf::TensorSpec& t) const {
        const DTypeInfo& type = dtype_info(t.dtype);
        std::vector<std::byte> out(count(t) / type.block_elems * type.block_bytes);
        if (t.dtype != DType::f32 && t.dtype != DType::f16) return out;
        const std::vector<float> floats = values(t);
        std::vector<uint16_t> halves(floats.size());
        std::transform(floats.begin(), floats.end(), halves.begin(), f32_to_f16);
        const void* from = t.dtype == DType::f32 ? static_cast<const void*>(floats.data())
                                                 : static_cast<const void*>(halves.data());
        std::memcpy(out.data(), from, out.size());
        return out;
    }

    /// Every second layer, where there is another kind.
    static bool has_attention(Recurrence kind, uint32_t layer) {
        return kind == Recurrence::none || kind == Recurrence::scan || layer % 2 == 1;
    }

    void set_recurrent_keys(const ArchSpec& arch, const BlueprintShape& s) {
        const Recurrence kind = arch.recurrent.kind;
        if (kind == Recurrence::none) return;
        if (kind == Recurrence::short_conv) {
            std::vector<uint32_t> heads;
            for (uint32_t layer = 0; layer < s.block_count; ++layer)
                heads.push_back(has_attention(kind, layer) ? s.head_count_kv : 0);
            set_raw(key("attention.head_count_kv"), gguf::make_array(std::move(heads)));
            set("shortconv.l_cache", s.conv_width);
            return;
        }
        set("ssm.conv_kernel", s.conv_width);
        set("ssm.inner_size", s.ssm_heads * s.ssm_head_dim);
        set("ssm.state_size", s.ssm_state);
        set("ssm.time_step_rank", s.ssm_heads);
        set("ssm.group_count", s.ssm_groups);
        if (kind == Recurrence::delta_net) set("full_attention_interval", 2u);
    }

    void add_attention(const std::string& blk, const ArchSpec& arch, const BlueprintShape& s) {
        const uint64_t n_q = s.head_count * s.head_dim, n_kv = s.head_count_kv * s.head_dim;
        const uint64_t q_rows = arch.attn_gate ? 2 * n_q : n_q;
        add(blk + "attn_q.weight", {s.embedding_length, q_rows}, s.matrices);
        add(blk + "attn_k.weight", {s.embedding_length, n_kv}, s.matrices);
        add(blk + "attn_v.weight", {s.embedding_length, n_kv}, s.matrices);
        add(blk + "attn_output.weight", {n_q, s.embedding_length}, s.matrices);
        if (arch.qkv_bias) {
            add(blk + "attn_q.bias", {n_q});
            add(blk + "attn_k.bias", {n_kv});
            add(blk + "attn_v.bias", {n_kv});
        }
        if (arch.attn_sinks) add(blk + "attn_sinks.weight", {s.head_count});
        if (arch.norms.qk == QkNorm::none) return;
        const bool row = arch.norms.qk == QkNorm::row;
        add(blk + "attn_q_norm.weight", {row ? n_q : s.head_dim});
        add(blk + "attn_k_norm.weight", {row ? n_kv : s.head_dim});
    }

    void add_conv(const std::string& blk, const BlueprintShape& s) {
        const uint64_t n = s.embedding_length;
        add(blk + "shortconv.in_proj.weight", {n, 3 * n}, s.matrices);
        add(blk + "shortconv.conv.weight", {s.conv_width, n});
        add(blk + "shortconv.out_proj.weight", {n, n}, s.matrices);
    }

    /// What scans and delta nets have in common; heads forget at rates of their own.
    void add_heads(const std::string& blk, const BlueprintShape& s,
                   std::vector<uint64_t> shape_of_rates) {
        add(blk + "ssm_a", std::move(shape_of_rates));
        const uint64_t inner = s.ssm_heads * s.ssm_head_dim;
        add(blk + "ssm_conv1d.weight", {s.conv_width, inner + 2ull * s.ssm_groups * s.ssm_state});
        add(blk + "ssm_dt.bias", {s.ssm_heads});
        std::vector<float> rates;
        for (uint32_t head = 0; head < s.ssm_heads; ++head)
            rates.push_back(-0.02f * float(head + 1));
        fill(blk + "ssm_a", rates);
        add(blk + "ssm_out.weight", {inner, s.embedding_length}, s.matrices);
    }

    void add_scan(const std::string& blk, const BlueprintShape& s) {
        const uint64_t inner = s.ssm_heads * s.ssm_head_dim;
        add(blk + "ssm_in.weight",
            {s.embedding_length, 2 * inner + 2ull * s.ssm_groups * s.ssm_state + s.ssm_heads},
            s.matrices);
        add(blk + "ssm_d", {1, s.ssm_heads});
        add_heads(blk, s, {1, s.ssm_heads});
    }

    void add_delta_net(const std::string& blk, const ArchSpec& arch, const BlueprintShape& s) {
        const uint64_t n = s.embedding_length, inner = s.ssm_heads * s.ssm_head_dim;
        add(blk + "attn_qkv.weight", {n, inner + 2ull * s.ssm_groups * s.ssm_state}, s.matrices);
        add(blk + "attn_gate.weight", {n, inner}, s.matrices);
        if (arch.recurrent.joint_beta) {
            add(blk + "ssm_ba.weight", {n, 2ull * s.ssm_heads}, s.matrices);
        } else {
            add(blk + "ssm_beta.weight", {n, s.ssm_heads}, s.matrices);
            add(blk + "ssm_alpha.weight", {n, s.ssm_heads}, s.matrices);
        }
        add(blk + "ssm_norm.weight", {s.ssm_head_dim});
        add_heads(blk, s, {s.ssm_heads});
    }

    void add_named(const std::string& blk, std::string_view usual, std::vector<uint64_t> dims) {
        for (const TensorName& name : names_)
            if (name.usual == usual) return void(add(blk + std::string(name.here), dims));
        add(blk + std::string(usual), dims);
    }

    /// Keys that only some rows read.
    void add_behaviour(const ArchSpec& arch, const BlueprintShape& shape) {
        if (arch.window.full_every) set("attention.sliding_window", 4u);
        if (arch.logit_scale != LogitScale::none) set("logit_scale", 4.0f);
        if (arch.ffn.form != FfnForm::xielu) return;
        for (const char* name : {"alpha_p", "alpha_n", "beta", "eps"})
            set_raw(std::string("xielu.") + name,
                    gguf::make_array(std::vector<float>(shape.block_count, 0.5f)));
    }

    void add_tensors(const ArchSpec& arch, const BlueprintShape& s) {
        const Recurrence kind = arch.recurrent.kind;
        add("token_embd.weight", {s.embedding_length, s.vocab_size}, s.matrices);
        add_named("", "output_norm.weight", {s.embedding_length});
        for (uint32_t layer = 0; layer < s.block_count; ++layer) {
            const std::string blk = "blk." + std::to_string(layer) + ".";
            if (arch.norms.pre) add(blk + "attn_norm.weight", {s.embedding_length});
            if (has_attention(kind, layer)) add_attention(blk, arch, s);
            if (kind == Recurrence::short_conv && !has_attention(kind, layer)) add_conv(blk, s);
            if (kind == Recurrence::scan) add_scan(blk, s);
            if (kind == Recurrence::delta_net && !has_attention(kind, layer))
                add_delta_net(blk, arch, s);
            if (arch.norms.post_attn) add(blk + "post_attention_norm.weight", {s.embedding_length});
            if (arch.norms.pre && !arch.parallel_residual)
                add_named(blk, "ffn_norm.weight", {s.embedding_length});
            if (arch.norms.post_ffn) add(blk + "post_ffw_norm.weight", {s.embedding_length});
            if (arch.ffn.form == FfnForm::gated)
                add(blk + "ffn_gate.weight", {s.embedding_length, s.feed_forward_length},
                    s.matrices);
            add(blk + "ffn_up.weight", {s.embedding_length, s.feed_forward_length}, s.matrices);
            add(blk + "ffn_down.weight", {s.feed_forward_length, s.embedding_length}, s.matrices);
        }
    }

    std::string prefix_;
    std::array<TensorName, 2> names_;
    std::vector<gguf::KeyValue> metadata_;
    std::vector<gguf::TensorSpec> tensors_;
    std::map<std::string, std::vector<float>> values_;
};

}  // namespace m2w::test
