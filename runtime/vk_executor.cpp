// vk_executor.cpp — records the Steps of a Plan once for each batch shape, and submits them again
// and again.
#include "runtime/vk_executor.h"

#include <algorithm>
#include <atomic>
#include <cstring>
#include <exception>
#include <new>
#include <optional>
#include <thread>

#include "gguf/float16.h"
#include "kernels/push_layout.h"
#include "kernels/spirv.h"
#include "runtime/hazards.h"
#include "runtime/memory.h"
#include "runtime/testing.h"
#include "runtime/upload_front.h"
#include "runtime/value_memory.h"
#include "runtime/vk/commands.h"
#include "runtime/vk/pipeline.h"
#include "runtime/vk/upload.h"
#include "runtime/vk_kernels.h"
#include "runtime/vk_weights.h"

namespace m2w {
namespace {

/// What backends and their executors share; lives as long as any of them.
struct VkShared {
    std::shared_ptr<const Plan> plan;
    std::unique_ptr<vk::Device> device;  // before everything that is made from it
    std::unique_ptr<vk::Pipelines> pipelines;
    std::unique_ptr<const VkWeights> weights;
    KernelProfile profile;
    bool as_cpu = false;               // a CPU device: the host and its shaders share memory
    std::optional<UploadFront> front;  // always there once made
    std::jthread loader;  // last: it ends before what it uses does. Empty unless started early
};

std::span<const uint32_t> find_spirv(std::string_view name) {
    const auto modules = spirv_modules();
    const auto at =
        std::lower_bound(modules.begin(), modules.end(), name,
                         [](const SpirvModule& m, std::string_view n) { return m.name < n; });
    M2W_ASSERT(at != modules.end() && at->name == name);
    return at->words;
}

/// Push constants in the order of kernels/push_layout.h.
class PushWriter {
  public:
    void word(uint32_t value) { put(&value, 4); }
    void address(uint64_t value) { put(&value, 8); }
    std::span<const std::byte> bytes() const { return std::span(data_).first(size_); }

  private:
    void put(const void* from, size_t n) {
        M2W_ASSERT(size_ + n <= data_.size());
        std::memcpy(data_.data() + size_, from, n);
        size_ += n;
    }
    std::array<std::byte, 128> data_{};
    size_t size_ = 0;
};

/// Rows that a Step writes.
uint32_t output_rows(const Plan& plan, const Step& step, uint32_t n_tok, uint32_t n_out) {
    const OpInfo& info = op_info(step.op);
    for (size_t i = 0; i < info.n_bindings(); ++i) {
        const Binding& binding = info.bindings[i];
        if (binding.kind == Bind::activation && binding.mode == Mode::out &&
            step.operands[i].present() && plan.values[step.operands[i].index].rows == Rows::n_out)
            return n_out;
    }
    return n_tok;
}

/// The matrix of a Step; one empty piece where it has none.
const DeviceTensor& weight_of(const VkWeights& weights, const Step& step) {
    static const DeviceTensor kNone{DType::f32, std::vector<WeightPiece>(1)};
    const OpInfo& info = op_info(step.op);
    for (size_t i = 0; i < info.n_bindings(); ++i)
        if (info.bindings[i].kind == Bind::weight) return weights[step.operands[i].index];
    return kNone;
}

KernelChoice choose(const VkShared& shared, const Step& step, CacheType cache,
                    const DeviceTensor& weight, const WeightPiece& piece, uint32_t rows) {
    return choose_kernel(shared.profile, shared.device->caps(), step, cache,
                         {weight.dtype, piece.rows, piece.texels != VK_NULL_HANDLE, weight.nbits},
                         rows);
}

class VkExecutor final : public Executor {
  public:
    static Result<std::unique_ptr<Executor>> create(std::shared_ptr<const VkShared> shared,
                                                    const ExecutorOptions& options) {
        auto executor = std::unique_ptr<VkExecutor>(new VkExecutor(std::move(shared), options));
        TRY(executor->allocate());
        return std::unique_ptr<Executor>(std::move(executor));
    }

