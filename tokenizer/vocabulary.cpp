// vocabulary.cpp — reads and checks tokenizer.ggml.*. Knows no algorithm.
#include "tokenizer/vocabulary.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "tokenizer/end_tokens.h"
#include "tokenizer/fill_in_tokens.h"

namespace m2w::tokenizer {

namespace {

constexpr std::string_view kPrefix = "tokenizer.ggml.";

std::string key(std::string_view name) {
    return fmt::format("{}{}", kPrefix, name);
}

Error bad_vocab(std::string message) {
    return Error{Category::vocab, std::move(message)};
}

/// The kinds by GGUF's numbers (gguf-py/gguf/constants.py, TokenType). 0 is "undefined": converters
/// that do not classify tokens write it.
constexpr TokenKind kKinds[] = {TokenKind::normal,  TokenKind::normal,       TokenKind::unknown,
                                TokenKind::control, TokenKind::user_defined, TokenKind::unused,
                                TokenKind::byte};

/// The value of a byte token "<0x0A>": exactly two hex digits.
bool is_byte_text(std::string_view text) {
    const auto is_hex = [](char c) {
        return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'F') || (c >= 'a' && c <= 'f');
    };
    return text.size() == 6 && text.starts_with("<0x") && text[5] == '>' && is_hex(text[3]) &&
           is_hex(text[4]);
}

Result<void> read_texts(const gguf::File& file, Vocabulary& vocab) {
    TRY(const auto* texts, file.find_strings(key("tokens")));
    if (!texts)
        return Error{Category::missing_metadata,
                     fmt::format("{} is missing ({})", key("tokens"), file.name())};
    if (texts->empty()) return bad_vocab(key("tokens") + " is empty");
    vocab.texts = *texts;
    vocab.by_text = TextIndex(texts->size());
    const auto text_of = [&](uint32_t id) -> std::string_view { return vocab.texts[id]; };
    for (uint32_t id = 0; id < texts->size(); id++) {
        const std::string& text = (*texts)[id];
        if (text.empty()) return bad_vocab(fmt::format("token {} is empty", id));
        if (text.size() > kMaxTokenBytes)
            return Error{Category::resource_limit, fmt::format("token {} has {} bytes, limit {}",
                                                               id, text.size(), kMaxTokenBytes)};
        if (text.find('\0') != std::string::npos)
            return bad_vocab(fmt::format("token {} contains NUL", id));
        if (!vocab.by_text.insert(text, id, text_of))
            return bad_vocab(fmt::format("tokens {} and {} are the same text '{:.40}'",
                                         *vocab.find(text), id, text));
    }
    return {};
}

Result<void> check_length(std::string_view name, size_t found, const Vocabulary& vocab) {
    if (found == vocab.size()) return {};
    return bad_vocab(fmt::format("{} has {} entries, expected {} as there are tokens", key(name),
                                 found, vocab.size()));
}

Result<void> read_kinds(const gguf::File& file, Vocabulary& vocab) {
    vocab.kinds.assign(vocab.size(), TokenKind::normal);
    TRY(const auto types, file.find_i32s(key("token_type")));
    if (!types) return {};
    TRY(check_length("token_type", types->size(), vocab));
    for (size_t id = 0; id < vocab.size(); id++) {
        const int32_t type = (*types)[id];
        if (type < 0 || size_t(type) >= std::size(kKinds))
            return bad_vocab(fmt::format("token {} has type {}, expected 0..6", id, type));
        vocab.kinds[id] = kKinds[type];
        if (vocab.kinds[id] == TokenKind::byte && !is_byte_text(vocab.texts[id]))
            return bad_vocab(fmt::format("byte token {} is '{:.20}', expected the form <0x0A>", id,
                                         vocab.texts[id]));
    }
    return {};
}

Result<void> read_scores(const gguf::File& file, Vocabulary& vocab) {
    TRY(auto scores, file.find_f32s(key("scores")));
    if (!scores) return {};
    TRY(check_length("scores", scores->size(), vocab));
    for (size_t id = 0; id < scores->size(); id++) {
        if (!std::isfinite((*scores)[id]))
            return bad_vocab(fmt::format("the score of token {} is not finite", id));
    }
    vocab.scores = std::move(*scores);
    return {};
}

/// Every tokenizer.ggml.*_token_id of the file names a token, used here or not.
Result<void> check_special_ids(const gguf::File& file, const Vocabulary& vocab) {
    for (const gguf::KeyValue& entry : file.metadata()) {
        if (!entry.key.starts_with(kPrefix) || !entry.key.ends_with("_token_id")) continue;
        auto id = file.find_u32(entry.key);
        if (!id && id.error().category == Category::wrong_metadata_type) return id.error();
        if (!id || **id >= vocab.size())
            return bad_vocab(
                fmt::format("{} is not an id of the {} tokens", entry.key, vocab.size()));
    }
    return {};
}

/// Ids that files of a tokenizer model may leave out, because all of them were the same when the
/// model's first files were written (llama.cpp, llama-vocab.cpp, "default special tokens").
struct DefaultIds {
    std::string_view model;
    std::optional<uint32_t> bos, eos, sep, unknown;
};
constexpr DefaultIds kDefaultIds[] = {
    {.model = "llama", .bos = 1, .eos = 2, .unknown = 0},
    {.model = "bert", .bos = 101, .sep = 102, .unknown = 100},
    {.model = "t5", .eos = 1, .unknown = 2},
};

Result<void> read_special_ids(const gguf::File& file, Vocabulary& vocab) {
    TRY(vocab.bos, file.find_u32(key("bos_token_id")));
    TRY(vocab.eos, file.find_u32(key("eos_token_id")));
    TRY(vocab.sep, file.find_u32(key("seperator_token_id")));  // spelled so in files
    TRY(vocab.unknown, file.find_u32(key("unknown_token_id")));
    TRY(const auto class_id, file.find_u32(key("cls_token_id")));
    if (!vocab.bos) vocab.bos = class_id;
    const auto row = std::ranges::find(kDefaultIds, vocab.model, &DefaultIds::model);
    if (row == std::end(kDefaultIds)) return {};
    const auto fill = [&](std::optional<uint32_t>& id, std::optional<uint32_t> by_default) {
        if (id || !by_default || *by_default >= vocab.size()) return;
        const TokenKind kind = vocab.kinds[*by_default];
        if (kind == TokenKind::control || kind == TokenKind::unknown) id = by_default;
    };
    fill(vocab.bos, row->bos);
    fill(vocab.eos, row->eos);
    fill(vocab.sep, row->sep);
    fill(vocab.unknown, row->unknown);
    return {};
}

}  // namespace

