// unigram.cpp — SentencePiece's Unigram: of all ways to write a text with tokens, the one with the
// best sum of scores (Viterbi's algorithm).
#include <fmt/format.h>

#include <algorithm>
#include <cfloat>

#include "tokenizer/algorithm.h"
#include "tokenizer/character_map.h"
#include "tokenizer/limits.h"
#include "tokenizer/merges.h"
#include "tokenizer/spaces.h"
#include "tokenizer/text_matcher.h"
#include "tokenizer/unicode_text.h"
#include "tokenizer/word_cutter.h"

namespace m2w::tokenizer {

namespace {

constexpr std::string_view kCharsmapKey = "tokenizer.ggml.precompiled_charsmap";

/// What an unknown character costs below the worst token (sentencepiece, unigram_model.cc,
/// kUnkPenalty).
constexpr double kUnknownPenalty = 10;

struct UnigramOptions {
    bool space_prefix = false;
    bool remove_extra_spaces = false;
    std::optional<CharacterMap> map;
};

bool is_piece(TokenKind kind) {
    return kind == TokenKind::normal || kind == TokenKind::user_defined ||
           kind == TokenKind::unused;
}

class Unigram final : public Algorithm {
  public:
    Unigram(const Vocabulary& vocab, const StringPool& pieces, UnigramOptions options)
        : options_(std::move(options)),
          matcher_(texts_of(vocab, pieces), TextMatcher::Direction::forward),
          unknown_(vocab.unknown) {
        double worst = DBL_MAX;
        scores_.reserve(vocab.size());
        for (uint32_t id = 0; id < vocab.size(); id++) {
            const bool user = vocab.kinds[id] == TokenKind::user_defined;
            scores_.push_back(user ? 0 : vocab.scores[id]);
            if (vocab.kinds[id] == TokenKind::normal)
                worst = std::min(worst, double(vocab.scores[id]));
            if (is_piece(vocab.kinds[id])) cutter_.add(pieces[id]);
        }
        unknown_score_ = (worst == DBL_MAX ? 0 : worst) - kUnknownPenalty;
    }

    Result<void> encode(std::string_view text, std::vector<uint32_t>& ids) const override {
        const std::string normal = normalise(text);
        if (normal.empty()) return {};
        std::vector<Arrival> best;
        const size_t n_before = ids.size();
        cutter_.for_each_word(normal, [&](std::string_view word) { encode_word(word, best, ids); });
        // Unknown characters in a row are one unknown token, over the cuts between words too.
        const auto is_repeated = [&](uint32_t a, uint32_t b) { return a == b && a == unknown_; };
        ids.erase(std::unique(ids.begin() + ptrdiff_t(n_before), ids.end(), is_repeated),
                  ids.end());
        return {};
    }

    std::string_view name() const override { return "Unigram"; }
    AlgorithmTraits traits() const override {
        return {.add_eos = true, .space_prefix = options_.space_prefix, .marks_are_spaces = true};
    }

  private:
    /// The best way to get to an offset.
    struct Arrival {
        double score = -DBL_MAX;
        uint32_t id = kNoToken;
        uint32_t length = 0;  // of the last token, bytes
    };

    static std::vector<TextMatcher::Text> texts_of(const Vocabulary& vocab,
                                                   const StringPool& pieces) {
        TextIndex seen(vocab.size());
        std::vector<TextMatcher::Text> texts;
        for (uint32_t id = 0; id < vocab.size(); id++) {
            if (is_piece(vocab.kinds[id]) && seen.insert(pieces[id], id, pieces))
                texts.push_back({pieces[id], id});
        }
        return texts;
    }

    /// The text as the pieces have it: replaced by the map, spaces put in front or taken away.
    std::string normalise(std::string_view text) const {
        std::string out;
        out.reserve(text.size() + 1);
        bool pending_space = options_.space_prefix;
        const auto append = [&](std::string_view part) {
            for (const char c : part) {
                if (c == ' ' && options_.remove_extra_spaces) {
                    pending_space = !out.empty() || options_.space_prefix;
                    continue;
                }
                if (pending_space) out += ' ';
                pending_space = false;
                out += c;
            }
        };
        for (size_t at = 0; at < text.size();) {
            if (const auto match = options_.map ? options_.map->find(text.substr(at))
                                                : std::optional<CharacterMap::Match>()) {
                append(match->replacement);
                at += match->length;
                continue;
            }
            const Character c = character_at(text, at);
            append(c.valid ? text.substr(at, c.length) : kReplacement);
            at += c.length;
        }
        if (out.find(kSpaceMark) != std::string::npos) out = with_spaces(out);
        return out;
    }

