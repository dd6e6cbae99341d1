// ref_executor.cpp — one case a Step over the functions of kernels/reference.h.
#include "runtime/ref_executor.h"

#include <algorithm>

#include "gguf/validate.h"
#include "kernels/reference.h"
#include "runtime/memory.h"

namespace m2w {
namespace {

/// Weights of all tensors: matrices as blocks, vectors as floats.
struct RefWeights {
    std::shared_ptr<const Plan> plan;
    std::shared_ptr<const gguf::File> file;     // may be mapped: matrices point into it
    std::vector<std::vector<std::byte>> owned;  // [n_tensors] for sources that are not mapped
    std::vector<ref::Weight> matrices;          // [n_tensors]
    std::vector<std::vector<float>> vectors;    // [n_tensors]
};

/// Rows of a file's matrix, in runs that follow each other there.
Result<void> read_rows(const gguf::File& file, const TensorPart& part, std::span<std::byte> out) {
    const uint64_t row_bytes = part.info->size_bytes / part.info->rows();
    for (uint64_t row = 0, count = 0; row < part.rows; row += count) {
        count = std::min(part.rows - row, part.file_rows.run(row));
        TRY(file.read(*part.info, part.file_rows.file_row(row) * row_bytes,
                      out.subspan(row * row_bytes, count * row_bytes)));
    }
    return {};
}

/// The arrays of n-bit codes as planes.
Result<void> load_nbits(const gguf::File& file, const Tensor& t, size_t index, RefWeights& out) {
    TRY(t.nbits->check(t.name, t.rows, t.cols));
    const PlaneLayout layout = t.planes(t.rows);
    std::vector<std::byte>& owned = out.owned[index];
    owned.resize(layout.size_bytes);
    for (const NBitsTensor::Array& array : t.nbits->arrays(t.cols)) {
        if (!array.info) continue;
        TRY(gguf::check_finite(file, *array.info));
        TRY(file.read(
            *array.info, 0,
            std::span(owned).subspan(layout.offset_bytes[array.plane], array.info->size_bytes)));
    }
    out.matrices[index] = {t.dtype, owned.data(), t.rows, t.cols, t.nbits->format, layout};
    return {};
}

Result<void> load_tensor(const gguf::File& file, const Tensor& t, size_t index, RefWeights& out) {
    if (t.nbits) return load_nbits(file, t, index, out);
    const std::vector<TensorPart> parts = t.parts();
    for (const TensorPart& part : parts) {
        TRY(gguf::check_finite(file, *part.info));
        if (!t.is_vector) continue;
        TRY(const auto values, file.decode(*part.info));
        out.vectors[index].insert(out.vectors[index].end(), values.begin(), values.end());
    }
    if (t.is_vector) return {};
    auto bytes = file.source(*t.info).view(t.info->offset_bytes, t.info->size_bytes);
    if (bytes.empty() || parts.size() > 1 || !t.file_rows.all()) {
        std::vector<std::byte>& owned = out.owned[index];
        owned.resize(t.file_bytes());
        const uint64_t row_bytes = owned.size() / t.rows;
        uint64_t row = 0;
        for (const TensorPart& part : parts) {
            TRY(read_rows(file, part,
                          std::span(owned).subspan(row * row_bytes, part.rows * row_bytes)));
            row += part.rows;
        }
        bytes = owned;
    }
    out.matrices[index] = {t.dtype, bytes.data(), t.rows, t.cols};
    return {};
}

class RefExecutor final : public Executor {
  public:
    RefExecutor(std::shared_ptr<const RefWeights> weights, const ExecutorOptions& options)
        : weights_(std::move(weights)), plan_(*weights_->plan), n_ctx_(options.n_ctx) {
        values_.resize(plan_.values.size());
        for (const PlanCache& cache : plan_.caches) {
            ref::Cache c{cache.width, options.cache == CacheType::f16, {}};
            c.rows.resize(size_t(cache_rows(cache, options)) * cache.width);
            caches_.push_back(std::move(c));
        }
        for (const PlanState& state : plan_.states)
            states_.emplace_back(options.n_slots, std::vector<float>(state.words));
    }