    Result<std::span<const float>> run(const Batch& batch) override {
        M2W_ASSERT(batch.tokens.size() <= options_.n_batch && batch.n_out <= options_.n_out);
        M2W_ASSERT(batch.pos + batch.tokens.size() <= options_.n_ctx);
        M2W_ASSERT(plan_.states.empty() ||
                   (batch.past_slot != batch.state_slot && batch.past_slot < options_.n_slots &&
                    batch.state_slot < options_.n_slots));
        const DynamicBlock block{.pos = batch.pos,
                                 .past_slot = batch.past_slot,
                                 .state_slot = batch.state_slot,
                                 .n_ctx = options_.n_ctx};
        std::memcpy(host_dynamic_.mapped(), &block, sizeof block);
        std::memcpy(host_dynamic_.mapped() + sizeof block, batch.tokens.data(),
                    batch.tokens.size_bytes());
        last_tok_ = uint32_t(batch.tokens.size());
        last_out_ = batch.n_out;
        if (shared_->front->complete()) {
            TRY(Recording * recording, recording_for(last_tok_, last_out_));
            TRY(recording->commands->submit_and_wait());
        } else {
            TRY(run_behind_the_front(last_tok_, last_out_));
        }
        const auto* logits = reinterpret_cast<const float*>(
            logits_in_place() ? value_slice(plan_.logits, batch.n_out).mapped()
                              : readback_.mapped());
        return std::span(logits, size_t(batch.n_out) * plan_.n_vocab);
    }

    uint32_t n_submissions() const { return n_submissions_; }

    bool took(const ShortCut& cut) const override { return takes(cut, last_tok_, last_out_); }

    Result<std::vector<float>> read_value(uint32_t value) override {
        const uint32_t rows = plan_.values[value].rows == Rows::n_tok ? last_tok_ : last_out_;
        std::vector<float> out(size_t(rows) * plan_.values[value].width);
        TRY(vk::download(*shared_->device, value_slice(value, rows),
                         std::as_writable_bytes(std::span(out))));
        return out;
    }

    Result<void> write_value(uint32_t value, std::span<const float> data) override {
        vk::Uploader uploader(*shared_->device);
        const vk::Slice to = activations_.part(memory_.offset_bytes[value], data.size_bytes());
        TRY(uploader.write(to, std::as_bytes(data)));
        return uploader.flush();
    }

    Result<std::vector<float>> read_cache(uint32_t cache) override {
        const vk::Slice from = caches_[cache];
        const PlanCache& shape = plan_.caches[cache];
        std::vector<float> out(size_t(cache_rows(shape, options_)) * shape.width);
        if (options_.cache == CacheType::f32) {
            TRY(vk::download(*shared_->device, from, std::as_writable_bytes(std::span(out))));
            return out;
        }
        std::vector<uint16_t> halves(out.size());
        TRY(vk::download(*shared_->device, from, std::as_writable_bytes(std::span(halves))));
        std::transform(halves.begin(), halves.end(), out.begin(), f16_to_f32);
        return out;
    }

    Result<std::vector<float>> read_state(uint32_t state, uint32_t slot) override {
        std::vector<float> out(plan_.states[state].words);
        TRY(vk::download(*shared_->device, state_part(state, slot),
                         std::as_writable_bytes(std::span(out))));
        return out;
    }

    Result<void> write_state(uint32_t state, uint32_t slot, std::span<const float> data) override {
        vk::Uploader uploader(*shared_->device);
        TRY(uploader.write(state_part(state, slot), std::as_bytes(data)));
        return uploader.flush();
    }

  private:
    /// The commands of one batch shape.
    struct Recording {
        uint32_t n_tok = 0, n_out = 0;
        std::unique_ptr<vk::Commands> commands;
    };

    VkExecutor(std::shared_ptr<const VkShared> shared, const ExecutorOptions& options)
        : shared_(std::move(shared)), plan_(*shared_->plan), options_(options) {}

