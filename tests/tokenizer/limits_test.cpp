// limits_test.cpp — the limits of docs/limits.md on vocabularies, each at its value and one above.
// That of texts is in growth_test.cpp.
#include "tokenizer/limits.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "tests/support/shared.h"
#include "tests/tokenizer/golden.h"
#include "tokenizer/character_map.h"
#include "tokenizer/fuzz/small_vocab.h"

namespace m2w::test {
namespace {

using namespace tokenizer;

std::string with_commas(uint64_t n) {
    if (n < 1000) return std::to_string(n);
    return fmt::format("{},{:03}", with_commas(n / 1000), n % 1000);
}

std::string outcome(const SmallVocab& vocab) {
    const auto opened = vocab.open();
    return opened ? "ok" : std::string(category_name(opened.error().category));
}

/// The double array of one entry, n times "a", which becomes "b".
std::vector<uint8_t> map_of_one(size_t n) {
    std::vector<uint32_t> units(256 * (n + 2), 0x80000000);  // no label is that
    units[0] = 256 << 10;
    for (uint32_t i = 0; i < n; i++) {
        const uint32_t at = 256 * (i + 1) ^ 'a';
        units[at] = (256 * (i + 2) ^ at) << 10 | 'a';
        if (i + 1 == n) units[at] |= 1 << 8;
    }
    units[256 * (n + 1)] = 0x80000000;  // the replacement at 0
    units.insert(units.begin(), uint32_t(units.size() * 4));
    std::vector<uint8_t> blob;
    for (const uint32_t word : units)
        for (int shift = 0; shift < 32; shift += 8) blob.push_back(uint8_t(word >> shift));
    blob.insert(blob.end(), {'b', '\0'});
    return blob;
}

}  // namespace

TEST(limits, limits_md_lists_those_of_tokenizers) {
    const std::string page = read_text(std::filesystem::path(M2W_SOURCE_DIR) / "docs/limits.md");
    const std::pair<const char*, uint64_t> rows[] = {
        {"text to encode, bytes", kMaxEncodeBytes},
        {"token, bytes", kMaxTokenBytes},
        {"special tokens, bytes of all together", kMaxSpecialBytes},
        {"SentencePiece BPE: squares of the tokens' bytes, sum", kMaxRuleSteps},
        {"Unigram: token, bytes", kMaxPieceBytes},
        {"Unigram: entry of `precompiled_charsmap`, bytes", kMaxEntryBytes},
        {"WordPiece: word, characters", kMaxWordCharacters},
    };
    for (const auto& [name, value] : rows) {
        const std::string row = fmt::format("| {} | {} |", name, with_commas(value));
        EXPECT_NE(page.find(row), std::string::npos) << "docs/limits.md has no row " << row;
    }
}

TEST(limits, bytes_of_a_token) {
    for (const auto& [extra, expected] : {std::pair{0, "ok"}, {1, "resource_limit"}}) {
        SmallVocab vocab;
        vocab.add(std::string(kMaxTokenBytes + size_t(extra), 'a'), kNormal);
        EXPECT_EQ(outcome(vocab), expected);
    }
}

TEST(limits, bytes_of_a_unigram_token) {
    for (const auto& [extra, expected] : {std::pair{0, "ok"}, {1, "resource_limit"}}) {
        UnigramVocab vocab;
        vocab.add(std::string(kMaxPieceBytes + size_t(extra), 'a'), kNormal, -1);
        EXPECT_EQ(outcome(vocab), expected);
    }
}

TEST(limits, steps_to_make_the_rules_of_sentencepiece) {
    SpmVocab vocab;  // one token of 2^16 bytes takes all steps, so nothing is made of it
    vocab.add(std::string(kMaxTokenBytes, 'a'), kNormal, -1);
    vocab.add("a", kNormal, -1);
    EXPECT_EQ(outcome(vocab), "resource_limit");
}

TEST(limits, bytes_of_an_entry_of_the_character_map) {
    for (const size_t n : {kMaxEntryBytes, kMaxEntryBytes + 1}) {
        const auto map = CharacterMap::from(map_of_one(n));
        ASSERT_TRUE(map) << map.error().str();
        const auto match = map->find(std::string(2 * kMaxEntryBytes, 'a'));
        EXPECT_EQ(match.has_value(), n <= kMaxEntryBytes);
        if (match) {
            EXPECT_EQ(match->length, n);
            EXPECT_EQ(match->replacement, "b");
        }
    }
}

TEST(limits, characters_of_a_word_for_wordpiece) {
    WordPieceVocab vocab;
    for (const char* text : {"▁é", "é"}) vocab.add(text, kNormal);
    vocab.set("normalizer.strip_accents", false);
    const auto tokenizer = vocab.open();
    ASSERT_TRUE(tokenizer) << tokenizer.error().str();
    const auto n_tokens = [&](size_t n) {
        std::string word;
        for (size_t i = 0; i < n; i++) word += "é";
        return must_encode(**tokenizer, word, {.add_special = false}).size();
    };
    EXPECT_EQ(n_tokens(kMaxWordCharacters), kMaxWordCharacters);
    EXPECT_EQ(n_tokens(kMaxWordCharacters + 1), 1u);
}

}  // namespace m2w::test
