// vocabulary.h — what tokenizer.ggml.* says, read and checked. Encodes nothing.
#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "gguf/file.h"
#include "tokenizer/limits.h"
#include "tokenizer/text_index.h"
#include "tokenizer/tokenizer.h"

namespace m2w::tokenizer {

/// The checked vocabulary of a file: texts are unique, not empty, without NUL and at most
/// kMaxTokenBytes long; every special id is smaller than the number of tokens. Borrows the texts
/// from the File.
struct Vocabulary {
    /// Errors: missing_metadata, wrong_metadata_type, vocab, resource_limit, out_of_memory.
    static Result<Vocabulary> from(const gguf::File& file);

    size_t size() const { return texts.size(); }
    std::optional<uint32_t> find(std::string_view text) const {
        return by_text.find(text, [this](uint32_t id) -> std::string_view { return texts[id]; });
    }

    /// The pre-tokenizer's name, for BPE by merges: the file's, or the one that its model implies.
    std::string_view pre_tokenizer() const {
        return model == "gemma4" ? "gemma4" : pre.value_or("default");
    }

    std::string_view model;               // tokenizer.ggml.model
    std::optional<std::string_view> pre;  // tokenizer.ggml.pre
    std::span<const std::string> texts;   // [tokens] as in the file, not decoded
    std::vector<TokenKind> kinds;         // [tokens]
    std::vector<float> scores;            // [tokens] or empty
    TextIndex by_text;                    // text -> id
    std::optional<uint32_t> bos, eos, eot, sep, unknown;
    FillInTokens fill_in;
    std::vector<uint32_t> end_ids;         // ids that end a generation, ascending
    std::optional<bool> add_bos, add_eos;  // what the file says
};

}  // namespace m2w::tokenizer