    Result<void> allocate() {
        vk::Device& device = *shared_->device;
        memory_ = place_values(plan_, options_.n_batch, options_.n_out, options_.keep_values);
        // A window that starts at the last value still lies inside the buffer.
        const uint64_t activation_bytes = memory_.size_bytes + shared_->profile.window_bytes;
        TRY(activations_,
            vk::Buffer::create(device, activation_bytes, vk::Memory::device, "activations"));
        if (shared_->profile.window_bytes) {
            TRY(auto window, vk::UniformWindow::create(device, activations_));
            window_ = std::move(window);
        }
        const uint64_t element_bytes = options_.cache == CacheType::f16 ? 2 : 4;
        std::vector<uint64_t> sizes;
        for (const PlanCache& cache : plan_.caches)
            sizes.push_back(uint64_t(cache_rows(cache, options_)) * cache.width * element_bytes);
        TRY(auto caches, vk::Arena::create(device, sizes, "key-value cache"));
        cache_arena_ = std::move(caches);
        for (size_t i = 0; i < sizes.size(); ++i) caches_.push_back((*cache_arena_)[i]);
        TRY(allocate_states());
        TRY(upload_constants());

        const uint64_t dynamic_bytes = sizeof(DynamicBlock) + uint64_t(options_.n_batch) * 4;
        TRY(host_dynamic_, vk::Buffer::create(device, dynamic_bytes, vk::Memory::upload, "batch"));
        if (!shared_->as_cpu) {
            TRY(dynamic_, vk::Buffer::create(device, dynamic_bytes, vk::Memory::device, "batch"));
        }
        if (!logits_in_place()) {
            const uint64_t bytes = uint64_t(options_.n_out) * plan_.n_vocab * 4;
            TRY(readback_, vk::Buffer::create(device, bytes, vk::Memory::readback, "logits"));
        }
        return {};
    }

    Result<void> allocate_states() {
        std::vector<uint64_t> sizes;
        for (const PlanState& state : plan_.states)
            sizes.push_back(uint64_t(options_.n_slots) * state.words * 4);
        if (sizes.empty()) return {};
        TRY(auto states, vk::Arena::create(*shared_->device, sizes, "recurrent states"));
        state_arena_ = std::move(states);
        return {};
    }

    Result<void> upload_constants() {
        std::vector<uint64_t> sizes;
        for (const PlanConstant& c : plan_.constants) sizes.push_back(c.words.size() * 4);
        if (sizes.empty()) return {};
        TRY(auto arena, vk::Arena::create(*shared_->device, sizes, "constants"));
        constant_arena_ = std::move(arena);
        vk::Uploader uploader(*shared_->device);
        for (size_t i = 0; i < sizes.size(); ++i)
            TRY(uploader.write((*constant_arena_)[i],
                               std::as_bytes(std::span(plan_.constants[i].words))));
        return uploader.flush();
    }

    /// On a CPU device the host reads logits where they are.
    bool logits_in_place() const { return shared_->as_cpu && activations_.mapped(); }
    const vk::Buffer& dynamic_buffer() const { return dynamic_ ? dynamic_ : host_dynamic_; }

    vk::Slice value_slice(uint32_t value, uint32_t rows) const {
        return activations_.part(memory_.offset_bytes[value],
                                 uint64_t(rows) * plan_.values[value].width * 4);
    }

    vk::Slice state_part(uint32_t state, uint32_t slot) const {
        const uint64_t bytes = uint64_t(plan_.states[state].words) * 4;
        return (*state_arena_)[state].part(slot * bytes, bytes);
    }

    /// Single tokens stay recorded; of other shapes the last one.
    Result<Recording*> recording_for(uint32_t n_tok, uint32_t n_out) {
        Recording& recording = n_tok == 1 ? single_ : other_;
        if (recording.commands && recording.n_tok == n_tok && recording.n_out == n_out)
            return &recording;
        if (!recording.commands) {
            TRY(auto commands, vk::Commands::create(*shared_->device));
            recording.commands = std::make_unique<vk::Commands>(std::move(commands));
        }
        recording.n_tok = recording.n_out = 0;  // not valid until it is complete
        TRY(record(*recording.commands, n_tok, n_out));
        recording.n_tok = n_tok;
        recording.n_out = n_out;
        return &recording;
    }

