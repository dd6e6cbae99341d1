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

#include "chat/answer/answer_parser.h"
#include "chat/loaded_model.h"
#include "chat/message.h"
#include "chat/tool_call.h"
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
    ToolSet tools;            // that the model may call
    /// Called before the first token of an answer is drawn, when its prompt has been evaluated; its
    /// error is the answer's. For weights whose checksum is known only once the last has come.
    std::function<Result<void>()> before_answer;
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
    std::string text;       // of the answer proper
    std::string reasoning;  // before it
    /// They wait for answer_calls().
    std::vector<ToolCall> calls;
    std::vector<FailedCall> failed_calls;
    Finish finish = Finish::end_token;
    TurnStats stats;
};

/// One chat. One thread at a time; several chats may share a LoadedModel.
class Conversation {
  public:
    /// Errors: usage (a setting out of range; tools with raw), chat_template (it shows the model no
    /// tools, or its calls have no form that is known), those of Session::create.
    static Result<Conversation> create(std::shared_ptr<const LoadedModel> model,
                                       const ConversationOptions& options);

    /// Adds a user message and generates the answer; on_event gets it as it comes. `stop` may be
    /// set by any thread, a signal handler or on_event; it is read between tokens and between
    /// pieces of a prompt. An answer that was stopped before its first token leaves no trace, one
    /// that was cut later stays in the history as far as it came. Errors leave the history as it
    /// was: context_full (the prompt does not fit), chat_template (none, or it refuses these
    /// messages), usage (nothing to evaluate, or calls that wait for their results), those of
    /// Session::eval.
    Result<Reply> say(std::string_view user_text, const AnswerEventFn& on_event = {},
                      const std::atomic<bool>* stop = nullptr);
    /// The calls of the last answer, as long as their results are missing.
    std::span<const ToolCall> pending_calls() const;
    /// Gives the results of all pending calls, in any order, and generates what the model answers
    /// to them. Errors: usage (not one result for each call), those of say().
    Result<Reply> answer_calls(std::span<const ToolResult> results,
                               const AnswerEventFn& on_event = {},
                               const std::atomic<bool>* stop = nullptr);
    /// Answers the last user message anew. The old answer goes when any of the new one came.
    /// Errors: usage (there is none), those of say().
    Result<Reply> regenerate(const AnswerEventFn& on_event = {},
                             const std::atomic<bool>* stop = nullptr);

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
    const ToolSet& tools() const { return options_.tools; }

    /// Ids of the prompt that the messages make, ready for an answer.
    Result<std::vector<uint32_t>> prompt_ids(std::span<const Message> messages) const;

  private:
    struct Generation;

    Conversation(std::shared_ptr<const LoadedModel> model, Session session,
                 const ConversationOptions& options);
    Message make_message(Role role, std::string_view text) const;
    Result<std::string> render(std::span<const Message> messages) const;
    Result<Reply> answer(std::vector<Message> messages, const AnswerEventFn& on_event,
                         const std::atomic<bool>* stop);
    AnswerFormat answer_format() const;
    Result<bool> prefill(std::span<const uint32_t> prompt, Generation& generation);
    Result<void> generate(Generation& generation, AnswerParser& parser);
    Message assistant_message(const Generation& generation) const;
    std::string prompt_text_of(std::span<const uint32_t> ids) const;
    size_t first_turn() const { return !messages_.empty() && messages_[0].role == Role::system; }

    std::shared_ptr<const LoadedModel> model_;
    ConversationOptions options_;
    Session session_;
    Sampler sampler_;
    std::vector<Message> messages_;
    jinja::Value tools_;  // guarded, as the template gets them
};

}  // namespace m2w
