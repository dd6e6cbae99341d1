// tokenizer.h — text to token ids and back, as the model's file says. Knows no model and no chat
// template.
#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "gguf/result.h"

namespace m2w::gguf {
class File;
}

namespace m2w {

enum class TokenKind : uint8_t { normal, unknown, control, user_defined, unused, byte };

struct EncodeOptions {
    bool add_special = true;     // begin and end tokens, where the file asks for them
    bool parse_special = false;  // texts of control tokens become those tokens
};

/// The tokens around text that a model is to fill in, as far as it has them.
struct FillInTokens {
    std::optional<uint32_t> prefix, suffix, middle;  // in front of, behind, and the gap itself
    std::optional<uint32_t> pad;
    std::optional<uint32_t> repository;  // the name of a repository follows
    std::optional<uint32_t> file;        // another file follows
};

/// Longest text that encode() takes.
constexpr size_t kMaxEncodeBytes = size_t{1} << 30;

/// The tokenizer of one model file. Immutable; share it freely between threads.
class Tokenizer {
  public:
    /// Errors: missing_metadata, wrong_metadata_type, vocab, merges, resource_limit, unsupported
    /// (a tokenizer model or pre-tokenizer that this build does not have, named), out_of_memory.
    static Result<std::shared_ptr<const Tokenizer>> from(const gguf::File& file);
    ~Tokenizer();

    /// Ids of a text, all smaller than size(). The text need not be valid UTF-8: where every byte
    /// has a token, text_of() gives the same bytes back (their normal form, where the model asks
    /// for one; WordPiece and Unigram vocabularies keep less). User-defined tokens are always found
    /// in the text, control tokens only with parse_special. Time and memory grow with the length,
    /// whatever the text but for long runs of digits (docs/tokenizers.md). Errors: resource_limit
    /// (longer than kMaxEncodeBytes), out_of_memory.
    Result<std::vector<uint32_t>> encode(std::string_view text, EncodeOptions options = {}) const;

    /// Prepares a text of the user for a prompt: the result may be placed anywhere in a rendered
    /// chat template, and encode_guarded() will find no control token that is made, wholly or in
    /// part, of this text. Only such spots are marked (with U+FDD0, a code point that no text may
    /// interchange), so most texts stay as they are. The template may trim whitespace and join
    /// texts; it must not cut inside them.
    std::string guard(std::string_view user_text) const;

    /// encode() of a rendered prompt with parse_special, minding and removing guard()'s marks: the
    /// ids of guard(x) alone are those of encode(x) without parse_special. Errors: as encode().
    Result<std::vector<uint32_t>> encode_guarded(std::string_view rendered,
                                                 bool add_special = false) const;

    /// The bytes of a token; special tokens as their text. id < size(). Lives as long as this.
    std::string_view piece(uint32_t id) const;
    /// The bytes of all tokens, control and unknown ones left out unless asked for. May end or
    /// begin inside a character.
    std::string decode(std::span<const uint32_t> ids, bool render_special = false) const;

    /// The text that encode() gave these ids for, without begin token: decode() less the space that
    /// some tokenizers put in front of every text.
    std::string text_of(std::span<const uint32_t> ids, bool render_special = false) const;

    uint32_t size() const;
    TokenKind kind(uint32_t id) const;
    std::optional<uint32_t> bos_id() const;
    std::optional<uint32_t> eos_id() const;
    std::optional<uint32_t> eot_id() const;  // end of a turn
    bool add_bos() const;
    bool add_eos() const;
    /// Whether a generation ends with this token.
    bool is_end(uint32_t id) const;
    /// All of those, ascending.
    std::span<const uint32_t> end_ids() const;
    const FillInTokens& fill_in() const;

    const std::string& model() const;    // tokenizer.ggml.model, e.g. "gpt2"
    const std::string& pre() const;      // tokenizer.ggml.pre, or "default"
    std::string_view algorithm() const;  // e.g. "byte-level BPE"

  private:
    struct Parts;
    explicit Tokenizer(std::unique_ptr<const Parts> parts);
    std::unique_ptr<const Parts> parts_;
};

}  // namespace m2w
