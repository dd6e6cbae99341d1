// repl_answer.cpp — what the interactive chat shows of an answer, and how it gets the results of
// tools.
#include <fmt/format.h>

#include <utility>

#include "chat/repl.h"
#include "chat/terminal.h"

namespace m2w {

/// Prints text of the model. It is not ours: on a terminal nothing in it may be obeyed. Reasoning
/// goes, dimmed, to where the rest of the conversation is shown, never into a pipe of answers.
AnswerEventFn Repl::printer() {
    return [this](const AnswerEvent& event) {
        if (event.kind == AnswerEvent::Kind::text || event.kind == AnswerEvent::Kind::reasoning)
            print(event.kind, event.text);
    };
}

void Repl::print(AnswerEvent::Kind kind, std::string_view text) {
    if (text.empty()) return;
    if (kind != std::exchange(printing_, kind)) end_line();
    const bool reasoning = kind == AnswerEvent::Kind::reasoning;
    std::FILE* stream = reasoning ? options_.ui : options_.out;
    const bool escape = reasoning || escape_;
    std::string shown = escape ? escape_for_terminal(text) : std::string(text);
    if (reasoning && color_) shown = "\x1b[2m" + shown + "\x1b[0m";
    std::fwrite(shown.data(), 1, shown.size(), stream);
    std::fflush(stream);
    last_printed_ = text.back();
}

void Repl::end_line() {
    if (std::exchange(last_printed_, '\n') == '\n') return;
    std::FILE* stream = printing_ == AnswerEvent::Kind::reasoning ? options_.ui : options_.out;
    fmt::print(stream, "\n");
    std::fflush(stream);
}

void Repl::say(const std::string& message) {
    signals_.interrupted() = false;
    auto reply = conversation_.say(message, printer(), &signals_.interrupted());
    const bool full = !reply && reply.error().category == Category::context_full;
    pending_ = full ? message : "";
    show_reply(std::move(reply));
    answer_calls();
}

void Repl::show_reply(Result<Reply> reply) {
    end_line();
    printing_ = AnswerEvent::Kind::text;
    signals_.interrupted() = false;
    if (!reply) {
        const Error& error = reply.error();
        complain(error);
        if (error.category == Category::context_full) offer_room("send it after that");
        if (error.category == Category::device_lost || error.category == Category::internal) {
            fatal_ = error;
            done_ = true;
        }
        return;
    }
    last_ = reply->stats;
    show_calls(*reply);
    show_finish(*reply);
    if (options_.show_stats) print_stats(reply->stats);
}

void Repl::show_finish(const Reply& reply) {
    switch (reply.finish) {
        case Finish::end_token:
            break;
        case Finish::stopped:
            note("[stopped]");
            break;
        case Finish::max_tokens:
            note(fmt::format("[cut after {} tokens; /set max_tokens 0 lifts the limit]",
                             reply.stats.generated_tokens));
            break;
        case Finish::context_full:
            note(fmt::format("[cut: the context of {} tokens is full]",
                             conversation_.session().n_ctx()));
            offer_room("go on");
            break;
    }
}

void Repl::show_calls(const Reply& reply) {
    for (const FailedCall& call : reply.failed_calls)
        note(fmt::format("[a call that could not be read ({}): {}]", call.why, call.text));
    for (const ToolCall& call : reply.calls)
        note(fmt::format("[{} {}]", call.name, call.arguments));
}

/// Answers calls, with the results that were given or the user's, until the model answers.
void Repl::answer_calls() {
    for (uint32_t round = 0; !done_ && !conversation_.pending_calls().empty(); ++round) {
        std::vector<ToolResult> results;
        const auto preset = options_.results.answer(conversation_.pending_calls());
        bool complete = round < kMaxToolRounds;
        if (!complete) note(fmt::format("[tools were called {} times in a row]", round));
        for (const ToolCall& call : conversation_.pending_calls()) {
            if (preset || !complete) break;
            complete = ask_for_result(call, results.emplace_back());
        }
        auto reply = complete ? conversation_.answer_calls(preset ? *preset : results, printer(),
                                                           &signals_.interrupted())
                              : Result<Reply>(Error{Category::usage, "the call has no result"});
        const bool failed = !reply;
        show_reply(std::move(reply));
        if (!failed || done_) continue;
        // A call without its result would be the end of the conversation.
        if (auto undone = conversation_.undo(); !undone) return complain(undone.error());
        note("[the last message and what followed are taken back]");
    }
}

/// False when the user gives none: Ctrl-C or Ctrl-D.
bool Repl::ask_for_result(const ToolCall& call, ToolResult& result) {
    result.id = call.id;
    if (const auto found = options_.results.by_name.find(call.name);
        found != options_.results.by_name.end()) {
        result.text = found->second;
        return true;
    }
    const std::string prompt = escape_for_terminal("result of " + call.name + "> ");
    const bool given = read_message(prompt, result.text) == LineEditor::Event::line;
    signals_.interrupted() = false;
    return given;
}

}  // namespace m2w
