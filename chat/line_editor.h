// line_editor.h — one edited line at a time from a terminal, with a history kept in a file. Knows
// no commands and no chat.
#pragma once
#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>

#include "chat/signals.h"
#include "gguf/result.h"

namespace m2w {

struct LineEditorOptions {
    std::FILE* in = nullptr;             // a terminal
    std::FILE* out = nullptr;            // where the line is drawn
    std::filesystem::path history_file;  // empty: the history ends with the program
};

/// Edits lines as libedit does: its key bindings, and what ~/.editrc changes. One thread.
class LineEditor {
  public:
    enum class Event { line, interrupt, end };

    /// signals must outlive the editor. Errors: io (no terminal to edit on).
    static Result<std::unique_ptr<LineEditor>> create(const LineEditorOptions& options,
                                                      SignalWatch& signals);
    ~LineEditor();

    /// Reads a line (without its newline; it may hold newlines when it comes from the history).
    /// `prompt` may contain terminal codes between \1 bytes. interrupt: Ctrl-C, the line is
    /// dropped. end: Ctrl-D on an empty line, or the terminal is gone.
    Event read(const std::string& prompt, std::string& line);

    /// Remembers an entry, in the file as well when there is one. Errors: io (kept in memory).
    Result<void> remember(const std::string& entry);

  private:
    struct Parts;
    explicit LineEditor(std::unique_ptr<Parts> parts);
    std::unique_ptr<Parts> parts_;
};

/// $XDG_STATE_HOME/m2w/history, or below ~/.local/state; empty when there is no home.
/// Source: XDG base directory specification 0.8.
std::filesystem::path default_history_file();

}  // namespace m2w