    Result<void> record(vk::Commands& commands, uint32_t n_tok, uint32_t n_out) {
        TRY(commands.begin());
        record_batch(commands, n_tok);
        HazardTracker hazards;
        for (const Step* step : steps_of(n_tok, n_out))
            TRY(record_step(commands, hazards, *step, n_tok, n_out));
        record_logits(commands, n_out);
        return commands.end();
    }

    bool takes(const ShortCut& cut, uint32_t n_tok, uint32_t n_out) const {
        return shared_->profile.short_cuts && output_rows(plan_, cut.step, n_tok, n_out) == 1;
    }

    /// What a batch runs: the Plan's Steps, or short cuts where it has one row of what they do.
    std::vector<const Step*> steps_of(uint32_t n_tok, uint32_t n_out) const {
        std::vector<const Step*> steps;
        auto cut = plan_.short_cuts.begin();
        for (uint32_t s = 0; s < plan_.steps.size();) {
            const bool here = cut != plan_.short_cuts.end() && cut->first == s;
            const bool taken = here && takes(*cut, n_tok, n_out);
            steps.push_back(taken ? &cut->step : &plan_.steps[s]);
            s += taken ? cut->n : 1;
            cut += here;
        }
        return steps;
    }

    /// While weights still arrive: submits as many Steps at a time as have theirs, so that the
    /// last Steps are all that is left to do when the last tensor comes.
    Result<void> run_behind_the_front(uint32_t n_tok, uint32_t n_out) {
        const UploadFront& front = *shared_->front;
        const auto has_weights = [&](const Step& step) {
            bool all = true;
            for_each_tensor(step, [&](uint32_t tensor) { all = all && front.has(tensor); });
            return all;
        };
        TRY(auto commands, vk::Commands::create(*shared_->device));
        const std::vector<const Step*> steps = steps_of(n_tok, n_out);
        n_submissions_ = 0;
        for (auto step = steps.begin(); step != steps.end(); ++n_submissions_) {
            Result<void> arrived;
            for_each_tensor(**step, [&](uint32_t tensor) {
                if (arrived) arrived = front.wait(tensor);
            });
            TRY(std::move(arrived));
            TRY(commands.begin());
            if (step == steps.begin()) record_batch(commands, n_tok);
            commands.barrier(vk::Stage::compute, vk::Stage::compute);
            HazardTracker hazards;
            do {
                TRY(record_step(commands, hazards, **step, n_tok, n_out));
            } while (++step != steps.end() && has_weights(**step));
            if (step == steps.end()) record_logits(commands, n_out);
            TRY(commands.end());
            TRY(commands.submit_and_wait());
        }
        return {};
    }

    /// Brings the batch where shaders read it.
    void record_batch(vk::Commands& commands, uint32_t n_tok) {
        if (!dynamic_) return;
        const uint64_t bytes = sizeof(DynamicBlock) + uint64_t(n_tok) * 4;
        commands.copy(host_dynamic_.part(0, bytes), dynamic_.part(0, bytes));
        commands.barrier(vk::Stage::transfer, vk::Stage::compute);
    }

    /// Brings the logits where the host reads them.
    void record_logits(vk::Commands& commands, uint32_t n_out) {
        if (!logits_in_place()) {
            commands.barrier(vk::Stage::compute, vk::Stage::transfer);
            const vk::Slice logits = value_slice(plan_.logits, n_out);
            commands.copy(logits, readback_.part(0, logits.size_bytes));
            commands.barrier(vk::Stage::transfer, vk::Stage::host);
        } else {
            commands.barrier(vk::Stage::compute, vk::Stage::host);
        }
    }

    /// Whether a kernel takes slots in the order that the Step computes.
    bool is_read_by_kernels(const Step& order, uint32_t n_tok, uint32_t n_out) const {
        return std::any_of(plan_.steps.begin(), plan_.steps.end(), [&](const Step& step) {
            if (step.op != Op::expert_matmul ||
                step.operand("order").index != order.operand("order").index)
                return false;
            const DeviceTensor& weight = weight_of(*shared_->weights, step);
            const uint32_t rows = output_rows(plan_, step, n_tok, n_out);
            return choose(*shared_, step, options_.cache, weight, weight.pieces[0], rows).sorted;
        });
    }

