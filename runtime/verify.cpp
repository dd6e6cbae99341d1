// verify.cpp — two executors in lockstep, and the comparison of what they leave behind.
#include "runtime/verify.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "runtime/fuse.h"
#include "runtime/memory.h"
#include "runtime/ref_executor.h"
#include "runtime/short_cuts.h"
#include "runtime/vk_executor.h"

namespace m2w {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

struct Difference {
    double error = 0;
    size_t worst = 0;  // element
};

/// The larger error; NaN is larger than any.
double worse(double a, double b) {
    return std::isnan(a) || a > b ? a : b;
}

Difference compare(std::span<const float> got, std::span<const float> expected) {
    if (got.size() != expected.size()) return {kInfinity, 0};
    Difference out;
    double error = 0, norm = 0, largest = -1;
    for (size_t i = 0; i < got.size(); ++i) {
        const double d = std::abs(double(got[i]) - double(expected[i]));
        error += d * d;
        norm += double(expected[i]) * double(expected[i]);
        if (std::isnan(largest) || !(std::isnan(d) || d > largest)) continue;
        largest = d;
        out.worst = i;
    }
    out.error = error == 0 ? 0 : std::sqrt(error / norm);
    return out;
}

uint32_t most_probable(std::span<const float> logits) {
    return uint32_t(std::max_element(logits.begin(), logits.end()) - logits.begin());
}

ExecutorOptions executor_options(size_t n_prompt, const VerifyOptions& options) {
    return {.n_ctx = uint32_t(n_prompt + options.n_greedy),
            .n_batch = uint32_t(n_prompt),
            .n_out = 1,
            .cache = options.cache,
            .keep_values = true};
}

Result<void> check_prompt(const Plan& plan, std::span<const uint32_t> prompt,
                          const VerifyOptions& options) {
    if (prompt.empty()) return Error{Category::usage, "verify: no tokens"};
    if (prompt.size() + options.n_greedy > plan.context_length)
        return Error{Category::usage,
                     fmt::format("verify: {} tokens and {} more, the model's context is {}",
                                 prompt.size(), options.n_greedy, plan.context_length)};
    for (const uint32_t id : prompt)
        if (id >= plan.n_vocab)
            return Error{Category::usage,
                         fmt::format("token id {} is not below n_vocab {}", id, plan.n_vocab)};
    return {};
}

/// One timeline of a side.
struct Run {
    const VerifySide& side;
    std::unique_ptr<Executor> executor;
    std::vector<float> logits;  // of the last batch, f32 [n_vocab]

    Result<void> step(const Batch& batch) {
        TRY(const auto out, executor->run(batch));
        logits.assign(out.begin(), out.end());
        return {};
    }
};

/// One device beside the reference, after a batch that both ran.
class Comparison {
  public:
    Comparison(Run& reference, Run& device, const Batch& batch, const VerifyOptions& options)
        : reference_(reference), device_(device), batch_(batch), options_(options) {}

    /// Adds this batch to the report.
    Result<void> add_to(VerifyReport& report) {
        const Plan& plan = *reference_.side.plan;
        size_t wrong = plan.taps.size() + 1;  // none
        for (size_t i = 0; i < plan.taps.size(); ++i) {
            TRY(const auto got, device_.executor->read_value(plan.taps[i].value));
            TRY(const auto expected, reference_.executor->read_value(plan.taps[i].value));
            if (!add(report.layers[i], got, expected, plan.values[plan.taps[i].value].width))
                wrong = std::min(wrong, i);
        }
        if (!add(report.logits, device_.logits, reference_.logits, plan.n_vocab))
            wrong = std::min(wrong, plan.taps.size());
        report.expected_tokens.push_back(most_probable(reference_.logits));
        report.tokens.push_back(most_probable(device_.logits));
        if (wrong > plan.taps.size() || (report.first_wrong && *report.first_wrong <= wrong))
            return {};
        report.first_wrong = wrong;
        return compare_steps(wrong, report);
    }