    Result<std::span<const float>> run(const Batch& batch) override {
        for (const Step& step : plan_.steps) run_step(step, batch);
        return std::span<const float>(values_[plan_.logits]);
    }

    bool took(const ShortCut&) const override { return false; }
    Result<std::vector<float>> read_value(uint32_t value) override { return values_[value]; }

    Result<void> write_value(uint32_t value, std::span<const float> data) override {
        values_[value].assign(data.begin(), data.end());
        return {};
    }

    Result<std::vector<float>> read_cache(uint32_t cache) override { return caches_[cache].rows; }

    Result<std::vector<float>> read_state(uint32_t state, uint32_t slot) override {
        return states_[state][slot];
    }

    Result<void> write_state(uint32_t state, uint32_t slot, std::span<const float> data) override {
        states_[state][slot].assign(data.begin(), data.end());
        return {};
    }

  private:
    void run_step(const Step& s, const Batch& batch) {
        const auto in = [&](std::string_view name) -> std::span<const float> {
            const Operand operand = s.operand(name);
            return operand.present() ? std::span<const float>(values_[operand.index])
                                     : std::span<const float>();
        };
        const auto out = [&](std::string_view name) -> std::span<float> {
            if (!s.operand(name).present()) return {};
            const PlanValue& v = plan_.values[s.operand(name).index];
            auto& data = values_[s.operand(name).index];
            data.resize((v.rows == Rows::n_tok ? batch.tokens.size() : batch.n_out) * v.width);
            return data;
        };
        const auto vec = [&](std::string_view name) -> std::span<const float> {
            const Operand operand = s.operand(name);
            return operand.present() ? std::span<const float>(weights_->vectors[operand.index])
                                     : std::span<const float>();
        };
        const auto matrix = [&](std::string_view name) -> const ref::Weight& {
            return weights_->matrices[s.operand(name).index];
        };

        switch (s.op) {
            case Op::embed:
                return ref::embed(batch.tokens, matrix("w"), s.f32("scale"), out("y"));
            case Op::take_rows:
                return ref::take_rows(in("x"), out("y"));
            case Op::rms_norm:
                return ref::rms_norm(in("x"), vec("w"), s.u32("n"), s.f32("eps"), out("y"));
            case Op::layer_norm:
                return ref::layer_norm(in("x"), vec("w"), vec("bias"), s.u32("n"), s.f32("eps"),
                                       out("y"));
            case Op::matmul:
                if (s.u32("gated_by") != 0)
                    return ref::gated_matmul(matrix("w"), in("x"), vec("bias"), gate_of(s),
                                             out("y"));
                return ref::matmul(matrix("w"), in("x"), vec("bias"), in("residual"),
                                   {out("y"), out("y2"), out("y3")});
            case Op::add:
                return ref::add(in("a"), in("b"), s.f32("scale"), out("y"));
            case Op::add_rms_norm:
                return ref::add_rms_norm(
                    in("x"), in("residual"),
                    {vec("x_w"), vec("w"), s.u32("n"), s.f32("scale"), s.f32("eps")}, out("y"),
                    out("y2"));
            case Op::norm_matmul: {
                const auto normed = ref::normed_rows(
                    in("x"), in("stream"),
                    {vec("x_norm"), vec("norm"), s.u32("k"), s.f32("scale"), s.f32("eps")},
                    out("sum"));
                if (s.u32("gated_by") != 0)
                    return ref::gated_matmul(matrix("w"), normed, {}, gate_of(s), out("y"));
                return ref::matmul(matrix("w"), normed, {}, {}, {out("y"), out("y2"), out("y3")});
            }
            case Op::rope_table:
                return ref::rope_table(turns_of(s), batch.pos, s.f32("magnitude"), out("y"));
            case Op::rope:
                return ref::rope(
                    in("x"), in("table"),
                    {s.u32("n_head"), s.u32("head_dim"), s.u32("n_rot"), Pairing(s.u32("pairing"))},
                    out("y"));
            case Op::kv_store:
                return kv_store(s, batch);
            case Op::rope_store:
                return rope_store(s, batch, vec("qk_norm"), out("y"));
            case Op::attend:
                return ref::attend(in("q"), caches_[s.operand("k_cache").index],
                                   caches_[s.operand("v_cache").index], vec("sinks"),
                                   attend_shape(s, batch.pos), out("y"));
            case Op::rope_attend: {
                std::vector<float> turned(in("q").size());
                rope_store(s, batch, vec("qk_norm"), turned);
                return ref::attend(turned, caches_[s.operand("k_cache").index],
                                   caches_[s.operand("v_cache").index], {},
                                   attend_shape(s, batch.pos), out("y"));
            }
            case Op::glu:
                return ref::glu(
                    in("gate"), in("up"),
                    {Activation(s.u32("activation")), s.f32("limit"), s.f32("up_shift")}, out("y"));
            case Op::causal_conv:
                return ref::causal_conv(
                    in("x"), vec("w"), vec("bias"), past(s, batch),
                    {s.u32("n"), s.u32("width"), Activation(s.u32("activation"))}, out("y"),
                    state(s, batch));
            case Op::ssm_scan:
                return ref::ssm_scan(
                    in("x"), in("dt"), {vec("dt_bias"), vec("a")}, vec("d"), past(s, batch),
                    {s.u32("n_head"), s.u32("head_dim"), s.u32("n_group"), s.u32("d_state")},
                    out("y"), state(s, batch));
            case Op::gated_delta:
                return ref::gated_delta(
                    in("x"), in("decay"), in("beta"), {vec("dt_bias"), vec("a")}, past(s, batch),
                    {s.u32("n_head"), s.u32("n_head_k"), s.u32("k_dim"), s.u32("v_dim"),
                     KeyHeads(s.u32("key_heads")), s.f32("eps")},
                    out("y"), state(s, batch));
            case Op::xielu:
                return ref::xielu(in("x"),
                                  {s.f32("alpha_p"), s.f32("alpha_n"), s.f32("beta"), s.f32("eps")},
                                  out("y"));
            case Op::soft_cap:
                return ref::soft_cap(in("x"), s.f32("scale"), s.f32("cap"), out("y"));
            case Op::route:
                return ref::route(in("logits"), vec("bias"),
                                  {s.u32("n_expert"), s.u32("n_used"), Scoring(s.u32("scoring")),
                                   s.u32("normalised") != 0, s.u32("n_group"),
                                   s.u32("n_group_used"), s.u32("group_top"), s.f32("scale")},
                                  out("ids"), out("weights"));
            case Op::expert_order:
                return ref::expert_order(in("ids"), s.u32("n_expert"), out("order"));
            case Op::expert_matmul:
                return ref::expert_matmul(matrix("w"), in("x"), in("ids"), vec("bias"),
                                          {s.u32("n_expert"), s.u32("n_used"), s.u32("n_x")},
                                          out("y"));
            case Op::expert_sum:
                return ref::expert_sum(in("x"), in("weights"), in("residual"), out("y"));
            case Op::join:
                return ref::join(in("a"), {s.u32("a_width"), s.u32("a_first"), s.u32("n_a")},
                                 in("b"), {s.u32("b_width"), s.u32("b_first"), s.u32("n_b")},
                                 out("y"));
            case Op::count:
                break;
        }
        M2W_ASSERT(false && "unknown op");
    }