    Result<void> record_step(vk::Commands& commands, HazardTracker& hazards, const Step& step,
                             uint32_t n_tok, uint32_t n_out) {
        // Few slots are taken as they come; sorting them would only make the others wait.
        if (step.op == Op::expert_order && !options_.keep_values &&
            !is_read_by_kernels(step, n_tok, n_out))
            return {};
        std::vector<ByteRange> reads, writes;
        const uint32_t rows = output_rows(plan_, step, n_tok, n_out);
        const DeviceTensor& weight = weight_of(*shared_->weights, step);
        const OpInfo& info = op_info(step.op);
        for (size_t i = 0; i < info.n_bindings(); ++i) {
            const Binding& binding = info.bindings[i];
            const Operand operand = step.operands[i];
            const bool tracked = binding.kind == Bind::activation || binding.kind == Bind::cache ||
                                 binding.kind == Bind::state;
            if (!tracked || !operand.present()) continue;
            const vk::Slice slice = slice_of(binding.kind, operand.index, n_tok, n_out);
            (binding.mode == Mode::in ? reads : writes)
                .push_back({slice.address(), slice.address() + slice.size_bytes});
        }
        if (hazards.before(reads, writes)) commands.barrier(vk::Stage::compute, vk::Stage::compute);
        for (const WeightPiece& piece : weight.pieces)
            TRY(dispatch(commands, step, weight, piece, rows, n_tok));
        return {};
    }

    vk::Slice slice_of(Bind kind, uint32_t index, uint32_t n_tok, uint32_t n_out) const {
        if (kind == Bind::cache) return caches_[index];
        if (kind == Bind::state) return (*state_arena_)[index];
        return value_slice(index, plan_.values[index].rows == Rows::n_tok ? n_tok : n_out);
    }

    /// One dispatch, or one for each dispatch_rows rows.
    Result<void> dispatch(vk::Commands& commands, const Step& step, const DeviceTensor& weight,
                          const WeightPiece& piece, uint32_t rows, uint32_t n_tok) {
        const KernelChoice choice = choose(*shared_, step, options_.cache, weight, piece, rows);
        const bool pin = shared_->device->caps().subgroup_size_control && choice.subgroup_size;
        Step pushed = step;
        pushed.op = choice.pushed_as.value_or(step.op);
        std::vector<VkDescriptorSetLayout> sets;
        if (choice.window) sets = {window_->layout(), shared_->weights->texel_layout()};
        TRY(const vk::Pipeline* pipeline,
            shared_->pipelines->get({.name = choice.name,
                                     .spirv = find_spirv(choice.name),
                                     .constants = choice.constants,
                                     .push_constant_bytes = push_constant_bytes(op_info(pushed.op)),
                                     .subgroup_size = pin ? choice.subgroup_size : 0,
                                     .set_layouts = sets}));
        const uint32_t rows_a_dispatch = choice.dispatch_rows ? choice.dispatch_rows : rows;
        for (uint32_t row = 0; row < rows; row += rows_a_dispatch) {
            const uint32_t count = std::min(rows_a_dispatch, rows - row);
            const PushWriter push = push_constants(pushed, piece, row, count, n_tok);
            vk::Groups groups = choice.groups;
            if (choice.cols)
                groups.z = (count * choice.columns_a_row + choice.cols - 1) / choice.cols;
            if (!choice.window) {
                commands.dispatch(*pipeline, push.bytes(), groups);
                continue;
            }
            const uint64_t offset =
                activation_address(step.operand("x").index, row) - activations_.address();
            commands.dispatch(*pipeline, push.bytes(), groups, *window_, uint32_t(offset),
                              piece.texels);
        }
        return {};
    }