  private:
    /// Keeps the batch with the largest error. Whether this one is within the tolerance.
    bool add(ValueCheck& check, std::span<const float> got, std::span<const float> expected,
             uint32_t width) const {
        const Difference found = compare(got, expected);
        const bool ok = found.error <= options_.tolerance;  // NaN is not
        check.ok = check.ok && ok;
        const bool first = check.n_tok == 0;
        if (!first && !(std::isnan(found.error) || found.error > check.relative_error)) return ok;
        check.relative_error = found.error;
        check.pos = batch_.pos;
        check.n_tok = uint32_t(batch_.tokens.size());
        check.row = uint32_t(found.worst / width);
        check.column = uint32_t(found.worst % width);
        check.got = found.worst < got.size() ? got[found.worst] : 0;
        check.expected = found.worst < expected.size() ? expected[found.worst] : 0;
        return ok;
    }

    /// Every Step from the one of tap `wrong` - 1, which may write more than that, to the one of
    /// tap `wrong` of the device's Plan; the short cuts that this batch took instead of theirs.
    Result<void> compare_steps(size_t wrong, VerifyReport& report) {
        const Plan& plan = *device_.side.plan;
        const size_t first = wrong == 0 ? 0 : plan.taps[wrong - 1].step;
        const size_t end =
            wrong == plan.taps.size() ? plan.steps.size() : plan.taps[wrong].step + 1;
        report.steps.clear();
        report.first_wrong_step.reset();
        for (size_t s = first, n = 1; s < end; s += n) {
            const auto cut = std::ranges::find_if(plan.short_cuts, [&](const ShortCut& c) {
                return c.first == s && device_.executor->took(c);
            });
            const bool taken = cut != plan.short_cuts.end();
            n = taken ? cut->n : 1;
            TRY(auto check, compare_step(uint32_t(s), taken ? cut->step : plan.steps[s]));
            const bool inputs_ok = check.input_error <= options_.tolerance;
            if (!check.ok && inputs_ok && !report.first_wrong_step)
                report.first_wrong_step = report.steps.size();
            report.steps.push_back(std::move(check));
        }
        return {};
    }

    Result<StepCheck> compare_step(uint32_t index, const Step& step) {
        const OpInfo& info = op_info(step.op);
        StepCheck out{.step = index, .op = step.op, .inputs = {}, .outputs = {}};
        for (size_t i = 0; i < info.n_bindings(); ++i) {
            const Binding& binding = info.bindings[i];
            if (!step.operands[i].present()) continue;
            const bool in = binding.mode == Mode::in;
            std::string& names = in ? out.inputs : out.outputs;
            names += (names.empty() ? "" : ", ") + name_of(binding.kind, step.operands[i].index);
            TRY(const double error, operand_error(binding, step.operands[i].index));
            double& sum = in ? out.input_error : out.output_error;
            sum = worse(error, sum);
        }
        out.ok = out.output_error <= options_.tolerance;
        return out;
    }

    std::string name_of(Bind kind, uint32_t index) const {
        const Plan& plan = *device_.side.plan;
        switch (kind) {
            case Bind::activation:
                return plan.values[index].name;
            case Bind::weight:
            case Bind::vector:
                return plan.tensors[index].name;
            case Bind::constant:
                return plan.constants[index].name;
            case Bind::cache:
                return plan.caches[index].name;
            case Bind::state:
                return plan.states[index].name;
            case Bind::tokens:
            case Bind::none:
                break;
        }
        return "tokens";
    }

