// session.h — one timeline of tokens: position, caches, eval -> logits. Sampling and text are other
// nouns.
#pragma once
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "runtime/cache_windows.h"
#include "runtime/engine.h"
#include "runtime/state_slots.h"

namespace m2w {

struct SessionOptions {
    uint32_t n_ctx = 0;      // positions; 0: the model's context length, at most kDefaultContext
    uint32_t n_batch = 512;  // most tokens evaluated at once; longer prompts run in pieces
    CacheType cache = CacheType::f16;
    uint32_t n_snapshots = 4;  // earlier recurrent states that truncate can go back to; of no
                               // meaning for models without recurrent layers
    bool keep_values = false;  // values of the Plan stay readable (dumps, tests)
    bool all_logits = false;   // eval_all is allowed; takes n_batch rows of logits
};
constexpr uint32_t kDefaultContext = 4096;
constexpr uint32_t kMostSnapshots = 64;

/// The ExecutorOptions that a Session of a model uses; also what a memory estimate should count.
ExecutorOptions executor_options(const Model& model, const SessionOptions& options);

/// One thread at a time; several sessions may share an Engine.
class Session {
  public:
    /// Errors: out_of_memory (with the context length that would fit), usage (n_ctx 0 or over the
    /// model's context).
    static Result<Session> create(std::shared_ptr<const Engine> engine,
                                  const SessionOptions& options);

    /// Appends tokens at the current position. tokens: 1 or more ids, each < n_vocab.
    /// Returns logits of the last one: f32 [n_vocab], valid until the next call.
    /// Errors: context_full (nothing was evaluated), usage (an id out of range, no tokens),
    /// out_of_memory (position() says how far it came), device_lost.
    Result<std::span<const float>> eval(std::span<const uint32_t> tokens);
    /// The same with logits of every token: f32 [n_tok][n_vocab]. Needs all_logits, and at most
    /// n_batch tokens.
    Result<std::span<const float>> eval_all(std::span<const uint32_t> tokens);

    /// Forgets everything from `position` on; later eval calls continue there. Errors: usage
    /// (beyond the current position).
    /// Not every prefix can be kept: recurrent layers go back to the latest position not behind it
    /// where their states were kept (below), and windowed caches that have overwritten what the
    /// next token sees start again. The next eval then evaluates the tokens in between again: the
    /// same results, more work.
    Result<void> truncate(uint32_t position);

    /// Of the current tokens, the prefix that need not be evaluated again: position(), except after
    /// a truncate.
    uint32_t kept_prefix() const { return next_; }
    /// Tokens that the next eval evaluates again.
    uint32_t n_stale() const { return position() - next_; }
    /// Whether the model has recurrent layers. Their states are kept where an eval of more than one
    /// token begins; of those positions the session remembers n_snapshots.
    bool recurrent() const { return states_.has_value(); }

    /// The tokens evaluated so far, [position].
    std::span<const uint32_t> tokens() const { return tokens_; }
    uint32_t position() const { return uint32_t(tokens_.size()); }
    uint32_t n_ctx() const { return options_.n_ctx; }
    const Engine& engine() const { return *engine_; }
    /// For dumps and tests.
    Executor& executor() { return *executor_; }

  private:
    static Result<Session> make(std::shared_ptr<const Engine> engine,
                                const SessionOptions& options);
    Result<std::span<const float>> run_guarded(std::span<const uint32_t> tokens, uint32_t n_out);
    Result<std::span<const float>> run(std::span<const uint32_t> tokens, uint32_t n_out);
    Result<std::span<const float>> run_batch(std::span<const uint32_t> tokens, uint32_t n_out);
    Result<void> catch_up();

    std::shared_ptr<const Engine> engine_;
    std::unique_ptr<Executor> executor_;
    ExecutorOptions options_;
    std::vector<uint32_t> tokens_;
    uint32_t next_ = 0;  // position of the next batch: caches and states are those of tokens before
    std::optional<CacheWindows> windows_;  // always there once created
    std::optional<StateSlots> states_;     // of models with recurrent layers
};

}  // namespace m2w
