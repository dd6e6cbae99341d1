// conversation.h — turns of a chat: messages in, streamed text out. Evaluates only what is new.
// Knows no terminal.
#pragma once
#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "chat/loaded_model.h"
#include "gguf/result.h"
#include "runtime/sampler.h"
#include "runtime/session.h"

namespace m2w {

struct ConversationOptions {
    std::string system;  // system prompt; empty: none
    Sampling sampling;
    uint32_t n_ctx = 0;       // as in SessionOptions
    uint32_t max_tokens = 0;  // of one answer; 0: until the model ends it or the context is full
    bool raw = false;         // no chat template: the text so far is continued
};

/// Why an answer ended.
enum class Finish : uint8_t { end_token, max_tokens, stopped, context_full };

struct TurnStats {
    uint32_t prompt_tokens = 0;     // in the whole prompt
    uint32_t evaluated_tokens = 0;  // of them, those that were not evaluated before
    uint32_t generated_tokens = 0;
    double prefill_s = 0;  // evaluating the prompt
    double decode_s = 0;   // from the first token to the last
    double first_token_s =
        0;  // from the call to the first token, rendering and tokenizing included

    double prefill_tok_s() const { return prefill_s > 0 ? evaluated_tokens / prefill_s : 0; }
    /// The first token comes out of the prefill, so one fewer was decoded.
    double decode_tok_s() const {
        return decode_s > 0 && generated_tokens > 1 ? (generated_tokens - 1) / decode_s : 0;
    }
};

/// "18 prompt tokens (18 new, 210 tok/s), 11 generated (35 tok/s), first after 0.09 s".
std::string describe(const TurnStats& stats);

struct Reply {
    std::string text;
    Finish finish = Finish::end_token;
    TurnStats stats;
};

enum class Role : uint8_t { system, user, assistant };
/// "system", "user", "assistant": the names that templates know.
std::string_view role_name(Role role);

struct Message {
    Role role = Role::user;
    std::string text;
    std::string prompt_text;  // guarded: plain text in it cannot become a control token
};

/// Gets whole characters, as they are generated.
using TextFn = std::function<void(std::string_view)>;

/// One chat. One thread at a time; several chats may share a LoadedModel.
class Conversation {
  public:
    /// Errors: usage (a setting out of range), those of Session::create.
    static Result<Conversation> create(std::shared_ptr<const LoadedModel> model,
                                       const ConversationOptions& options);

    /// Adds a user message and generates the answer. `stop` may be set by any thread, a signal
    /// handler or on_text; it is read between tokens and between pieces of a prompt. An answer
    /// that was stopped before its first token leaves no trace, one that was cut later stays in
    /// the history as far as it came.
    /// Errors leave the history as it was: context_full (the prompt does not fit), chat_template
    /// (none, or it refuses these messages), usage (nothing to evaluate), those of Session::eval.
    Result<Reply> say(std::string_view user_text, const TextFn& on_text = {},
                      const std::atomic<bool>* stop = nullptr);
    /// Answers the last user message anew. The old answer goes when any of the new one came.
    /// Errors: usage (there is none), those of say().
    Result<Reply> regenerate(const TextFn& on_text = {}, const std::atomic<bool>* stop = nullptr);

    /// Drops the last user message and what followed. Errors: usage (there is none).
    Result<void> undo();
    /// Drops all turns and seeds the sampler anew. The system prompt stays.
    void reset();
    /// Replaces the system prompt from the next turn on; empty: none. The turns stay.
    void set_system(std::string_view text);
    /// Drops the fewest oldest turns that let `user_text` and n_free tokens of an answer fit, and
    /// says how many. The system prompt stays. Errors (nothing is dropped): context_full (it does
    /// not fit even without them), those of rendering.
    Result<uint32_t> drop_old_turns(std::string_view user_text, uint32_t n_free);

    /// Errors: usage (out of range; the old settings stay).
    Result<void> set_sampling(const Sampling& sampling);
    const Sampling& sampling() const { return sampler_.sampling(); }
    void set_max_tokens(uint32_t max_tokens) { options_.max_tokens = max_tokens; }
    uint32_t max_tokens() const { return options_.max_tokens; }

    /// The messages, a system prompt first.
    std::span<const Message> history() const { return messages_; }
    uint32_t n_turns() const;
    const Session& session() const { return session_; }
    const LoadedModel& model() const { return *model_; }
    bool raw() const { return options_.raw; }

    /// Ids of the prompt that the messages make, ready for an answer.
    Result<std::vector<uint32_t>> prompt_ids(std::span<const Message> messages) const;

  private:
    struct Generation;

    Conversation(std::shared_ptr<const LoadedModel> model, Session session,
                 const ConversationOptions& options);
    Message make_message(Role role, std::string_view text) const;
    Result<std::string> render(std::span<const Message> messages) const;
    Result<Reply> answer(std::vector<Message> messages, const TextFn& on_text,
                         const std::atomic<bool>* stop);
    Result<bool> prefill(std::span<const uint32_t> prompt, Generation& generation);
    Result<void> generate(Generation& generation, const TextFn& on_text);
    std::string prompt_text_of(std::span<const uint32_t> ids) const;
    size_t first_turn() const { return !messages_.empty() && messages_[0].role == Role::system; }

    std::shared_ptr<const LoadedModel> model_;
    ConversationOptions options_;
    Session session_;
    Sampler sampler_;
    std::vector<Message> messages_;
};

}  // namespace m2w
