// check_model.cpp — the invariants of models, and a few tokens through the reference.
#include "runtime/fuzz/check_model.h"

#include <algorithm>
#include <cmath>

#include "runtime/fuse.h"
#include "runtime/memory.h"
#include "runtime/model/model.h"
#include "runtime/ref_executor.h"
#include "runtime/short_cuts.h"

namespace m2w::fuzz {
namespace {

constexpr uint32_t kTokens = 4;
// What is run, so that an input takes milliseconds.
constexpr uint64_t kMostParams = 1 << 16, kMostBytes = 4 << 20;

/// Categories that the stages above the file refuse a model with.
bool is_refusal(Category category) {
    return category == Category::missing_metadata || category == Category::wrong_metadata_type ||
           category == Category::hyperparameter || category == Category::shape_mismatch ||
           category == Category::unsupported || category == Category::vocab ||
           category == Category::nan_scale || category == Category::resource_limit ||
           category == Category::array_length;
}

std::string refused(const char* stage, const Error& error) {
    M2W_ASSERT(!error.message.empty() && error.message.size() < 4000);
    return std::string(stage) + ": " + std::string(category_name(error.category));
}

void check_rope(const RopeHparams& rope, uint32_t head_dim) {
    M2W_ASSERT(rope.dimension_count % 2 == 0 && rope.dimension_count <= head_dim);
    M2W_ASSERT(std::isfinite(rope.freq_base) && std::isfinite(rope.magnitude));
    M2W_ASSERT(std::isfinite(rope.scaling_factor) && rope.scaling_factor != 0);
}

void check_hparams(const Hparams& hp) {
    M2W_ASSERT(hp.block_count > 0 && hp.layers.size() == hp.block_count);
    M2W_ASSERT(hp.embedding_length > 0 && hp.context_length > 0 && hp.vocab_size > 0);
    M2W_ASSERT(hp.head_count > 0 && hp.head_count_kv.size() == hp.block_count);
    M2W_ASSERT(hp.key_length > 0 && hp.value_length > 0);
    M2W_ASSERT(std::isfinite(hp.norm_epsilon) && hp.norm_epsilon >= 0);
    M2W_ASSERT(std::isfinite(hp.attention_scale));
    for (uint32_t layer = 0; layer < hp.block_count; ++layer) {
        const uint32_t n_kv = hp.head_count_kv[layer];
        const Mixer mixer = hp.layers[layer].mixer;
        if (has_attention(mixer)) M2W_ASSERT(n_kv > 0 && hp.head_count % n_kv == 0);
        if (hp.layers[layer].feed_forward == FeedForward::experts) M2W_ASSERT(hp.experts.count > 0);
    }
    check_rope(hp.rope, hp.key_length);
    const ExpertHparams& e = hp.experts;
    M2W_ASSERT(e.used_count <= e.count && e.group_used_count <= e.group_count);
    M2W_ASSERT(e.group_count > 0 && e.count % e.group_count == 0);
}

void check_sizes(const Model& model, const ExecutorOptions& options) {
    const Plan& plan = model.plan();
    const MemoryEstimate estimate = estimate_memory(plan, options);
    for (const uint64_t bytes : {estimate.weights_bytes, estimate.cache_bytes, estimate.state_bytes,
                                 estimate.activation_bytes})
        M2W_ASSERT(bytes <= estimate.total_bytes());  // so that the sum has not wrapped
    const uint32_t most = largest_context(plan, options, estimate.total_bytes());
    M2W_ASSERT(most >= options.n_ctx && most <= plan.context_length);
}

using Logits = std::vector<float>;

/// Logits of all tokens: `first` of them in one batch, the rest one by one.
Logits run(const Backend& backend, const Model& model, const ExecutorOptions& options,
           uint32_t first) {
    auto executor = backend.new_executor(options);
    M2W_ASSERT(executor);
    const uint32_t n_vocab = model.plan().n_vocab, n_tok = std::min(options.n_ctx, kTokens);
    const uint32_t all[kTokens] = {0, n_vocab - 1, n_vocab / 2, n_vocab / 3};
    Logits logits;
    for (uint32_t pos = 0, slot = 0; pos < n_tok;) {
        const uint32_t n = pos == 0 ? std::min(first, n_tok) : 1;
        const auto rows = (*executor)->run({.tokens = std::span(all).subspan(pos, n),
                                            .pos = pos,
                                            .n_out = n,
                                            .past_slot = slot,
                                            .state_slot = 1 - slot});
        M2W_ASSERT(rows && rows->size() == size_t(n) * n_vocab);
        logits.insert(logits.end(), rows->begin(), rows->end());
        pos += n;
        slot = 1 - slot;
    }
    return logits;
}

std::string check_run(const std::shared_ptr<const Model>& model) {
    const ExecutorOptions options{.n_ctx = std::min(model->plan().context_length, kTokens + 1),
                                  .n_batch = kTokens,
                                  .n_out = kTokens};
    check_sizes(*model, options);
    const std::shared_ptr<const Plan> plan(model, &model->plan());
    if (model->n_params() > kMostParams ||
        estimate_memory(*plan, options).total_bytes() > kMostBytes)
        return "too large to run";
    const auto backend = make_ref_backend(plan, model->shared_file(), {});
    if (!backend) {
        M2W_ASSERT(backend.error().category == Category::nan_scale);
        return refused("weights", backend.error());
    }
    const Logits at_once = run(**backend, *model, options, kTokens),
                 in_pieces = run(**backend, *model, options, 1);
    M2W_ASSERT(at_once.size() == in_pieces.size());
    // To the bit, but for states: they are rounded to f32 wherever a batch ends.
    for (size_t i = 0; i < at_once.size() && plan->states.empty(); ++i)
        M2W_ASSERT(at_once[i] == in_pieces[i] ||
                   (std::isnan(at_once[i]) && std::isnan(in_pieces[i])));
    return "ok";
}

void check_same(const Result<std::shared_ptr<const Model>>& a,
                const Result<std::shared_ptr<const Model>>& b) {
    M2W_ASSERT(bool(a) == bool(b));
    if (a) return M2W_ASSERT((*a)->plan().print() == (*b)->plan().print());
    M2W_ASSERT(a.error().str() == b.error().str());
}

}  // namespace

std::string check_model(std::span<const std::byte> bytes) {
    const std::string text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    const auto file = gguf::File::parse(make_memory_source("fuzz.gguf", text));
    if (!file) return refused("file", file.error());
    const auto model = Model::from(*file);
    check_same(model, Model::from(*file));
    if (!model) {
        M2W_ASSERT(is_refusal(model.error().category));
        return refused("model", model.error());
    }
    const Hparams& hp = (*model)->hparams();
    const Plan& plan = (*model)->plan();
    check_hparams(hp);
    check_plan(plan, **file);
    check_plan(add_short_cuts(fuse(plan)), **file);
    M2W_ASSERT(plan.taps.size() == hp.block_count + 1 && plan.n_vocab == hp.vocab_size);
    for (const Tap& tap : plan.taps)
        M2W_ASSERT(plan.values[tap.value].width == hp.embedding_length);
    return check_run(*model);
}

}  // namespace m2w::fuzz