    std::span<const float> past(const Step& s, const Batch& batch) {
        auto& slots = states_[s.operand("past").index];
        if (batch.pos > 0) return slots[batch.past_slot];
        zeros_.assign(slots[0].size(), 0);
        return zeros_;
    }

    std::span<float> state(const Step& s, const Batch& batch) {
        return states_[s.operand("state").index][batch.state_slot];
    }

    static ref::GluShape gate_of(const Step& s) {
        return {Activation(s.u32("gated_by") - 1), s.f32("limit"), s.f32("up_shift")};
    }

    static ref::AttendShape attend_shape(const Step& s, uint32_t pos) {
        const bool heated = s.op == Op::attend;
        return {.n_head = s.u32("n_head"),
                .n_head_kv = s.u32("n_head_kv"),
                .head_dim = s.u32("head_dim"),
                .value_dim = s.u32("value_dim"),
                .scale = s.f32("scale"),
                .soft_cap = s.f32("soft_cap"),
                .window = s.u32("window"),
                .temperature = heated ? s.f32("temperature") : 0,
                .temperature_length = heated ? s.u32("temperature_length") : 0,
                .pos = pos};
    }

    std::span<const uint32_t> turns_of(const Step& s) const {
        const Operand longer = s.operand("turns_long");
        const bool is_long = longer.present() && n_ctx_ > s.u32("short_context");
        return plan_.constants[(is_long ? longer : s.operand("turns")).index].words;
    }

