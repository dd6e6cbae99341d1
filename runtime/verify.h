// verify.h — runs one prompt on the reference and on devices and compares what they compute, layer
// by layer, down to the first wrong Step. Knows Plans and backends, no text; prints nothing.
#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "runtime/executor.h"
#include "runtime/model/model.h"

namespace m2w {

/// What a device may differ by: ||x - reference|| / ||reference|| of a residual stream or of
/// logits. docs/verify.md says where the number comes from.
constexpr double kVerifyTolerance = 2e-3;

struct VerifyOptions {
    double tolerance = kVerifyTolerance;
    CacheType cache = CacheType::f32;  // f16: both sides round what they keep
    uint32_t n_greedy = 8;             // batches of one token behind the prompt
};

/// A Plan and the backend that runs it. Plans of one model may differ as fuse() makes them differ:
/// values, caches and states have the same indices.
struct VerifySide {
    std::shared_ptr<const Plan> plan;
    std::unique_ptr<Backend> backend;
};

/// The reference, with the Plan as the model gives it. Errors: those of make_ref_backend.
Result<VerifySide> reference_side(const std::shared_ptr<const Model>& model);
/// A device ("auto", an index or a part of a name) with the Plan that it runs in a chat. Errors:
/// those of make_vk_backend.
Result<VerifySide> device_side(const std::shared_ptr<const Model>& model, const std::string& device,
                               const VerifyOptions& options, size_t n_prompt);

/// How far numbers of a device are from those of the reference, in the batch where they are
/// farthest.
struct ValueCheck {
    std::string name;           // of the Plan's value
    double relative_error = 0;  // ||x - reference|| / ||reference||; NaN or infinite when x has one
    uint32_t pos = 0, n_tok = 0;   // the batch
    uint32_t row = 0, column = 0;  // the element that strays most, and what it is
    float got = 0, expected = 0;
    bool ok = true;
};

/// One Step of a wrong layer. Errors are the largest of its inputs and outputs that the reference
/// has too.
struct StepCheck {
    uint32_t step = 0;  // of the device's Plan
    Op op = Op::count;
    std::string inputs, outputs;  // names, weights included
    double input_error = 0, output_error = 0;
    bool ok = true;  // false: its output is off
};

struct VerifyReport {
    std::string device;
    std::vector<ValueCheck> layers;  // [block_count + 1]: what enters layer 0, what leaves each one
    ValueCheck logits;               // of the last token of each batch
    std::vector<uint32_t> expected_tokens, tokens;  // [1 + n_greedy] the most probable ones
    /// The first of `layers` that is off, layers.size() when only logits are.
    std::optional<size_t> first_wrong;
    std::vector<StepCheck> steps;  // of the first wrong layer, in the batch where it was first seen
    /// The first of `steps` whose output is off while its inputs are not.
    std::optional<size_t> first_wrong_step;

    bool ok() const { return !first_wrong; }
};

/// Runs `prompt` as one batch, then n_greedy single tokens: always the reference's most probable
/// one, so that a device that strays is still given the same input. One report for each device, in
/// order. Errors: usage (no ids, ids that are not in the vocabulary, too many for the model's
/// context), those of executors.
Result<std::vector<VerifyReport>> verify(const VerifySide& reference,
                                         std::span<const VerifySide> devices,
                                         std::span<const uint32_t> prompt,
                                         const VerifyOptions& options);

}  // namespace m2w