    /// Push constants of a Step for activation rows [row0, row0 + rows).
    PushWriter push_constants(const Step& step, const WeightPiece& piece, uint32_t row0,
                              uint32_t rows, uint32_t n_tok) const {
        PushWriter push;
        push.address(dynamic_buffer().address());
        push.word(rows);
        push.word(n_tok);
        const OpInfo& info = op_info(step.op);
        const PlanCache* cache = nullptr;
        for (size_t i = 0; i < info.n_bindings(); ++i) {
            const Bind kind = info.bindings[i].kind;
            if (kind == Bind::cache) cache = &plan_.caches[step.operands[i].index];
            push_operand(push, kind, step.operands[i], piece, row0);
        }
        if (has_binding(info, Bind::weight)) {
            push.word(uint32_t(piece.row0));
            push.word(uint32_t(piece.rows));
        }
        if (cache) push.word(cache_rows(*cache, options_));
        for (size_t i = 0; i < info.n_params(); ++i)
            if (!info.params[i].constant) push.word(step.params[i]);
        return push;
    }

    void push_operand(PushWriter& push, Bind kind, Operand operand, const WeightPiece& piece,
                      uint32_t row0) const {
        switch (kind) {
            case Bind::weight:
                for (uint32_t plane = 0; plane < kWeightPlanes; ++plane)
                    push.address(plane < piece.layout.count
                                     ? piece.memory.address() + piece.layout.offset_bytes[plane]
                                     : 0);
                return;
            case Bind::vector:
                return push.address(
                    operand.present()
                        ? (*shared_->weights)[operand.index].pieces[0].memory.address()
                        : 0);
            case Bind::activation:
                return push.address(operand.present() ? activation_address(operand.index, row0)
                                                      : 0);
            case Bind::constant:
                return push.address(operand.present() ? (*constant_arena_)[operand.index].address()
                                                      : 0);
            case Bind::cache:
                return push.address(caches_[operand.index].address());
            case Bind::state:
                return push.address((*state_arena_)[operand.index].address());
            case Bind::tokens:
                return push.address(dynamic_buffer().address() + sizeof(DynamicBlock));
            case Bind::none:
                return;
        }
    }

    uint64_t activation_address(uint32_t value, uint32_t row) const {
        return activations_.address() + memory_.offset_bytes[value] +
               uint64_t(row) * plan_.values[value].width * 4;
    }

    std::shared_ptr<const VkShared> shared_;
    const Plan& plan_;
    ExecutorOptions options_;
    ValueMemory memory_;
    vk::Buffer activations_;                   // f32, all values (memory_)
    std::optional<vk::Arena> cache_arena_;     // f16 or f32 [n_caches][n_rows][width]
    std::optional<vk::Arena> constant_arena_;  // u32
    std::optional<vk::Arena> state_arena_;     // f32 [n_states][n_slots][words]
    std::vector<vk::Slice> caches_;
    vk::Buffer host_dynamic_,
        dynamic_;  // DynamicBlock, then token ids u32 [n_batch]; dynamic_ is empty on a CPU device
    vk::Buffer readback_;  // logits f32 [n_out][n_vocab], unless they are read in place
    std::optional<vk::UniformWindow>
        window_;  // over activations_, on devices whose profile wants it
    Recording single_, other_;
    uint32_t last_tok_ = 0, last_out_ = 0;
    std::atomic<uint32_t> n_submissions_ = 0;  // of the last batch that ran while weights arrived
};

class VkBackend final : public Backend {
  public:
    explicit VkBackend(std::shared_ptr<const VkShared> shared) : shared_(std::move(shared)) {}

    Result<std::unique_ptr<Executor>> new_executor(const ExecutorOptions& options) const override {
        return VkExecutor::create(shared_, options);
    }
    const std::string& device_name() const override { return shared_->device->info().name; }
    DeviceMemory memory() const override { return {device_memory(*shared_->device)}; }
    Result<void> loaded() const override { return shared_->front->wait_all(); }
    vk::Device& device() const { return *shared_->device; }
    std::string kernel_of(uint32_t index, CacheType cache, uint32_t n_tok, uint32_t n_out) const {
        const Step& step = shared_->plan->steps[index];
        const DeviceTensor& weight = weight_of(*shared_->weights, step);
        return choose(*shared_, step, cache, weight, weight.pieces[0],
                      output_rows(*shared_->plan, step, n_tok, n_out))
            .name;
    }

