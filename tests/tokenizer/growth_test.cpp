// growth_test.cpp — time and stack as the text grows, and many threads. Text chosen to be hard.
#include <fmt/format.h>

#include <ctime>
#include <map>
#include <thread>

#include "tests/tokenizer/golden.h"
#include "tokenizer/fuzz/small_vocab.h"
#include "tokenizer/stream_decoder.h"

namespace m2w::test {

namespace {

double seconds_of_thread() {
    timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return double(now.tv_sec) + double(now.tv_nsec) * 1e-9;
}

std::string repeat(std::string_view unit, size_t n_bytes) {
    std::string text;
    while (text.size() < n_bytes) text += unit;
    return text;
}

/// Texts that made some tokenizer quadratic or recursive, of about n bytes.
std::map<std::string, std::string> hard_texts(size_t n) {
    std::map<std::string, std::string> texts;
    for (const auto& [name, unit] : std::map<std::string, std::string>{
             {"letters", "a"},
             {"capitals", "A"},
             {"spaces", " "},
             {"newlines", "\n"},
             {"newline_space", "\n "},
             {"crlf", "\r\n"},
             {"digits", "7"},
             {"quotes", "'"},
             {"marks", "\u0301"},
             {"unordered_marks", "\u0301\u0323"},
             {"chinese", "天"},
             {"jamo", "\u1112\u1161\u11ab"},
             {"emoji", "👩\u200d🚀"},
             {"half_special", "<|im_"},
             {"special", "<|im_end|>"},
             {"invalid", "\xff"},
             {"cut_characters", "\xe2\x82"},
             {"nul", std::string(1, '\0')},
             {"guard_mark", "\uFDD0"},
         })
        texts[name] = repeat(unit, n);
    texts["spaces_then_letter"] = fmt::format("{:{}}a", "", n);
    texts["newline_then_spaces"] = fmt::format("\n{:{}}a", "", n);
    return texts;
}

/// One vocabulary for each way to cut and to merge.
constexpr std::string_view kGrowthVocabs[] = {"gpt-2",       "qwen2-mini", "deepseek-coder",
                                              "gpt-4o-mini", "llama-spm",  "bert-bge",
                                              "ugm-synth",   "gemma4-mini"};

class Growth : public testing::TestWithParam<std::string_view> {};

}  // namespace

TEST_P(Growth, eight_times_the_text_takes_less_than_24_times_as_long) {
    M2W_SHARED(path, "tokenizer/vocab/ggml-vocab-" + std::string(GetParam()) + ".gguf");
    const auto tokenizer = open_vocab(GetParam());
    ASSERT_TRUE(tokenizer);
    constexpr size_t kSmall = 4'000;
    const auto small = hard_texts(kSmall), large = hard_texts(8 * kSmall);
    for (const auto& [name, text] : small) {
        SCOPED_TRACE(name);
        const auto time_of = [&](const std::string& input) {
            double best = 1e9;
            for (int i = 0; i < 3; i++) {
                const double begin = seconds_of_thread();
                EXPECT_TRUE(tokenizer->encode(input, {false, true}));
                EXPECT_TRUE(tokenizer->encode_guarded(tokenizer->guard(input)));
                best = std::min(best, seconds_of_thread() - begin);
            }
            return best;
        };
        const double seconds = time_of(text), seconds_8 = time_of(large.at(name));
        EXPECT_LT(seconds_8, 24 * seconds + 0.01) << seconds << " s, " << seconds_8 << " s";
    }
}

TEST_P(Growth, a_million_equal_letters_are_encoded_in_seconds_and_decode_to_themselves) {
    M2W_SHARED(path, "tokenizer/vocab/ggml-vocab-" + std::string(GetParam()) + ".gguf");
    const auto tokenizer = open_vocab(GetParam());
    ASSERT_TRUE(tokenizer);
    for (const char letter : {'a', 'Z', '.', ' ', '0', '\n'}) {
        const std::string text(1'000'000, letter);
        const double begin = seconds_of_thread();
        const auto ids = tokenizer->encode(text, {.add_special = false});
        const double seconds = seconds_of_thread() - begin;
        ASSERT_TRUE(ids);
        EXPECT_LT(seconds, 10) << letter;
        RecordProperty(fmt::format("seconds_{}", int(letter)), fmt::format("{}", seconds));
        if (tokenizer->model() != "bert" && tokenizer->model() != "t5") {
            EXPECT_EQ(tokenizer->text_of(*ids), text);
        }
    }
}

INSTANTIATE_TEST_SUITE_P(vocab, Growth, testing::ValuesIn(kGrowthVocabs), [](const auto& vocab) {
    std::string name(vocab.param);
    std::ranges::replace(name, '-', '_');
    return name;
});

TEST(growth, nested_special_tokens_are_found_in_linear_time) {
    SmallVocab vocab;  // "a", "aa", ... and a long one that never quite matches
    for (size_t n = 2; n < 200; n++) vocab.add(std::string(n, 'a'), kControl);
    vocab.add(fmt::format("{:a>60000}b", ""), kUserDefined);
    const auto tokenizer = vocab.open();
    ASSERT_TRUE(tokenizer) << tokenizer.error().str();
    const double begin = seconds_of_thread();
    const auto ids = (*tokenizer)->encode(std::string(1'000'000, 'a'), {false, true});
    ASSERT_TRUE(ids);
    EXPECT_EQ((*tokenizer)->piece(ids->at(0)).size(), 199u);
    EXPECT_LT(seconds_of_thread() - begin, 5);  // by comparison at every place: minutes
    const auto guarded =
        (*tokenizer)->encode_guarded((*tokenizer)->guard(std::string(200'000, 'a')));
    ASSERT_TRUE(guarded);
    EXPECT_EQ(guarded->size(), 200'000u);
    EXPECT_LT(seconds_of_thread() - begin, 10);
}

TEST(growth, text_over_the_limit_is_an_error) {
    const auto tokenizer = SmallVocab().open();
    ASSERT_TRUE(tokenizer);
    // Never read, so it need not exist.
    const std::string_view huge(nullptr, kMaxEncodeBytes + 1);
    for (const auto& result : {(*tokenizer)->encode(huge), (*tokenizer)->encode_guarded(huge)}) {
        ASSERT_FALSE(result);
        EXPECT_EQ(result.error().category, Category::resource_limit);
    }
}

TEST(growth, threads_share_a_tokenizer) {
    M2W_SHARED(path, "tokenizer/bulk.txt");
    const auto tokenizer = open_tokenizer(vocab_path("gpt-2"));  // fresh: nothing was encoded yet
    ASSERT_TRUE(tokenizer);
    const std::string text = read_text(path);
    std::vector<std::string> results(4);
    std::vector<std::thread> threads;
    for (std::string& result : results)
        threads.emplace_back([&] { result = join(must_encode(*tokenizer, text, {})); });
    for (std::thread& thread : threads) thread.join();
    for (const std::string& result : results)
        EXPECT_EQ(result, join(must_encode(*tokenizer, text, {})));
}

}  // namespace m2w::test
