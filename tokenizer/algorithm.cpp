// algorithm.cpp — the table of tokenizer.ggml.model values.
#include "tokenizer/algorithm.h"

#include <fmt/format.h>

#include <algorithm>

namespace m2w::tokenizer {

namespace {

// The values in use (gguf-py and llama.cpp's llama-vocab.cpp).
constexpr TokenizerModel kModels[] = {
    {"gpt2", make_byte_bpe, "BPE by the file's merges, over bytes or characters"},
    {"gemma4", make_byte_bpe, "the same with the pre-tokenizer `gemma4`"},
    {"llama", make_spm_bpe, "SentencePiece BPE by the tokens' scores, over characters"},
    {"bert", make_wordpiece, "WordPiece: the longest token first, from the left of each word"},
    {"t5", make_unigram, "SentencePiece Unigram: the best sum of scores"},
    {"rwkv", nullptr, {}},
    {"plamo2", nullptr, {}},
};

}  // namespace

std::span<const TokenizerModel> tokenizer_models() {
    return kModels;
}

Result<AlgorithmMaker> find_algorithm(std::string_view model) {
    const auto row = std::ranges::find(kModels, model, &TokenizerModel::name);
    if (row == std::end(kModels))
        return Error{Category::vocab,
                     fmt::format("tokenizer.ggml.model '{:.60}' is unknown", model)};
    if (!row->make)
        return Error{
            Category::unsupported,
            fmt::format("tokenizer.ggml.model '{}' is not supported by this build", model)};
    return row->make;
}

}  // namespace m2w::tokenizer
