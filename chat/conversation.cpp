// conversation.cpp — renders the history, keeps the common prefix of what was evaluated, generates.
#include "chat/conversation.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>

#include "chat/jinja/json.h"
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
    ToolCall call;  // that is being read

    void add(const AnswerEvent& event);
};

void Conversation::Generation::add(const AnswerEvent& event) {
    using Kind = AnswerEvent::Kind;
    switch (event.kind) {
        case Kind::text:
            reply.text += event.text;
            break;
        case Kind::reasoning:
            reply.reasoning += event.text;
            break;
        case Kind::call_begin:
            call = {std::string(event.id), std::string(event.text), {}};
            break;
        case Kind::call_arguments:
            call.arguments += event.text;
            break;
        case Kind::call_end:
            reply.calls.push_back(std::move(call));
            break;
        case Kind::call_failed:
            reply.failed_calls.push_back(
                {std::string(event.text), std::string(call_fault_name(event.fault))});
            break;
    }
}

Conversation::Conversation(std::shared_ptr<const LoadedModel> model, Session session,
                           const ConversationOptions& options)
    : model_(std::move(model)),
      options_(options),
      session_(std::move(session)),
      sampler_(options.sampling),
      tools_(jinja::Value::none()) {
    set_system(options_.system);
}

Result<Conversation> Conversation::create(std::shared_ptr<const LoadedModel> model,
                                          const ConversationOptions& options) {
    TRY(check_sampling(options.sampling));
    SessionOptions session_options;
    session_options.n_ctx = options.n_ctx;
    if (!options.tools.empty()) {
        if (options.raw) return Error{Category::usage, "tools need a chat template"};
        TRY(model->chat_template());
        const AnswerForms& forms = model->answer_forms();
        if (!forms.shows_tools || !forms.format.calls)
            return Error{Category::chat_template,
                         forms.shows_tools
                             ? "the chat template has tools, but no form of calls that is known"
                             : "the chat template has no place for tools"};
    }
    TRY(auto session, Session::create(model->engine(), session_options));
    Conversation out(std::move(model), std::move(session), options);
    if (!options.tools.empty()) {
        TRY(const jinja::Value tools, jinja::from_json(options.tools.json()));
        out.tools_ = guarded(out.model_->tokenizer(), tools);
    }
    return out;
}

Message Conversation::make_message(Role role, std::string_view text) const {
    return {role, std::string(text), model_->tokenizer().guard(text)};
}

Result<Reply> Conversation::say(std::string_view user_text, const AnswerEventFn& on_event,
                                const std::atomic<bool>* stop) {
    if (!pending_calls().empty())
        return Error{Category::usage, fmt::format("the model waits for the result of {}",
                                                  pending_calls().front().name)};
    std::vector<Message> messages = messages_;
    messages.push_back(make_message(Role::user, user_text));
    return answer(std::move(messages), on_event, stop);
}

std::span<const ToolCall> Conversation::pending_calls() const {
    return messages_.empty() ? std::span<const ToolCall>() : messages_.back().calls;
}

Result<Reply> Conversation::answer_calls(std::span<const ToolResult> results,
                                         const AnswerEventFn& on_event,
                                         const std::atomic<bool>* stop) {
    std::vector<Message> messages = messages_;
    const auto calls = pending_calls();
    if (calls.empty()) return Error{Category::usage, "no call waits for a result"};
    if (results.size() != calls.size())
        return Error{Category::usage,
                     fmt::format("{} calls, {} results", calls.size(), results.size())};
    for (const ToolCall& call : calls) {
        const auto result = std::ranges::find(results, call.id, &ToolResult::id);
        if (result == results.end())
            return Error{Category::usage, fmt::format("no result for {} ({})", call.name, call.id)};
        messages.push_back(make_message(Role::tool, result->text));
        messages.back().call_id = call.id;
        messages.back().tool_name = call.name;
    }
    return answer(std::move(messages), on_event, stop);
}

Result<Reply> Conversation::regenerate(const AnswerEventFn& on_event,
                                       const std::atomic<bool>* stop) {
    if (n_turns() == 0) return Error{Category::usage, "there is no answer to give anew"};
    std::vector<Message> messages = messages_;
    while (messages.back().role != Role::user) messages.pop_back();
    return answer(std::move(messages), on_event, stop);
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
Result<Reply> Conversation::answer(std::vector<Message> messages, const AnswerEventFn& on_event,
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
        if (options_.before_answer) TRY(options_.before_answer());
        // An opening marker may be the prompt's last; the end of it is enough to see that.
        constexpr size_t kSeenTokens = 64;
        const auto end = std::span(prompt).last(std::min(prompt.size(), kSeenTokens));
        const AnswerFormat format = answer_format();
        AnswerParser parser(
            format, options_.tools,
            [&](const AnswerEvent& event) {
                generation.add(event);
                if (on_event) on_event(event);
            },
            start_after(model_->tokenizer().decode(end, true), format));
        TRY(generate(generation, parser));
    } else {
        reply.finish = Finish::stopped;
    }
    if (reply.finish == Finish::stopped && generation.ids.empty()) return std::move(reply);
    name_calls(reply.calls, messages);
    messages.push_back(assistant_message(generation));
    messages_ = std::move(messages);
    return std::move(reply);
}

AnswerFormat Conversation::answer_format() const {
    if (options_.raw) return {};
    AnswerFormat format = model_->answer_forms().format;
    if (options_.tools.empty()) format.calls = nullptr;
    return format;
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

Result<void> Conversation::generate(Generation& generation, AnswerParser& parser) {
    const Tokenizer& tokenizer = model_->tokenizer();
    StreamDecoder decoder(tokenizer);
    Reply& reply = generation.reply;
    const auto push = [&](uint32_t id) {
        const TokenKind kind = tokenizer.kind(id);
        if (kind != TokenKind::control && kind != TokenKind::unknown)
            return parser.push(decoder.push(id));
        parser.push(decoder.flush());
        parser.push(tokenizer.piece(id), true);
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
            parser.push(decoder.flush());
            parser.push(tokenizer.piece(id), true);  // some end a call
            break;
        }
        generation.ids.push_back(id);
        push(id);
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
    parser.push(decoder.flush());
    parser.finish();
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
/// Without parts of its own an answer is kept token by token; else the template puts it together.
Message Conversation::assistant_message(const Generation& generation) const {
    const Reply& reply = generation.reply;
    Message out = make_message(Role::assistant, reply.text);
    out.reasoning = reply.reasoning;
    out.calls = reply.calls;
    const bool plain = reply.reasoning.empty() && reply.calls.empty();
    if (plain) out.prompt_text = prompt_text_of(generation.ids);
    return out;
}

Result<std::string> Conversation::render(std::span<const Message> messages) const {
    TRY(const ChatTemplate* chat_template, model_->chat_template());
    std::vector<jinja::Value> values;
    for (const Message& m : messages)
        values.push_back(message_value(m, model_->tokenizer(), model_->answer_forms().style));
    const Tokenizer& tokenizer = model_->tokenizer();
    ChatInput input;
    input.messages = jinja::Value::list(std::move(values));
    input.tools = tools_;
    if (const auto id = tokenizer.bos_id()) input.bos_token = tokenizer.piece(*id);
    if (const auto id = tokenizer.eos_id()) input.eos_token = tokenizer.piece(*id);
    return chat_template->render(input);
}

}  // namespace m2w
