// kernel_check.cpp — op by op, so that a driver that gives up says at which.
#include "runtime/kernel_check/kernel_check.h"

#include <fmt/format.h>

#include <algorithm>

#include "runtime/kernel_check/compare.h"
#include "runtime/kernel_check/kernel_cases.h"

namespace m2w::op_check {
namespace {

constexpr size_t kTypesAtOnce = 7;  // bounds the memory that inputs and outputs take

bool has(const OpInfo& info, Bind kind) {
    for (size_t i = 0; i < info.n_bindings(); ++i)
        if (info.bindings[i].kind == kind) return true;
    return false;
}

class Checker {
  public:
    explicit Checker(const KernelCheckOptions& options) : options_(options) {
        if (options_.types.empty()) options_.types = weight_types();
    }

    Result<void> check(Op op) {
        const bool weighted = has(op_info(op), Bind::weight),
                   cached = has(op_info(op), Bind::cache);
        const std::span<const DType> types = options_.types;
        for (size_t i = 0; i < (weighted ? types.size() : 1); i += kTypesAtOnce) {
            const auto some = types.subspan(i, std::min(kTypesAtOnce, types.size() - i));
            TRY(check(op, some, CacheType::f16));
            if (cached) TRY(check(op, some, CacheType::f32));
        }
        return {};
    }

    KernelReport take() { return std::move(report_); }

  private:
    Result<void> check(Op op, std::span<const DType> types, CacheType cache) {
        const std::vector<StepCase> steps = kernel_cases(op, types);
        RigOptions how{.cache = cache,
                       .n_ctx = kCheckedContext,
                       .n_batch = kCheckedBatch,
                       .device = options_.device,
                       .spoil = options_.spoil};
        TRY(const auto rig, OpRig::create(steps, how));
        const vk::DeviceInfo device = rig->device();
        report_.device = device.name;
        report_.driver = device.driver + " " + device.driver_version;
        for (const BatchCase& batch : kernel_batches(op)) {
            TRY(rig->run(batch));
            for (size_t i = 0; i < steps.size(); ++i) judge(*rig, i, steps[i], batch);
            for (const std::string& violation : rig->violations())
                note(verdict_of(rig->kernel(0), op), batch.name() + ": " + violation);
        }
        return {};
    }

    void judge(const OpRig& rig, size_t index, const StepCase& step, const BatchCase& batch) {
        const OpInfo& info = op_info(step.op);
        KernelVerdict& verdict = verdict_of(rig.kernel(index), step.op);
        for (size_t b = 0; b < info.n_bindings(); ++b) {
            const Binding& binding = info.bindings[b];
            if (binding.mode != Mode::out || !step.has(binding)) continue;
            const OutputCheck found = check_output(rig, Side::device, index, step, binding, batch);
            ++verdict.n_results;
            verdict.relative_error = std::max(verdict.relative_error, found.relative_error);
            if (!found.problem.empty())
                note(verdict, fmt::format("{} {}: {} {}", step.full_name(), batch.name(),
                                          binding.name, found.problem));
        }
    }

    static void note(KernelVerdict& verdict, std::string problem) {
        if (verdict.problem.empty()) verdict.problem = std::move(problem);
    }

    KernelVerdict& verdict_of(const std::string& kernel, Op op) {
        auto& all = report_.kernels;
        const auto at = std::find_if(all.begin(), all.end(), [&](const auto& known) {
            return known.kernel == kernel && known.op == op;
        });
        if (at != all.end()) return *at;
        all.push_back({.kernel = kernel, .op = op, .tolerance = double(op_info(op).rtol)});
        return all.back();
    }

    KernelCheckOptions options_;
    KernelReport report_;
};

}  // namespace

bool KernelReport::ok() const {
    return std::all_of(kernels.begin(), kernels.end(),
                       [](const KernelVerdict& verdict) { return verdict.ok(); });
}

Result<KernelReport> verify_kernels(const KernelCheckOptions& options) {
    Checker checker(options);
    for (const OpInfo& info : all_ops()) {
        const bool wanted = options.ops.empty() || std::find(options.ops.begin(), options.ops.end(),
                                                             info.op) != options.ops.end();
        if (!wanted) continue;
        if (const auto checked = checker.check(info.op); !checked)
            return Error{checked.error().category,
                         fmt::format("op {}: {}", info.name, checked.error().message)};
    }
    return checker.take();
}

}  // namespace m2w::op_check
