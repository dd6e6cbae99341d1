// fuzz_tokenizer.cpp — libFuzzer target: the first byte chooses one of a few vocabularies, the rest
// is text (check_encoding.h), and sometimes text over and over, to see how time grows.
#include <algorithm>
#include <array>
#include <ctime>
#include <functional>

#include "tokenizer/fuzz/check_encoding.h"
#include "tokenizer/fuzz/small_vocab.h"

namespace m2w::tokenizer::fuzz {
namespace {

constexpr std::array<const char*, 4> kPres{"default", "gpt-2", "llama-bpe", "qwen2"};

std::string in_letters(std::string_view bytes) {
    std::string text;
    for (const char byte : bytes) text += byte_letter(uint8_t(byte));
    return text;
}

/// Byte tokens, words and runs that merge in several steps, special tokens that overlap.
std::shared_ptr<const Tokenizer> make_tokenizer(const char* pre) {
    test::SmallVocab vocab;
    vocab.pre = pre;
    for (const char* word : {"the", "then", "there", " the", " and", "ing", "'ll", "123", "\r\n",
                             "é", "日本", "😀", "\u0301", "<|", "|>", "im_"}) {
        const std::string_view bytes(word);
        for (size_t n = 1; n < bytes.size(); n++) {
            if (std::ranges::count(vocab.tokens, in_letters(bytes.substr(0, n + 1)))) continue;
            vocab.merge(in_letters(bytes.substr(0, n)), in_letters(bytes.substr(n, 1)));
        }
    }
    for (const char* unit : {"a", " ", "\n"}) {
        for (std::string run = in_letters(unit); run.size() < 40; run += run) vocab.merge(run, run);
    }
    vocab.add("quite", test::kNormal);  // a word that no merge makes
    for (const char* text : {"<|im_start|>", "<|im_end|>", "<|im_", "<s>", "</s>", "｜", ">>"})
        vocab.add(text, test::kControl);
    for (const char* text : {"<tool>", "<|im_end|><", "  \n", "é́"})
        vocab.add(text, test::kUserDefined);
    vocab.add("<unk>", test::kUnknown);
    auto tokenizer = vocab.open();
    M2W_ASSERT(tokenizer);
    return *std::move(tokenizer);
}

double seconds_to_encode(const Tokenizer& tokenizer, std::string_view unit, size_t n_bytes) {
    std::string text;
    while (text.size() < n_bytes) text += unit;
    const std::clock_t begin = std::clock();
    M2W_ASSERT(tokenizer.encode(text, {.add_special = true, .parse_special = true}));
    M2W_ASSERT(tokenizer.encode_guarded(tokenizer.guard(text)));
    return double(std::clock() - begin) / CLOCKS_PER_SEC;
}

void check_growth(const Tokenizer& tokenizer, std::string_view unit) {
    constexpr size_t kBytes = 4 << 10;
    const double small = seconds_to_encode(tokenizer, unit, kBytes);
    const double large = seconds_to_encode(tokenizer, unit, 16 * kBytes);
    // Linear is 16 and quadratic 256; the constant is for a busy machine.
    M2W_ASSERT(large < 64 * small + 0.2);
}

}  // namespace
}  // namespace m2w::tokenizer::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    using namespace m2w;
    using namespace m2w::tokenizer::fuzz;
    static const auto tokenizers = [] {
        std::array<std::shared_ptr<const Tokenizer>, kPres.size()> made;
        for (size_t i = 0; i < kPres.size(); i++) made[i] = make_tokenizer(kPres[i]);
        return made;
    }();
    if (size == 0) return 0;
    const size_t which = data[0] % kPres.size();
    const Tokenizer& tokenizer = *tokenizers[which];
    const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
    const bool normalises = std::string_view(kPres[which]) == "qwen2";
    check_encoding(tokenizer, text, normalises ? Bytes::normalised : Bytes::kept);
    // A few texts, whichever they are.
    if (text.size() >= 2 && std::hash<std::string_view>()(text) % 512 == 0)
        check_growth(tokenizer, text);
    return 0;
}
