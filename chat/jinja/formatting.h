// formatting.h — padding and Python's format mini-language, shared by str.format, % and the
// filters.
#pragma once
#include <string>
#include <string_view>

#include "chat/jinja/runtime.h"

namespace m2w::jinja {

/// Text filled up to a width in code points. align: '<', '>' or '^'. Checks the size before it
/// allocates.
std::string pad(Runtime& rt, std::string_view s, int64_t width, std::string_view fill, char align);

/// str.center.
std::string center_text(Runtime& rt, std::string_view s, int64_t width, std::string_view fill);
/// str.replace; a negative limit means all.
std::string replace_text(Runtime& rt, std::string_view s, std::string_view from,
                         std::string_view to, int64_t limit);

/// A number in parts, so that zeros go between sign and digits.
struct NumberText {
    std::string sign;    // "-", "+", " " or empty
    std::string prefix;  // "0x" or empty
    std::string digits;  // up to the point
    std::string rest;    // point, fraction, exponent
};

/// Splits "-12.5e+10" and the like; `plus` is the sign of what is not negative.
NumberText split_number(std::string_view text, std::string_view plus);
/// Inserts separators every `group` digits and zeros up to `width` in all.
std::string group_digits(Runtime& rt, const std::string& digits, char separator, size_t group,
                         int64_t width);

/// format(value, spec)
std::string format_value(Runtime& rt, const Value& v, std::string_view spec);

/// format.format(*positional, **named); escapes what it inserts when `markup`.
Value format_string(Runtime& rt, std::string_view format, bool markup,
                    const CallArguments& arguments);

}  // namespace m2w::jinja
