// pre_tokenizers.cpp — the rows. Patterns and flags are facts of the models' own tokenizer.json
// files.
#include "tokenizer/pre_tokenizers.h"

#include <algorithm>

namespace m2w::tokenizer {

namespace {

using Texts = std::string_view[];

#define M2W_GPT2_WORDS \
    "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+"

// The pattern of tiktoken's cl100k_base, which later models vary in how they group digits.
#define M2W_CL100K_WORDS(digits)                                         \
    "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|" digits \
    "| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"

constexpr Texts kGpt2Patterns = {M2W_GPT2_WORDS};
constexpr Texts kLlama3Patterns = {M2W_CL100K_WORDS("\\p{N}{1,3}")};
constexpr Texts kQwen2Patterns = {M2W_CL100K_WORDS("\\p{N}")};
// What files without the key were made for (llama.cpp, LLAMA_VOCAB_PRE_TYPE_DEFAULT).
constexpr Texts kDefaultPatterns = {"[\\p{P}\\$\\+<=>\\^~\\|]+", M2W_GPT2_WORDS, "\\p{N}+",
                                    "[0-9][0-9][0-9]"};

#undef M2W_GPT2_WORDS
#undef M2W_CL100K_WORDS

constexpr Texts kDefaultNames = {"default"};
constexpr Texts kGpt2Names = {"gpt-2"};
constexpr Texts kLlama3Names = {"llama-bpe", "llama3", "llama-v3"};
constexpr Texts kQwen2Names = {"qwen2"};

constexpr PreTokenizer kPreTokenizers[] = {
    {.names = kDefaultNames, .patterns = kDefaultPatterns},
    {.names = kGpt2Names, .patterns = kGpt2Patterns},
    {.names = kLlama3Names, .patterns = kLlama3Patterns, .ignore_merges = true, .add_bos = true},
    {.names = kQwen2Names, .patterns = kQwen2Patterns, .nfc = true},
};

}  // namespace

const PreTokenizer* find_pre_tokenizer(std::string_view name) {
    for (const PreTokenizer& row : kPreTokenizers) {
        if (std::ranges::find(row.names, name) != row.names.end()) return &row;
    }
    return nullptr;
}

}  // namespace m2w::tokenizer
