// tokenizer.cpp — Tokenizer: special tokens here, text between them by the file's algorithm.
#include "tokenizer/tokenizer.h"

#include <fmt/format.h>

#include <algorithm>
#include <exception>

#include "gguf/guarded.h"
#include "tokenizer/algorithm.h"
#include "tokenizer/special_tokens.h"
#include "tokenizer/vocabulary.h"

namespace m2w {

using namespace tokenizer;

struct Tokenizer::Parts {
    std::string model, pre;
    std::vector<TokenKind> kinds;   // [tokens]
    std::vector<uint32_t> end_ids;  // ascending
    FillInTokens fill_in;
    std::optional<uint32_t> bos, eos, eot;
    std::optional<uint32_t> sep;  // where texts end with it
    bool add_bos = false, add_eos = false, space_prefix = false;
    SpecialTokens special;
    std::unique_ptr<const Algorithm> algorithm;
    std::shared_ptr<const StringPool> pieces;  // [tokens]

    /// Encodes a text with the special tokens that were found in it.
    Result<std::vector<uint32_t>> encode(std::string_view text,
                                         const std::vector<SpecialTokens::Match>& found,
                                         bool add_special) const {
        std::vector<uint32_t> ids;
        if (add_special && add_bos) ids.push_back(*bos);
        size_t done = 0;
        for (const SpecialTokens::Match& match : found) {
            TRY(algorithm->encode(text.substr(done, match.begin - done), ids));
            ids.push_back(match.id);
            done = match.end;
        }
        TRY(algorithm->encode(text.substr(done), ids));
        if (add_special && add_eos) ids.push_back(*eos);
        if (add_special && sep) ids.push_back(*sep);
        return ids;
    }
};

namespace {

Error too_long(size_t n_bytes) {
    return Error{Category::resource_limit,
                 fmt::format("a text of {} bytes to encode, limit {}", n_bytes, kMaxEncodeBytes)};
}

bool is_hidden(TokenKind kind) {
    return kind == TokenKind::control || kind == TokenKind::unknown;
}

}  // namespace

Tokenizer::Tokenizer(std::unique_ptr<const Parts> parts) : parts_(std::move(parts)) {}
Tokenizer::~Tokenizer() = default;

Result<std::shared_ptr<const Tokenizer>> Tokenizer::from(const gguf::File& file) try {
    TRY(auto vocab, Vocabulary::from(file));
    TRY(const auto make, find_algorithm(vocab.model));
    TRY(auto made, make(AlgorithmInput{file, vocab}));
    const AlgorithmTraits traits = made.algorithm->traits();
    TRY(auto attributes, find_attributes(file, vocab));
    TRY(auto special, SpecialTokens::from(vocab, std::move(attributes), traits.marks_are_spaces));
    auto parts = std::make_unique<const Parts>(Parts{
        .model = std::string(vocab.model),
        .pre = std::string(vocab.pre.value_or("default")),
        .kinds = std::move(vocab.kinds),
        .end_ids = std::move(vocab.end_ids),
        .fill_in = vocab.fill_in,
        .bos = vocab.bos,
        .eos = vocab.eos,
        .eot = vocab.eot,
        .sep = traits.add_sep ? vocab.sep : std::nullopt,
        .add_bos = vocab.add_bos.value_or(traits.add_bos && vocab.bos),
        .add_eos = vocab.add_eos.value_or(traits.add_eos && vocab.eos),
        .space_prefix = traits.space_prefix,
        .special = std::move(special),
        .algorithm = std::move(made.algorithm),
        .pieces = std::move(made.pieces),
    });
    return std::shared_ptr<const Tokenizer>(new Tokenizer(std::move(parts)));
} catch (const std::exception&) {
    return out_of_memory("reading the vocabulary");
}

Result<std::vector<uint32_t>> Tokenizer::encode(std::string_view text, EncodeOptions options) const
    try {
    if (text.size() > kMaxEncodeBytes) return too_long(text.size());
    return parts_->encode(text, parts_->special.find(text, options.parse_special),
                          options.add_special);
} catch (const std::exception&) {
    return out_of_memory("encoding a text");
}

std::string Tokenizer::guard(std::string_view user_text) const {
    return parts_->special.guard(user_text);
}

Result<std::vector<uint32_t>> Tokenizer::encode_guarded(std::string_view rendered,
                                                        bool add_special) const try {
    if (rendered.size() > kMaxEncodeBytes) return too_long(rendered.size());
    const auto [text, breaks] = SpecialTokens::unguard(rendered);
    return parts_->encode(text, parts_->special.find(text, true, breaks), add_special);
} catch (const std::exception&) {
    return out_of_memory("encoding a prompt");
}

std::string_view Tokenizer::piece(uint32_t id) const {
    M2W_ASSERT(id < size());
    return (*parts_->pieces)[id];
}

std::string Tokenizer::decode(std::span<const uint32_t> ids, bool render_special) const {
    std::string out;
    for (const uint32_t id : ids) {
        if (render_special || !is_hidden(kind(id))) out += piece(id);
    }
    return out;
}

std::string Tokenizer::text_of(std::span<const uint32_t> ids, bool render_special) const {
    std::string text = decode(ids, render_special);
    if (parts_->space_prefix && text.starts_with(' ')) text.erase(0, 1);
    return text;
}

uint32_t Tokenizer::size() const {
    return uint32_t(parts_->kinds.size());
}

TokenKind Tokenizer::kind(uint32_t id) const {
    M2W_ASSERT(id < size());
    return parts_->kinds[id];
}

std::optional<uint32_t> Tokenizer::bos_id() const {
    return parts_->bos;
}

std::optional<uint32_t> Tokenizer::eos_id() const {
    return parts_->eos;
}

std::optional<uint32_t> Tokenizer::eot_id() const {
    return parts_->eot;
}

bool Tokenizer::add_bos() const {
    return parts_->add_bos;
}

bool Tokenizer::add_eos() const {
    return parts_->add_eos;
}

bool Tokenizer::is_end(uint32_t id) const {
    return std::ranges::binary_search(parts_->end_ids, id);
}

std::span<const uint32_t> Tokenizer::end_ids() const {
    return parts_->end_ids;
}

const FillInTokens& Tokenizer::fill_in() const {
    return parts_->fill_in;
}

const std::string& Tokenizer::model() const {
    return parts_->model;
}

const std::string& Tokenizer::pre() const {
    return parts_->pre;
}

std::string_view Tokenizer::algorithm() const {
    return parts_->algorithm->name();
}

}  // namespace m2w
