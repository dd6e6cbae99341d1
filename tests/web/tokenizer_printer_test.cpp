// tokenizer_printer_test.cpp — what is printed for each golden vocabulary; the TypeScript tests run
// these very modules on the golden cases.
#include "web-export/tokenizer_printer.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "gguf/file.h"
#include "tests/support/golden.h"
#include "tests/tokenizer/golden.h"
#include "tokenizer/pre_tokenizers.h"
#include "web-export/javascript_pattern.h"

namespace m2w::test {

namespace {

std::filesystem::path tests_of_package() {
    return std::filesystem::path(M2W_SOURCE_DIR) / "web-export/package/test/tokenizers";
}

std::string translated(std::string_view pattern) {
    const auto out = web::javascript_pattern(pattern);
    return out ? *out : std::string(category_name(out.error().category));
}

/// As the package's tests import it: from another folder.
std::string for_tests(std::string module) {
    const std::string from = "'./tokenizer/", to = "'../../src/tokenizer/";
    for (size_t at = 0; (at = module.find(from, at)) != std::string::npos; at += to.size())
        module.replace(at, from.size(), to);
    return module;
}

}  // namespace

TEST(javascript_pattern, what_javascript_reads_otherwise_is_spelled_out) {
    EXPECT_EQ(translated(R"(\s+(?!\S)|[^\s\p{L}]?\P{N}{1,3})"),
              R"(\p{White_Space}+(?!\P{White_Space})|[^\p{White_Space}\p{L}]?\P{N}{1,3})");
    EXPECT_EQ(translated(R"((?i:'s|'re)'s)"), R"((?:'[sS\u{17F}]|'[rR][eE])'s)");
    EXPECT_EQ(translated(R"((?i:[sd]|k)[sd])"), R"((?:[sS\u{17F}dD]|[kK\u{212A}])[sd])");
    EXPECT_EQ(translated(R"(a?+b++c\++[+?]+)"), R"(a?b+c\++[+?]+)");
    EXPECT_EQ(translated(R"(\x{4E00}-一/[/])"), R"(\u{4E00}-\u{4E00}\/[\/])");
    EXPECT_EQ(translated(R"(\d(?<=\p{sc:Han}+)(a)(?<!b))"), R"(\p{Nd}(?<=\p{sc=Han}+)(a)(?<!b))");
    EXPECT_EQ(translated(R"(\b)"),
              R"((?:(?<=[\p{L}\p{N}_])(?![\p{L}\p{N}_])|(?<![\p{L}\p{N}_])(?=[\p{L}\p{N}_])))");
}

TEST(javascript_pattern, what_is_not_known_is_refused) {
    for (const char* pattern :
         {R"(\w)", R"(\h)", R"([\b])", "(?>a)", "(?x)", "a)", "\xff", "\\", R"(\x{41)", R"(\p{L)"})
        EXPECT_EQ(translated(pattern), "unsupported") << pattern;
}

TEST(tokenizer_printer, golden_vocabularies_have_their_modules) {
    M2W_SHARED(folder, "tokenizer/vocab");
    for (const std::string_view vocab : kVocabs) {
        auto file = gguf::File::open(vocab_path(vocab));
        ASSERT_TRUE(file) << file.error().str();
        const auto module = web::tokenizer_module(**file);
        ASSERT_TRUE(module) << module.error().str();
        expect_golden(for_tests(*module), tests_of_package() / fmt::format("{}.ts", vocab));
    }
}

TEST(tokenizer_printer, golden_pre_tokenizers_have_their_patterns) {
    std::string out =
        "// patterns.ts — the patterns of every pre-tokenizer as they are printed; written by\n"
        "// tests/web/tokenizer_printer_test.cpp (M2W_UPDATE_GOLDENS=1), not edited by hand.\n"
        "export const patterns: Record<string, RegExp[]> = {\n";
    for (const auto& row : tokenizer::pre_tokenizers()) {
        const auto patterns = web::pattern_array(row.patterns);
        ASSERT_TRUE(patterns) << patterns.error().str();
        for (const std::string_view name : row.names)
            out += fmt::format("  '{}': {},\n", name, *patterns);
    }
    expect_golden(out + "};\n", tests_of_package() / "patterns.ts");
}

TEST(tokenizer_printer, only_the_sources_of_this_model_are_named) {
    M2W_SHARED(folder, "tokenizer/vocab");
    const auto sources = [](std::string_view vocab) {
        auto file = gguf::File::open(vocab_path(vocab));
        if (!file) return file.error().str();
        const auto names = web::tokenizer_sources(**file);
        return names ? fmt::format("{}", fmt::join(*names, " ")) : names.error().str();
    };
    EXPECT_EQ(sources("qwen2-mini"), "base byte_bpe merge split utf8");
    EXPECT_EQ(sources("gemma3-mini"), "base character_bpe merge split spm_bpe utf8");
    EXPECT_EQ(sources("gemma4-mini"), "base character_bpe merge split utf8");
    EXPECT_EQ(sources("phi-3"), "base character_bpe merge split spm_bpe strip utf8");
    EXPECT_EQ(sources("bert-bge"), "base utf8 wordpiece");
    EXPECT_EQ(sources("ugm-synth"), "base character_map unigram utf8");
}

}  // namespace m2w::test