    void encode_word(std::string_view word, std::vector<Arrival>& best,
                     std::vector<uint32_t>& ids) const {
        best.assign(word.size() + 1, {});
        best[0].score = 0;
        for (size_t at = 0; at < word.size();) {
            const size_t length = character_at(word, at).length;
            go_on_from(word, at, length, best);
            at += length;
        }
        const size_t n_before = ids.size();
        for (size_t at = word.size(); at > 0; at -= best[at].length) {
            if (best[at].id != kNoToken)
                ids.push_back(best[at].id);
            else if (unknown_)
                ids.push_back(*unknown_);
        }
        std::reverse(ids.begin() + ptrdiff_t(n_before), ids.end());
    }

    /// Tries every token that begins at an offset, and the unknown one if none is the character
    /// there.
    void go_on_from(std::string_view word, size_t at, size_t n_character,
                    std::vector<Arrival>& best) const {
        const double score = best[at].score;
        const auto arrive = [&](uint32_t id, size_t length, double token_score) {
            Arrival& there = best[at + length];
            if (score + token_score > there.score)
                there = {score + token_score, id, uint32_t(length)};
        };
        bool is_known = false;
        TextMatcher::State state = TextMatcher::kStart;
        for (size_t end = at; end < word.size();) {
            state = matcher_.child_of(state, word[end++]);
            if (state == TextMatcher::kStart) break;
            const auto found = matcher_.found(state);
            if (found.length != end - at) continue;
            is_known |= found.length == n_character;
            arrive(found.id, found.length, scores_[found.id]);
        }
        if (!is_known) arrive(kNoToken, n_character, unknown_score_);
    }

    UnigramOptions options_;
    TextMatcher matcher_;
    std::vector<double> scores_;  // [tokens]
    double unknown_score_ = 0;
    std::optional<uint32_t> unknown_;
    WordCutter cutter_;
};

Result<std::optional<CharacterMap>> read_map(const gguf::File& file) {
    const gguf::Value* value = file.find(kCharsmapKey);
    if (!value) return std::optional<CharacterMap>();
    const auto* array = std::get_if<gguf::Array>(&value->data);
    if (!array || (array->element != gguf::ValueType::u8 && array->element != gguf::ValueType::i8))
        return Error{Category::wrong_metadata_type,
                     fmt::format("{} is no array of bytes ({})", kCharsmapKey, file.name())};
    if (array->scalars.empty()) return std::optional<CharacterMap>();
    const auto* bytes = reinterpret_cast<const uint8_t*>(array->scalars.data());
    TRY(auto map, CharacterMap::from({bytes, array->scalars.size()}));
    return std::optional(std::move(map));
}

}  // namespace

Result<MadeAlgorithm> make_unigram(const AlgorithmInput& input) {
    const auto& [file, vocab] = input;
    if (vocab.scores.empty())
        return Error{Category::missing_metadata,
                     fmt::format("tokenizer.ggml.scores is missing ({})", file.name())};
    TRY(const auto prefix, file.find_bool("tokenizer.ggml.add_space_prefix"));
    TRY(const auto extra, file.find_bool("tokenizer.ggml.remove_extra_whitespaces"));
    TRY(auto map, read_map(file));
    const auto pieces = pieces_with_spaces(vocab);
    for (uint32_t id = 0; id < vocab.size(); id++) {
        if (is_piece(vocab.kinds[id]) && (*pieces)[id].size() > kMaxPieceBytes)
            return Error{Category::resource_limit,
                         fmt::format("token {} has {} bytes, limit {}", id, (*pieces)[id].size(),
                                     kMaxPieceBytes)};
    }
    UnigramOptions options{prefix.value_or(false), extra.value_or(false), std::move(map)};
    return MadeAlgorithm{std::make_unique<const Unigram>(vocab, *pieces, std::move(options)),
                         pieces};
}

}  // namespace m2w::tokenizer
