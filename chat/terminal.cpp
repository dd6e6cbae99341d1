// terminal.cpp — escaping by code point; the bar is one carriage return and a line that fits.
#include "chat/terminal.h"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <utf8.h>

#include <algorithm>
#include <cstdlib>
#include <iterator>

#include "runtime/memory.h"

namespace m2w {
namespace {

constexpr auto kRedrawEvery = std::chrono::milliseconds(50);

/// C0 and C1 controls: a terminal acts on both, the latter also in their two-byte UTF-8 form.
bool is_control(char32_t c) {
    return (c < 0x20 && c != '\n' && c != '\t') || (c >= 0x7f && c <= 0x9f);
}

size_t columns_of(std::FILE* stream) {
    winsize size{};
    if (ioctl(fileno(stream), TIOCGWINSZ, &size) == 0 && size.ws_col > 0) return size.ws_col;
    return 80;
}

}  // namespace

std::string escape_for_terminal(std::string_view text) {
    std::string valid, out;
    utf8::replace_invalid(text.begin(), text.end(), std::back_inserter(valid), 0xfffd);
    out.reserve(valid.size());
    for (auto at = valid.begin(); at != valid.end();) {
        const auto begin = at;
        const char32_t c = utf8::unchecked::next(at);
        if (is_control(c))
            out += c < 0x80 ? fmt::format("\\x{:02x}", uint32_t(c))
                            : fmt::format("\\u{:04x}", uint32_t(c));
        else
            out.append(begin, at);
    }
    return out;
}

bool is_terminal(std::FILE* stream) {
    const char* term = std::getenv("TERM");
    return isatty(fileno(stream)) && term && *term && std::string_view(term) != "dumb";
}

bool wants_color(std::FILE* stream) {
    const char* no_color = std::getenv("NO_COLOR");
    return is_terminal(stream) && !(no_color && *no_color);
}

ProgressBar::ProgressBar(std::FILE* stream, std::string label)
    : stream_(is_terminal(stream) ? stream : nullptr),
      label_(escape_for_terminal(label)),
      start_(Clock::now()) {}

void ProgressBar::update(uint64_t bytes_done, uint64_t bytes_total) {
    if (!stream_ || bytes_total == 0) return;
    const auto now = Clock::now();
    if (visible_ && bytes_done < bytes_total && now - drawn_ < kRedrawEvery) return;
    const double seconds = std::max(std::chrono::duration<double>(now - start_).count(), 1e-3);
    const double share = std::min(1.0, double(bytes_done) / double(bytes_total));
    const std::string numbers = fmt::format(" {:3.0f}%  {} / {}  {}/s", share * 100,
                                            format_bytes(bytes_done), format_bytes(bytes_total),
                                            format_bytes(uint64_t(double(bytes_done) / seconds)));
    const size_t columns = columns_of(stream_);
    const size_t used = label_.size() + numbers.size() + 4;
    std::string line = label_ + numbers;
    if (columns > used + 8) {
        const size_t width = std::min<size_t>(columns - used, 40);
        const size_t filled = size_t(share * double(width));
        line = label_ + " [" + std::string(filled, '#') + std::string(width - filled, ' ') + "]" +
               numbers;
    }
    fmt::print(stream_, "\r\x1b[K{}", line.substr(0, columns - 1));
    std::fflush(stream_);
    drawn_ = now;
    visible_ = true;
}

void ProgressBar::erase() {
    if (!visible_) return;
    fmt::print(stream_, "\r\x1b[K");
    std::fflush(stream_);
    visible_ = false;
}

}  // namespace m2w
