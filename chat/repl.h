// repl.h — the interactive chat: reads messages and commands, streams answers, says what happened.
// Parses no arguments.
#pragma once
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "chat/conversation.h"
#include "chat/line_editor.h"
#include "chat/preset_results.h"
#include "chat/signals.h"

namespace m2w {

struct ReplOptions {
    std::FILE* out = nullptr;  // answers
    std::FILE* ui = nullptr;   // everything else
    bool show_stats = false;   // after each answer
    PresetResults results;     // of tools; for the others the user is asked
};

/// One interactive session over a conversation. All it is given outlives it.
class Repl {
  public:
    Repl(Conversation& conversation, LineEditor& editor, SignalWatch& signals,
         const ReplOptions& options);

    /// Runs until /exit or the end of input. Errors: device_lost, internal: what no further message
    /// could succeed after. Others are shown and the session goes on.
    Result<void> run();

  private:
    struct Command {
        std::string_view name, arguments, help;
        void (Repl::*run)(const std::string& argument);
    };
    struct Setting;
    template <auto Member>
    static constexpr Setting of(std::string_view name, std::string_view help);
    static std::span<const Command> commands();
    static std::span<const Setting> settings();

    LineEditor::Event read_message(const std::string& prompt, std::string& message);
    LineEditor::Event read_block(std::string& message);
    void run_command(const std::string& line);
    void say(const std::string& message);
    void show_reply(Result<Reply> reply);
    void show_finish(const Reply& reply);
    void show_calls(const Reply& reply);
    void answer_calls();
    bool ask_for_result(const ToolCall& call, ToolResult& result);
    void end_line();
    void offer_room(const std::string& what);

    void help(const std::string&);
    void system(const std::string& text);
    void reset(const std::string&);
    void undo(const std::string&);
    void regen(const std::string&);
    void drop(const std::string&);
    void stats(const std::string&);
    void set(const std::string& assignment);
    void save(const std::string& path);
    void exit(const std::string&);

    AnswerEventFn printer();
    void print(AnswerEvent::Kind kind, std::string_view text);
    void print_stats(const TurnStats& stats);
    void note(std::string_view text);
    void complain(const Error& error);

    Conversation& conversation_;
    LineEditor& editor_;
    SignalWatch& signals_;
    ReplOptions options_;
    bool color_, escape_;
    bool done_ = false;
    std::optional<Error> fatal_;
    std::string pending_;  // a message that did not fit
    std::optional<TurnStats> last_;
    std::set<std::filesystem::path> saved_;  // files that this session wrote and may replace
    char last_printed_ = '\n';
    AnswerEvent::Kind printing_ = AnswerEvent::Kind::text;
};

}  // namespace m2w
