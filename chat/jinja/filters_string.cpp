// filters_string.cpp — filters that turn text into text.
// Source: Jinja 3.1 documentation, "List of Builtin Filters"; corner cases observed on jinja2 3.1.
#include "chat/jinja/builtins.h"
#include "chat/jinja/formatting.h"
#include "chat/jinja/iterators.h"
#include "chat/jinja/operators.h"
#include "chat/jinja/repr.h"
#include "chat/jinja/text.h"
#include "chat/jinja/wordwrap.h"

namespace m2w::jinja {
namespace {

/// The subject as text; text that is safe HTML stays so.
Value soft_string(Runtime& rt, const Value& v) {
    return v.is_string() ? v : rt.string(str(rt, v));
}

template <std::string (*Convert)(std::string_view)>
Value convert_case(Runtime& rt, Args& a) {
    const Value s = soft_string(rt, a[0]);
    rt.charge_scan(s.as_string().size());
    return rt.string(Convert(s.as_string()), s.is_markup());
}

Value center(Runtime& rt, Args& a) {
    const Value s = soft_string(rt, a[0]);
    return rt.string(center_text(rt, s.as_string(), a.integer(rt, 1, 80), " "), s.is_markup());
}

Value format(Runtime& rt, Args& a) {
    if (!a.rest.empty() && !a.named.empty())
        rt.fail(ErrorKind::runtime,
                "can't handle positional and keyword arguments at the same time");
    const Value s = soft_string(rt, a[0]);
    if (a.named.empty()) return percent_format(rt, s, rt.tuple(std::move(a.rest)));
    Map map;
    for (auto& [key, value] : a.named) map.set(rt.string(key), std::move(value));
    return percent_format(rt, s, rt.map(std::move(map)));
}

Value indent(Runtime& rt, Args& a) {
    const std::string_view s = a.string(rt, 0);
    std::string indention;
    if (a.has(1) && a[1].is_string()) {
        indention = a[1].as_string();
    } else {
        const int64_t width = std::max<int64_t>(a.integer(rt, 1, 4), 0);
        rt.check_string_size(uint64_t(width));
        indention.assign(size_t(width), ' ');
    }
    if (a[0].is_markup() && a.has(1) && a[1].is_string() && !a[1].is_markup())
        indention = escape_html(indention);
    const bool first = a.flag(rt, 2), blank = a.flag(rt, 3);
    rt.charge_scan(s.size());
    // The text always ends a line here, so that a trailing line end shows as an empty last line.
    const std::string text = std::string(s) + '\n';
    std::string out;
    bool is_first = true;
    for (std::string_view line : text::split_lines(text)) {
        rt.check_string_size(out.size() + line.size() + indention.size() + 1);
        if (!is_first) out += '\n';
        if (is_first ? first : blank || !line.empty()) out += indention;
        out += line;
        is_first = false;
    }
    return rt.string(std::move(out), a[0].is_markup());
}

Value replace(Runtime& rt, Args& a) {
    std::string s = str(rt, a[0]), from = str(rt, a[1]), to = str(rt, a[2]);
    const int64_t limit = a.has_value(3) ? a.integer(rt, 3) : -1;
    bool markup = false;
    if (rt.autoescape) {
        markup = a[0].is_markup() || a[1].is_markup() || a[2].is_markup();
        if (markup && !a[0].is_markup()) s = escape_html(s);
        if (markup && !a[1].is_markup()) from = escape_html(from);
        if (markup && !a[2].is_markup()) to = escape_html(to);
    }
    return rt.string(replace_text(rt, s, from, to, limit), markup);
}

/// Unlike str.title, words start only after blanks and opening brackets.
Value title(Runtime& rt, Args& a) {
    std::string buffer;
    const std::string_view s = str_view(rt, a[0], buffer);
    rt.charge_scan(s.size());
    const auto separates = [](char32_t c) {
        return c == '-' || c == '(' || c == '{' || c == '[' || c == '<' || text::is_space(c);
    };
    std::string out;
    for (size_t at = 0; at < s.size();) {
        const size_t begin = at;
        if (separates(text::next(s, at))) {
            out += s.substr(begin, at - begin);
            continue;
        }
        out += text::upper(s.substr(begin, at - begin));
        const size_t rest = at;
        while (at < s.size()) {
            size_t next = at;
            if (separates(text::next(s, next))) break;
            at = next;
        }
        out += text::lower(s.substr(rest, at - rest));
    }
    return rt.string(std::move(out));
}

Value trim(Runtime& rt, Args& a) {
    const Value s = soft_string(rt, a[0]);
    rt.charge_scan(s.as_string().size());
    const std::string_view stripped =
        a.has_value(1) ? text::strip(s.as_string(), a.string(rt, 1)) : text::strip(s.as_string());
    if (stripped.size() == s.as_string().size()) return s;
    return rt.string(stripped, s.is_markup());
}

Value truncate(Runtime& rt, Args& a) {
    const int64_t length = a.integer(rt, 1, 255), leeway = a.has_value(4) ? a.integer(rt, 4) : 5;
    const bool kill_words = a.flag(rt, 2);
    const Value end = a.has(3) ? a[3] : rt.string("...");
    const int64_t end_length =
        int64_t(text::length(end.is_string() ? end.as_string() : a.string(rt, 3)));
    if (length < end_length) rt.fail_value("expected length >= {}, got {}", end_length, length);
    if (leeway < 0) rt.fail_value("expected leeway >= 0, got {}", leeway);
    if (a[0].is_undefined()) return a[0];
    if (jinja::length(rt, a[0]) - leeway <= length) return a[0];
    const std::string_view s = a.string(rt, 0);
    rt.charge_scan(s.size());
    std::string_view kept =
        s.substr(0, text::offset(s, uint64_t(length - end_length), a[0].string_length()));
    if (!kill_words) kept = kept.substr(0, kept.rfind(' '));
    return rt.string(std::string(kept) + std::string(end.as_string()), a[0].is_markup());
}

Value word_count(Runtime& rt, Args& a) {
    std::string buffer;
    const std::string_view s = str_view(rt, a[0], buffer);
    rt.charge_scan(s.size());
    int64_t n = 0;
    bool inside = false;
    for (size_t at = 0; at < s.size();) {
        const bool word = text::is_word(text::next(s, at));
        n += word && !inside;
        inside = word;
    }
    return Value::integer(n);
}

Value word_wrap(Runtime& rt, Args& a) {
    WrapStyle style;
    style.width = a.integer(rt, 1, 79);
    style.break_long_words = a.flag(rt, 2, true);
    style.break_on_hyphens = a.flag(rt, 4, true);
    if (style.width <= 0) rt.fail_value("invalid width {} (must be > 0)", style.width);
    const std::string separator = a.has_value(3) ? std::string(a.string(rt, 3)) : "\n";
    const std::string_view s = a.string(rt, 0);
    rt.charge(s.size() / 2);  // wrapping takes up to 64 bytes of memory for one of text
    std::string out;
    bool first = true;
    for (std::string_view line : text::split_lines(s)) {
        std::vector<std::string> wrapped = wrap_line(line, style);
        if (wrapped.empty()) wrapped.emplace_back();
        for (const std::string& part : wrapped) {
            rt.check_string_size(out.size() + separator.size() + part.size());
            if (!std::exchange(first, false)) out += separator;
            out += part;
        }
    }
    return rt.string(std::move(out));
}

constexpr Builtin kStringFilters[] = {
    {"capitalize", convert_case<text::capitalize>, {"s"}, 1},
    {"center", center, {"value", "width"}, 1},
    {"format", format, {"value"}, 1, true},
    {"indent", indent, {"s", "width", "first", "blank"}, 1},
    {"lower", convert_case<text::lower>, {"s"}, 1},
    {"replace", replace, {"s", "old", "new", "count"}, 3},
    {"title", title, {"s"}, 1},
    {"trim", trim, {"value", "chars"}, 1},
    {"truncate", truncate, {"s", "length", "killwords", "end", "leeway"}, 1},
    {"upper", convert_case<text::upper>, {"s"}, 1},
    {"wordcount", word_count, {"s"}, 1},
    {"wordwrap",
     word_wrap,
     {"s", "width", "break_long_words", "wrapstring", "break_on_hyphens"},
     1},
};
static_assert(is_sorted_table(kStringFilters));

}  // namespace

std::span<const Builtin> string_filters() {
    return kStringFilters;
}

}  // namespace m2w::jinja