Result<Vocabulary> Vocabulary::from(const gguf::File& file) {
    Vocabulary vocab;
    TRY(vocab.model, file.get_string(key("model")));
    TRY(vocab.pre, file.find_string(key("pre")));
    TRY(read_texts(file, vocab));
    TRY(read_kinds(file, vocab));
    TRY(read_scores(file, vocab));
    TRY(check_special_ids(file, vocab));
    TRY(read_special_ids(file, vocab));
    TRY(vocab.add_bos, file.find_bool(key("add_bos_token")));
    TRY(vocab.add_eos, file.find_bool(key("add_eos_token")));
    TRY(vocab.fill_in, find_fill_in_tokens(file, vocab));
    TRY(find_end_tokens(file, vocab));
    // Converters write it as a control token, but text does become it.
    if (vocab.unknown && vocab.kinds[*vocab.unknown] == TokenKind::control &&
        vocab.unknown != vocab.bos && vocab.unknown != vocab.eos && vocab.unknown != vocab.eot)
        vocab.kinds[*vocab.unknown] = TokenKind::unknown;
    if (vocab.add_bos.value_or(false) && !vocab.bos)
        return bad_vocab(key("add_bos_token") + " is true, but there is no bos_token_id");
    if (vocab.add_eos.value_or(false) && !vocab.eos)
        return bad_vocab(key("add_eos_token") + " is true, but there is no eos_token_id");
    return vocab;
}

}  // namespace m2w::tokenizer