    /// 0 for what does not change and for what the reference does not have.
    Result<double> operand_error(const Binding& binding, uint32_t index) {
        const Plan& plan = *reference_.side.plan;
        if (binding.kind == Bind::activation && index < plan.values.size()) {
            TRY(const auto expected, reference_.executor->read_value(index));
            if (expected.empty()) return 0.0;  // a value that only the device's Plan computes
            TRY(const auto got, device_.executor->read_value(index));
            return compare(got, expected).error;
        }
        if (binding.kind == Bind::cache && index < plan.caches.size()) return cache_error(index);
        if (binding.kind == Bind::state && index < plan.states.size()) {
            const uint32_t slot = binding.mode == Mode::in ? batch_.past_slot : batch_.state_slot;
            if (binding.mode == Mode::in && batch_.pos == 0) return 0.0;  // not looked at
            TRY(const auto expected, reference_.executor->read_state(index, slot));
            TRY(const auto got, device_.executor->read_state(index, slot));
            return compare(got, expected).error;
        }
        return 0.0;
    }

    /// The rows that were written so far.
    Result<double> cache_error(uint32_t index) {
        const PlanCache& cache = reference_.side.plan->caches[index];
        TRY(const auto expected, reference_.executor->read_cache(index));
        TRY(const auto got, device_.executor->read_cache(index));
        if (got.size() != expected.size()) return kInfinity;
        const size_t written = size_t(batch_.pos + batch_.tokens.size()) * cache.width;
        const size_t n = std::min(written, expected.size());  // of a ring all
        return compare(std::span(got).first(n), std::span(expected).first(n)).error;
    }

    Run& reference_;
    Run& device_;
    const Batch& batch_;
    const VerifyOptions& options_;
};

VerifyReport empty_report(const VerifySide& reference, const VerifySide& device) {
    VerifyReport report;
    report.device = device.backend->device_name();
    for (const Tap& tap : reference.plan->taps)
        report.layers.push_back({.name = reference.plan->values[tap.value].name});
    report.logits.name = reference.plan->values[reference.plan->logits].name;
    return report;
}

Result<Run> start(const VerifySide& side, const ExecutorOptions& options) {
    TRY(check_fits(*side.plan, options, side.backend->memory()));
    TRY(auto executor, side.backend->new_executor(options));
    return Run{side, std::move(executor), {}};
}

}  // namespace

Result<VerifySide> reference_side(const std::shared_ptr<const Model>& model) {
    VerifySide side;
    side.plan = std::shared_ptr<const Plan>(model, &model->plan());  // keeps the model alive
    TRY(side.backend, make_ref_backend(side.plan, model->shared_file(), {}));
    return side;
}

Result<VerifySide> device_side(const std::shared_ptr<const Model>& model, const std::string& device,
                               const VerifyOptions& options, size_t n_prompt) {
    VerifySide side;
    side.plan = std::make_shared<const Plan>(add_short_cuts(fuse(model->plan())));
    TRY(side.backend, make_vk_backend(side.plan, model->shared_file(), {.device = device},
                                      executor_options(n_prompt, options), {}));
    return side;
}

Result<std::vector<VerifyReport>> verify(const VerifySide& reference,
                                         std::span<const VerifySide> devices,
                                         std::span<const uint32_t> prompt,
                                         const VerifyOptions& options) {
    TRY(check_prompt(*reference.plan, prompt, options));
    const ExecutorOptions how = executor_options(prompt.size(), options);
    TRY(Run expected, start(reference, how));
    std::vector<Run> runs;
    std::vector<VerifyReport> reports;
    for (const VerifySide& device : devices) {
        TRY(auto run, start(device, how));
        runs.push_back(std::move(run));
        reports.push_back(empty_report(reference, device));
    }
    std::vector<uint32_t> tokens(prompt.begin(), prompt.end());
    uint32_t pos = 0;
    for (uint32_t i = 0; i <= options.n_greedy; ++i) {
        const Batch batch{.tokens = tokens,
                          .pos = pos,
                          .n_out = 1,
                          .past_slot = i % 2,
                          .state_slot = (i + 1) % 2};
        TRY(expected.step(batch));
        for (size_t d = 0; d < runs.size(); ++d) {
            TRY(runs[d].step(batch));
            TRY(Comparison(expected, runs[d], batch, options).add_to(reports[d]));
        }
        pos += uint32_t(tokens.size());
        tokens = {most_probable(expected.logits)};
    }
    return reports;
}

}  // namespace m2w
