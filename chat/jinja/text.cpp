// text.cpp — UTF-8 walking, white space, lines and searching. Case and character classes:
// unicode.cpp.
#include "chat/jinja/text.h"

#include <string.h>
#include <utf8.h>

#include <algorithm>
#include <iterator>

namespace m2w::jinja::text {

bool is_valid(std::string_view s) {
    return utf8::is_valid(s.begin(), s.end());
}

std::string sanitize(std::string_view s) {
    std::string out;
    utf8::replace_invalid(s.begin(), s.end(), std::back_inserter(out), 0xfffd);
    return out;
}

char32_t next(std::string_view s, size_t& at) {
    const auto byte = [&](size_t i) { return char32_t(uint8_t(s[at + i])); };
    const char32_t lead = byte(0);
    if (lead < 0x80) return at += 1, lead;
    char32_t c;
    if (lead < 0xe0) {
        c = (lead & 0x1f) << 6 | (byte(1) & 0x3f);
        at += 2;
    } else if (lead < 0xf0) {
        c = (lead & 0x0f) << 12 | (byte(1) & 0x3f) << 6 | (byte(2) & 0x3f);
        at += 3;
    } else {
        c = (lead & 0x07) << 18 | (byte(1) & 0x3f) << 12 | (byte(2) & 0x3f) << 6 | (byte(3) & 0x3f);
        at += 4;
    }
    return c;
}

char32_t previous(std::string_view s, size_t& at) {
    do --at;
    while ((uint8_t(s[at]) & 0xc0) == 0x80);
    size_t i = at;
    return next(s, i);
}

void append(std::string& out, char32_t c) {
    if (c < 0x80) {
        out += char(c);
        return;
    }
    if (c < 0x800) {
        out += char(0xc0 | c >> 6);
    } else {
        if (c < 0x10000) {
            out += char(0xe0 | c >> 12);
        } else {
            out += char(0xf0 | c >> 18);
            out += char(0x80 | (c >> 12 & 0x3f));
        }
        out += char(0x80 | (c >> 6 & 0x3f));
    }
    out += char(0x80 | (c & 0x3f));
}

uint64_t length(std::string_view s) {
    uint64_t n = 0;
    for (char c : s) n += (uint8_t(c) & 0xc0) != 0x80;
    return n;
}

size_t offset(std::string_view s, uint64_t index, uint64_t length) {
    if (index >= length) return s.size();
    if (length == s.size()) return index;
    if (index > length / 2) {
        size_t at = s.size();
        for (uint64_t i = length; i > index; --i) previous(s, at);
        return at;
    }
    size_t at = 0;
    for (uint64_t i = 0; i < index; ++i) next(s, at);
    return at;
}

bool is_space(char32_t c) {
    // The characters of str.isspace(): Bidi types WS, B, S and category Zs.
    if (c < 0x80) return c == ' ' || (c >= 0x09 && c <= 0x0d) || (c >= 0x1c && c <= 0x1f);
    return c == 0x85 || c == 0xa0 || c == 0x1680 || (c >= 0x2000 && c <= 0x200a) || c == 0x2028 ||
           c == 0x2029 || c == 0x202f || c == 0x205f || c == 0x3000;
}

namespace {

template <class Drop>
std::string_view strip_if(std::string_view s, Side side, const Drop& drop) {
    size_t begin = 0, end = s.size();
    while (side != Side::right && begin < end) {
        size_t at = begin;
        if (!drop(next(s, at))) break;
        begin = at;
    }
    while (side != Side::left && end > begin) {
        size_t at = end;
        if (!drop(previous(s, at))) break;
        end = at;
    }
    return s.substr(begin, end - begin);
}

}  // namespace

std::string_view strip(std::string_view s, Side side) {
    return strip_if(s, side, is_space);
}

std::string_view strip(std::string_view s, std::string_view set, Side side) {
    std::u32string sorted;
    for (size_t at = 0; at < set.size();) sorted += next(set, at);
    std::sort(sorted.begin(), sorted.end());
    return strip_if(
        s, side, [&](char32_t c) { return std::binary_search(sorted.begin(), sorted.end(), c); });
}

std::vector<std::string_view> split_lines(std::string_view s, bool keep_ends) {
    std::vector<std::string_view> out;
    size_t start = 0, at = 0;
    while (at < s.size()) {
        const size_t end = at;
        const char32_t c = next(s, at);
        const bool breaks = (c >= 0x0a && c <= 0x0d) || (c >= 0x1c && c <= 0x1e) || c == 0x85 ||
                            c == 0x2028 || c == 0x2029;
        if (!breaks) continue;
        if (c == '\r' && at < s.size() && s[at] == '\n') ++at;
        out.push_back(s.substr(start, (keep_ends ? at : end) - start));
        start = at;
    }
    if (start < s.size()) out.push_back(s.substr(start));
    return out;
}

size_t find(std::string_view haystack, std::string_view needle, size_t from) {
    if (from > haystack.size()) return std::string_view::npos;
    if (needle.empty()) return from;
    // memmem is the C library's two-way search: linear in the worst case, which
    // std::string_view::find is not.
    const void* hit =
        ::memmem(haystack.data() + from, haystack.size() - from, needle.data(), needle.size());
    return hit ? size_t(static_cast<const char*>(hit) - haystack.data()) : std::string_view::npos;
}

size_t find_last(std::string_view haystack, std::string_view needle) {
    const std::string backwards(haystack.rbegin(), haystack.rend());
    const std::string pattern(needle.rbegin(), needle.rend());
    const size_t at = find(backwards, pattern);
    return at == std::string_view::npos ? at : haystack.size() - at - needle.size();
}

uint64_t count(std::string_view haystack, std::string_view needle) {
    uint64_t n = 0;
    for (size_t at = 0; (at = find(haystack, needle, at)) != std::string_view::npos;
         at += needle.size())
        ++n;
    return n;
}

std::string normalize_newlines(std::string_view s) {
    std::string out;
    out.reserve(s.size());
    for (size_t i = 0; i < s.size(); ++i) {
        if (s[i] != '\r') {
            out += s[i];
        } else {
            out += '\n';
            if (i + 1 < s.size() && s[i + 1] == '\n') ++i;
        }
    }
    return out;
}

}  // namespace m2w::jinja::text
