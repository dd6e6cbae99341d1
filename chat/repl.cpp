// repl.cpp — the loop: a message or command in, an answer out.
#include "chat/repl.h"

#include <fmt/format.h>

#include "chat/terminal.h"
#include "runtime/memory.h"

namespace m2w {
namespace {

constexpr std::string_view kFence = "\"\"\"";

std::string trimmed(std::string_view text) {
    const size_t begin = text.find_first_not_of(" \t");
    if (begin == std::string_view::npos) return {};
    return std::string(text.substr(begin, text.find_last_not_of(" \t") - begin + 1));
}

}  // namespace

Repl::Repl(Conversation& conversation, LineEditor& editor, SignalWatch& signals,
           const ReplOptions& options)
    : conversation_(conversation),
      editor_(editor),
      signals_(signals),
      options_(options),
      color_(wants_color(options.ui)),
      escape_(is_terminal(options.out)) {}

Result<void> Repl::run() {
    const Model& model = conversation_.model().model();
    note(fmt::format("{}: {:.1f} M parameters, context {}, on {}. /help lists the commands.",
                     model.file().name().substr(model.file().name().find_last_of('/') + 1),
                     double(model.n_params()) / 1e6, conversation_.session().n_ctx(),
                     conversation_.session().engine().backend().device_name()));
    std::string message;
    while (!done_) {
        const LineEditor::Event event =
            read_message(color_ ? "\1\x1b[1;32m\1>\1\x1b[0m\1 " : "> ", message);
        if (event == LineEditor::Event::interrupt) {
            note("^C  (/exit or Ctrl-D leaves)");
            continue;
        }
        if (event == LineEditor::Event::end) {
            fmt::print(options_.ui, "\n");
            break;
        }
        if (trimmed(message).empty()) continue;
        if (auto kept = editor_.remember(message); !kept) {
            complain(kept.error());
        }
        if (message.starts_with('/'))
            run_command(trimmed(message));
        else
            say(message);
    }
    if (fatal_) return *fatal_;
    return {};
}

/// A line; a line that ends with a backslash goes on in the next one, """ begins a block.
LineEditor::Event Repl::read_message(const std::string& prompt, std::string& message) {
    message.clear();
    std::string line;
    for (bool more = false;; more = true) {
        const auto event = editor_.read(more ? ". " : prompt, line);
        if (event != LineEditor::Event::line) return event;
        if (!more && line.starts_with(kFence)) {
            message = line.substr(kFence.size());
            return read_block(message);
        }
        const bool continues = line.ends_with('\\');
        if (continues) line.pop_back();
        message += line;
        if (!continues) return event;
        message += '\n';
    }
}

/// Goes on until a line ends with """.
LineEditor::Event Repl::read_block(std::string& message) {
    std::string line = message;
    message.clear();
    for (bool first = true;; first = false) {
        if (!first)
            if (const auto event = editor_.read(". ", line); event != LineEditor::Event::line)
                return event;
        const bool last = line.ends_with(kFence);
        if (last) line.resize(line.size() - kFence.size());
        // The fences may stand on lines of their own, which are not part of the message.
        if (!(line.empty() && (first || last))) message += (message.empty() ? "" : "\n") + line;
        if (last) return LineEditor::Event::line;
    }
}

void Repl::run_command(const std::string& line) {
    const size_t space = line.find_first_of(" \t\n");
    const std::string_view name = std::string_view(line).substr(0, space);
    const std::string argument =
        space == std::string::npos ? "" : trimmed(std::string_view(line).substr(space + 1));
    for (const Command& command : commands())
        if (command.name == name) return (this->*command.run)(argument);
    note(fmt::format("{}: no such command; /help lists them. A message may begin with a space.",
                     name));
}

void Repl::offer_room(const std::string& what) {
    note(fmt::format(
        "/reset forgets all turns, /drop only as many of the oldest ones as it takes to {}; both "
        "keep the system prompt.",
        what));
}

void Repl::print_stats(const TurnStats& s) {
    note(describe(s));
}

void Repl::note(std::string_view text) {
    const std::string shown = escape_for_terminal(text);
    fmt::print(options_.ui, "{}{}{}\n", color_ ? "\x1b[2m" : "", shown, color_ ? "\x1b[0m" : "");
    std::fflush(options_.ui);
}

void Repl::complain(const Error& error) {
    fmt::print(options_.ui, "{}{}{}\n", color_ ? "\x1b[31m" : "", escape_for_terminal(error.str()),
               color_ ? "\x1b[0m" : "");
    std::fflush(options_.ui);
}

}  // namespace m2w
