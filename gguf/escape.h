// escape.h — makes text of unknown origin safe to print. Knows no format.
#pragma once
#include <string>
#include <string_view>

namespace m2w {

/// `text` on one line for a terminal or a log: control characters, line separators, characters that
/// turn the writing direction and bytes that are no UTF-8 become \xHH, byte by byte. Everything
/// else stays as it is.
std::string escape_line(std::string_view text);

}  // namespace m2w
