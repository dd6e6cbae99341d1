// op_rig.cpp — three executors of one Plan, fed with the same inputs.
#include "runtime/kernel_check/op_rig.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <thread>

#include "runtime/kernel_check/op_plan.h"
#include "runtime/ref_executor.h"
#include "runtime/vk_executor.h"

namespace m2w::op_check {
namespace {

constexpr uint32_t kSlots = 3;  // of states: the first is never used
constexpr float kPoison = std::numeric_limits<float>::quiet_NaN();

Result<std::unique_ptr<Backend>> make_backend(Side side, const OpPlan& ops,
                                              const RigOptions& options,
                                              const ExecutorOptions& planned) {
    if (side == Side::reference) return make_ref_backend(ops.plan, ops.file, {});
    VkBackendOptions how{.device = options.device, .validation = options.validation};
    how.max_piece_bytes = options.max_piece_bytes;
    how.gpu_kernels = how.discrete_memory = side == Side::gpu;
    return make_vk_backend(ops.plan, ops.file, how, planned, {});
}

bool same_bits(std::span<const float> a, std::span<const float> b) {
    return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size_bytes()) == 0;
}

/// The slots of the past and of the new state.
uint32_t state_slot(Mode mode) {
    return mode == Mode::in ? 1 : 2;
}

Result<void> write(Executor& executor, const Slot& slot, std::span<const float> data) {
    if (slot.kind == Bind::state)
        return executor.write_state(slot.index, state_slot(slot.mode), data);
    return executor.write_value(slot.index, data);
}

Result<std::vector<float>> read(Executor& executor, const Slot& slot) {
    if (slot.kind == Bind::cache) return executor.read_cache(slot.index);
    if (slot.kind == Bind::state) return executor.read_state(slot.index, state_slot(slot.mode));
    return executor.read_value(slot.index);
}

}  // namespace

const char* side_name(Side side) {
    constexpr const char* kNames[] = {"reference", "device", "gpu kernels"};
    static_assert(std::size(kNames) == kSides);
    return kNames[size_t(side)];
}

struct OpRig::Impl {
    std::vector<StepCase> steps;
    RigOptions options;
    OpPlan ops;
    std::array<std::unique_ptr<Backend>, kSides> backends;
    std::array<std::unique_ptr<Executor>, kSides> executors;
    std::array<std::vector<std::vector<float>>, kSides> after, before;  // [slots]
    std::vector<std::vector<float>> inputs;                             // [slots]
    std::array<std::vector<std::string>, kSides> violations;
    BatchCase last;

    size_t n_sides() const { return options.gpu_side ? kSides : kSides - 1; }
    uint32_t rows_of(const Slot& slot, const BatchCase& batch) const {
        if (slot.kind == Bind::state) return 1;
        return slot.rows == Rows::n_tok ? batch.n_tok : batch.n_out;
    }
    ExecutorOptions executor_options(uint32_t n_tok, uint32_t n_out, uint32_t end) const {
        return {.n_ctx = std::max(options.n_ctx, end),
                .n_batch = n_tok,
                .n_out = n_out,
                .n_slots = kSlots,
                .cache = options.cache,
                .keep_values = true};
    }

    Result<void> make_executors(const BatchCase& batch);
    void make_inputs(const BatchCase& batch);
    std::vector<uint32_t> tokens(const BatchCase& batch) const;
    Result<void> run(Side side, const BatchCase& batch);
    Result<void> poison_next_position(Executor& executor, const BatchCase& batch);
    const std::vector<float>& find(const std::vector<std::vector<float>>& of, size_t step,
                                   std::string_view binding) const;
};

