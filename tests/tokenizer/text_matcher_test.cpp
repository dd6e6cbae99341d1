// text_matcher_test.cpp — the automaton against comparison at every place.
#include "tokenizer/text_matcher.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <set>
#include <string>

namespace m2w::test {

using tokenizer::TextMatcher;

namespace {

std::string random_word(std::mt19937& random, size_t max_length) {
    std::string word(1 + random() % max_length, 'a');
    for (char& c : word) c = "ab\xff"[random() % 3];
    return word;
}

}  // namespace

TEST(text_matcher, longest_text_and_depth_at_every_place_are_those_of_plain_comparison) {
    std::mt19937 random(11);
    for (int round = 0; round < 3000; round++) {
        const bool forward = round % 2;
        std::set<std::string> words;
        for (size_t i = random() % 12; i > 0; i--) words.insert(random_word(random, 6));
        std::vector<TextMatcher::Text> texts;
        for (const std::string& word : words) texts.push_back({word, uint32_t(texts.size())});
        const std::vector<std::string> by_id(words.begin(), words.end());
        const TextMatcher matcher(
            texts, forward ? TextMatcher::Direction::forward : TextMatcher::Direction::backward);
        EXPECT_EQ(matcher.empty(), words.empty());
        const std::string text = random_word(random, 40);
        std::string read;  // what the matcher has read, in the order of the text
        TextMatcher::State state = TextMatcher::kStart;
        for (size_t i = 0; i < text.size(); i++) {
            const char byte = forward ? text[i] : text[text.size() - 1 - i];
            read = forward ? read + byte : byte + read;
            state = matcher.step(state, byte);
            size_t longest = 0, depth = 0;
            for (const std::string& word : words) {
                if (forward ? read.ends_with(word) : read.starts_with(word))
                    longest = std::max(longest, word.size());
                for (size_t n = 1; n <= word.size(); n++) {
                    const std::string part =
                        forward ? word.substr(0, n) : word.substr(word.size() - n);
                    if (forward ? read.ends_with(part) : read.starts_with(part))
                        depth = std::max(depth, n);
                }
            }
            const auto found = matcher.found(state);
            ASSERT_EQ(found.length, longest) << "round " << round;
            ASSERT_EQ(matcher.depth(state), depth) << "round " << round;
            if (longest) {
                EXPECT_EQ(by_id[found.id],
                          forward ? read.substr(read.size() - longest) : read.substr(0, longest));
            }
        }
    }
}

}  // namespace m2w::test
