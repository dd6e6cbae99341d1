// wordpiece.cpp — BERT's WordPiece: text is cleaned and cut into words, and each word is taken
// apart from the left, the longest token first.
#include <fmt/format.h>
#include <utf8.h>
#include <utf8proc.h>

#include <algorithm>

#include "tokenizer/algorithm.h"
#include "tokenizer/limits.h"
#include "tokenizer/spaces.h"
#include "tokenizer/unicode_text.h"

namespace m2w::tokenizer {

namespace {

/// The blocks that BERT takes for Chinese (bert/tokenization.py, _is_chinese_char; the sixth one
/// begins later in the tokenizers that models are published with, and ends later).
bool is_chinese(char32_t c) {
    constexpr struct {
        char32_t first, last;
    } kBlocks[] = {{0x4e00, 0x9fff},   {0x3400, 0x4dbf},   {0x20000, 0x2a6df}, {0x2a700, 0x2b73f},
                   {0x2b740, 0x2b81f}, {0x2b920, 0x2ceaf}, {0xf900, 0xfaff},   {0x2f800, 0x2fa1f}};
    return std::ranges::any_of(
        kBlocks, [&](const auto& block) { return c >= block.first && c <= block.last; });
}

bool is_ascii_punctuation(char32_t c) {
    return (c >= '!' && c <= '/') || (c >= ':' && c <= '@') || (c >= '[' && c <= '`') ||
           (c >= '{' && c <= '~');
}

bool is_punctuation(utf8proc_category_t category) {
    return category >= UTF8PROC_CATEGORY_PC && category <= UTF8PROC_CATEGORY_PO;
}

/// Control, format, surrogate and private characters, and those that do not exist.
bool is_other(utf8proc_category_t category) {
    return category == UTF8PROC_CATEGORY_CN ||
           (category >= UTF8PROC_CATEGORY_CC && category <= UTF8PROC_CATEGORY_CO);
}

struct WordPieceOptions {
    bool lowercase = true;
    bool strip_accents = true;
};

/// Gathers the characters of a word; a word is "▁" in the file's spelling, a space here, and what
/// was gathered.
class WordPiece final : public Algorithm {
  public:
    WordPiece(const Vocabulary& vocab, std::shared_ptr<const StringPool> pieces,
              WordPieceOptions options)
        : options_(options),
          pieces_(std::move(pieces)),
          index_(vocab.size()),
          unknown_(*vocab.unknown) {
        for (uint32_t id = 0; id < vocab.size(); id++) {
            if (vocab.kinds[id] != TokenKind::normal) continue;
            index_.insert((*pieces_)[id], id, *pieces_);
            longest_ = std::max(longest_, (*pieces_)[id].size());
        }
    }

    Result<void> encode(std::string_view text, std::vector<uint32_t>& ids) const override {
        Word word;
        for (size_t at = 0; at < text.size();) {
            const Character c = character_at(text, at);
            at += c.length;
            if (!c.valid || c.code_point == 0 || c.code_point == 0xfffd) continue;
            if (c.code_point < 0x80)
                add_ascii(char(c.code_point), word, ids);
            else if (c.code_point != 0x85 && is_white_space(c.code_point))
                end_word(word, ids);
            else
                add_other(c.code_point, word, ids);
        }
        end_word(word, ids);
        return {};
    }

    std::string_view name() const override { return "WordPiece"; }
    AlgorithmTraits traits() const override { return {.add_bos = true, .add_sep = true}; }

  private:
    struct Word {
        std::string text = " ";
        size_t n_characters = 0;
    };

    void add_ascii(char c, Word& word, std::vector<uint32_t>& ids) const {
        if (c == ' ' || c == '\t' || c == '\n' || c == '\r') return end_word(word, ids);
        // All other control characters are left out, even those (and U+0085) that are white space.
        if (c < ' ' || c == 0x7f) return;
        if (is_ascii_punctuation(char32_t(c))) {
            end_word(word, ids);
            append(char32_t(c), word);
            end_word(word, ids);
            return;
        }
        const bool upper = c >= 'A' && c <= 'Z' && options_.lowercase;
        append(char32_t(upper ? c + ('a' - 'A') : c), word);
    }