OpRig::OpRig(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
OpRig::~OpRig() {
    for (auto& executor : impl_->executors) executor.reset();  // before their backends
}

Result<std::unique_ptr<OpRig>> OpRig::create(std::span<const StepCase> steps,
                                             const RigOptions& options) {
    auto impl = std::make_unique<Impl>();
    impl->steps.assign(steps.begin(), steps.end());
    impl->options = options;
    TRY(impl->ops, make_op_plan(impl->steps));
    for (size_t side = 0; side < impl->n_sides(); ++side) {
        TRY(impl->backends[side],
            make_backend(Side(side), impl->ops, options,
                         impl->executor_options(std::max(options.n_batch, 1u), 1, 1)));
        impl->after[side].resize(impl->ops.slots.size());
        impl->before[side].resize(impl->ops.slots.size());
    }
    return std::unique_ptr<OpRig>(new OpRig(std::move(impl)));
}

Result<void> OpRig::Impl::make_executors(const BatchCase& batch) {
    if (options.n_batch && executors[0]) return {};
    const uint32_t n_tok = options.n_batch ? options.n_batch : batch.n_tok;
    const uint32_t n_out = options.n_batch ? options.n_batch : batch.n_out;
    const auto how = executor_options(n_tok, n_out, batch.pos + batch.n_tok);
    for (size_t side = 0; side < n_sides(); ++side) {
        TRY(executors[side], backends[side]->new_executor(how));
    }
    return {};
}

void OpRig::Impl::make_inputs(const BatchCase& batch) {
    inputs.assign(ops.slots.size(), {});
    for (size_t i = 0; i < ops.slots.size(); ++i) {
        const Slot& slot = ops.slots[i];
        const StepCase& step = steps[slot.step];
        if (slot.kind == Bind::cache || slot.mode == Mode::out) continue;
        std::vector<float>& data = inputs[i];
        data.resize(rows_of(slot, batch) * slot.width);
        if (slot.kind == Bind::state && batch.pos == 0) {  // must not be looked at
            std::fill(data.begin(), data.end(), kPoison);
            continue;
        }
        if (step.fill && step.fill(slot.binding, batch, data)) continue;
        Random random(fmt::format("{}.{}.{}", step.full_name(), slot.binding, batch.name()));
        random.fill(data, step.scale_of(slot.binding));
    }
}

std::vector<uint32_t> OpRig::Impl::tokens(const BatchCase& batch) const {
    if (!batch.tokens.empty()) return batch.tokens;
    std::vector<uint32_t> ids(batch.n_tok, 0);
    if (ops.n_vocab == 0) return ids;
    Random random("tokens " + batch.name());
    for (uint32_t& id : ids) id = random.below(ops.n_vocab);
    ids.front() = 0;
    ids.back() = ops.n_vocab - 1;
    return ids;
}

/// NaN in the cache of an attend behind the last position that the batch may see, in that of a
/// rope_attend where it is to write the batch's own.
Result<void> OpRig::Impl::poison_next_position(Executor& executor, const BatchCase& batch) {
    uint32_t position = options.n_ctx;
    for (const Slot& slot : ops.slots) {
        const Op op = steps[slot.step].op;
        if ((op != Op::attend && op != Op::rope_attend) || slot.mode == Mode::out) continue;
        TRY(executor.write_value(slot.index, std::vector<float>(slot.width, kPoison)));
        position = op == Op::attend ? batch.pos + batch.n_tok : batch.pos;
    }
    if (position >= options.n_ctx) return {};
    const uint32_t token = 0;
    TRY(executor.run({std::span(&token, 1), position, 1}));
    return {};
}

Result<void> OpRig::Impl::run(Side side, const BatchCase& batch) {
    Executor& executor = *executors[size_t(side)];
    TRY(poison_next_position(executor, batch));
    for (size_t i = 0; i < ops.slots.size(); ++i) {
        const Slot& slot = ops.slots[i];
        if (slot.kind == Bind::cache) {
            TRY(before[size_t(side)][i], executor.read_cache(slot.index));
            continue;
        }
        const std::vector<float> poison(rows_of(slot, batch) * slot.width, kPoison);
        TRY(write(executor, slot, slot.mode == Mode::in ? inputs[i] : poison));
    }
    std::vector<float> logits(size_t(batch.n_out) * kLogitsWidth);
    Random("logits " + batch.name()).fill(logits, 1);
    TRY(executor.write_value(ops.plan->logits, logits));
    const std::vector<uint32_t> ids = tokens(batch);
    TRY(const auto returned,
        executor.run({ids, batch.pos, batch.n_out, state_slot(Mode::in), state_slot(Mode::out)}));
    if (!same_bits(returned, logits))
        violations[size_t(side)].push_back("run() does not return the logits");
    for (size_t i = 0; i < ops.slots.size(); ++i) {
        const Slot& slot = ops.slots[i];
        TRY(auto data, read(executor, slot));
        // A stray write into the next value shows here: values lie side by side in this order.
        if (slot.mode == Mode::in && slot.kind != Bind::cache && !same_bits(data, inputs[i]))
            violations[size_t(side)].push_back(fmt::format(
                "input {} of {} was overwritten", slot.binding, steps[slot.step].full_name()));
        if (options.spoil && side == Side::device && slot.mode == Mode::out)
            options.spoil(steps[slot.step], slot.binding, data);
        after[size_t(side)][i] = std::move(data);
    }
    for (const std::string& message : validation_messages(*backends[size_t(side)]))
        violations[size_t(side)].push_back("validation layer: " + message);
    return {};
}

const std::vector<float>& OpRig::Impl::find(const std::vector<std::vector<float>>& of, size_t step,
                                            std::string_view binding) const {
    for (size_t i = 0; i < ops.slots.size(); ++i)
        if (ops.slots[i].step == step && ops.slots[i].binding == binding) return of[i];
    M2W_ASSERT(false && "the step has no such binding");
    return of[0];
}

Result<void> OpRig::run(const BatchCase& batch) {
    for (auto& violations : impl_->violations) violations.clear();
    impl_->last = batch;
    TRY(impl_->make_executors(batch));
    impl_->make_inputs(batch);
    std::array<Result<void>, kSides> ran;
    {
        // At the same time: drivers compile on one core.
        std::vector<std::jthread> threads;
        for (size_t side = 0; side < impl_->n_sides(); ++side)
            threads.emplace_back([&, side] { ran[side] = impl_->run(Side(side), batch); });
    }
    for (size_t side = 0; side < impl_->n_sides(); ++side) {
        TRY(std::move(ran[side]));
    }
    return {};
}

const std::vector<float>& OpRig::output(Side side, size_t step, std::string_view binding) const {
    return impl_->find(impl_->after[size_t(side)], step, binding);
}

const std::vector<float>& OpRig::before(Side side, size_t step, std::string_view binding) const {
    return impl_->find(impl_->before[size_t(side)], step, binding);
}

std::string OpRig::kernel(size_t step) const {
    const OpPlan& ops = impl_->ops;
    return kernel_of(*impl_->backends[size_t(Side::device)], ops.step_of[step],
                     impl_->options.cache, impl_->last.n_tok, impl_->last.n_out);
}

vk::DeviceInfo OpRig::device() const {
    return *device_info(*impl_->backends[size_t(Side::device)]);
}

std::vector<std::string> OpRig::violations() const {
    std::vector<std::string> all;
    for (size_t side = 0; side < impl_->n_sides(); ++side)
        for (const std::string& violation : impl_->violations[side])
            all.push_back(fmt::format("{}: {}", side_name(Side(side)), violation));
    return all;
}

}  // namespace m2w::op_check
