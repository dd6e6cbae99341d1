// character_bpe.cpp — cuts where no rule can merge, then words by their piece or by merging.
#include "tokenizer/character_bpe.h"

#include <fmt/format.h>

#include <algorithm>

#include "tokenizer/merge_rules.h"
#include "tokenizer/pre_tokenizers.h"
#include "tokenizer/spaces.h"
#include "tokenizer/unicode_text.h"
#include "tokenizer/vocabulary.h"
#include "tokenizer/word_cutter.h"

namespace m2w::tokenizer {

namespace {

bool is_one_of(TokenKind kind, std::span<const TokenKind> kinds) {
    return std::ranges::find(kinds, kind) != kinds.end();
}

class CharacterBpe final : public Algorithm {
  public:
    CharacterBpe(CharacterBpeParts parts, const Vocabulary& vocab)
        : parts_(std::move(parts)), words_(parts_.pieces), n_tokens_(uint32_t(vocab.size())) {
        for (uint32_t id = 0; id < n_tokens_; id++) {
            if (!is_one_of(vocab.kinds[id], parts_.merging_kinds)) continue;
            words_.add(id);
            cutter_.add((*parts_.pieces)[id]);
            longest_word_ = std::max(longest_word_, (*parts_.pieces)[id].size());
        }
    }

    Result<void> encode(std::string_view text, std::vector<uint32_t>& ids) const override {
        if (text.empty()) return {};
        std::string prepared;
        const bool has_marks =
            parts_.marks_are_spaces && text.find(kSpaceMark) != std::string_view::npos;
        if (has_marks || parts_.space_prefix) {
            if (parts_.space_prefix) prepared = " ";
            prepared += has_marks ? with_spaces(text) : text;
            text = prepared;
        }
        Scratch scratch{Merger(parts_.merges), {}};
        if (!parts_.splitter) {
            encode_part(text, scratch, ids);
            return {};
        }
        const ValidText valid(text);
        TRY(auto ends, parts_.splitter->split(valid.text()));
        valid.to_source(ends);
        size_t begin = 0;
        for (const uint32_t end : ends) {
            encode_part(text.substr(begin, end - begin), scratch, ids);
            begin = end;
        }
        return {};
    }

    std::string_view name() const override { return parts_.name; }
    AlgorithmTraits traits() const override {
        return {.add_bos = parts_.add_bos,
                .space_prefix = parts_.space_prefix,
                .marks_are_spaces = parts_.marks_are_spaces};
    }

  private:
    struct Scratch {
        Merger merger;
        std::vector<uint32_t> symbols;
    };

    void encode_part(std::string_view text, Scratch& scratch, std::vector<uint32_t>& ids) const {
        cutter_.for_each_word(text,
                              [&](std::string_view word) { encode_word(word, scratch, ids); });
    }

    void encode_word(std::string_view word, Scratch& scratch, std::vector<uint32_t>& ids) const {
        std::optional<uint32_t> token;
        if (word.size() <= longest_word_) token = words_.find(word);
        if (token && (parts_.ignore_merges || words_.is_whole(*token))) {
            ids.push_back(*token);
            return;
        }
        const size_t n_before = ids.size();
        merge_word(word, scratch, ids);
        if (token && ids.size() == n_before + 1 && ids.back() == *token)
            words_.remember_whole(*token);
    }

    void merge_word(std::string_view word, Scratch& scratch, std::vector<uint32_t>& ids) const {
        scratch.symbols.clear();
        for (size_t at = 0; at < word.size();) {
            const Character c = character_at(word, at);
            const uint32_t symbol = c.valid ? parts_.symbols.find(c.code_point) : kNoToken;
            const bool joins = symbol != kNoToken &&
                               (scratch.symbols.empty() ||
                                parts_.neighbours.may_contain(scratch.symbols.back(), symbol));
            if (!joins) merge_symbols(scratch, ids);
            if (symbol != kNoToken)
                scratch.symbols.push_back(symbol);
            else
                append_bytes(word.substr(at, c.length), ids);
            at += c.length;
        }
        merge_symbols(scratch, ids);
    }

    void merge_symbols(Scratch& scratch, std::vector<uint32_t>& ids) const {
        for (const uint32_t symbol : scratch.merger.merge(scratch.symbols)) {
            if (symbol < n_tokens_)
                ids.push_back(symbol);
            else
                append_bytes(parts_.extra_symbols[symbol - n_tokens_], ids);
        }
        scratch.symbols.clear();
    }

