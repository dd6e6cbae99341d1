// end_tokens.cpp — the table of token texts that end a turn, and the search for them.
#include "tokenizer/end_tokens.h"

#include <algorithm>

#include "tokenizer/vocabulary.h"

namespace m2w::tokenizer {

namespace {

/// Files name one eos token, but models end their turns with others too, which only their texts
/// tell. `turn` rows say in order of preference which one is *the* end of a turn where the file
/// has no eot_token_id; the rest only end a generation (a fill-in-the-middle model that starts a
/// new file has said everything).
struct EndText {
    std::string_view text;
    bool turn;
};
constexpr EndText kEndTexts[] = {
    {"<|eot_id|>", true},
    {"<|im_end|>", true},
    {"<|end|>", true},
    {"<end_of_turn>", true},
    {"<end_of_utterance>", true},
    {"<EOT>", true},
    {"_<EOT>", true},
    {"[EOT]", true},
    {"<｜end▁of▁sentence｜>", true},
    {"<|endoftext|>", true},
    {"<|end_of_text|>", true},
    {"<|eom_id|>", false},
    {"<|return|>", false},
    {"<|call|>", false},
    {"</s>", false},
    {"[EOS]", false},
    {"<|fim_pad|>", false},
    {"<fim-pad>", false},
    {"<fim_pad>", false},
    {"<PAD>", false},
    {"[PAD]", false},
    {"<|fim_repo|>", false},
    {"<|repo_name|>", false},
    {"<fim-repo>", false},
    {"<REPO>", false},
    {"<reponame>", false},
    {"<|file_sep|>", false},
};

constexpr std::string_view kEndKeys[] = {
    "tokenizer.ggml.eos_token_id",     "tokenizer.ggml.eot_token_id",
    "tokenizer.ggml.eom_token_id",     "tokenizer.ggml.fim_pad_token_id",
    "tokenizer.ggml.fim_rep_token_id", "tokenizer.ggml.fim_sep_token_id",
};

}  // namespace

Result<void> find_end_tokens(const gguf::File& file, Vocabulary& vocab) {
    TRY(vocab.eos, file.find_u32("tokenizer.ggml.eos_token_id"));
    TRY(vocab.eot, file.find_u32("tokenizer.ggml.eot_token_id"));
    std::vector<uint32_t>& ids = vocab.end_ids;
    for (const std::string_view key : kEndKeys) {
        TRY(const auto id, file.find_u32(key));
        if (id) ids.push_back(*id);
    }
    for (const EndText& row : kEndTexts) {
        const auto id = vocab.find(row.text);
        // A plain entry is text that a model may write in mid-sentence ("</s>" in a vocabulary
        // trained on web pages).
        if (!id || vocab.kinds[*id] == TokenKind::normal) continue;
        if (row.turn && !vocab.eot) vocab.eot = id;
        ids.push_back(*id);
    }
    // Harmony marks both the end of one message and the end of the answer; only the latter ends a
    // generation (OpenAI's harmony format description, "Special tokens").
    const auto harmony_end = vocab.find("<|end|>");
    if (harmony_end && vocab.find("<|return|>") && vocab.find("<|call|>"))
        std::erase(ids, *harmony_end);
    std::ranges::sort(ids);
    ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
    return {};
}

}  // namespace m2w::tokenizer
