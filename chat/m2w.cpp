// m2w.cpp — the public interface over LoadedModel and Conversation.
#include "chat/include/m2w/m2w.h"

#include "chat/conversation.h"
#include "chat/loaded_model.h"

namespace m2w {
namespace {

AnswerEventFn listener(const AnswerHandlers& handlers) {
    return [&handlers, call = ToolCall()](const AnswerEvent& event) mutable {
        using Kind = AnswerEvent::Kind;
        if (event.kind == Kind::text && handlers.on_text) handlers.on_text(event.text);
        if (event.kind == Kind::reasoning && handlers.on_reasoning)
            handlers.on_reasoning(event.text);
        if (event.kind == Kind::call_begin)
            call = {std::string(event.id), std::string(event.text), {}};
        if (event.kind == Kind::call_arguments) call.arguments += event.text;
        if (event.kind == Kind::call_end && handlers.on_call)
            handlers.on_call(call.name, call.arguments);
    };
}

Answer to_answer(Reply reply) {
    static_assert(int(AnswerEnd::complete) == int(Finish::end_token) &&
                  int(AnswerEnd::max_tokens) == int(Finish::max_tokens) &&
                  int(AnswerEnd::stopped) == int(Finish::stopped) &&
                  int(AnswerEnd::context_full) == int(Finish::context_full));
    Answer answer;
    answer.text = std::move(reply.text);
    answer.reasoning = std::move(reply.reasoning);
    answer.calls = std::move(reply.calls);
    answer.failed_calls = std::move(reply.failed_calls);
    answer.end = AnswerEnd(reply.finish);
    answer.prompt_tokens = reply.stats.prompt_tokens;
    answer.evaluated_tokens = reply.stats.evaluated_tokens;
    answer.generated_tokens = reply.stats.generated_tokens;
    answer.first_token_s = reply.stats.first_token_s;
    answer.decode_tok_s = reply.stats.decode_tok_s();
    return answer;
}

}  // namespace

struct ChatModel::Parts {
    std::shared_ptr<const LoadedModel> model;
};

struct Chat::Parts {
    Conversation conversation;
};

ChatModel::ChatModel(std::shared_ptr<const Parts> parts) : parts_(std::move(parts)) {}

Result<ChatModel> ChatModel::load(const std::string& path, const LoadOptions& options) {
    EngineOptions engine;
    engine.device = options.device;
    engine.n_ctx = options.n_ctx;
    if (options.on_progress)
        engine.progress = [&](const LoadProgress& p) {
            options.on_progress(p.bytes_done, p.bytes_total);
        };
    TRY(auto model, LoadedModel::load(path, engine));
    return ChatModel(std::make_shared<const Parts>(Parts{std::move(model)}));
}

Result<Chat> ChatModel::open_chat(const ChatOptions& options) const {
    TRY(parts_->model->chat_template());
    ConversationOptions out;
    out.system = options.system;
    out.sampling = {.temperature = options.temperature,
                    .top_k = options.top_k,
                    .top_p = options.top_p,
                    .min_p = options.min_p,
                    .repeat_penalty = options.repeat_penalty,
                    .seed = options.seed};
    out.n_ctx = options.n_ctx;
    out.max_tokens = options.max_tokens;
    TRY(out.tools, ToolSet::parse(options.tools));
    TRY(auto conversation, Conversation::create(parts_->model, out));
    return Chat(std::make_unique<Chat::Parts>(Chat::Parts{std::move(conversation)}));
}

const std::string& ChatModel::device_name() const {
    return parts_->model->engine()->backend().device_name();
}

Chat::Chat(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}
Chat::Chat(Chat&&) noexcept = default;
Chat& Chat::operator=(Chat&&) noexcept = default;
Chat::~Chat() = default;

Result<Answer> Chat::say(std::string_view message, const AnswerHandlers& handlers,
                         const std::atomic<bool>* stop) {
    TRY(auto reply, parts_->conversation.say(message, listener(handlers), stop));
    return to_answer(std::move(reply));
}

Result<Answer> Chat::answer_calls(std::span<const ToolResult> results,
                                  const AnswerHandlers& handlers, const std::atomic<bool>* stop) {
    TRY(auto reply, parts_->conversation.answer_calls(results, listener(handlers), stop));
    return to_answer(std::move(reply));
}

Result<void> Chat::undo() {
    return parts_->conversation.undo();
}

void Chat::reset() {
    parts_->conversation.reset();
}

Result<uint32_t> Chat::drop_old_turns(std::string_view message, uint32_t n_free) {
    return parts_->conversation.drop_old_turns(message, n_free);
}

}  // namespace m2w
