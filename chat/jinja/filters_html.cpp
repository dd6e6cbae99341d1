// filters_html.cpp — filters about HTML and URLs. urlize is refused: nothing in a chat prompt is a
// link. Source: Jinja 3.1 documentation, "List of Builtin Filters"; MarkupSafe documentation.
#include <algorithm>
#include <charconv>

#include "chat/jinja/builtins.h"
#include "chat/jinja/iterators.h"
#include "chat/jinja/operators.h"
#include "chat/jinja/repr.h"
#include "chat/jinja/text.h"

namespace m2w::jinja {
namespace {

Value escape_filter(Runtime& rt, Args& a) {
    return escape(rt, a[0]);
}

Value force_escape(Runtime& rt, Args& a) {
    return escape(rt, rt.string(str(rt, a[0])));
}

Value safe(Runtime& rt, Args& a) {
    return a[0].is_markup() ? a[0] : rt.string(str(rt, a[0]), true);
}

/// Cuts every `open` ... `close`, again from the start after each cut: removal may put a new pair
/// together.
void cut_between(Runtime& rt, std::string& s, std::string_view open, std::string_view close) {
    while (true) {
        rt.charge_scan(s.size());
        const size_t from = text::find(s, open);
        if (from == std::string::npos) return;
        const size_t to = text::find(s, close, from);
        if (to == std::string::npos) return;
        s.erase(from, to + close.size() - from);
    }
}

/// A character reference's text, or nothing. Names: those of XML and the no-break space.
std::string entity(std::string_view name) {
    struct Row {
        std::string_view name, text;
    };
    static constexpr Row kRows[] = {{"amp", "&"},   {"lt", "<"},   {"gt", ">"},
                                    {"quot", "\""}, {"apos", "'"}, {"nbsp", "\xc2\xa0"}};
    for (const Row& row : kRows)
        if (row.name == name) return std::string(row.text);
    if (!name.starts_with('#')) return "";
    const bool hex = name.size() > 1 && (name[1] | 0x20) == 'x';
    const std::string_view digits = name.substr(hex ? 2 : 1);
    uint32_t code = 0;
    const auto [end, error] =
        std::from_chars(digits.data(), digits.data() + digits.size(), code, hex ? 16 : 10);
    if (digits.empty() || error != std::errc() || end != digits.data() + digits.size()) return "";
    std::string out;
    text::append(out,
                 code == 0 || code > 0x10ffff || (code >= 0xd800 && code < 0xe000) ? 0xfffd : code);
    return out;
}

std::string unescape(std::string_view s) {
    constexpr size_t kLongest = 10;  // "#x10ffff" and room
    std::string out;
    for (size_t at = 0; at < s.size();) {
        const size_t end =
            s[at] == '&' ? s.substr(at, kLongest + 2).find(';') : std::string_view::npos;
        const std::string text =
            end == std::string_view::npos ? "" : entity(s.substr(at + 1, end - 1));
        if (text.empty()) {
            out += s[at++];
        } else {
            out += text;
            at += end + 1;
        }
    }
    return out;
}

Value strip_tags(Runtime& rt, Args& a) {
    std::string s = str(rt, a[0]);
    cut_between(rt, s, "<!--", "-->");
    cut_between(rt, s, "<", ">");
    std::string out;
    for (size_t at = 0; at < s.size();) {  // runs of white space become one blank, none at the ends
        const size_t begin = at;
        if (!text::is_space(text::next(s, at))) {
            out.append(s, begin, at - begin);
        } else if (!out.empty() && out.back() != ' ') {
            out += ' ';
        }
    }
    if (out.ends_with(' ')) out.pop_back();
    return rt.string(unescape(out));
}

std::string quote_url(Runtime& rt, const Value& v, bool for_query) {
    std::string buffer, out;
    const std::string_view s = str_view(rt, v, buffer);
    rt.charge_scan(s.size());
    constexpr char kHex[] = "0123456789ABCDEF";
    for (char c : s) {
        const bool alnum =
            (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        if (alnum || c == '_' || c == '.' || c == '-' || c == '~' || (c == '/' && !for_query)) {
            out += c;
        } else if (c == ' ' && for_query) {
            out += '+';
        } else {
            out += {'%', kHex[uint8_t(c) >> 4], kHex[uint8_t(c) & 15]};
        }
    }
    return out;
}

Value url_encode(Runtime& rt, Args& a) {
    if (a[0].is_string() || !try_iterate(rt, a[0])) return rt.string(quote_url(rt, a[0], false));
    std::string out;
    const auto add = [&](const Value& key, const Value& value) {
        const std::string pair =
            fmt::format("{}={}", quote_url(rt, key, true), quote_url(rt, value, true));
        rt.check_string_size(out.size() + pair.size() + 1);
        if (!out.empty()) out += '&';
        out += pair;
    };
    if (a[0].is(Kind::map)) {
        for (const auto& [key, value] : a[0].entries()) add(key, value);
    } else {
        for_each(rt, a[0], [&](const Value& pair) {
            const auto parts = collect(rt, pair);
            if (parts.size() != 2) rt.fail_value("expected pairs to encode");
            add(parts[0], parts[1]);
        });
    }
    return rt.string(std::move(out));
}

Value urlize(Runtime& rt, Args&) {
    rt.fail(ErrorKind::unsupported, "the filter urlize is not supported");
}

Value xml_attributes(Runtime& rt, Args& a) {
    if (a[0].is_undefined()) rt.fail_undefined(a[0]);
    if (!a[0].is(Kind::map)) rt.fail_type("'{}' object has no attribute 'items'", type_name(a[0]));
    std::string out;
    for (const auto& [key, value] : a[0].entries()) {
        if (value.is_none() || value.is_undefined()) continue;
        const Value name = escape(rt, key), text = escape(rt, value);
        if (std::any_of(name.as_string().begin(), name.as_string().end(), [](char c) {
                return c == '/' || c == '>' || c == '=' ||
                       text::is_space(uint8_t(c) < 0x80 ? char32_t(c) : U'x');
            }))
            rt.fail_value("Invalid character in attribute name: {}", quote(name.as_string()));
        rt.check_string_size(out.size() + name.as_string().size() + text.as_string().size() + 4);
        if (!out.empty()) out += ' ';
        out += fmt::format("{}=\"{}\"", name.as_string(), text.as_string());
    }
    if (a.flag(rt, 1, true) && !out.empty()) out.insert(0, " ");
    return rt.string(std::move(out), rt.autoescape);
}

constexpr Builtin kHtmlFilters[] = {
    {"e", escape_filter, {"s"}, 1},
    {"escape", escape_filter, {"s"}, 1},
    {"forceescape", force_escape, {"value"}, 1},
    {"safe", safe, {"value"}, 1},
    {"striptags", strip_tags, {"value"}, 1},
    {"urlencode", url_encode, {"value"}, 1},
    {"urlize", urlize, {"value"}, 1, true},
    {"xmlattr", xml_attributes, {"d", "autospace"}, 1},
};
static_assert(is_sorted_table(kHtmlFilters));

}  // namespace

std::span<const Builtin> html_filters() {
    return kHtmlFilters;
}

}  // namespace m2w::jinja
