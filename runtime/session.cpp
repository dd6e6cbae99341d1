// session.cpp — checks at the border, pieces of n_batch, the token history and the states that
// belong to it.
#include "runtime/session.h"

#include <fmt/format.h>

#include <algorithm>

#include "gguf/guarded.h"
#include "runtime/memory.h"

namespace m2w {

ExecutorOptions executor_options(const Model& model, const SessionOptions& options) {
    ExecutorOptions out;
    out.n_ctx =
        options.n_ctx ? options.n_ctx : std::min(model.plan().context_length, kDefaultContext);
    out.n_batch = std::min(options.n_batch, out.n_ctx);
    out.n_out = options.all_logits ? out.n_batch : 1;
    out.cache = options.cache;
    out.n_slots = StateSlots::n_slots(options.n_snapshots);
    out.keep_values = options.keep_values;
    return out;
}

Result<Session> Session::create(std::shared_ptr<const Engine> engine,
                                const SessionOptions& options) {
    return guarded("a new session", [&] { return make(std::move(engine), options); });
}

Result<Session> Session::make(std::shared_ptr<const Engine> engine, const SessionOptions& options) {
    const Model& model = engine->model();
    if (options.n_ctx > model.plan().context_length)
        return Error{Category::usage, fmt::format("context {}: the model was trained for {}",
                                                  options.n_ctx, model.plan().context_length)};
    if (options.n_batch == 0) return Error{Category::usage, "n_batch must be at least 1"};
    if (options.n_snapshots > kMostSnapshots)
        return Error{Category::usage, fmt::format("n_snapshots {}: expected at most {}",
                                                  options.n_snapshots, kMostSnapshots)};
    Session session;
    session.options_ = executor_options(model, options);
    TRY(check_fits(model.plan(), session.options_, engine->backend().memory()));
    TRY(session.executor_, engine->backend().new_executor(session.options_));
    session.windows_.emplace(model.plan(), session.options_);
    if (!model.plan().states.empty()) session.states_.emplace(options.n_snapshots);
    session.engine_ = std::move(engine);
    return session;
}

Result<std::span<const float>> Session::eval(std::span<const uint32_t> tokens) {
    return run_guarded(tokens, 1);
}

Result<std::span<const float>> Session::eval_all(std::span<const uint32_t> tokens) {
    if (options_.n_out < tokens.size())
        return Error{Category::usage, fmt::format("eval_all: {} tokens, at most {} rows of logits",
                                                  tokens.size(), options_.n_out)};
    return run_guarded(tokens, uint32_t(tokens.size()));
}

Result<std::span<const float>> Session::run_guarded(std::span<const uint32_t> tokens,
                                                    uint32_t n_out) {
    return guarded("evaluating tokens", [&] { return run(tokens, n_out); });
}

Result<void> Session::truncate(uint32_t position) {
    if (position > tokens_.size())
        return Error{Category::usage, fmt::format("truncate to {}: only {} tokens were evaluated",
                                                  position, tokens_.size())};
    tokens_.resize(position);  // later batches overwrite the cache rows behind it
    next_ = std::min(next_, position);
    if (states_) {
        states_->cut(next_);
        next_ = states_->position();
    }
    if (!windows_->holds(next_)) {
        if (states_) states_->cut(0);
        next_ = 0;
    }
    if (next_ == 0) windows_->clear();
    return {};
}

Result<std::span<const float>> Session::run(std::span<const uint32_t> tokens, uint32_t n_out) {
    if (tokens.empty()) return Error{Category::usage, "eval: no tokens"};
    if (tokens.size() > options_.n_ctx - tokens_.size())
        return Error{Category::context_full,
                     fmt::format("{} tokens at position {} exceed the context of {}", tokens.size(),
                                 tokens_.size(), options_.n_ctx)};
    const uint32_t n_vocab = engine_->model().plan().n_vocab;
    for (uint32_t id : tokens)
        if (id >= n_vocab)
            return Error{Category::usage,
                         fmt::format("token id {} is not below n_vocab {}", id, n_vocab)};

    // Now, so that what was evaluated can be remembered.
    tokens_.reserve(tokens_.size() + tokens.size());
    TRY(catch_up());
    if (states_ && tokens.size() > 1) states_->keep();
    std::span<const float> logits;
    while (!tokens.empty()) {
        const auto piece = tokens.first(std::min<size_t>(tokens.size(), options_.n_batch));
        TRY(logits, run_batch(piece, std::min(n_out, uint32_t(piece.size()))));
        tokens_.insert(tokens_.end(), piece.begin(), piece.end());
        tokens = tokens.subspan(piece.size());
    }
    return logits;
}

/// Brings caches and states to the current position.
Result<void> Session::catch_up() {
    while (n_stale() > 0) {
        const uint32_t count = std::min(n_stale(), options_.n_batch);
        TRY(run_batch(std::span(tokens_).subspan(next_, count), 1));
    }
    return {};
}

Result<std::span<const float>> Session::run_batch(std::span<const uint32_t> tokens,
                                                  uint32_t n_out) {
    Batch batch{.tokens = tokens, .pos = next_, .n_out = n_out};
    if (states_) {
        batch.past_slot = states_->next().past_slot;
        batch.state_slot = states_->next().state_slot;
    }
    TRY(const auto logits, executor_->run(batch));
    if (states_) states_->advance(uint32_t(tokens.size()));
    next_ += uint32_t(tokens.size());
    windows_->wrote(next_);
    return logits;
}

}  // namespace m2w
