// special_tokens.cpp — search for special tokens; the marks of guarded text.
#include "tokenizer/special_tokens.h"

#include <fmt/format.h>

#include <algorithm>
#include <deque>

#include "tokenizer/limits.h"
#include "tokenizer/spaces.h"
#include "tokenizer/unicode_text.h"
#include "tokenizer/vocabulary.h"

namespace m2w::tokenizer {

namespace {

// A noncharacter: Unicode keeps it for uses inside of one program. One alone is a mark, two stand
// for one of the text's own. In an odd run the first one is the mark, because guard() sets none
// directly behind one of the text's own.
constexpr std::string_view kMark = "\xEF\xB7\x90";  // U+FDD0

/// What templates trim: Unicode's White_Space and the separators that Python's str.strip() takes.
constexpr std::string_view kSpaces[] = {"\t",     "\n",     "\v",     "\f",     "\r",     "\x1C",
                                        "\x1D",   "\x1E",   "\x1F",   " ",      "\u0085", "\u00A0",
                                        "\u1680", "\u2000", "\u2001", "\u2002", "\u2003", "\u2004",
                                        "\u2005", "\u2006", "\u2007", "\u2008", "\u2009", "\u200A",
                                        "\u2028", "\u2029", "\u202F", "\u205F", "\u3000"};

size_t leading_space(std::string_view text) {
    const size_t size = text.size();
    const auto trim = [&](std::string_view space) {
        if (!text.starts_with(space)) return false;
        text.remove_prefix(space.size());
        return true;
    };
    while (std::ranges::any_of(kSpaces, trim)) {
    }
    return size - text.size();
}

size_t without_trailing_space(std::string_view text) {
    const auto trim = [&](std::string_view space) {
        if (!text.ends_with(space)) return false;
        text.remove_suffix(space.size());
        return true;
    };
    while (std::ranges::any_of(kSpaces, trim)) {
    }
    return text.size();
}

/// Offset behind the character at `at`; of a broken one, behind what there is of it.
size_t next_char(std::string_view text, size_t at) {
    const auto lead = uint8_t(text[at]);
    const size_t length = lead < 0xc0 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
    size_t end = at + 1;
    while (end < text.size() && end < at + length && (uint8_t(text[end]) & 0xc0) == 0x80) end++;
    return end;
}

std::string marks(size_t n) {
    std::string text;
    for (size_t i = 0; i < n; i++) text += kSpaceMark;
    return text;
}

}  // namespace

Result<SpecialTokens> SpecialTokens::from(const Vocabulary& vocab, TokenAttributes attributes,
                                          bool marks_are_spaces) {
    std::vector<TextMatcher::Text> user, control;
    std::deque<std::string> runs;  // of U+2581
    size_t n_bytes = 0;
    for (uint32_t id = 0; id < vocab.size(); id++) {
        const std::string_view text = vocab.texts[id];
        const TokenKind kind = vocab.kinds[id];
        if (kind == TokenKind::user_defined) {
            const bool is_run = text.find_first_not_of(' ') == std::string_view::npos;
            if (!is_run || !marks_are_spaces)
                user.push_back({text, id});
            else if (!vocab.find(marks(text.size())))
                user.push_back({runs.emplace_back(marks(text.size())), id});
        } else if (kind == TokenKind::control || kind == TokenKind::unknown)
            control.push_back({text, id});
        else
            continue;
        n_bytes += text.size();
        if (n_bytes > kMaxSpecialBytes)
            return Error{Category::resource_limit,
                         fmt::format("the texts of the special tokens have more than {} bytes",
                                     kMaxSpecialBytes)};
        if (kind != TokenKind::user_defined && text.find(kMark) != std::string_view::npos)
            return Error{Category::unsupported,
                         fmt::format("control token {} contains the noncharacter U+FDD0", id)};
    }
    return SpecialTokens(std::move(user), std::move(control), std::move(attributes));
}

SpecialTokens::SpecialTokens(std::vector<TextMatcher::Text> user,
                             std::vector<TextMatcher::Text> control, TokenAttributes attributes)
    : user_(std::move(user), TextMatcher::Direction::backward),
      control_(control, TextMatcher::Direction::backward),
      control_beginnings_(control, TextMatcher::Direction::forward),
      attributes_(std::move(attributes)) {
    for (const TextMatcher::Text& token : control) {
        control_texts_.emplace_back(token.text);
        longest_control_ = std::max(longest_control_, token.text.size());
    }
}

std::vector<SpecialTokens::Match> SpecialTokens::find(std::string_view text, bool with_control,
                                                      std::span<const size_t> breaks) const {
    struct Candidate {
        size_t begin;
        TextMatcher::Found found;
    };
    std::vector<Candidate> candidates;  // the longest one at each place, places descending
    TextMatcher::State user = TextMatcher::kStart, control = TextMatcher::kStart;
    with_control = with_control && !control_.empty();
    if (!with_control && user_.empty()) return {};
    for (size_t at = text.size(); at-- > 0;) {
        TextMatcher::Found found{0, 0};
        if (with_control) {
            // Nothing that reaches to or over a break is a control token: forget what was read
            // behind it, and let none end with the byte in front of it.
            if (!breaks.empty() && breaks.back() == at + 1) {
                control = TextMatcher::kStart;
                breaks = breaks.first(breaks.size() - 1);
            } else {
                control = control_.step(control, text[at]);
                found = control_.found(control);
            }
        }
        user = user_.step(user, text[at]);
        if (user_.found(user).length > found.length) found = user_.found(user);
        if (found.length) candidates.push_back({at, found});
    }
    std::vector<Match> matches;
    size_t done = 0;
    for (size_t i = candidates.size(); i-- > 0;) {
        const Candidate& candidate = candidates[i];
        if (candidate.begin < done) continue;
        const uint32_t id = candidate.found.id;
        size_t begin = candidate.begin, end = begin + candidate.found.length;
        if (std::ranges::binary_search(attributes_.strip_left, id))
            begin = done + without_trailing_white_space(text.substr(done, begin - done));
        if (std::ranges::binary_search(attributes_.strip_right, id))
            end += leading_white_space(text.substr(end));
        done = end;
        matches.push_back({begin, end, id});
    }
    return matches;
}

/// Whether the text is all or an inner part of a control token's text.
bool SpecialTokens::inside_a_control_token(std::string_view text) const {
    if (text.empty() || text.size() > longest_control_) return false;
    const TextMatcher matcher({{text, 0}}, TextMatcher::Direction::forward);
    for (const std::string_view token : control_texts_) {
        TextMatcher::State state = TextMatcher::kStart;
        for (const char byte : token) {
            state = matcher.step(state, byte);
            if (matcher.found(state).length) return true;
        }
    }
    return false;
}

/// Offsets of the characters behind which a mark is due, ascending. A control token that is made
/// wholly of this text, or ends outside of it, begins at one of them; one that begins outside of it
/// contains the text's first character, which is one of them then.
std::vector<size_t> SpecialTokens::spots_to_mark(std::string_view text) const {
    std::vector<size_t> spots;
    // The template may trim the text, so it has two beginnings and two ends.
    const size_t begins[] = {0, leading_space(text)};
    const size_t ends[] = {text.size(), without_trailing_space(text)};
    TextMatcher::State state = TextMatcher::kStart;
    for (size_t at = text.size(); at-- > 0;) {
        state = control_.step(state, text[at]);
        const bool completes_one =
            control_.depth(state) > 0 && (at == begins[0] || at == begins[1]);
        if (control_.found(state).length || completes_one) spots.push_back(at);
    }
    for (const size_t end : ends) {
        state = TextMatcher::kStart;
        for (size_t at = end - std::min(end, longest_control_); at < end; at++)
            state = control_beginnings_.step(state, text[at]);
        for (; state != TextMatcher::kStart; state = control_beginnings_.fallback(state))
            spots.push_back(end - control_beginnings_.depth(state));
    }
    for (const size_t begin : begins) {
        for (const size_t end : ends) {
            if (begin < end && inside_a_control_token(text.substr(begin, end - begin)))
                spots.push_back(begin);
        }
    }
    std::ranges::sort(spots);
    spots.erase(std::unique(spots.begin(), spots.end()), spots.end());
    return spots;
}

std::string SpecialTokens::guard(std::string_view text) const {
    std::vector<size_t> mark_at;
    if (!control_.empty()) mark_at = spots_to_mark(text);
    for (size_t& spot : mark_at) spot = next_char(text, spot);
    std::string out;
    out.reserve(text.size() + mark_at.size() * kMark.size());
    size_t done = 0;
    const auto copy_to = [&](size_t end) {
        while (done < end) {
            const std::string_view rest = text.substr(done, end - done);
            const size_t n_plain = std::min(rest.find(kMark), rest.size());
            out.append(rest, 0, n_plain);
            done += n_plain;
            if (done == end) break;
            (out += kMark) += kMark;
            done += kMark.size();
        }
    };
    for (const size_t at : mark_at) {
        copy_to(at);
        out += kMark;
    }
    copy_to(text.size());
    return out;
}

SpecialTokens::Unguarded SpecialTokens::unguard(std::string_view marked) {
    Unguarded out;
    out.text.reserve(marked.size());
    while (true) {
        const size_t at = marked.find(kMark);
        out.text.append(marked, 0, at);
        if (at == std::string_view::npos) return out;
        marked.remove_prefix(at);
        size_t n_marks = 0;
        while (marked.starts_with(kMark)) {
            n_marks++;
            marked.remove_prefix(kMark.size());
        }
        if (n_marks % 2) out.breaks.push_back(out.text.size());
        for (size_t i = 0; i < n_marks / 2; i++) out.text += kMark;
    }
}

}  // namespace m2w::tokenizer
