// strftime.h — a wall-clock time and its text in C's strftime language, in the C locale. Reads no
// clock.
#pragma once
#include <optional>
#include <string>
#include <string_view>

namespace m2w::jinja {

/// A date and time of day without zone, Gregorian.
struct CivilTime {
    int year = 1970, month = 1, day = 1;  // month and day from 1
    int hour = 0, minute = 0, second = 0;

    /// "2026-07-04T12:00:00" or "2026-07-04 12:00:00"; nullopt for anything else or no such date.
    static std::optional<CivilTime> parse(std::string_view text);
};

/// Expands %-conversions as glibc does, with its flags - _ 0 ^ # and widths up to 64. The time has
/// no zone: %z and %Z are empty. An unknown conversion stays as it is written.
std::string strftime(const CivilTime& time, std::string_view format);

}  // namespace m2w::jinja
