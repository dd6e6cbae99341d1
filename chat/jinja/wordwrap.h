// wordwrap.h — breaking one line into lines of a width, at blanks and hyphens.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace m2w::jinja {

struct WrapStyle {
    int64_t width = 79;  // code points, positive
    bool break_long_words = true;
    bool break_on_hyphens = true;
};

/// The lines as Python's textwrap.wrap makes them with white space kept as it is: blanks at a break
/// are dropped, a word longer than the width is cut if that is allowed.
std::vector<std::string> wrap_line(std::string_view line, const WrapStyle& style);

}  // namespace m2w::jinja
