// end_tokens.cpp — the table of token texts that end a turn, and the search for them.
#include "tokenizer/end_tokens.h"

#include <algorithm>

#include "tokenizer/vocabulary.h"

namespace m2w::tokenizer {

namespace {

/// Files name one eos token, but models end their turns with others too, which only their texts
/// tell. `turn` rows say in order of preference which one is *the* end of a turn where the file
/// has no eot_token_id; the rest only end a generation.
struct EndText {
    std::string_view text;
    bool turn;
};
constexpr EndText kEndTexts[] = {
    {"<|eot_id|>", true},  // Llama 3
    {"<|eot|>", true},     // Llama 4
    {"<|im_end|>", true},
    {"<|end|>", true},
    {"<end_of_turn>", true},  // Gemma 2, 3
    {"<turn|>", true},        // Gemma 4
    {"<end_of_utterance>", true},
    {"<EOT>", true},
    {"_<EOT>", true},
    {"[EOT]", true},                  // Kimi K2
    {"<｜end▁of▁sentence｜>", true},  // DeepSeek
    {"<|endoftext|>", true},
    {"<|end_of_text|>", true},
    {"<|END_OF_TURN_TOKEN|>", false},
    {"<|eom_id|>", false},
    {"<|eom|>", false},
    {"<|return|>", false},  // Harmony
    {"<|call|>", false},
    {"<|calls|>", false},  // Solar Open
    {"<|flush|>", false},
    {"<|tool_response>", false},  // Gemma 4: what comes next is the tool's
    {"</s>", false},
    {"<eos>", false},
    {"[EOS]", false},
    {"[e~[", false},  // MiniMax M2
};

constexpr std::string_view kEndKeys[] = {
    "tokenizer.ggml.eot_token_id",
    "tokenizer.ggml.eom_token_id",
};

/// A token that ends nothing in vocabularies that have all of the others.
struct NoEnd {
    std::string_view text;
    std::string_view with[2];
};
constexpr NoEnd kNoEnds[] = {
    // Harmony marks both the end of one message and the end of the answer; only the latter ends a
    // generation (OpenAI's harmony format description, "Special tokens"). Solar Open is like it.
    {"<|end|>", {"<|return|>", "<|call|>"}},
    {"<|end|>", {"<|flush|>", "<|calls|>"}},
    // HTML in Gemma 4.
    {"</s>", {"<|tool_response>", "<turn|>"}},
};

}  // namespace

Result<void> find_end_tokens(const gguf::File& file, Vocabulary& vocab) {
    TRY(vocab.eot, file.find_u32("tokenizer.ggml.eot_token_id"));
    std::vector<uint32_t>& ids = vocab.end_ids;
    if (vocab.eos) ids.push_back(*vocab.eos);
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
    // A model that starts a new file, or pads, has said everything.
    for (const auto id : {vocab.fill_in.pad, vocab.fill_in.repository, vocab.fill_in.file})
        if (id) ids.push_back(*id);
    for (const NoEnd& row : kNoEnds) {
        const auto id = vocab.find(row.text);
        if (id && id != vocab.eos && vocab.find(row.with[0]) && vocab.find(row.with[1]))
            std::erase(ids, *id);
    }
    std::ranges::sort(ids);
    ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
    return {};
}

}  // namespace m2w::tokenizer
