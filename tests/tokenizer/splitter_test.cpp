// splitter_test.cpp — how text is cut into words: golden splits, and patterns that are hard to
// match.
#include "tokenizer/splitter.h"

#include <fmt/format.h>

#include <map>
#include <set>

#include "tests/tokenizer/golden.h"
#include "tokenizer/pre_tokenizers.h"

namespace m2w::test {

using tokenizer::find_pre_tokenizer;
using tokenizer::Splitter;

namespace {

std::string lengths(const std::vector<uint32_t>& ends) {
    std::vector<uint32_t> out;
    uint32_t begin = 0;
    for (const uint32_t end : ends) {
        out.push_back(end - begin);
        begin = end;
    }
    return join(out);
}

std::string split(std::vector<std::string_view> patterns, std::string_view text) {
    const auto splitter = Splitter::compile(patterns);
    if (!splitter) return splitter.error().str();
    const auto ends = splitter->split(text);
    return ends ? lengths(*ends) : ends.error().str();
}

/// Names for which only llama.cpp's pieces are known, and it does not cut as the pattern says that
/// it took from the model: it takes capitals for small letters and drops marks (README of the
/// golden data, "case-marks-regex"), and knows ASCII digits only. How many of the 259 texts that
/// concerns.
const std::map<std::string, int> kMisreadNames{{"kimi-k2", 48}, {"superbpe", 1}, {"youtu", 24}};

}  // namespace

TEST(splitter, every_golden_case_of_every_name_is_cut_as_in_the_reference) {
    M2W_SHARED(groups_path, "tokenizer/pretok/groups.jsonl");
    M2W_SHARED(cases_path, "tokenizer/pretok/cases.jsonl");
    std::map<std::string, std::string> texts;
    for (const Json& row : read_rows(cases_path)) texts[row["id"]] = *row_text(row);
    ASSERT_EQ(texts.size(), 259u);
    std::set<std::string> names;
    std::map<std::string, int> n_misread;
    for (const Json& group : read_rows(groups_path)) {
        for (const std::string name : group["names"]) {
            EXPECT_TRUE(names.insert(name).second) << name;
            const auto* row = find_pre_tokenizer(name);
            ASSERT_TRUE(row) << name;
            // gpt-oss's own tokenizer.json ignores merges (README of the golden data).
            EXPECT_EQ(row->ignore_merges,
                      group["ignore_merges"].value(name, false) || name == "gpt-4o")
                << name;
            EXPECT_EQ(row->symbols == tokenizer::Symbols::bytes, group["byte_encode"].get<bool>())
                << name;
            const auto splitter = Splitter::compile(row->patterns);
            ASSERT_TRUE(splitter) << splitter.error().str();
            for (const auto& [id, golden] : group["splits"].items()) {
                // Where the two references differ, the model's own definition counts.
                const bool differs = group.contains("splits_hf") && group["splits_hf"].contains(id);
                const auto& expected = differs ? group["splits_hf"][id] : golden;
                auto pieces = expected.get<std::vector<uint32_t>>();
                std::erase(pieces, 0u);  // an empty piece is no word
                const auto ends = splitter->split(texts.at(id));
                ASSERT_TRUE(ends);
                if (kMisreadNames.contains(name)) {
                    n_misread[name] += lengths(*ends) != join(pieces);
                    continue;
                }
                EXPECT_EQ(lengths(*ends), join(pieces)) << "repro: pre=" << name << " id=" << id;
            }
        }
    }
    EXPECT_EQ(names.size(), 87u);
    EXPECT_EQ(n_misread, kMisreadNames);
    size_t n_names = 0;  // each in one row
    for (const auto& row : tokenizer::pre_tokenizers()) n_names += row.names.size();
    EXPECT_EQ(n_names, names.size());
}

TEST(splitter, matches_and_gaps_are_pieces_and_patterns_cut_one_after_the_other) {
    EXPECT_EQ(split({"[0-9]+"}, "ab12c345"), "2,2,1,3");
    EXPECT_EQ(split({"[0-9]+", "[0-9][0-9]"}, "ab12c345"), "2,2,1,2,1");
    EXPECT_EQ(split({"x"}, "abc"), "3");
    EXPECT_EQ(split({"x"}, ""), "");
    EXPECT_EQ(split({}, "abc"), "3");
}

TEST(splitter, pattern_sees_nothing_outside_of_its_piece) {
    // "b" ends its piece, so nothing follows it, although a digit does in the text.
    EXPECT_EQ(split({"[0-9]+", "b(?![0-9])"}, "ab1"), "1,1,1");
    EXPECT_EQ(split({"[0-9]+", "(?<=1)c"}, "1c"), "1,1");
    EXPECT_EQ(split({"[0-9]+", "^cd"}, "1cde"), "1,2,1");
}

TEST(splitter, empty_match_is_a_cut) {
    EXPECT_EQ(split({"(?=([0-9]{3})+(?![0-9]))"}, "1234567"), "1,3,3");
    EXPECT_EQ(split({"(?=b)"}, "äbäb"), "2,3,1");
    EXPECT_EQ(split({"x*"}, "éxx日"), "2,2,3");
}

// U+180E was a space until Unicode 6.2; PCRE2's \s still takes it.
TEST(splitter, space_is_unicode_white_space) {
    for (const std::string_view space : {"\u0085", "\u00A0", "\u1680", "\u2028", "\u3000", "\v"})
        EXPECT_EQ(split({"\\s"}, fmt::format("a{}a", space)), fmt::format("1,{},1", space.size()));
    for (const std::string_view other : {"\u180E", "\u200B", "\uFEFF"}) {
        EXPECT_EQ(split({"\\s"}, other), fmt::format("{}", other.size()));
        EXPECT_EQ(split({"\\S"}, other), fmt::format("{}", other.size()));
        EXPECT_EQ(split({"[^\\s]b"}, fmt::format("a{}b", other)),
                  fmt::format("1,{}", other.size() + 1));
    }
}

TEST(splitter, pattern_that_does_not_compile_is_an_internal_error) {
    const std::string_view broken[] = {"(a"};
    const auto splitter = Splitter::compile(broken);
    ASSERT_FALSE(splitter);
    EXPECT_EQ(splitter.error().category, Category::internal);
}

// Patterns in use that repeat a group for every letter: a recursive matcher overflows its stack.
constexpr std::string_view kGroupPerLetter[] = {
    "((?=[\\p{L}])([^a-z]))*((?=[\\p{L}])([^A-Z]))+|((?=[\\p{L}])([^a-z]))+((?=[\\p{L}])([^A-Z]))*|"
    "\\s+",
    "[^\\r\\n\\p{L}\\p{N}]?(?:\\p{L}\\p{M}*(?: \\p{L}\\p{M}*)*)+|\\s+"};

TEST(splitter, group_repeated_a_million_times_neither_overflows_nor_fails) {
    const std::string text = fmt::format("{:a>1000000}\n{:B>1000000}c", "", "");
    for (const std::string_view pattern : kGroupPerLetter)
        EXPECT_EQ(split({pattern}, text), "1000000,1,1000001");
}

TEST(splitter, match_beyond_the_memory_limit_is_an_error) {
    const std::string text(10'000'000, 'a');
    const std::string_view patterns[] = {kGroupPerLetter[0]};
    const auto ends = Splitter::compile(patterns)->split(text);
    ASSERT_FALSE(ends);
    EXPECT_EQ(ends.error().category, Category::resource_limit) << ends.error().str();
}

}  // namespace m2w::test