    void add_other(char32_t c, Word& word, std::vector<uint32_t>& ids) const {
        if (is_other(utf8proc_category(utf8proc_int32_t(c)))) return;
        const bool alone = is_chinese(c);
        if (alone) end_word(word, ids);
        // The longest canonical decomposition has 4 code points (Unicode Standard Annex 15).
        utf8proc_int32_t parts[8] = {utf8proc_int32_t(c)};
        utf8proc_ssize_t n_parts = 1;
        int boundary = 0;
        if (options_.strip_accents)
            n_parts = utf8proc_decompose_char(
                utf8proc_int32_t(c), parts, std::size(parts),
                utf8proc_option_t(UTF8PROC_DECOMPOSE | UTF8PROC_STABLE), &boundary);
        for (const auto part : std::span(parts, size_t(n_parts))) add_part(part, word, ids);
        if (alone) end_word(word, ids);
    }

    void add_part(utf8proc_int32_t part, Word& word, std::vector<uint32_t>& ids) const {
        const auto category = utf8proc_category(part);
        if (options_.strip_accents && category == UTF8PROC_CATEGORY_MN) return;
        const bool alone = is_punctuation(category) || is_ascii_punctuation(char32_t(part));
        if (alone) end_word(word, ids);
        append(char32_t(options_.lowercase ? utf8proc_tolower(part) : part), word);
        if (alone) end_word(word, ids);
    }

    static void append(char32_t c, Word& word) {
        if (++word.n_characters <= kMaxWordCharacters)
            utf8::unchecked::append(c, std::back_inserter(word.text));
    }

    void end_word(Word& word, std::vector<uint32_t>& ids) const {
        if (word.n_characters == 0) return;
        const size_t n_before = ids.size();
        const bool complete = word.n_characters <= kMaxWordCharacters && take_apart(word.text, ids);
        if (!complete) {
            ids.resize(n_before);
            ids.push_back(unknown_);
        }
        word.text.resize(1);
        word.n_characters = 0;
    }

    /// False if there is a rest that no token begins.
    bool take_apart(std::string_view word, std::vector<uint32_t>& ids) const {
        while (!word.empty()) {
            size_t length = std::min(word.size(), longest_);
            std::optional<uint32_t> id;
            for (; length > 0; length--) {
                const bool inside = length < word.size() && (uint8_t(word[length]) & 0xc0) == 0x80;
                if (!inside) id = index_.find(word.substr(0, length), *pieces_);
                if (id) break;
            }
            if (!id) return false;
            ids.push_back(*id);
            word.remove_prefix(length);
        }
        return true;
    }

    WordPieceOptions options_;
    std::shared_ptr<const StringPool> pieces_;
    TextIndex index_;  // piece -> id
    uint32_t unknown_;
    size_t longest_ = 0;  // bytes of a piece
};

}  // namespace

Result<MadeAlgorithm> make_wordpiece(const AlgorithmInput& input) {
    if (!input.vocab.unknown)
        return Error{
            Category::missing_metadata,
            fmt::format("tokenizer.ggml.unknown_token_id is missing ({})", input.file.name())};
    TRY(const auto lowercase, input.file.find_bool("tokenizer.ggml.normalizer.lowercase"));
    TRY(const auto strip, input.file.find_bool("tokenizer.ggml.normalizer.strip_accents"));
    WordPieceOptions options;
    options.lowercase = lowercase.value_or(true);
    options.strip_accents = strip.value_or(options.lowercase);
    const auto pieces = pieces_with_spaces(input.vocab);
    return MadeAlgorithm{std::make_unique<const WordPiece>(input.vocab, pieces, options), pieces};
}

}  // namespace m2w::tokenizer
