// memory.cpp — the sums behind "will it fit?".
#include "runtime/memory.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <fstream>
#include <string>

#include "runtime/value_memory.h"

namespace m2w {

uint32_t cache_rows(const PlanCache& cache, const ExecutorOptions& options) {
    if (cache.window == 0) return options.n_ctx;
    const uint64_t ring = uint64_t(cache.window) - 1 + options.n_batch;
    return uint32_t(std::min<uint64_t>(ring, options.n_ctx));
}

MemoryEstimate estimate_memory(const Plan& plan, const ExecutorOptions& options) {
    MemoryEstimate estimate;
    for (const Tensor& t : plan.tensors) {
        estimate.weights_bytes += t.is_vector ? t.cols * 4 : t.planes(t.rows).size_bytes;
    }
    const uint64_t element_bytes = options.cache == CacheType::f16 ? 2 : 4;
    for (const PlanCache& cache : plan.caches)
        estimate.cache_bytes += uint64_t(cache_rows(cache, options)) * cache.width * element_bytes;
    for (const PlanState& state : plan.states)
        estimate.state_bytes += uint64_t(options.n_slots) * state.words * 4;
    estimate.activation_bytes =
        place_values(plan, options.n_batch, options.n_out, options.keep_values).size_bytes;
    return estimate;
}

uint32_t largest_context(const Plan& plan, ExecutorOptions options, uint64_t available_bytes) {
    uint32_t fits = 0, beyond = plan.context_length + 1;  // what is needed grows with the context
    while (beyond - fits > 1) {
        options.n_ctx = fits + (beyond - fits) / 2;
        const bool enough = estimate_memory(plan, options).total_bytes() <= available_bytes;
        (enough ? fits : beyond) = options.n_ctx;
    }
    return fits;
}

Result<void> check_fits(const Plan& plan, const ExecutorOptions& options, DeviceMemory device) {
    if (device.heap_bytes == 0) return {};
    const MemoryEstimate need = estimate_memory(plan, options);
    if (need.total_bytes() <= device.heap_bytes) return {};
    const uint32_t fits = largest_context(plan, options, device.heap_bytes);
    const std::string hint =
        fits ? fmt::format("a context of {} would fit", fits)
             : "not even a context of 1 fits; take a smaller weight type or model";
    const std::string states =
        plan.states.empty() ? "" : fmt::format("states {}, ", format_bytes(need.state_bytes));
    return Error{
        Category::out_of_memory,
        fmt::format(
            "context {} needs {} (weights {}, cache {}, {}activations {}), the device has {}; {}",
            options.n_ctx, format_bytes(need.total_bytes()), format_bytes(need.weights_bytes),
            format_bytes(need.cache_bytes), states, format_bytes(need.activation_bytes),
            format_bytes(device.heap_bytes), hint)};
}

uint64_t available_main_memory() {
    std::ifstream info("/proc/meminfo");
    std::string key;
    uint64_t kib = 0;
    while (info >> key) {
        if (key == "MemAvailable:" && info >> kib) return kib * 1024;
        info.ignore(256, '\n');
    }
    return 0;
}

std::string format_bytes(uint64_t bytes) {
    if (bytes < 1024) return fmt::format("{} B", bytes);
    double value = double(bytes);
    const char* unit = "B";
    for (const char* next : {"KiB", "MiB", "GiB", "TiB"}) {
        if (value < 1024) break;
        value /= 1024;
        unit = next;
    }
    return fmt::format("{:.{}f} {}", value, value < 10 ? 1 : 0, unit);
}

}  // namespace m2w
