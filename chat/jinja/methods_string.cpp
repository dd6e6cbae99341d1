// methods_string.cpp — the methods of strings that make new values. Predicates:
// methods_string_is.cpp. Source: Python 3.11 library reference, "String Methods".
#include <algorithm>

#include "chat/jinja/builtins.h"
#include "chat/jinja/formatting.h"
#include "chat/jinja/iterators.h"
#include "chat/jinja/operators.h"
#include "chat/jinja/repr.h"
#include "chat/jinja/text.h"

namespace m2w::jinja {
namespace {

std::string_view self(const Args& a) {
    return a[0].as_string();
}

/// A new string of the subject's own type: text made from safe HTML stays safe.
Value same_type(Runtime& rt, const Args& a, std::string text) {
    return rt.string(std::move(text), a[0].is_markup());
}
Value same_type(Runtime& rt, const Args& a, std::string_view text) {
    return rt.string(std::string(text), a[0].is_markup());
}

/// A string argument, escaped when the subject is safe HTML.
std::string argument(Runtime& rt, const Args& a, size_t i) {
    const std::string_view s = a.string(rt, i);
    if (a[0].is_markup() && !a[i].is_markup()) {
        rt.charge_scan(s.size());
        return escape_html(s);
    }
    rt.charge_copy(s.size());
    return std::string(s);
}

template <std::string (*Convert)(std::string_view)>
Value convert_case(Runtime& rt, Args& a) {
    rt.charge_scan(self(a).size());
    return same_type(rt, a, Convert(self(a)));
}

template <text::Side Side>
Value strip(Runtime& rt, Args& a) {
    rt.charge_scan(self(a).size());
    if (!a.has_value(1)) return same_type(rt, a, text::strip(self(a), Side));
    if (!a[1].is_string()) rt.fail_type("strip arg must be None or str");
    rt.charge_scan(a[1].as_string().size());
    return same_type(rt, a, text::strip(self(a), a[1].as_string(), Side));
}

// --- splitting
// ------------------------------------------------------------------------------------

Value split_result(Runtime& rt, const Args& a, const std::vector<std::string_view>& parts) {
    std::vector<Value> out;
    out.reserve(parts.size());
    rt.charge(parts.size());
    for (std::string_view part : parts) out.push_back(same_type(rt, a, part));
    return rt.list(std::move(out));
}

std::vector<std::string_view> split_words(std::string_view s, int64_t limit) {
    std::vector<std::string_view> parts;
    s = text::strip(s, text::Side::left);
    while (!s.empty()) {
        if (limit-- == 0) {
            parts.push_back(s);
            break;
        }
        size_t end = 0;
        while (end < s.size()) {
            size_t next = end;
            if (text::is_space(text::next(s, next))) break;
            end = next;
        }
        parts.push_back(s.substr(0, end));
        s = text::strip(s.substr(end), text::Side::left);
    }
    return parts;
}

std::vector<std::string_view> split_words_right(std::string_view s, int64_t limit) {
    std::vector<std::string_view> parts;
    s = text::strip(s, text::Side::right);
    while (!s.empty()) {
        if (limit-- == 0) {
            parts.push_back(s);
            break;
        }
        size_t begin = s.size();
        while (begin > 0) {
            size_t before = begin;
            if (text::is_space(text::previous(s, before))) break;
            begin = before;
        }
        parts.push_back(s.substr(begin));
        s = text::strip(s.substr(0, begin), text::Side::right);
    }
    std::reverse(parts.begin(), parts.end());
    return parts;
}

std::string separator(Runtime& rt, const Args& a) {
    if (!a[1].is_string()) rt.fail_type("must be str or None, not {}", type_name(a[1]));
    std::string out = argument(rt, a, 1);
    if (out.empty()) rt.fail_value("empty separator");
    return out;
}

Value split(Runtime& rt, Args& a) {
    const int64_t limit = a.integer(rt, 2, -1);
    std::string_view s = self(a);
    rt.charge_scan(s.size());
    if (!a.has_value(1)) return split_result(rt, a, split_words(s, limit));
    const std::string sep = separator(rt, a);
    std::vector<std::string_view> parts;
    size_t from = 0;
    for (int64_t n = limit; n != 0; --n) {
        const size_t hit = text::find(s, sep, from);
        if (hit == std::string_view::npos) break;
        parts.push_back(s.substr(from, hit - from));
        from = hit + sep.size();
    }
    parts.push_back(s.substr(from));
    return split_result(rt, a, parts);
}

Value rsplit(Runtime& rt, Args& a) {
    const int64_t limit = a.integer(rt, 2, -1);
    std::string_view s = self(a);
    rt.charge_scan(s.size());
    if (!a.has_value(1)) return split_result(rt, a, split_words_right(s, limit));
    const std::string sep = separator(rt, a);
    // Searched backwards in reversed text, so that overlapping separators match from the right.
    const std::string backwards(s.rbegin(), s.rend()), pattern(sep.rbegin(), sep.rend());
    std::vector<std::string_view> parts;
    size_t from = 0;
    for (int64_t n = limit; n != 0; --n) {
        const size_t hit = text::find(backwards, pattern, from);
        if (hit == std::string::npos) break;
        parts.push_back(s.substr(s.size() - hit, hit - from));
        from = hit + sep.size();
    }
    parts.push_back(s.substr(0, s.size() - from));
    std::reverse(parts.begin(), parts.end());
    return split_result(rt, a, parts);
}

Value splitlines(Runtime& rt, Args& a) {
    rt.charge_scan(self(a).size());
    return split_result(rt, a, text::split_lines(self(a), a.flag(rt, 1)));
}

Value partition_result(Runtime& rt, const Args& a, std::string_view x, std::string_view y,
                       std::string_view z) {
    return rt.tuple({same_type(rt, a, x), same_type(rt, a, y), same_type(rt, a, z)});
}

Value partition(Runtime& rt, Args& a) {
    const std::string sep = separator(rt, a);
    rt.charge_scan(self(a).size());
    const size_t hit = text::find(self(a), sep);
    if (hit == std::string_view::npos) return partition_result(rt, a, self(a), "", "");
    return partition_result(rt, a, self(a).substr(0, hit), sep, self(a).substr(hit + sep.size()));
}

Value rpartition(Runtime& rt, Args& a) {
    const std::string sep = separator(rt, a);
    rt.charge_scan(self(a).size());
    const size_t hit = text::find_last(self(a), sep);
    if (hit == std::string_view::npos) return partition_result(rt, a, "", "", self(a));
    return partition_result(rt, a, self(a).substr(0, hit), sep, self(a).substr(hit + sep.size()));
}

// --- searching
// ------------------------------------------------------------------------------------

/// The part of the subject that optional start and end arguments select; nullopt when start lies
/// behind the end.
struct Window {
    std::string_view text;
    int64_t first = 0;  // index of its first character
};

std::optional<Window> window(Runtime& rt, const Args& a) {
    const int64_t n = int64_t(a[0].string_length());
    const auto bound = [&](size_t i, int64_t otherwise) {
        if (!a.has_value(i)) return otherwise;
        const int64_t v = a.integer(rt, i);
        return v < 0 ? std::max<int64_t>(v + n, 0) : v;
    };
    const int64_t start = bound(2, 0), end = std::min(bound(3, n), n);
    if (start > end) return std::nullopt;
    rt.charge_scan(self(a).size());
    const size_t begin = text::offset(self(a), uint64_t(start), uint64_t(n));
    const size_t finish = text::offset(self(a), uint64_t(end), uint64_t(n));
    return Window{self(a).substr(begin, finish - begin), start};
}

/// Index of a byte offset in the window, -1 for npos.
int64_t to_index(const Window& w, size_t offset) {
    if (offset == std::string_view::npos) return -1;
    return w.first + int64_t(text::length(w.text.substr(0, offset)));
}

template <size_t (*Find)(std::string_view, std::string_view)>
int64_t find_index(Runtime& rt, Args& a) {
    const std::string_view needle = a.string(rt, 1);
    rt.charge_scan(needle.size());
    const auto w = window(rt, a);
    return w ? to_index(*w, Find(w->text, needle)) : -1;
}

size_t find_first(std::string_view haystack, std::string_view needle) {
    return text::find(haystack, needle);
}

template <size_t (*Find)(std::string_view, std::string_view)>
Value find(Runtime& rt, Args& a) {
    return Value::integer(find_index<Find>(rt, a));
}

template <size_t (*Find)(std::string_view, std::string_view)>
Value index(Runtime& rt, Args& a) {
    const int64_t i = find_index<Find>(rt, a);
    if (i < 0) rt.fail_value("substring not found");
    return Value::integer(i);
}

Value count_text(Runtime& rt, Args& a) {
    const std::string_view needle = a.string(rt, 1);
    rt.charge_scan(needle.size());
    const auto w = window(rt, a);
    if (!w) return Value::integer(0);
    return Value::integer(
        int64_t(needle.empty() ? text::length(w->text) + 1 : text::count(w->text, needle)));
}

template <bool AtEnd>
Value has_affix(Runtime& rt, Args& a) {
    const auto w = window(rt, a);
    const auto matches = [&](const Value& v) {
        if (!v.is_string()) {
            rt.fail_type("{} first arg must be str or a tuple of str, not {}",
                         AtEnd ? "endswith" : "startswith", type_name(v));
        }
        rt.charge(1);
        rt.charge_copy(v.as_string().size());
        if (!w) return false;
        return AtEnd ? w->text.ends_with(v.as_string()) : w->text.starts_with(v.as_string());
    };
    if (!a[1].is(Kind::tuple)) return Value::boolean(matches(a[1]));
    for (const Value& v : a[1].items())
        if (matches(v)) return Value::boolean(true);
    return Value::boolean(false);
}

Value remove_prefix(Runtime& rt, Args& a) {
    std::string_view s = self(a);
    if (s.starts_with(a.string(rt, 1))) s.remove_prefix(a.string(rt, 1).size());
    return same_type(rt, a, s);
}

Value remove_suffix(Runtime& rt, Args& a) {
    std::string_view s = self(a);
    if (s.ends_with(a.string(rt, 1))) s.remove_suffix(a.string(rt, 1).size());
    return same_type(rt, a, s);
}

// --- building
// -------------------------------------------------------------------------------------

Value replace(Runtime& rt, Args& a) {
    const std::string from = argument(rt, a, 1), to = argument(rt, a, 2);
    return same_type(rt, a, replace_text(rt, self(a), from, to, a.integer(rt, 3, -1)));
}

Value join(Runtime& rt, Args& a) {
    std::string out;
    size_t n = 0;
    for_each(rt, a[1], [&](const Value& v) {
        if (!v.is_string() && !a[0].is_markup())
            rt.fail_type("sequence item {}: expected str instance, {} found", n, type_name(v));
        const Value part = a[0].is_markup() ? escape(rt, v) : v;
        rt.check_string_size(out.size() + part.as_string().size() + self(a).size());
        if (n++) out += self(a);
        out += part.as_string();
    });
    return same_type(rt, a, std::move(out));
}

Value format(Runtime& rt, Args& a) {
    return format_string(rt, self(a), a[0].is_markup(), {std::move(a.rest), std::move(a.named)});
}

Value format_map(Runtime& rt, Args& a) {
    CallArguments arguments;
    if (!a[1].is(Kind::map)) rt.fail_type("format_map() argument must be a mapping");
    for (const auto& [key, value] : a[1].entries())
        if (key.is_string()) {
            rt.charge(1);
            rt.charge_copy(key.as_string().size());
            arguments.named.emplace_back(key.as_string(), value);
        }
    return format_string(rt, self(a), a[0].is_markup(), arguments);
}

std::string_view fill(Runtime& rt, const Args& a) {
    if (!a.has(2)) return " ";
    if (!a[2].is_string() || a[2].string_length() != 1)
        rt.fail_type("The fill character must be exactly one character long");
    return a[2].as_string();
}

template <char Align>
Value justify(Runtime& rt, Args& a) {
    return same_type(rt, a, pad(rt, self(a), a.integer(rt, 1), fill(rt, a), Align));
}

Value center(Runtime& rt, Args& a) {
    return same_type(rt, a, center_text(rt, self(a), a.integer(rt, 1), fill(rt, a)));
}

Value zfill(Runtime& rt, Args& a) {
    std::string_view s = self(a);
    const int64_t width = a.integer(rt, 1);
    const bool has_sign = s.starts_with('+') || s.starts_with('-');
    const std::string_view sign = s.substr(0, has_sign);
    return same_type(rt, a,
                     std::string(sign) + pad(rt, s.substr(has_sign), width - has_sign, "0", '>'));
}

Value expandtabs(Runtime& rt, Args& a) {
    const int64_t size = a.integer(rt, 1, 8);
    rt.charge_scan(self(a).size());
    std::string out;
    int64_t column = 0;
    for (char c : self(a)) {
        if (c == '\t') {
            const int64_t blanks = size > 0 ? size - column % size : 0;
            rt.check_string_size(out.size() + uint64_t(blanks));
            out.append(size_t(blanks), ' ');
            column += blanks;
        } else {
            out += c;
            column = c == '\n' || c == '\r' ? 0 : column + ((uint8_t(c) & 0xc0) != 0x80);
        }
    }
    return same_type(rt, a, std::move(out));
}

Value encode(Runtime& rt, Args&) {
    rt.fail(ErrorKind::unsupported, "bytes are not supported");
}

using text::Side;

constexpr Builtin kStringMethods[] = {
    {"capitalize", convert_case<text::capitalize>, {"self"}, 1},
    {"casefold", convert_case<text::case_fold>, {"self"}, 1},
    {"center", center, {"self", "width", "fillchar"}, 2},
    {"count", count_text, {"self", "sub", "start", "end"}, 2},
    {"encode", encode, {"self", "encoding", "errors"}, 1},
    {"endswith", has_affix<true>, {"self", "suffix", "start", "end"}, 2},
    {"expandtabs", expandtabs, {"self", "tabsize"}, 1},
    {"find", find<find_first>, {"self", "sub", "start", "end"}, 2},
    {"format", format, {"self"}, 1, true},
    {"format_map", format_map, {"self", "mapping"}, 2},
    {"index", index<find_first>, {"self", "sub", "start", "end"}, 2},
    {"join", join, {"self", "iterable"}, 2},
    {"ljust", justify<'<'>, {"self", "width", "fillchar"}, 2},
    {"lower", convert_case<text::lower>, {"self"}, 1},
    {"lstrip", strip<Side::left>, {"self", "chars"}, 1},
    {"partition", partition, {"self", "sep"}, 2},
    {"removeprefix", remove_prefix, {"self", "prefix"}, 2},
    {"removesuffix", remove_suffix, {"self", "suffix"}, 2},
    {"replace", replace, {"self", "old", "new", "count"}, 3},
    {"rfind", find<text::find_last>, {"self", "sub", "start", "end"}, 2},
    {"rindex", index<text::find_last>, {"self", "sub", "start", "end"}, 2},
    {"rjust", justify<'>'>, {"self", "width", "fillchar"}, 2},
    {"rpartition", rpartition, {"self", "sep"}, 2},
    {"rsplit", rsplit, {"self", "sep", "maxsplit"}, 1},
    {"rstrip", strip<Side::right>, {"self", "chars"}, 1},
    {"split", split, {"self", "sep", "maxsplit"}, 1},
    {"splitlines", splitlines, {"self", "keepends"}, 1},
    {"startswith", has_affix<false>, {"self", "prefix", "start", "end"}, 2},
    {"strip", strip<Side::both>, {"self", "chars"}, 1},
    {"swapcase", convert_case<text::swap_case>, {"self"}, 1},
    {"title", convert_case<text::title>, {"self"}, 1},
    {"upper", convert_case<text::upper>, {"self"}, 1},
    {"zfill", zfill, {"self", "width"}, 2},
};
static_assert(is_sorted_table(kStringMethods));

}  // namespace

std::span<const Builtin> string_methods() {
    return kStringMethods;
}

std::string replace_text(Runtime& rt, std::string_view s, std::string_view from,
                         std::string_view to, int64_t limit) {
    rt.charge_scan(s.size());
    std::string out;
    size_t at = 0;
    for (int64_t n = limit; n != 0; --n) {
        size_t hit = at;
        if (from.empty()) {
            // An empty pattern matches before every character and at the end.
            if (at > s.size()) break;
        } else {
            hit = text::find(s, from, at);
            if (hit == std::string_view::npos) break;
        }
        rt.check_string_size(out.size() + (hit - at) + to.size());
        out += s.substr(at, hit - at);
        out += to;
        at = hit + from.size();
        if (from.empty()) {
            if (at == s.size()) return out;
            const size_t begin = at;
            text::next(s, at);
            out += s.substr(begin, at - begin);
        }
    }
    rt.check_string_size(out.size() + s.size() - at);
    return out += s.substr(at);
}

std::string center_text(Runtime& rt, std::string_view s, int64_t width, std::string_view fill) {
    const int64_t length = int64_t(text::length(s));
    if (width <= length) return std::string(s);
    // str.center puts the odd blank to the left when the width is odd; format's ^ puts it to the
    // right.
    const int64_t missing = width - length;
    const int64_t left = missing / 2 + (missing & width & 1);
    return pad(rt, pad(rt, s, length + left, fill, '>'), width, fill, '<');
}

}  // namespace m2w::jinja
