// token_attributes.cpp — the table of models whose special tokens strip, from their own
// tokenizer.json files ("lstrip", "rstrip").
#include "tokenizer/token_attributes.h"

#include <algorithm>
#include <string>

#include "tokenizer/vocabulary.h"

namespace m2w::tokenizer {

namespace {

constexpr std::string_view kName = "general.name", kPre = "tokenizer.ggml.pre",
                           kArchitecture = "general.architecture";

/// Files whose `key` contains `part`, in small letters.
struct LeftRow {
    std::string_view key, part, token;
};
constexpr LeftRow kLeft[] = {
    {kPre, "jina-v2-de", "<mask>"},
    {kPre, "jina-v2-es", "<mask>"},
    {kPre, "jina-v2-code", "<mask>"},
    {kArchitecture, "nomic-bert-moe", "<mask>"},
    {kArchitecture, "jina-bert-v3", "<mask>"},
    {kName, "modern-bert", "[MASK]"},
    {kPre, "modern-bert", "[MASK]"},
};

struct RightRow {
    std::string_view key, part;
    std::span<const std::string_view> without;  // all special tokens but these
};
constexpr std::string_view kPhi3Without[] = {"<unk>", "<s>", "<|endoftext|>"};
constexpr RightRow kRight[] = {
    {kName, "phi-3", kPhi3Without},
    {kName, "phi3", kPhi3Without},
};

Result<bool> contains(const gguf::File& file, std::string_view key, std::string_view part) {
    TRY(const auto value, file.find_string(key));
    std::string small(value.value_or(""));
    for (char& c : small)
        if (c >= 'A' && c <= 'Z') c = char(c + ('a' - 'A'));
    return small.find(part) != std::string::npos;
}

bool is_special(TokenKind kind) {
    return kind == TokenKind::control || kind == TokenKind::unknown ||
           kind == TokenKind::user_defined;
}

}  // namespace

Result<TokenAttributes> find_attributes(const gguf::File& file, const Vocabulary& vocab) {
    TokenAttributes out;
    for (const LeftRow& row : kLeft) {
        TRY(const bool applies, contains(file, row.key, row.part));
        const auto id = vocab.find(row.token);
        if (applies && id) out.strip_left.push_back(*id);
    }
    for (const RightRow& row : kRight) {
        TRY(const bool applies, contains(file, row.key, row.part));
        if (!applies) continue;
        for (uint32_t id = 0; id < vocab.size(); id++) {
            if (is_special(vocab.kinds[id]) && !std::ranges::count(row.without, vocab.texts[id]))
                out.strip_right.push_back(id);
        }
    }
    for (auto* ids : {&out.strip_left, &out.strip_right}) {
        std::ranges::sort(*ids);
        ids->erase(std::unique(ids->begin(), ids->end()), ids->end());
    }
    return out;
}

}  // namespace m2w::tokenizer
