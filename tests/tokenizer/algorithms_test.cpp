// algorithms_test.cpp — what the golden vocabularies do not have: options of files, odd tables,
// vocabularies with holes.
#include <algorithm>

#include "tests/tokenizer/golden.h"
#include "tokenizer/character_map.h"
#include "tokenizer/fuzz/small_vocab.h"

namespace m2w::test {

namespace {

using tokenizer::CharacterMap;

std::string ids_of(const SmallVocab& vocab, std::string_view text) {
    const auto tokenizer = vocab.open();
    if (!tokenizer) return tokenizer.error().str();
    return join(must_encode(**tokenizer, text, {.add_special = false}));
}

std::string pieces_of(const SmallVocab& vocab, std::string_view text) {
    const auto tokenizer = vocab.open();
    if (!tokenizer) return tokenizer.error().str();
    std::string out;
    for (const uint32_t id : must_encode(**tokenizer, text, {.add_special = false}))
        out += "[" + std::string((*tokenizer)->piece(id)) + "]";
    return out;
}

/// "precompiled_charsmap" of a few entries, each a state for each byte: a double array that is
/// sparse, but right.
std::vector<uint8_t> make_map(const std::vector<std::pair<std::string, std::string>>& entries) {
    struct Node {
        std::string prefix;
        uint32_t at, base;
    };
    std::string replacements;
    std::vector<uint32_t> units(1, 0);
    std::vector<Node> nodes{{"", 0, 256}};
    const auto unit_at = [&](uint32_t at) -> uint32_t& {
        if (units.size() <= at) units.resize((at | 255) + 1, 0x80000000);  // no label is that
        return units[at];
    };
    unit_at(0) = 256 << 10;
    for (const auto& [from, to] : entries) {
        for (size_t length = 1; length <= from.size(); length++) {
            const std::string prefix = from.substr(0, length);
            if (std::ranges::count(nodes, prefix, &Node::prefix)) continue;
            const auto parent = std::ranges::find(nodes, from.substr(0, length - 1), &Node::prefix);
            const auto byte = uint8_t(from[length - 1]);
            const uint32_t at = parent->base ^ byte;
            const auto base = uint32_t(256 * (nodes.size() + 1));
            // The offset is relative to the node's own place.
            unit_at(at) = (base ^ at) << 10 | byte;
            nodes.push_back({prefix, at, base});
        }
        const auto node = std::ranges::find(nodes, from, &Node::prefix);
        unit_at(node->at) |= 1 << 8;
        unit_at(node->base) = 0x80000000 | uint32_t(replacements.size());
        replacements += to + '\0';
    }
    std::vector<uint8_t> blob;
    const auto put = [&](uint32_t word) {
        for (int shift = 0; shift < 32; shift += 8) blob.push_back(uint8_t(word >> shift));
    };
    put(uint32_t(units.size() * 4));
    for (const uint32_t unit : units) put(unit);
    blob.insert(blob.end(), replacements.begin(), replacements.end());
    return blob;
}

std::string replaced(const CharacterMap& map, std::string_view text) {
    const auto match = map.find(text);
    return match ? std::to_string(match->length) + ":" + std::string(match->replacement) : "none";
}

}  // namespace

TEST(byte_bpe, text_is_normalised_where_the_models_own_tokenizer_does_so) {
    SmallVocab vocab;  // ids are the bytes
    for (const auto& [pre, ids] : {std::pair{"qwen2", "195,169"},
                                   {"hunyuan", "195,169"},
                                   {"kormo", "101,204,129"},
                                   {"llama-bpe", "101,204,129"}}) {
        vocab.pre = pre;
        EXPECT_EQ(ids_of(vocab, "e\u0301"), ids) << pre;
    }
}

TEST(character_map, longest_entry_is_found) {
    const auto map =
        CharacterMap::from(make_map({{"A", "a"}, {"ﬁ", "fi"}, {"AB", ""}, {"\n", " "}}));
    ASSERT_TRUE(map) << map.error().str();
    EXPECT_EQ(replaced(*map, "Ax"), "1:a");
    EXPECT_EQ(replaced(*map, "ABx"), "2:");
    EXPECT_EQ(replaced(*map, "ﬁx"), "3:fi");
    EXPECT_EQ(replaced(*map, "\n"), "1: ");
    EXPECT_EQ(replaced(*map, "x"), "none");
    EXPECT_EQ(replaced(*map, ""), "none");
}

TEST(character_map, sizes_that_do_not_fit_are_refused_and_wild_indices_find_nothing) {
    const auto category = [](std::vector<uint8_t> blob) {
        const auto map = CharacterMap::from(blob);
        return map ? "ok" : std::string(category_name(map.error().category));
    };
    EXPECT_EQ(category({}), "vocab");
    EXPECT_EQ(category({0, 0, 0}), "vocab");
    EXPECT_EQ(category({0, 0, 0, 0}), "ok");
    EXPECT_EQ(category({8, 0, 0, 0, 1, 2, 3, 4}), "vocab");
    EXPECT_EQ(category({3, 0, 0, 0, 1, 2, 3}), "vocab");
    EXPECT_EQ(category({0, 0, 0, 0, 'a'}), "vocab");
    auto blob = make_map({{"A", "a"}});
    for (size_t i = 4; i < blob.size(); i += 4) {
        auto wild = blob;
        for (size_t k = i; k < std::min(i + 4, blob.size() - 1); k++) wild[k] = 0xff;
        const auto map = CharacterMap::from(wild);
        ASSERT_TRUE(map);
        for (const char* text : {"A", "AA", "\xff", "x"}) (void)map->find(text);
    }
}

TEST(unigram, best_sum_of_scores_wins_and_user_defined_tokens_cost_nothing) {
    UnigramVocab vocab;
    vocab.add("▁", kNormal, -3);
    for (const char* text : {"a", "b", "c"}) vocab.add(text, kNormal, -4);
    vocab.add("ab", kNormal, -5);
    vocab.add("bc", kNormal, -4.5f);
    vocab.add("▁a", kNormal, -4);
    EXPECT_EQ(pieces_of(vocab, "abc"), "[ a][bc]");
    EXPECT_EQ(pieces_of(vocab, "bcab"), "[ ][bc][ab]");
    EXPECT_EQ(pieces_of(vocab, "a a"), "[ a][ a]");
    vocab.add("bca", kUserDefined, -100);
    EXPECT_EQ(pieces_of(vocab, "abcab"), "[ a][bca][ ][b]");  // cut out of the text first
}

TEST(unigram, spaces_follow_the_files_options) {
    UnigramVocab vocab;
    for (const char* text : {"▁", "a", "▁a"}) vocab.add(text, kNormal, -1);
    EXPECT_EQ(pieces_of(vocab, "  a  a "), "[ a][ a]");
    EXPECT_EQ(pieces_of(vocab, "  "), "");
    vocab.set("remove_extra_whitespaces", false);
    EXPECT_EQ(pieces_of(vocab, "a  a "), "[ a][ ][ a][ ]");
    vocab.set("add_space_prefix", false);
    EXPECT_EQ(pieces_of(vocab, "a  a "), "[a][ ][ a][ ]");
}

TEST(unigram, unknown_characters_in_a_row_are_one_unknown_token) {
    UnigramVocab vocab;
    for (const char* text : {"▁", "a"}) vocab.add(text, kNormal, -1);
    EXPECT_EQ(pieces_of(vocab, "xyz\xff"), "[ ][<unk>]");
    EXPECT_EQ(pieces_of(vocab, "xay"), "[ ][<unk>][a][<unk>]");
}

TEST(unigram, text_is_normalised_by_the_files_table) {
    UnigramVocab vocab;
    for (const char* text : {"▁", "a", "f", "i"}) vocab.add(text, kNormal, -1);
    vocab.set_value("precompiled_charsmap",
                    gguf::make_array(make_map({{"A", "a"}, {"ﬁ", "fi"}, {"\n", " "}})));
    EXPECT_EQ(pieces_of(vocab, "ﬁA\n\na"), "[ ][f][i][a][ ][a]");
}

TEST(wordpiece, words_are_taken_apart_from_the_left) {
    WordPieceVocab vocab;
    for (const char* text : {"▁un", "▁una", "ffa", "ble", "▁,", "▁中", "▁e"})
        vocab.add(text, kNormal);
    EXPECT_EQ(pieces_of(vocab, "UNffable,中"), "[ un][ffa][ble][ ,][ 中]");
    EXPECT_EQ(pieces_of(vocab, "unxble é e\u0301"), "[[UNK]][ e][ e]");
    EXPECT_EQ(pieces_of(vocab, std::string(101, 'e')), "[[UNK]]");
    vocab.set("normalizer.lowercase", false);
    EXPECT_EQ(pieces_of(vocab, "UN un é"), "[[UNK]][ un][[UNK]]");
    vocab.set("normalizer.strip_accents", true);
    EXPECT_EQ(pieces_of(vocab, "UN un é"), "[[UNK]][ un][ e]");
}

TEST(spm_bpe, higher_scores_go_first_and_equal_ones_from_the_left) {
    SpmVocab vocab;
    for (const char* text : {"a", "b", "c", "▁"}) vocab.add(text, kNormal, -9);
    vocab.add("ab", kNormal, -2);
    vocab.add("bc", kNormal, -1);
    vocab.set("add_space_prefix", false);
    EXPECT_EQ(pieces_of(vocab, "abc"), "[a][bc]");
    vocab.add("aa", kNormal, -1);
    EXPECT_EQ(pieces_of(vocab, "aaabc"), "[aa][a][bc]");
}

TEST(spm_bpe, characters_without_a_token_merge_into_those_that_have_them) {
    SpmVocab vocab;
    for (const char* text : {"a", "▁"}) vocab.add(text, kNormal, -9);
    vocab.add("aé", kNormal, -1);  // no token for the second one alone
    vocab.set("add_space_prefix", false);
    EXPECT_EQ(pieces_of(vocab, "aéa"), "[aé][a]");
    EXPECT_EQ(pieces_of(vocab, "é"), "[\xc3][\xa9]");
}

TEST(spm_bpe, bytes_without_a_token_are_unknown) {
    SpmVocab vocab;
    vocab.add("a", kNormal, -9);
    vocab.tokens[3 + 0xc3] = "<0xFF>x";  // not a byte token any more
    vocab.types[3 + 0xc3] = kNormal;
    vocab.set("add_space_prefix", false);
    EXPECT_EQ(pieces_of(vocab, "aéa\xff"), "[a][<unk>][a][\xff]");
}

TEST(character_bpe, merges_follow_their_order_and_nothing_merges_over_a_line_end) {
    SmallVocab vocab(SmallVocab::Empty{});
    vocab.model = "gemma4";
    for (int byte = 0; byte < 256; byte++) vocab.add_byte(uint8_t(byte));
    for (const char* text : {"a", "b", "▁", "\n"}) vocab.add(text, kNormal);
    vocab.merge("▁", "a");
    vocab.merge("a", "b");
    vocab.merge("\n", "\n");
    EXPECT_EQ(pieces_of(vocab, "ab ab\n\na é"), "[ab][ a][b][\n\n][a][ ][\xc3][\xa9]");
    EXPECT_EQ(ids_of(vocab, "▁a"), ids_of(vocab, " a"));
}

TEST(pre_tokenizer, whitespace_keeps_tokens_as_written) {
    SmallVocab vocab(SmallVocab::Empty{});
    vocab.pre = "whitespace";
    for (const char* text : {"天", "地", "a"}) vocab.add(text, kNormal);
    vocab.merge("天", "地");
    EXPECT_EQ(pieces_of(vocab, "天地 a地x"), "[天地][a][地]");  // what has no token is lost
}

}  // namespace m2w::test