    void kv_store(const Step& s, const Batch& batch) {
        store(s.operand("k_cache"), batch, values_[s.operand("k").index]);
        store(s.operand("v_cache"), batch, values_[s.operand("v").index]);
    }

    void rope_store(const Step& s, const Batch& batch, std::span<const float> qk_norm,
                    std::span<float> y) {
        ref::RopeShape shape{s.u32("n_head"), s.u32("head_dim"), s.u32("n_rot"),
                             Pairing(s.u32("pairing"))};
        const std::span<const float> table = values_[s.operand("table").index];
        std::vector<float> q = values_[s.operand("q").index], k = values_[s.operand("k").index];
        if (!qk_norm.empty()) {
            const size_t n = shape.head_dim;
            ref::rms_norm(q, qk_norm.first(n), n, s.f32("eps"), q);
            ref::rms_norm(k, qk_norm.last(n), n, s.f32("eps"), k);
        }
        ref::rope(q, table, shape, y);
        shape.n_head = s.u32("n_head_kv");
        std::vector<float> turned(k.size());
        ref::rope(k, table, shape, turned);
        store(s.operand("k_cache"), batch, turned);
        store(s.operand("v_cache"), batch, values_[s.operand("v").index]);
    }

    /// Rows of this batch into a cache.
    void store(Operand cache, const Batch& batch, std::span<const float> data) {
        ref::Cache& rows = caches_[cache.index];
        for (size_t t = 0; t < batch.tokens.size(); ++t)
            rows.store(uint32_t(batch.pos + t), data.subspan(t * rows.width, rows.width));
    }

    std::shared_ptr<const RefWeights> weights_;
    const Plan& plan_;
    uint32_t n_ctx_;
    std::vector<std::vector<float>> values_;  // [n_values], f32 [rows][width] of the last batch
    std::vector<ref::Cache> caches_;
    std::vector<std::vector<std::vector<float>>> states_;  // [n_states][n_slots], f32 [words]
    std::vector<float> zeros_;                             // the past at position 0
};

class RefBackend final : public Backend {
  public:
    explicit RefBackend(std::shared_ptr<const RefWeights> weights) : weights_(std::move(weights)) {}

    Result<std::unique_ptr<Executor>> new_executor(const ExecutorOptions& options) const override {
        return std::unique_ptr<Executor>(std::make_unique<RefExecutor>(weights_, options));
    }
    const std::string& device_name() const override { return name_; }
    DeviceMemory memory() const override { return {available_main_memory()}; }

  private:
    std::shared_ptr<const RefWeights> weights_;
    std::string name_ = "reference";
};

}  // namespace

Result<std::unique_ptr<Backend>> make_ref_backend(std::shared_ptr<const Plan> plan,
                                                  std::shared_ptr<const gguf::File> file,
                                                  const ProgressFn& progress) {
    auto weights = std::make_shared<RefWeights>();
    const std::vector<Tensor>& tensors = plan->tensors;
    weights->owned.resize(tensors.size());
    weights->matrices.resize(tensors.size());
    weights->vectors.resize(tensors.size());
    LoadProgress state;
    for (const Tensor& t : tensors) state.bytes_total += t.file_bytes();
    for (size_t i = 0; i < tensors.size(); ++i) {
        TRY(load_tensor(*file, tensors[i], i, *weights));
        state.bytes_done += tensors[i].file_bytes();
        if (progress) progress(state);
    }
    weights->plan = std::move(plan);
    weights->file = std::move(file);
    return std::unique_ptr<Backend>(std::make_unique<RefBackend>(std::move(weights)));
}

}  // namespace m2w
