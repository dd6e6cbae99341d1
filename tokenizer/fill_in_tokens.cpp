// fill_in_tokens.cpp — the table of keys and token texts.
#include "tokenizer/fill_in_tokens.h"

#include <array>

#include "tokenizer/vocabulary.h"

namespace m2w::tokenizer {

namespace {

using Texts = std::array<std::string_view, 8>;  // unused ones are empty

/// In order of preference: the key, its older name, the texts.
struct Row {
    std::optional<uint32_t> FillInTokens::*member;
    std::string_view key, old_key;
    Texts texts;
};
const Row kRows[] = {
    {&FillInTokens::prefix,
     "tokenizer.ggml.fim_pre_token_id",
     "tokenizer.ggml.prefix_token_id",
     {"<|fim_prefix|>", "<fim-prefix>", "<fim_prefix>", "<｜fim▁begin｜>", "<PRE>", "▁<PRE>",
      "<|code_prefix|>", "<|prefix|>"}},
    {&FillInTokens::suffix,
     "tokenizer.ggml.fim_suf_token_id",
     "tokenizer.ggml.suffix_token_id",
     {"<|fim_suffix|>", "<fim-suffix>", "<fim_suffix>", "<｜fim▁hole｜>", "<SUF>", "▁<SUF>",
      "<|code_suffix|>", "<|suffix|>"}},
    {&FillInTokens::middle,
     "tokenizer.ggml.fim_mid_token_id",
     "tokenizer.ggml.middle_token_id",
     {"<|fim_middle|>", "<fim-middle>", "<fim_middle>", "<｜fim▁end｜>", "<MID>", "▁<MID>",
      "<|code_middle|>", "<|middle|>"}},
    {&FillInTokens::pad,
     "tokenizer.ggml.fim_pad_token_id",
     {},
     {"<|fim_pad|>", "<fim-pad>", "<fim_pad>", "<PAD>", "[PAD]"}},
    {&FillInTokens::repository,
     "tokenizer.ggml.fim_rep_token_id",
     {},
     {"<|fim_repo|>", "<|repo_name|>", "<fim-repo>", "<REPO>", "<reponame>"}},
    {&FillInTokens::file, "tokenizer.ggml.fim_sep_token_id", {}, {"<|file_sep|>"}},
};

std::optional<uint32_t> find_text(const Texts& texts, const Vocabulary& vocab) {
    for (const std::string_view text : texts) {
        if (text.empty()) continue;
        const auto id = vocab.find(text);
        // A plain entry is text that happens to look so. CodeLlama's are plain, but nothing else.
        if (id && (vocab.kinds[*id] != TokenKind::normal || text.starts_with("▁<"))) return id;
    }
    return std::nullopt;
}

}  // namespace

Result<FillInTokens> find_fill_in_tokens(const gguf::File& file, const Vocabulary& vocab) {
    FillInTokens tokens;
    for (const Row& row : kRows) {
        auto& id = tokens.*row.member;
        TRY(id, file.find_u32(row.key));
        if (!id && !row.old_key.empty()) {
            TRY(id, file.find_u32(row.old_key));
        }
        if (!id) id = find_text(row.texts, vocab);
    }
    return tokens;
}

}  // namespace m2w::tokenizer
