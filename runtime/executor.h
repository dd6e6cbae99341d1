// executor.h — what every target offers: weights held by a Backend, one timeline run by an
// Executor. Knows no device.
#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "gguf/result.h"
#include "runtime/model/plan.h"

namespace m2w {

enum class CacheType : uint8_t { f16, f32 };

/// Tokens that are appended to a timeline at position pos. n_out: how many of the last tokens get
/// logits, 1..tokens.
struct Batch {
    std::span<const uint32_t> tokens;
    uint32_t pos = 0;
    uint32_t n_out = 1;
    // Of Plans with states: the slot that holds the states before this batch, ignored at pos 0, and
    // the one that gets those after it. Never the same.
    uint32_t past_slot = 0;
    uint32_t state_slot = 1;
};

struct ExecutorOptions {
    uint32_t n_ctx = 0;    // positions of the timeline
    uint32_t n_batch = 0;  // most tokens in one batch
    uint32_t n_out = 1;    // most logits rows in one batch
    uint32_t n_slots = 2;  // of states: each holds those of all layers at one position
    CacheType cache = CacheType::f16;
    bool keep_values = false;  // every value that a batch computes stays readable after it (for
                               // dumps and tests); else memory is reused
};

/// Runs a Plan for one timeline: owns caches, states and activations. One thread at a time.
class Executor {
  public:
    virtual ~Executor() = default;

    /// Runs a batch. Returns logits f32 [n_out][n_vocab], valid until the next call. The caller has
    /// checked ids and limits. Errors: device_lost, out_of_memory.
    virtual Result<std::span<const float>> run(const Batch& batch) = 0;

    // Inspection, for dumps and tests; needs keep_values.
    /// Whether the last batch ran this short cut of the Plan: values inside of it are not computed.
    virtual bool took(const ShortCut& cut) const = 0;
    /// A value of the last batch: f32 [rows][width].
    virtual Result<std::vector<float>> read_value(uint32_t value) = 0;
    /// Sets a value that no Step writes, for the next run: f32 [rows][width].
    virtual Result<void> write_value(uint32_t value, std::span<const float> data) = 0;
    /// A cache as floats: [n_rows][width] (cache_rows in memory.h).
    virtual Result<std::vector<float>> read_cache(uint32_t cache) = 0;
    /// A state in a slot: f32 [words].
    virtual Result<std::vector<float>> read_state(uint32_t state, uint32_t slot) = 0;
    virtual Result<void> write_state(uint32_t state, uint32_t slot,
                                     std::span<const float> data) = 0;
};

/// How far loading is.
struct LoadProgress {
    uint64_t bytes_done = 0;
    uint64_t bytes_total = 0;
};
using ProgressFn = std::function<void(const LoadProgress&)>;

/// Memory of a device as the runtime plans with it, in bytes.
struct DeviceMemory {
    uint64_t heap_bytes = 0;  // 0: no fixed limit
};

/// A Plan with its weights on one device. Immutable after creation; executors may run side by side.
class Backend {
  public:
    virtual ~Backend() = default;
    virtual Result<std::unique_ptr<Executor>> new_executor(
        const ExecutorOptions& options) const = 0;
    /// "llvmpipe (LLVM 15.0.6, 256 bits)", "reference".
    virtual const std::string& device_name() const = 0;
    virtual DeviceMemory memory() const = 0;
    /// Blocks until all weights are there. Executors need not ask: a batch waits for the weights
    /// that it uses. Errors: those of loading, where that goes on after creation.
    virtual Result<void> loaded() const { return {}; }
};

}  // namespace m2w
