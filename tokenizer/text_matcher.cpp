// text_matcher.cpp — builds the automaton, level by level.
#include "tokenizer/text_matcher.h"

#include <algorithm>

namespace m2w::tokenizer {

TextMatcher::TextMatcher(std::vector<Text> texts, Direction direction) {
    std::ranges::sort(texts, [&](const Text& a, const Text& b) {
        if (direction == Direction::forward) return a.text < b.text;
        return std::lexicographical_compare(a.text.rbegin(), a.text.rend(), b.text.rbegin(),
                                            b.text.rend());
    });
    grow(texts, direction);
    link();
}

/// Makes the tree of sorted texts: a node is a range of texts that begin with the same bytes.
void TextMatcher::grow(const std::vector<Text>& texts, Direction direction) {
    struct Range {
        size_t begin, end;
    };
    std::vector<Range> ranges{{0, texts.size()}};  // [nodes]
    nodes_.emplace_back();
    bytes_.push_back(0);
    for (State state = 0; state < ranges.size(); state++) {
        const uint32_t depth = nodes_[state].depth;
        auto [begin, end] = ranges[state];
        if (depth && texts[begin].text.size() == depth) {
            nodes_[state].found_length = depth;
            nodes_[state].found_id = texts[begin].id;
            begin++;
        }
        nodes_[state].first_child = State(ranges.size());
        const auto byte_of = [&](size_t i) {
            const std::string_view text = texts[i].text;
            const size_t at = direction == Direction::forward ? depth : text.size() - 1 - depth;
            return uint8_t(text[at]);
        };
        while (begin < end) {
            size_t next = begin + 1;
            while (next < end && byte_of(next) == byte_of(begin)) next++;
            ranges.push_back({begin, next});
            nodes_.push_back({.depth = depth + 1});
            bytes_.push_back(byte_of(begin));
            begin = next;
        }
    }
    nodes_.push_back({.first_child = State(ranges.size())});
}

void TextMatcher::link() {
    const auto n_nodes = State(bytes_.size());
    for (State i = nodes_[kStart].first_child; i < nodes_[kStart + 1].first_child; i++)
        root_[bytes_[i]] = i;
    for (State parent = 1; parent < n_nodes; parent++) {
        for (State i = nodes_[parent].first_child; i < nodes_[parent + 1].first_child; i++) {
            nodes_[i].fallback = step(nodes_[parent].fallback, bytes_[i]);
            if (nodes_[i].found_length) continue;
            const Found shorter = found(nodes_[i].fallback);
            nodes_[i].found_length = shorter.length;
            nodes_[i].found_id = shorter.id;
        }
    }
}

}  // namespace m2w::tokenizer
