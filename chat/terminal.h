// terminal.h — what may be shown on a terminal and how: escaping, colours, a progress bar. Reads no
// keys.
#pragma once
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <string>
#include <string_view>

namespace m2w {

/// The text with nothing left that a terminal would obey: control characters other than newline
/// and tab become \x1b or \u009b, bytes that are not UTF-8 become U+FFFD. `text` must not end
/// inside a character.
std::string escape_for_terminal(std::string_view text);

/// Whether a stream ends on a terminal that can move its cursor.
bool is_terminal(std::FILE* stream);
/// The same, and the user did not ask for no colours (no-color.org).
bool wants_color(std::FILE* stream);

/// A bar with bytes and rate on one line of a terminal, drawn at most 20 times a second and erased
/// at the end. Draws nothing when the stream is no terminal.
class ProgressBar {
  public:
    ProgressBar(std::FILE* stream, std::string label);
    ~ProgressBar() { erase(); }
    ProgressBar(const ProgressBar&) = delete;
    ProgressBar& operator=(const ProgressBar&) = delete;

    void update(uint64_t bytes_done, uint64_t bytes_total);
    void erase();

  private:
    using Clock = std::chrono::steady_clock;
    std::FILE* stream_;  // null: no terminal
    std::string label_;
    Clock::time_point start_, drawn_;
    bool visible_ = false;
};

}  // namespace m2w
