// m2w.h — m2w as a library: load a model, open a chat, stream an answer, stop it. The whole public
// interface; docs/embedding.md shows it at work.
#pragma once
#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

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
};

/// Why an answer ended.
enum class AnswerEnd : uint8_t { complete, max_tokens, stopped, context_full };

struct Answer {
    std::string text;
    AnswerEnd end = AnswerEnd::complete;
    uint32_t prompt_tokens = 0, evaluated_tokens = 0, generated_tokens = 0;
    double first_token_s = 0;  // from the call to the first token
    double decode_tok_s = 0;   // 0: too short to tell
};

/// One chat: it remembers its turns, and a follow-up evaluates only what is new. One thread at a
/// time; keeps its model alive.
class Chat {
  public:
    Chat(Chat&&) noexcept;
    Chat& operator=(Chat&&) noexcept;
    ~Chat();

    /// Answers a message. on_text gets whole UTF-8 characters as they are generated. Setting
    /// *stop, from any thread or from on_text, ends the answer after the current token.
    /// Errors (the chat stays as it was): context_full (reset() or drop_old_turns() make room),
    /// chat_template (the model has none that can be used), device_lost.
    Result<Answer> say(std::string_view message,
                       const std::function<void(std::string_view)>& on_text = {},
                       const std::atomic<bool>* stop = nullptr);
    /// Takes back the last message and its answer. Errors: usage (there is none).
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

    /// Errors: usage (a setting out of range), out_of_memory, chat_template (the model has none
    /// that can be used).
    Result<Chat> open_chat(const ChatOptions& options = {}) const;
    /// "llvmpipe (LLVM 15.0.6, 256 bits)", "reference".
    const std::string& device_name() const;

  private:
    struct Parts;
    explicit ChatModel(std::shared_ptr<const Parts> parts);
    std::shared_ptr<const Parts> parts_;
};

}  // namespace m2w