    /// A character that is no token: its bytes, or one unknown token if a byte has none.
    void append_bytes(std::string_view bytes, std::vector<uint32_t>& ids) const {
        const auto token_of = [&](char byte) { return parts_.byte_tokens[uint8_t(byte)]; };
        const bool complete =
            std::ranges::none_of(bytes, [&](char byte) { return token_of(byte) == kNoToken; });
        if (complete)
            for (const char byte : bytes) ids.push_back(token_of(byte));
        else if (parts_.unknown)
            ids.push_back(*parts_.unknown);
    }

    CharacterBpeParts parts_;
    WordBook words_;
    uint32_t n_tokens_;
    WordCutter cutter_;
    size_t longest_word_ = 0;
};

/// The bytes of tokens that are written as they are.
std::shared_ptr<const StringPool> pieces_as_written(const Vocabulary& vocab) {
    auto pieces = std::make_shared<StringPool>();
    for (size_t id = 0; id < vocab.size(); id++) {
        const std::string_view text = vocab.texts[id];
        if (vocab.kinds[id] == TokenKind::byte)
            pieces->push_back(std::string(1, byte_of_token(text)));
        else
            pieces->push_back(text);
    }
    return pieces;
}

}  // namespace

void add_symbols(CharacterBpeParts& parts, const Vocabulary& vocab) {
    const auto n_tokens = uint32_t(vocab.size());
    const StringPool& pieces = *parts.pieces;
    const auto for_each_piece = [&](auto&& use) {
        for (uint32_t id = 0; id < n_tokens; id++)
            if (is_one_of(vocab.kinds[id], parts.merging_kinds)) use(id, pieces[id]);
    };
    size_t n_characters = 0;
    for_each_piece([&](uint32_t id, std::string_view piece) {
        const Character first = character_at(piece, 0);
        if (first.length == piece.size()) parts.symbols.add(first.code_point, id);
        n_characters += piece.size();
    });
    parts.neighbours = PairFilter(n_characters);
    for_each_piece([&](uint32_t, std::string_view piece) {
        uint32_t previous = kNoToken;
        for (size_t at = 0; at < piece.size();) {
            const Character c = character_at(piece, at);
            uint32_t symbol = parts.symbols.find(c.code_point);
            if (symbol == kNoToken) {
                symbol = n_tokens + uint32_t(parts.extra_symbols.size());
                parts.symbols.add(c.code_point, symbol);
                parts.extra_symbols.emplace_back(piece.substr(at, c.length));
            }
            if (previous != kNoToken) parts.neighbours.add(previous, symbol);
            previous = symbol;
            at += c.length;
        }
    });
}

void add_fallback(CharacterBpeParts& parts, const Vocabulary& vocab) {
    parts.byte_tokens.fill(kNoToken);
    for (uint32_t id = 0; id < vocab.size(); id++) {
        if (vocab.kinds[id] != TokenKind::byte) continue;
        uint32_t& token = parts.byte_tokens[uint8_t(byte_of_token(vocab.texts[id]))];
        if (token == kNoToken) token = id;
    }
    parts.unknown = vocab.unknown;
}

std::unique_ptr<const Algorithm> make_character_algorithm(CharacterBpeParts parts,
                                                          const Vocabulary& vocab) {
    return std::make_unique<const CharacterBpe>(std::move(parts), vocab);
}

Result<MadeAlgorithm> make_character_bpe(const AlgorithmInput& input, const PreTokenizer& rules) {
    static constexpr TokenKind kMerging[] = {TokenKind::normal, TokenKind::user_defined};
    const bool escaped = rules.symbols == Symbols::escaped_characters;
    TRY(auto splitter, Splitter::compile(rules.patterns));
    TRY(auto merges, read_merges(input.file, input.vocab, kMerging));
    CharacterBpeParts parts{
        .name = "BPE of characters",
        .splitter = std::move(splitter),
        .marks_are_spaces = escaped,
        .ignore_merges = rules.ignore_merges,
        .add_bos = rules.add_bos,
        .merges = std::move(merges),
        .pieces = escaped ? pieces_with_spaces(input.vocab) : pieces_as_written(input.vocab),
        .merging_kinds = kMerging,
    };
    add_symbols(parts, input.vocab);
    add_fallback(parts, input.vocab);
    const auto pieces = parts.pieces;
    return MadeAlgorithm{make_character_algorithm(std::move(parts), input.vocab), pieces};
}

}  // namespace m2w::tokenizer
