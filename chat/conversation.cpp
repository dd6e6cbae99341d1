// conversation.cpp — renders the history, keeps the common prefix of what was evaluated, generates.
#include "chat/conversation.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>

#include "tokenizer/stream_decoder.h"

namespace m2w {
namespace {

using Clock = std::chrono::steady_clock;

/// A prompt is evaluated in pieces of a whole batch, between which it can be stopped.
constexpr size_t kPieceTokens = SessionOptions{}.n_batch;
// What another turn changes of a prompt is most often its end, where the answer is asked for. The
// last tokens go by themselves, so that the states of a recurrent model are kept from before them.
constexpr size_t kTailTokens = 8;

double seconds_since(Clock::time_point start) {
    return std::chrono::duration<double>(Clock::now() - start).count();
}

bool is_set(const std::atomic<bool>* stop) {
    return stop && stop->load(std::memory_order_relaxed);
}

}  // namespace

std::string_view role_name(Role role) {
    constexpr std::string_view kNames[] = {"system", "user", "assistant"};
    return kNames[size_t(role)];
}

std::string describe(const TurnStats& s) {
    return fmt::format(
        "{} prompt tokens ({} new, {:.0f} tok/s), {} generated ({:.1f} tok/s), first after {:.2f} "
        "s",
        s.prompt_tokens, s.evaluated_tokens, s.prefill_tok_s(), s.generated_tokens,
        s.decode_tok_s(), s.first_token_s);
}

/// What one answer needs while it is made.
struct Conversation::Generation {
    const std::atomic<bool>* stop = nullptr;
    Clock::time_point start = Clock::now();
    std::span<const float> logits;
    std::vector<uint32_t> ids;
    Reply reply;
};

Conversation::Conversation(std::shared_ptr<const LoadedModel> model, Session session,
                           const ConversationOptions& options)
    : model_(std::move(model)),
      options_(options),
      session_(std::move(session)),
      sampler_(options.sampling) {
    set_system(options_.system);
}

Result<Conversation> Conversation::create(std::shared_ptr<const LoadedModel> model,
                                          const ConversationOptions& options) {
    TRY(check_sampling(options.sampling));
    SessionOptions session_options;
    session_options.n_ctx = options.n_ctx;
    TRY(auto session, Session::create(model->engine(), session_options));
    return Conversation(std::move(model), std::move(session), options);
}

Message Conversation::make_message(Role role, std::string_view text) const {
    return {role, std::string(text), model_->tokenizer().guard(text)};
}

Result<Reply> Conversation::say(std::string_view user_text, const TextFn& on_text,
                                const std::atomic<bool>* stop) {
    std::vector<Message> messages = messages_;
    messages.push_back(make_message(Role::user, user_text));
    return answer(std::move(messages), on_text, stop);
}

Result<Reply> Conversation::regenerate(const TextFn& on_text, const std::atomic<bool>* stop) {
    if (n_turns() == 0) return Error{Category::usage, "there is no answer to give anew"};
    std::vector<Message> messages = messages_;
    while (messages.back().role != Role::user) messages.pop_back();
    return answer(std::move(messages), on_text, stop);
}

Result<void> Conversation::undo() {
    if (n_turns() == 0) return Error{Category::usage, "there is no turn to take back"};
    while (messages_.back().role != Role::user) messages_.pop_back();
    messages_.pop_back();
    return {};
}

void Conversation::reset() {
    messages_.resize(first_turn());
    sampler_ = Sampler(sampler_.sampling());
}

void Conversation::set_system(std::string_view text) {
    if (first_turn()) messages_.erase(messages_.begin());
    if (!text.empty()) messages_.insert(messages_.begin(), make_message(Role::system, text));
}

Result<void> Conversation::set_sampling(const Sampling& sampling) {
    TRY(check_sampling(sampling));
    sampler_ = Sampler(sampling);
    return {};
}

uint32_t Conversation::n_turns() const {
    return uint32_t(std::count_if(messages_.begin(), messages_.end(),
                                  [](const Message& m) { return m.role == Role::user; }));
}

Result<uint32_t> Conversation::drop_old_turns(std::string_view user_text, uint32_t n_free) {
    std::vector<Message> rest = messages_;
    rest.push_back(make_message(Role::user, user_text));
    for (uint32_t dropped = 0;; ++dropped) {
        TRY(const auto ids, prompt_ids(rest));
        if (ids.size() + n_free <= session_.n_ctx()) {
            rest.pop_back();
            messages_ = std::move(rest);
            return dropped;
        }
        const auto first = rest.begin() + ptrdiff_t(first_turn());
        const auto next = std::find_if(first + 1, rest.end(),
                                       [](const Message& m) { return m.role == Role::user; });
        if (next == rest.end())
            return Error{Category::context_full,
                         fmt::format("{} tokens without any earlier turn, and {} for an answer, "
                                     "exceed the context of {}",
                                     ids.size(), n_free, session_.n_ctx())};
        rest.erase(first, next);
    }
}

Result<std::vector<uint32_t>> Conversation::prompt_ids(std::span<const Message> messages) const {
    const Tokenizer& tokenizer = model_->tokenizer();
    if (!options_.raw) {
        TRY(const std::string rendered, render(messages));
        return tokenizer.encode_guarded(rendered);
    }
    std::string text;
    for (const Message& m : messages) text += m.text;
    TRY(auto ids, tokenizer.encode(text, {.add_special = false, .parse_special = false}));
    // Only the beginning is marked: an end token here would end what is to be continued.
    if (tokenizer.add_bos() && tokenizer.bos_id()) ids.insert(ids.begin(), *tokenizer.bos_id());
    return ids;
}

/// Generates an answer to `messages` and, if any of it came, makes both the history.
Result<Reply> Conversation::answer(std::vector<Message> messages, const TextFn& on_text,
                                   const std::atomic<bool>* stop) {
    Generation generation{.stop = stop};
    TRY(const auto prompt, prompt_ids(messages));
    if (prompt.empty()) return Error{Category::usage, "the prompt has no tokens"};
    if (prompt.size() > session_.n_ctx())
        return Error{Category::context_full,
                     fmt::format("the prompt has {} tokens, the context holds {}", prompt.size(),
                                 session_.n_ctx())};
    Reply& reply = generation.reply;
    reply.stats.prompt_tokens = uint32_t(prompt.size());
    TRY(const bool complete, prefill(prompt, generation));
    if (complete) {
        TRY(generate(generation, on_text));
    } else {
        reply.finish = Finish::stopped;
    }
    if (reply.finish == Finish::stopped && generation.ids.empty()) return std::move(reply);
    messages.push_back({Role::assistant, reply.text, prompt_text_of(generation.ids)});
    messages_ = std::move(messages);
    return std::move(reply);
}

/// Evaluates what the session does not hold yet. False: stopped on the way.
Result<bool> Conversation::prefill(std::span<const uint32_t> prompt, Generation& generation) {
    const Clock::time_point start = Clock::now();
    const auto held = session_.tokens();
    const auto differ = std::mismatch(prompt.begin(), prompt.end(), held.begin(), held.end());
    // The last token is evaluated in any case: its logits begin the answer.
    size_t done = std::min(size_t(differ.first - prompt.begin()), prompt.size() - 1);
    TRY(session_.truncate(uint32_t(done)));
    TurnStats& stats = generation.reply.stats;
    while (done < prompt.size()) {
        if (is_set(generation.stop)) return false;
        size_t count = std::min<size_t>(prompt.size() - done, kPieceTokens);
        if (session_.recurrent() && done + count == prompt.size() && count > kTailTokens)
            count -= kTailTokens;
        TRY(generation.logits, session_.eval(prompt.subspan(done, count)));
        done += count;
        stats.evaluated_tokens += uint32_t(count);
    }
    stats.prefill_s = seconds_since(start);
    return true;
}

Result<void> Conversation::generate(Generation& generation, const TextFn& on_text) {
    const Tokenizer& tokenizer = model_->tokenizer();
    StreamDecoder decoder(tokenizer);
    Reply& reply = generation.reply;
    const auto emit = [&](std::string_view text) {
        reply.text += text;
        if (on_text && !text.empty()) on_text(text);
    };
    Clock::time_point first_token;
    for (;;) {
        if (is_set(generation.stop)) {
            reply.finish = Finish::stopped;
            break;
        }
        const uint32_t id = sampler_.sample(generation.logits, session_.tokens());
        if (generation.ids.empty()) {
            first_token = Clock::now();
            reply.stats.first_token_s = seconds_since(generation.start);
        }
        if (tokenizer.is_end(id)) {
            reply.finish = Finish::end_token;
            break;
        }
        generation.ids.push_back(id);
        emit(decoder.push(id));
        if (generation.ids.size() == options_.max_tokens) {
            reply.finish = Finish::max_tokens;
            break;
        }
        if (session_.position() == session_.n_ctx()) {
            reply.finish = Finish::context_full;
            break;
        }
        TRY(generation.logits, session_.eval({&id, 1}));
    }
    emit(decoder.flush());
    reply.stats.generated_tokens = uint32_t(generation.ids.size());
    reply.stats.decode_s = generation.ids.empty() ? 0 : seconds_since(first_token);
    return {};
}

/// An answer as later prompts hold it: control tokens that the model itself generated as their
/// text, everything else guarded, so that a control token which it merely spells stays spelled.
std::string Conversation::prompt_text_of(std::span<const uint32_t> ids) const {
    const Tokenizer& tokenizer = model_->tokenizer();
    std::string out;
    while (!ids.empty()) {
        const auto control = std::find_if(ids.begin(), ids.end(), [&](uint32_t id) {
            return tokenizer.kind(id) == TokenKind::control;
        });
        const auto plain = ids.first(size_t(control - ids.begin()));
        out += tokenizer.guard(tokenizer.decode(plain));
        ids = ids.subspan(plain.size());
        if (ids.empty()) break;
        out += tokenizer.piece(ids.front());
        ids = ids.subspan(1);
    }
    return out;
}
Result<std::string> Conversation::render(std::span<const Message> messages) const {
    TRY(const ChatTemplate* chat_template, model_->chat_template());
    std::vector<ChatMessage> plain;
    for (const Message& m : messages)
        plain.push_back({std::string(role_name(m.role)), m.prompt_text});
    const Tokenizer& tokenizer = model_->tokenizer();
    ChatInput input;
    input.messages = chat_messages(plain);
    if (const auto id = tokenizer.bos_id()) input.bos_token = tokenizer.piece(*id);
    if (const auto id = tokenizer.eos_id()) input.eos_token = tokenizer.piece(*id);
    return chat_template->render(input);
}

}  // namespace m2w
