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

std::string in_letters(std::string_view bytes) {
    std::string text;
    for (const char byte : bytes) text += byte_letter(uint8_t(byte));
    return text;
}

constexpr const char* kWords[] = {"the",  "then", "there", " the", " and",   "ing", "'ll", "123",
                                  "\r\n", "é",    "日本",  "😀",    "\u0301", "<|",  "|>",  "im_"};

std::shared_ptr<const Tokenizer> opened(const test::SmallVocab& vocab) {
    auto tokenizer = vocab.open();
    M2W_ASSERT(tokenizer);
    return *std::move(tokenizer);
}

/// Special tokens that overlap.
void add_specials(test::SmallVocab& vocab) {
    for (const char* text : {"<|im_start|>", "<|im_end|>", "<|im_", "<s>", "</s>", "｜", ">>"})
        if (!std::ranges::count(vocab.tokens, text)) vocab.add(text, test::kControl);
    for (const char* text : {"<tool>", "<|im_end|><", "  \n", "é́"})
        vocab.add(text, test::kUserDefined);
    if (!std::ranges::count(vocab.tokens, "<unk>")) vocab.add("<unk>", test::kUnknown);
}

/// Byte tokens, words and runs that merge in several steps.
std::shared_ptr<const Tokenizer> make_byte_bpe(const char* pre) {
    test::SmallVocab vocab;
    vocab.pre = pre;
    for (const char* word : kWords) {
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
    add_specials(vocab);
    return opened(vocab);
}

/// The beginnings of words and runs of letters, with scores, in three kinds of vocabulary.
void add_scored(test::SmallVocab& vocab) {
    std::vector<std::string> pieces{"▁", "a", "t", "h", "e", "n", "é", "日", "\n"};
    for (const std::string_view word : {"▁the", "▁then", "there", "▁and", "日本語", "ab", "bc"}) {
        for (size_t at = 0; at <= word.size(); at++)
            if (at == word.size() || (uint8_t(word[at]) & 0xc0) != 0x80)
                pieces.emplace_back(word.substr(0, at));
    }
    for (const std::string_view unit : {"a", "▁"})
        for (std::string run(unit); run.size() < 40; run += run) pieces.push_back(run);
    float score = -1;
    for (const std::string& piece : pieces) {
        if (piece.empty() || std::ranges::count(vocab.tokens, piece)) continue;
        vocab.add(piece, test::kNormal, score);
        score = score < -9 ? -1.5f : score - 0.5f;  // some are equal
    }
    add_specials(vocab);
    vocab.scores.resize(vocab.tokens.size());
}

std::shared_ptr<const Tokenizer> make_spm(const char*) {
    test::SpmVocab vocab;
    add_scored(vocab);
    return opened(vocab);
}

std::shared_ptr<const Tokenizer> make_unigram(const char*) {
    test::UnigramVocab vocab;
    add_scored(vocab);
    return opened(vocab);
}

std::shared_ptr<const Tokenizer> make_wordpiece(const char*) {
    test::WordPieceVocab vocab;
    for (const char* text : {"▁the", "▁t", "h", "e", "n", "▁e", "▁日", "▁<", "▁|", "▁1", "23"})
        vocab.add(text, test::kNormal);
    add_specials(vocab);
    return opened(vocab);
}

std::shared_ptr<const Tokenizer> make_character_bpe(const char* model) {
    test::SmallVocab vocab(test::SmallVocab::Empty{});
    vocab.model = model;
    for (int byte = 0; byte < 256; byte++) vocab.add_byte(uint8_t(byte));
    for (const char* text : {"▁", "a", "t", "h", "e", "é", "日", "本", "\n"})
        vocab.add(text, test::kNormal);
    vocab.merge("t", "h");
    vocab.merge("th", "e");
    vocab.merge("▁", "the");
    vocab.merge("日", "本");
    for (const char* unit : {"a", "▁", "\n"})
        for (std::string run = unit; run.size() < 40; run += run) vocab.merge(run, run);
    add_specials(vocab);
    return opened(vocab);
}

struct Kind {
    std::shared_ptr<const Tokenizer> (*make)(const char* name);
    const char* name;
    Bytes bytes;
};
constexpr Kind kKinds[] = {
    {make_byte_bpe, "default", Bytes::kept},
    {make_byte_bpe, "gpt-2", Bytes::kept},
    {make_byte_bpe, "llama-bpe", Bytes::kept},
    {make_byte_bpe, "qwen2", Bytes::normalised},
    {make_byte_bpe, "gpt-4o", Bytes::kept},
    {make_byte_bpe, "deepseek-llm", Bytes::kept},
    {make_byte_bpe, "afmoe", Bytes::kept},
    {make_spm, "llama", Bytes::some_lost},
    {make_character_bpe, "gemma4", Bytes::kept_but_marks},
    {make_wordpiece, "bert", Bytes::some_lost},
    {make_unigram, "t5", Bytes::some_lost},
};

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
        std::array<std::shared_ptr<const Tokenizer>, std::size(kKinds)> made;
        for (size_t i = 0; i < made.size(); i++) made[i] = kKinds[i].make(kKinds[i].name);
        return made;
    }();
    if (size == 0) return 0;
    const size_t which = data[0] % tokenizers.size();
    const Tokenizer& tokenizer = *tokenizers[which];
    const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
    check_encoding(tokenizer, text, kKinds[which].bytes);
    // A few texts, whichever they are.
    if (text.size() >= 2 && std::hash<std::string_view>()(text) % 512 == 0)
        check_growth(tokenizer, text);
    return 0;
}
