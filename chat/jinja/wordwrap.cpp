// wordwrap.cpp — greedy line filling over chunks.
// Source: Python 3.11 library reference, "textwrap": chunks are runs of blanks, words, and the
// parts of hyphenated words.
#include "chat/jinja/wordwrap.h"

#include "chat/jinja/text.h"

namespace m2w::jinja {
namespace {

struct Chunk {
    std::string_view text;
    int64_t length;
    bool blank;
};

/// textwrap's own white space; other blanks of Unicode do not break.
bool is_blank(char32_t c) {
    return c == ' ' || (c >= 0x09 && c <= 0x0d);
}

bool is_letter(char32_t c) {
    return text::is_word(c) && !text::is_decimal(c);
}

/// Byte offsets behind the hyphens where a word may break: letters on both sides, two or more
/// before and behind.
std::vector<size_t> hyphen_breaks(std::string_view word) {
    std::u32string points;
    std::vector<size_t> offsets;
    for (size_t at = 0; at < word.size();) {
        offsets.push_back(at);
        points += text::next(word, at);
    }
    std::vector<size_t> out;
    for (size_t i = 2; i + 2 < points.size(); ++i) {
        if (points[i] == '-' && is_letter(points[i - 1]) && text::is_word(points[i - 2]) &&
            text::is_word(points[i + 1]) && is_letter(points[i + 2]))
            out.push_back(offsets[i + 1]);
    }
    return out;
}

std::vector<Chunk> split_chunks(std::string_view line, bool at_hyphens) {
    std::vector<Chunk> out;
    const auto add = [&](std::string_view s, bool blank) {
        out.push_back({s, int64_t(text::length(s)), blank});
    };
    for (size_t at = 0; at < line.size();) {
        const size_t begin = at;
        const bool blank = is_blank(text::next(line, at));
        while (at < line.size()) {
            size_t next = at;
            if (is_blank(text::next(line, next)) != blank) break;
            at = next;
        }
        const std::string_view run = line.substr(begin, at - begin);
        size_t from = 0;
        if (!blank && at_hyphens) {
            for (size_t cut : hyphen_breaks(run)) {
                add(run.substr(from, cut - from), false);
                from = cut;
            }
        }
        add(run.substr(from), blank);
    }
    return out;
}

}  // namespace

std::vector<std::string> wrap_line(std::string_view line, const WrapStyle& style) {
    std::vector<Chunk> chunks = split_chunks(line, style.break_on_hyphens);
    std::vector<std::string> out;
    for (size_t next = 0; next < chunks.size();) {
        if (chunks[next].blank &&
            !out.empty()) {  // a line does not start with the blanks of a break
            ++next;
            continue;
        }
        std::string current;
        int64_t length = 0;
        size_t trailing_blank = 0;
        const auto take = [&](const Chunk& chunk) {
            current += chunk.text;
            length += chunk.length;
            trailing_blank = chunk.blank ? chunk.text.size() : 0;
        };
        while (next < chunks.size() && length + chunks[next].length <= style.width)
            take(chunks[next++]);
        if (next < chunks.size() && chunks[next].length > style.width) {
            Chunk& word = chunks[next];
            if (style.break_long_words) {
                const int64_t room = std::max<int64_t>(style.width - length, 1);
                const size_t cut = text::offset(word.text, uint64_t(room), uint64_t(word.length));
                take({word.text.substr(0, cut), room, false});
                word = {word.text.substr(cut), word.length - room, false};
            } else if (current.empty()) {
                take(chunks[next++]);
            }
        }
        current.resize(current.size() - trailing_blank);
        if (!current.empty()) out.push_back(std::move(current));
    }
    return out;
}

}  // namespace m2w::jinja
