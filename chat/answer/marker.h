// marker.h — finds the texts that separate the parts of an answer, also when they are not complete
// yet. Knows no format.
#pragma once
#include <cstddef>
#include <span>
#include <string_view>

namespace m2w {

/// How a marker compares with the beginning of a text.
struct MarkerMatch {
    enum class State : uint8_t { none, partial, full };
    State state = State::none;  // partial: more text may make it a match
    size_t length = 0;          // of the text that a full match takes
};
/// A space in a marker stands for any run of white space, also none. complete: no text follows.
MarkerMatch match_marker(std::string_view marker, std::string_view text, bool complete);

/// Where the first of several markers stands.
struct MarkerPlace {
    size_t begin = 0;   // what is before it can be no part of any marker
    size_t length = 0;  // 0: none is complete, and one may begin at `begin`
    size_t index = 0;   // which one
    bool found() const { return length > 0; }
};
/// The earliest marker from `from` on, the longest of those that begin there. Empty markers are
/// never found.
MarkerPlace find_marker(std::span<const std::string_view> markers, std::string_view text,
                        size_t from, bool complete);

/// More space than this ahead of a call, or of what it is made of, is text.
constexpr size_t kMaxLeadingSpace = 1024;

/// As JSON has it: space, tab, line feed, carriage return.
constexpr bool is_space(char c) {
    return c == ' ' || c == '\n' || c == '\t' || c == '\r';
}
std::string_view trim_space(std::string_view text);

}  // namespace m2w
