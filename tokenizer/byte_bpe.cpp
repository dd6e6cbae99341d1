// byte_bpe.cpp — byte-level BPE: words by the pre-tokenizer's patterns, bytes as first symbols,
// merges.
#include <fmt/format.h>

#include <array>

#include "tokenizer/algorithm.h"
#include "tokenizer/byte_letters.h"
#include "tokenizer/character_bpe.h"
#include "tokenizer/merge_rules.h"
#include "tokenizer/merges.h"
#include "tokenizer/pre_tokenizers.h"
#include "tokenizer/splitter.h"
#include "tokenizer/unicode_text.h"
#include "tokenizer/word_book.h"

namespace m2w::tokenizer {

namespace {

/// The token of each byte. Vocabularies that never saw a byte have none for it, and it is lost, but
/// text that people type must go through.
Result<std::array<uint32_t, 256>> read_byte_tokens(const Vocabulary& vocab) {
    std::array<uint32_t, 256> tokens;
    for (uint32_t byte = 0; byte < 256; byte++) {
        const auto id = vocab.find(byte_letter(uint8_t(byte)));
        const bool usable = id && vocab.kinds[*id] == TokenKind::normal;
        tokens[byte] = usable ? *id : kNoToken;
        const bool is_text =
            (byte >= ' ' && byte <= '~') || byte == '\t' || byte == '\n' || byte == '\r';
        if (!usable && is_text)
            return Error{Category::vocab,
                         fmt::format("there is no token for the byte 0x{:02X} ('{}')", byte,
                                     byte_letter(uint8_t(byte)))};
    }
    return tokens;
}

/// Ordinary tokens are written in byte letters, all others as they are.
StringPool make_pieces(const Vocabulary& vocab) {
    StringPool pieces;
    pieces.reserve(vocab.size(), vocab.size() * 8);
    std::string bytes;
    for (size_t id = 0; id < vocab.size(); id++) {
        const bool in_letters =
            vocab.kinds[id] == TokenKind::normal && bytes_of_letters(vocab.texts[id], bytes);
        pieces.push_back(in_letters ? bytes : vocab.texts[id]);
    }
    return pieces;
}

class ByteBpe final : public Algorithm {
  public:
    ByteBpe(const PreTokenizer& rules, Splitter splitter, MergeTable merges,
            const std::array<uint32_t, 256>& byte_tokens, std::shared_ptr<const StringPool> pieces,
            const Vocabulary& vocab)
        : rules_(&rules),
          splitter_(std::move(splitter)),
          merges_(std::move(merges)),
          byte_tokens_(byte_tokens),
          words_(std::move(pieces)) {
        std::string bytes;
        for (uint32_t id = 0; id < vocab.size(); id++) {
            // A token that is not in byte letters is no word: no merge makes it.
            if (vocab.kinds[id] == TokenKind::normal && bytes_of_letters(vocab.texts[id], bytes))
                words_.add(id);
        }
    }

    Result<void> encode(std::string_view text, std::vector<uint32_t>& ids) const override {
        std::string normalised;
        if (rules_->nfc) text = to_nfc(text, normalised);
        const ValidText valid(text);
        TRY(auto ends, splitter_.split(valid.text()));
        valid.to_source(ends);
        Scratch scratch{Merger(merges_), {}};
        size_t begin = 0;
        for (const uint32_t end : ends) {
            encode_word(text.substr(begin, end - begin), scratch, ids);
            begin = end;
        }
        return {};
    }

    std::string_view name() const override { return "byte-level BPE"; }
    AlgorithmTraits traits() const override { return {.add_bos = rules_->add_bos}; }

  private:
    struct Scratch {
        Merger merger;
        std::vector<uint32_t> symbols;
    };

    std::span<const uint32_t> merge(std::string_view word, Scratch& scratch) const {
        scratch.symbols.clear();
        for (const char byte : word) scratch.symbols.push_back(byte_tokens_[uint8_t(byte)]);
        return scratch.merger.merge(scratch.symbols);
    }

    void encode_word(std::string_view word, Scratch& scratch, std::vector<uint32_t>& ids) const {
        const auto token = words_.find(word);
        if (token && (rules_->ignore_merges || words_.is_whole(*token))) {
            ids.push_back(*token);
            return;
        }
        const auto merged = merge(word, scratch);
        if (token && merged.size() == 1 && merged[0] == *token) words_.remember_whole(*token);
        for (const uint32_t id : merged) {
            if (id != kNoToken) ids.push_back(id);
        }
    }

    const PreTokenizer* rules_;
    Splitter splitter_;
    MergeTable merges_;
    std::array<uint32_t, 256> byte_tokens_;  // kNoToken: the vocabulary has none
    WordBook words_;
};

}  // namespace

Result<MadeAlgorithm> make_byte_bpe(const AlgorithmInput& input) {
    const std::string_view pre = input.vocab.pre_tokenizer();
    const PreTokenizer* rules = find_pre_tokenizer(pre);
    if (!rules)
        return Error{Category::unsupported,
                     fmt::format("tokenizer.ggml.pre '{:.60}' is not a pre-tokenizer that this "
                                 "build knows",
                                 pre)};
    if (rules->symbols != Symbols::bytes) return make_character_bpe(input, *rules);
    TRY(auto splitter, Splitter::compile(rules->patterns));
    constexpr TokenKind kMerging[] = {TokenKind::normal};
    TRY(auto merges, read_merges(input.file, input.vocab, kMerging));
    TRY(const auto byte_tokens, read_byte_tokens(input.vocab));
    const auto pieces = std::make_shared<const StringPool>(make_pieces(input.vocab));
    return MadeAlgorithm{
        std::make_unique<const ByteBpe>(*rules, std::move(splitter), std::move(merges), byte_tokens,
                                        pieces, input.vocab),
        pieces};
}

}  // namespace m2w::tokenizer
