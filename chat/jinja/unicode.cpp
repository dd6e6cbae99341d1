// unicode.cpp — case mapping and character classes of Python's str, on utf8proc and
// unicode_tables.inc.
#include <utf8proc.h>

#include <algorithm>
#include <span>

#include "chat/jinja/text.h"

namespace m2w::jinja::text {
namespace {

struct SpecialCase {
    char32_t from;
    const char* to;
};
struct CodeRange {
    char32_t first, last;
};

#include "chat/jinja/unicode_tables.inc"

const char* special_case(std::span<const SpecialCase> table, char32_t c) {
    const auto it =
        std::lower_bound(table.begin(), table.end(), c,
                         [](const SpecialCase& row, char32_t x) { return row.from < x; });
    return it != table.end() && it->from == c ? it->to : nullptr;
}

bool in_ranges(std::span<const CodeRange> table, char32_t c) {
    const auto it = std::lower_bound(table.begin(), table.end(), c,
                                     [](const CodeRange& row, char32_t x) { return row.last < x; });
    return it != table.end() && it->first <= c;
}

utf8proc_category_t category(char32_t c) {
    return utf8proc_category(utf8proc_int32_t(c));
}

bool is_cased(char32_t c) {
    return is_lower(c) || is_upper(c) || is_title(c);
}

/// Characters that a word's case looks through (Case_Ignorable), as the final sigma rule needs it.
bool is_case_ignorable(char32_t c) {
    switch (category(c)) {
        case UTF8PROC_CATEGORY_MN:
        case UTF8PROC_CATEGORY_ME:
        case UTF8PROC_CATEGORY_CF:
        case UTF8PROC_CATEGORY_LM:
        case UTF8PROC_CATEGORY_SK:
            return true;
        default:
            break;
    }
    // Word_Break = MidLetter, MidNumLet, Single_Quote
    constexpr char32_t kMiddle[] = {0x27,   0x2e,   0x3a,   0xb7,   0x387,  0x55f,
                                    0x5f4,  0x2018, 0x2019, 0x2024, 0x2027, 0xfe13,
                                    0xfe52, 0xfe55, 0xff07, 0xff0e, 0xff1a};
    return std::binary_search(std::begin(kMiddle), std::end(kMiddle), c);
}

/// Whether the sigma that starts at `begin` and ends at `end` is the last cased letter of its word.
bool is_final_sigma(std::string_view s, size_t begin, size_t end) {
    bool cased_before = false;
    for (size_t at = begin; at > 0;) {
        const char32_t c = previous(s, at);
        if (is_case_ignorable(c)) continue;
        cased_before = is_cased(c);
        break;
    }
    if (!cased_before) return false;
    for (size_t at = end; at < s.size();) {
        const char32_t c = next(s, at);
        if (!is_case_ignorable(c)) return !is_cased(c);
    }
    return true;
}

void append_upper(std::string& out, char32_t c) {
    if (c < 0x80) {
        out += char(c >= 'a' && c <= 'z' ? c - 32 : c);
    } else if (const char* to = special_case(kUpperSpecial, c)) {
        out += to;
    } else {
        append(out, char32_t(utf8proc_toupper(utf8proc_int32_t(c))));
    }
}

void append_title(std::string& out, char32_t c) {
    if (const char* to = special_case(kTitleSpecial, c)) {
        out += to;
    } else {
        append(out, char32_t(utf8proc_totitle(utf8proc_int32_t(c))));
    }
}

/// The lower case of the character of s between begin and end.
void append_lower(std::string& out, std::string_view s, size_t begin, size_t end, char32_t c) {
    if (c < 0x80) {
        out += char(c >= 'A' && c <= 'Z' ? c + 32 : c);
    } else if (c == 0x130) {
        out += "i\xcc\x87";  // SpecialCasing.txt: the only lower case of two characters
    } else if (c == 0x3a3) {
        append(out, is_final_sigma(s, begin, end) ? 0x3c2 : 0x3c3);
    } else {
        append(out, char32_t(utf8proc_tolower(utf8proc_int32_t(c))));
    }
}

/// Calls each(code point, begin, end) along a string.
template <class Each>
void for_each(std::string_view s, const Each& each) {
    for (size_t at = 0; at < s.size();) {
        const size_t begin = at;
        const char32_t c = next(s, at);
        each(c, begin, at);
    }
}

}  // namespace

bool is_alpha(char32_t c) {
    switch (category(c)) {
        case UTF8PROC_CATEGORY_LU:
        case UTF8PROC_CATEGORY_LL:
        case UTF8PROC_CATEGORY_LT:
        case UTF8PROC_CATEGORY_LM:
        case UTF8PROC_CATEGORY_LO:
            return true;
        default:
            return false;
    }
}
bool is_decimal(char32_t c) {
    return category(c) == UTF8PROC_CATEGORY_ND;
}
bool is_digit(char32_t c) {
    return is_decimal(c) || in_ranges(kDigits, c);
}
bool is_numeric(char32_t c) {
    return is_digit(c) || in_ranges(kNumerics, c);
}
bool is_alnum(char32_t c) {
    return is_alpha(c) || is_numeric(c);
}
bool is_lower(char32_t c) {
    return category(c) == UTF8PROC_CATEGORY_LL || in_ranges(kOtherLower, c);
}
bool is_upper(char32_t c) {
    return category(c) == UTF8PROC_CATEGORY_LU || in_ranges(kOtherUpper, c);
}
bool is_title(char32_t c) {
    return category(c) == UTF8PROC_CATEGORY_LT;
}
bool is_word(char32_t c) {
    return c == '_' || is_alnum(c);
}
bool is_printable(char32_t c) {
    switch (category(c)) {
        case UTF8PROC_CATEGORY_CC:
        case UTF8PROC_CATEGORY_CF:
        case UTF8PROC_CATEGORY_CS:
        case UTF8PROC_CATEGORY_CO:
        case UTF8PROC_CATEGORY_CN:
        case UTF8PROC_CATEGORY_ZL:
        case UTF8PROC_CATEGORY_ZP:
            return false;
        case UTF8PROC_CATEGORY_ZS:
            return c == ' ';
        default:
            return true;
    }
}

std::string upper(std::string_view s) {
    std::string out;
    out.reserve(s.size());
    for_each(s, [&](char32_t c, size_t, size_t) { append_upper(out, c); });
    return out;
}

std::string lower(std::string_view s) {
    std::string out;
    out.reserve(s.size());
    for_each(s, [&](char32_t c, size_t begin, size_t end) { append_lower(out, s, begin, end, c); });
    return out;
}

std::string title(std::string_view s) {
    std::string out;
    bool inside = false;  // after a cased character
    for_each(s, [&](char32_t c, size_t begin, size_t end) {
        if (inside) {
            append_lower(out, s, begin, end, c);
        } else {
            append_title(out, c);
        }
        inside = is_cased(c);
    });
    return out;
}

std::string capitalize(std::string_view s) {
    std::string out;
    for_each(s, [&](char32_t c, size_t begin, size_t end) {
        if (begin == 0) {
            append_title(out, c);
        } else {
            append_lower(out, s, begin, end, c);
        }
    });
    return out;
}

std::string swap_case(std::string_view s) {
    std::string out;
    for_each(s, [&](char32_t c, size_t begin, size_t end) {
        if (is_upper(c)) {
            append_lower(out, s, begin, end, c);
        } else if (is_lower(c)) {
            append_upper(out, c);
        } else {
            append(out, c);
        }
    });
    return out;
}

std::string case_fold(std::string_view s) {
    std::string out;
    for_each(s, [&](char32_t c, size_t, size_t) {
        utf8proc_int32_t folded[8];
        int boundary = 0;
        const auto n =
            utf8proc_decompose_char(utf8proc_int32_t(c), folded, 8, UTF8PROC_CASEFOLD, &boundary);
        for (int i = 0; i < n && i < 8; ++i) append(out, char32_t(folded[i]));
    });
    return out;
}

}  // namespace m2w::jinja::text
