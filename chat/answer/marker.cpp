// marker.cpp — a marker is looked for at every place: answers come in small pieces, and what was
// searched once is not searched again.
#include "chat/answer/marker.h"

namespace m2w {

MarkerMatch match_marker(std::string_view marker, std::string_view text, bool complete) {
    using State = MarkerMatch::State;
    size_t at = 0;
    for (const char c : marker) {
        if (c == ' ') {
            while (at < text.size() && is_space(text[at])) ++at;
            continue;
        }
        if (at == text.size()) return {complete ? State::none : State::partial, 0};
        if (text[at] != c) return {State::none, 0};
        ++at;
    }
    return {State::full, at};
}

MarkerPlace find_marker(std::span<const std::string_view> markers, std::string_view text,
                        size_t from, bool complete) {
    using State = MarkerMatch::State;
    for (size_t begin = from; begin < text.size(); ++begin) {
        MarkerPlace best{begin, 0, 0};
        bool partial = false;
        for (size_t i = 0; i < markers.size(); ++i) {
            if (markers[i].empty() || markers[i][0] != text[begin]) continue;
            const MarkerMatch match = match_marker(markers[i], text.substr(begin), complete);
            partial |= match.state == State::partial;
            if (match.state == State::full && match.length > best.length)
                best = {begin, match.length, i};
        }
        if (partial) return {begin, 0, 0};
        if (best.found()) return best;
    }
    return {text.size(), 0, 0};
}

std::string_view trim_space(std::string_view text) {
    while (!text.empty() && is_space(text.front())) text.remove_prefix(1);
    while (!text.empty() && is_space(text.back())) text.remove_suffix(1);
    return text;
}

}  // namespace m2w
