// strftime.cpp — calendar arithmetic and the conversion table.
// Conversions: POSIX strftime, C locale; flags and %P %k %l %s: glibc manual, "Formatting Calendar
// Time".
#include "chat/jinja/strftime.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>

namespace m2w::jinja {
namespace {

constexpr std::string_view kDays[] = {"Sunday",   "Monday", "Tuesday", "Wednesday",
                                      "Thursday", "Friday", "Saturday"};
constexpr std::string_view kMonths[] = {"January",   "February", "March",    "April",
                                        "May",       "June",     "July",     "August",
                                        "September", "October",  "November", "December"};

bool is_leap(int year) {
    return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

int days_in_month(int year, int month) {
    constexpr int kLengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    return kLengths[month - 1] + (month == 2 && is_leap(year));
}

/// Days since 1 January of the year.
int day_of_year(const CivilTime& t) {
    int days = t.day - 1;
    for (int m = 1; m < t.month; ++m) days += days_in_month(t.year, m);
    return days;
}

/// Days since 1970-01-01.
int64_t days_since_epoch(const CivilTime& t) {
    const int64_t y = t.year - 1;
    const int64_t before =
        y * 365 + y / 4 - y / 100 + y / 400;  // days before this year since year 1
    return before - 719162 + day_of_year(t);
}

int weekday(const CivilTime& t) {
    return int(((days_since_epoch(t) + 4) % 7 + 7) % 7);
}

/// ISO 8601 week and the year it belongs to.
std::pair<int, int> iso_week(const CivilTime& t) {
    const int monday_based = (weekday(t) + 6) % 7;
    int year = t.year;
    int week = (day_of_year(t) - monday_based + 10) / 7;
    const auto weeks_in = [](int y) {
        const int first = weekday({.year = y});
        return first == 4 || (first == 3 && is_leap(y)) ? 53 : 52;
    };
    if (week < 1) {
        week = weeks_in(--year);
    } else if (week > weeks_in(year)) {
        week = 1;
        ++year;
    }
    return {year, week};
}

struct Spec {
    char flag = 0;  // - _ 0
    bool upper = false, swap = false;
    int width = -1;
};

std::string pad(std::string s, int width, char fill) {
    const bool negative = fill == '0' && s.starts_with('-');
    while (int(s.size()) < width) s.insert(negative ? 1 : 0, 1, fill);
    return s;
}

std::string number(int64_t value, int digits, char fill, const Spec& spec) {
    if (spec.flag == '-') return std::to_string(value);
    if (spec.flag == '_') fill = ' ';
    if (spec.flag == '0') fill = '0';
    return pad(std::to_string(value), std::max(digits, spec.width), fill);
}

std::string word(std::string_view text, const Spec& spec) {
    std::string out(text);
    bool lower = false;
    if (spec.swap)
        lower = std::all_of(out.begin(), out.end(), [](char c) { return c < 'a' || c > 'z'; });
    for (char& c : out) {
        if (lower && c >= 'A' && c <= 'Z') c = char(c + 32);
        if ((spec.upper || (spec.swap && !lower)) && c >= 'a' && c <= 'z') c = char(c - 32);
    }
    return pad(std::move(out), spec.width, spec.flag == '0' ? '0' : ' ');
}

/// Conversions that stand for others.
std::string_view composite(char c) {
    switch (c) {
        case 'c':
            return "%a %b %e %H:%M:%S %Y";
        case 'D':
        case 'x':
            return "%m/%d/%y";
        case 'F':
            return "%Y-%m-%d";
        case 'R':
            return "%H:%M";
        case 'r':
            return "%I:%M:%S %p";
        case 'T':
        case 'X':
            return "%H:%M:%S";
        default:
            return "";
    }
}

std::optional<std::string> convert(const CivilTime& t, char c, const Spec& spec) {
    const int hour12 = (t.hour + 11) % 12 + 1;
    switch (c) {
        case 'a':
            return word(kDays[weekday(t)].substr(0, 3), spec);
        case 'A':
            return word(kDays[weekday(t)], spec);
        case 'b':
        case 'h':
            return word(kMonths[t.month - 1].substr(0, 3), spec);
        case 'B':
            return word(kMonths[t.month - 1], spec);
        case 'C':
            return number(t.year / 100, 2, '0', spec);
        case 'd':
            return number(t.day, 2, '0', spec);
        case 'e':
            return number(t.day, 2, ' ', spec);
        case 'f':
            return "000000";  // Python's microseconds
        case 'g':
            return number(iso_week(t).first % 100, 2, '0', spec);
        case 'G':
            return number(iso_week(t).first, 4, '0', spec);
        case 'H':
            return number(t.hour, 2, '0', spec);
        case 'I':
            return number(hour12, 2, '0', spec);
        case 'j':
            return number(day_of_year(t) + 1, 3, '0', spec);
        case 'k':
            return number(t.hour, 2, ' ', spec);
        case 'l':
            return number(hour12, 2, ' ', spec);
        case 'm':
            return number(t.month, 2, '0', spec);
        case 'M':
            return number(t.minute, 2, '0', spec);
        case 'n':
            return "\n";
        case 'p':
            return word(t.hour < 12 ? "AM" : "PM", spec);
        case 'P':
            return word(t.hour < 12 ? "am" : "pm", spec);
        case 's':
            return number(days_since_epoch(t) * 86400 + t.hour * 3600 + t.minute * 60 + t.second, 1,
                          '0', spec);
        case 'S':
            return number(t.second, 2, '0', spec);
        case 't':
            return "\t";
        case 'u':
            return number((weekday(t) + 6) % 7 + 1, 1, '0', spec);
        case 'U':
            return number((day_of_year(t) + 7 - weekday(t)) / 7, 2, '0', spec);
        case 'V':
            return number(iso_week(t).second, 2, '0', spec);
        case 'w':
            return number(weekday(t), 1, '0', spec);
        case 'W':
            return number((day_of_year(t) + 7 - (weekday(t) + 6) % 7) / 7, 2, '0', spec);
        case 'y':
            return number(t.year % 100, 2, '0', spec);
        case 'Y':
            return number(t.year, 1, '0', spec);
        case 'z':
        case 'Z':
            return "";
        case '%':
            return "%";
        default:
            return std::nullopt;
    }
}

}  // namespace

std::optional<CivilTime> CivilTime::parse(std::string_view text) {
    constexpr std::string_view kShape = "dddd-dd-ddTdd:dd:dd";
    if (text.size() != kShape.size()) return std::nullopt;
    for (size_t i = 0; i < kShape.size(); ++i) {
        const bool digit = text[i] >= '0' && text[i] <= '9';
        const bool fits = kShape[i] == 'd'   ? digit
                          : kShape[i] == 'T' ? text[i] == 'T' || text[i] == ' '
                                             : text[i] == kShape[i];
        if (!fits) return std::nullopt;
    }
    const auto field = [&](size_t from, size_t count) {
        int value = 0;
        std::from_chars(text.data() + from, text.data() + from + count, value);
        return value;
    };
    const CivilTime t{field(0, 4),  field(5, 2),  field(8, 2),
                      field(11, 2), field(14, 2), field(17, 2)};
    if (t.year < 1 || t.month < 1 || t.month > 12 || t.day < 1 ||
        t.day > days_in_month(t.year, t.month) || t.hour > 23 || t.minute > 59 || t.second > 60)
        return std::nullopt;
    return t;
}

std::string strftime(const CivilTime& time, std::string_view format) {
    std::string out;
    for (size_t i = 0; i < format.size(); ++i) {
        if (format[i] != '%') {
            out += format[i];
            continue;
        }
        const size_t start = i++;
        Spec spec;
        for (; i < format.size(); ++i) {
            const char c = format[i];
            if (c == '-' || c == '_' || c == '0') {
                spec.flag = c;
            } else if (c == '^') {
                spec.upper = true;
            } else if (c == '#') {
                spec.swap = true;
            } else {
                break;
            }
        }
        for (; i < format.size() && format[i] >= '0' && format[i] <= '9'; ++i)
            spec.width = std::min(64, std::max(spec.width, 0) * 10 + (format[i] - '0'));
        if (i < format.size() && (format[i] == 'E' || format[i] == 'O'))
            ++i;  // no effect in the C locale
        const char c = i < format.size() ? format[i] : '\0';
        if (const auto parts = composite(c); !parts.empty()) {
            out += word(strftime(time, parts), spec);
        } else if (const auto text = convert(time, c, spec)) {
            out += *text;
        } else {
            out += format.substr(start, i + 1 - start);
        }
    }
    return out;
}

}  // namespace m2w::jinja
