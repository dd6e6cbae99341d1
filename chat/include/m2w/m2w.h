// m2w.h — m2w as a library: load a model, open a chat, stream an answer, stop it. The whole public
// interface; docs/embedding.md shows it at work.
#pragma once
#include <atomic>
#include <concepts>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "chat/tool_call.h"
#include "gguf/result.h"

namespace m2w {

/// How a model is loaded.
struct LoadOptions {
    /// "auto", an index or a part of a name from `m2w devices`, or "ref" (no GPU, slow, exact).
    std::string device = "auto";
    /// Tokens that the chats will hold, for the memory check; 0: the model's own, at most 4096.
    uint32_t n_ctx = 0;
    /// Called from the loading thread as weights arrive.
    std::function<void(uint64_t bytes_done, uint64_t bytes_total)> on_progress;
};

/// How a chat answers.
struct ChatOptions {
    std::string system;           // system prompt; empty: none
    float temperature = 0.7f;     // 0: always the most probable token
    uint32_t top_k = 40;          // 0: off
    float top_p = 0.95f;          // 1: off
    float min_p = 0.05f;          // 0: off
    float repeat_penalty = 1.0f;  // 1: off
    uint64_t seed = 0;            // the same seed gives the same answers
    uint32_t n_ctx = 0;           // as in LoadOptions
    uint32_t max_tokens = 0;      // of one answer; 0: until the model ends it
    /// What the model may call: a JSON list of tools as OpenAI's interface has them, [{"type":
    /// "function", "function": {"name", "description", "parameters": JSON Schema}}]. Empty: none.
    std::string tools;
};

/// Why an answer ended.
enum class AnswerEnd : uint8_t { complete, max_tokens, stopped, context_full };

struct Answer {
    std::string text;
    std::string reasoning;  // what the model thought before
    /// What the model wants called; the chat waits for answer_calls() then.
    std::vector<ToolCall> calls;
    std::vector<FailedCall> failed_calls;
    AnswerEnd end = AnswerEnd::complete;
    uint32_t prompt_tokens = 0, evaluated_tokens = 0, generated_tokens = 0;
    double first_token_s = 0;  // from the call to the first token
    double decode_tok_s = 0;   // 0: too short to tell
};

/// Gets an answer while it is generated, in whole UTF-8 characters.
struct AnswerHandlers {
    AnswerHandlers() = default;
    /// Only the text.
    template <std::invocable<std::string_view> F>
    AnswerHandlers(F f) : on_text(std::move(f)) {}

    std::function<void(std::string_view)> on_text, on_reasoning;
    /// Name and arguments of a call that is complete; Answer::calls has it with its id.
    std::function<void(std::string_view, std::string_view)> on_call;
};

/// One chat: it remembers its turns, and a follow-up evaluates only what is new. One thread at a
/// time; keeps its model alive.
class Chat {
  public:
    Chat(Chat&&) noexcept;
    Chat& operator=(Chat&&) noexcept;
    ~Chat();

    /// Answers a message. Setting *stop, from any thread or from a handler, ends the answer after
    /// the current token. Errors (the chat stays as it was): context_full (reset() or
    /// drop_old_turns() make room), chat_template (the model has none that can be used),
    /// device_lost, usage (calls wait for their results).
    Result<Answer> say(std::string_view message, const AnswerHandlers& handlers = {},
                       const std::atomic<bool>* stop = nullptr);
    /// Gives the results of all calls of the last answer, in any order; the model goes on with
    /// them, and may call again. Errors: usage (not one result for each call), those of say().
    Result<Answer> answer_calls(std::span<const ToolResult> results,
                                const AnswerHandlers& handlers = {},
                                const std::atomic<bool>* stop = nullptr);
    /// Takes back the last message, its answer, and what tools had to do with it. Errors: usage
    /// (there is none).
    Result<void> undo();
    /// Forgets all turns; the system prompt stays.
    void reset();
    /// Drops the fewest oldest turns that make room for `message` and n_free tokens of an answer.
    /// Returns how many. Errors: context_full (it would not fit even alone).
    Result<uint32_t> drop_old_turns(std::string_view message, uint32_t n_free);

  private:
    friend class ChatModel;
    struct Parts;
    explicit Chat(std::unique_ptr<Parts> parts);
    std::unique_ptr<Parts> parts_;
};

/// A model with its weights on a device. Cheap to copy, immutable; chats in several threads may
/// share it.
class ChatModel {
  public:
    /// Loads a GGUF file. Errors: what is wrong with the file, io, out_of_memory (with the context
    /// that would fit), no_device.
    static Result<ChatModel> load(const std::string& path, const LoadOptions& options = {});

    /// Errors: usage (a setting out of range, tools that are no such list), out_of_memory,
    /// chat_template (the model has none that can be used, or none that knows tools).
    Result<Chat> open_chat(const ChatOptions& options = {}) const;
    /// "llvmpipe (LLVM 15.0.6, 256 bits)", "reference".
    const std::string& device_name() const;

  private:
    struct Parts;
    explicit ChatModel(std::shared_ptr<const Parts> parts);
    std::shared_ptr<const Parts> parts_;
};

}  // namespace m2w
