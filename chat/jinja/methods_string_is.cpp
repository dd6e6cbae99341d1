// methods_string_is.cpp — the predicates of strings: isalpha and its kin.
// Source: Python 3.11 library reference, "String Methods".
#include "chat/jinja/builtins.h"
#include "chat/jinja/text.h"

namespace m2w::jinja {
namespace {

/// Whether there is a character and all of them satisfy the predicate.
template <bool (*Holds)(char32_t)>
Value all_of(Runtime& rt, Args& a) {
    const std::string_view s = a[0].as_string();
    rt.charge_scan(s.size());
    for (size_t at = 0; at < s.size();)
        if (!Holds(text::next(s, at))) return Value::boolean(false);
    return Value::boolean(!s.empty());
}

Value is_ascii(Runtime&, Args& a) {
    return Value::boolean(a[0].as_string().size() == a[0].string_length());
}

Value is_printable(Runtime& rt, Args& a) {
    return a[0].as_string().empty() ? Value::boolean(true) : all_of<text::is_printable>(rt, a);
}

/// Some cased character, and none of the other case.
template <bool (*Wanted)(char32_t), bool (*Other)(char32_t)>
Value all_cased(Runtime& rt, Args& a) {
    const std::string_view s = a[0].as_string();
    rt.charge_scan(s.size());
    bool found = false;
    for (size_t at = 0; at < s.size();) {
        const char32_t c = text::next(s, at);
        if (Other(c) || text::is_title(c)) return Value::boolean(false);
        found |= Wanted(c);
    }
    return Value::boolean(found);
}

/// Upper case exactly where a word starts.
Value is_title(Runtime& rt, Args& a) {
    const std::string_view s = a[0].as_string();
    rt.charge_scan(s.size());
    bool found = false, inside = false;
    for (size_t at = 0; at < s.size();) {
        const char32_t c = text::next(s, at);
        const bool capital = text::is_upper(c) || text::is_title(c), small = text::is_lower(c);
        if ((capital && inside) || (small && !inside)) return Value::boolean(false);
        inside = capital || small;
        found |= inside;
    }
    return Value::boolean(found);
}

Value is_identifier(Runtime& rt, Args& a) {
    const std::string_view s = a[0].as_string();
    rt.charge_scan(s.size());
    for (size_t at = 0; at < s.size();) {
        const bool first = at == 0;
        const char32_t c = text::next(s, at);
        if (!text::is_alpha(c) && c != '_' && (first || !text::is_decimal(c)))
            return Value::boolean(false);
    }
    return Value::boolean(!s.empty());
}

constexpr Builtin kStringTests[] = {
    {"isalnum", all_of<text::is_alnum>, {"self"}, 1},
    {"isalpha", all_of<text::is_alpha>, {"self"}, 1},
    {"isascii", is_ascii, {"self"}, 1},
    {"isdecimal", all_of<text::is_decimal>, {"self"}, 1},
    {"isdigit", all_of<text::is_digit>, {"self"}, 1},
    {"isidentifier", is_identifier, {"self"}, 1},
    {"islower", all_cased<text::is_lower, text::is_upper>, {"self"}, 1},
    {"isnumeric", all_of<text::is_numeric>, {"self"}, 1},
    {"isprintable", is_printable, {"self"}, 1},
    {"isspace", all_of<text::is_space>, {"self"}, 1},
    {"istitle", is_title, {"self"}, 1},
    {"isupper", all_cased<text::is_upper, text::is_lower>, {"self"}, 1},
};
static_assert(is_sorted_table(kStringTests));

}  // namespace

std::span<const Builtin> string_predicates() {
    return kStringTests;
}

}  // namespace m2w::jinja
