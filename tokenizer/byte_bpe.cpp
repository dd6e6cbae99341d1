// byte_bpe.cpp — byte-level BPE: words by the pre-tokenizer's patterns, bytes as first symbols,
// merges.
#include <fmt/format.h>

#include <array>
#include <atomic>

#include "tokenizer/algorithm.h"
#include "tokenizer/byte_letters.h"
#include "tokenizer/merges.h"
#include "tokenizer/pre_tokenizers.h"
#include "tokenizer/splitter.h"
#include "tokenizer/unicode_text.h"

namespace m2w::tokenizer {

namespace {

constexpr std::string_view kMergesKey = "tokenizer.ggml.merges";

Error bad_merge(size_t rank, std::string_view rule, std::string_view reason) {
    return Error{Category::merges,
                 fmt::format("{}[{}] '{:.60}': {}", kMergesKey, rank, rule, reason)};
}

/// The rules of the file. Only ordinary tokens merge and are merged: text never becomes a control
/// token by a merge.
Result<MergeTable> read_merges(const AlgorithmInput& input) {
    TRY(const auto* rules, input.file.find_strings(kMergesKey));
    if (!rules)
        return Error{Category::missing_metadata,
                     fmt::format("{} is missing ({})", kMergesKey, input.file.name())};
    const auto token_of = [&](std::string_view text) {
        const auto id = input.vocab.find(text);
        return id && input.vocab.kinds[*id] == TokenKind::normal ? *id : kNoToken;
    };
    MergeTable table(rules->size());
    std::string both;
    for (size_t rank = 0; rank < rules->size(); rank++) {
        const std::string_view rule = (*rules)[rank];
        const size_t space = rule.find(' ');
        if (space == std::string_view::npos || space == 0 || space + 1 == rule.size() ||
            rule.find(' ', space + 1) != std::string_view::npos)
            return bad_merge(rank, rule, "expected two tokens with one space between them");
        const std::string_view left = rule.substr(0, space), right = rule.substr(space + 1);
        (both = left) += right;
        const uint32_t left_id = token_of(left), right_id = token_of(right);
        const uint32_t merged_id = token_of(both);
        if (left_id == kNoToken || right_id == kNoToken || merged_id == kNoToken)
            return bad_merge(rank, rule, "a part or the whole is no ordinary token");
        if (!table.add(left_id, right_id, merged_id))
            return bad_merge(rank, rule, "there is a rule for this pair already");
    }
    return table;
}

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
          pieces_(std::move(pieces)),
          words_(vocab.size()),
          word_state_(vocab.size()) {
        for (uint32_t id = 0; id < vocab.size(); id++) {
            if (vocab.kinds[id] == TokenKind::normal) words_.insert((*pieces_)[id], id, *pieces_);
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
    bool adds_bos() const override { return rules_->add_bos; }

  private:
    struct Scratch {
        Merger merger;
        std::vector<uint32_t> symbols;
    };
    /// Whether the merges turn the bytes of a token into that one token. Nearly always they do, but
    /// only merging tells, so it is found out when a token is first seen as a word.
    enum class WordState : uint8_t { unknown, merges_to_itself, merges_to_others };

    std::span<const uint32_t> merge(std::string_view word, Scratch& scratch) const {
        scratch.symbols.clear();
        for (const char byte : word) scratch.symbols.push_back(byte_tokens_[uint8_t(byte)]);
        return scratch.merger.merge(scratch.symbols);
    }

    void encode_word(std::string_view word, Scratch& scratch, std::vector<uint32_t>& ids) const {
        const auto whole = words_.find(word, *pieces_);
        if (whole) {
            // Threads that race here write the same value.
            std::atomic<WordState>& state = word_state_[*whole];
            if (rules_->ignore_merges ||
                state.load(std::memory_order_relaxed) == WordState::merges_to_itself) {
                ids.push_back(*whole);
                return;
            }
            const auto merged = merge(word, scratch);
            const bool itself = merged.size() == 1 && merged[0] == *whole;
            state.store(itself ? WordState::merges_to_itself : WordState::merges_to_others,
                        std::memory_order_relaxed);
        }
        for (const uint32_t id : merge(word, scratch)) {
            if (id != kNoToken) ids.push_back(id);
        }
    }

    const PreTokenizer* rules_;
    Splitter splitter_;
    MergeTable merges_;
    std::array<uint32_t, 256> byte_tokens_;  // kNoToken: the vocabulary has none
    std::shared_ptr<const StringPool> pieces_;
    TextIndex words_;                                         // bytes of ordinary tokens -> id
    mutable std::vector<std::atomic<WordState>> word_state_;  // [tokens]
};

}  // namespace

Result<MadeAlgorithm> make_byte_bpe(const AlgorithmInput& input) {
    const std::string_view pre = input.vocab.pre.value_or("default");
    const PreTokenizer* rules = find_pre_tokenizer(pre);
    if (!rules)
        return Error{Category::unsupported,
                     fmt::format("tokenizer.ggml.pre '{:.60}' is not a pre-tokenizer that this "
                                 "build knows",
                                 pre)};
    if (rules->symbols != Symbols::bytes)
        return Error{Category::unsupported,
                     fmt::format("tokenizer.ggml.pre '{}' is not supported by this build", pre)};
    TRY(auto splitter, Splitter::compile(rules->patterns));
    TRY(auto merges, read_merges(input));
    TRY(const auto byte_tokens, read_byte_tokens(input.vocab));
    const auto pieces = std::make_shared<const StringPool>(make_pieces(input.vocab));
    return MadeAlgorithm{
        std::make_unique<const ByteBpe>(*rules, std::move(splitter), std::move(merges), byte_tokens,
                                        pieces, input.vocab),
        pieces};
}

}  // namespace m2w::tokenizer