    /// A CPU device's heap is nominal: main memory is what counts there.
    static uint64_t device_memory(const vk::Device& device) {
        return device.caps().is_cpu ? available_main_memory() : device.memory().heap_bytes;
    }

  private:
    std::shared_ptr<const VkShared> shared_;
};

/// What the loading thread does: nothing may leave it but through the front.
void load_early(VkShared& to, const WeightUpload& from) noexcept {
    try {
        if (auto done = to.weights->upload(*to.device, from, *to.front); !done)
            to.front->fail(std::move(done).error());
    } catch (const std::bad_alloc&) {
        to.front->fail({Category::out_of_memory, "loading weights: out of memory"});
    } catch (const std::exception& e) {
        to.front->fail({Category::internal, std::string("loading weights: ") + e.what()});
    }
}

}  // namespace

Result<std::unique_ptr<Backend>> make_vk_backend(std::shared_ptr<const Plan> plan,
                                                 std::shared_ptr<const gguf::File> file,
                                                 const VkBackendOptions& options,
                                                 const ExecutorOptions& planned,
                                                 const ProgressFn& progress) {
    TRY(check_kernels(*plan));
    auto shared = std::make_shared<VkShared>();
    TRY(shared->device, vk::Device::open(options.device, {.validation = options.validation},
                                         {.discrete_memory = options.discrete_memory}));
    TRY(check_fits(*plan, planned, {VkBackend::device_memory(*shared->device)}));
    TRY(shared->pipelines, vk::Pipelines::create(*shared->device));
    shared->as_cpu = shared->device->caps().is_cpu && !options.gpu_kernels;
    shared->profile = kernel_profile(shared->device->caps(), shared->as_cpu);
    const WeightOptions how{options.max_piece_bytes, shared->profile.window_bytes > 0};
    TRY(auto weights, VkWeights::place(*shared->device, *plan, how));
    shared->weights = std::make_unique<const VkWeights>(std::move(weights));
    shared->front.emplace(plan->tensors.size());
    shared->plan = std::move(plan);
    if (!options.start_early) {
        TRY(shared->weights->upload(*shared->device, {*shared->plan, *file, progress},
                                    *shared->front));
    } else {
        // The thread is a member of what it fills, so it never outlives it.
        shared->loader = std::jthread(
            [to = shared.get(), file = std::move(file), progress](std::stop_token stop) {
                load_early(*to, {*to->plan, *file, progress, true, std::move(stop)});
            });
    }
    return std::unique_ptr<Backend>(std::make_unique<VkBackend>(std::move(shared)));
}

std::string kernel_of(const Backend& backend, uint32_t step, CacheType cache, uint32_t n_tok,
                      uint32_t n_out) {
    const auto* vulkan = dynamic_cast<const VkBackend*>(&backend);
    return vulkan ? vulkan->kernel_of(step, cache, n_tok, n_out) : std::string();
}

const vk::DeviceInfo* device_info(const Backend& backend) {
    const auto* vulkan = dynamic_cast<const VkBackend*>(&backend);
    return vulkan ? &vulkan->device().info() : nullptr;
}

std::vector<std::string> validation_messages(const Backend& backend) {
    const auto* vulkan = dynamic_cast<const VkBackend*>(&backend);
    return vulkan ? vulkan->device().instance().validation_messages() : std::vector<std::string>{};
}

vk::Device* device_of(const Backend& backend) {
    const auto* vulkan = dynamic_cast<const VkBackend*>(&backend);
    return vulkan ? &vulkan->device() : nullptr;
}

uint32_t early_submissions(const Executor& executor) {
    const auto* vulkan = dynamic_cast<const VkExecutor*>(&executor);
    return vulkan ? vulkan->n_submissions() : 0;
}

}  // namespace m2w
