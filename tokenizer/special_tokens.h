// special_tokens.h — finds special tokens in text, and guards text against becoming one. Encodes
// nothing else.
#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "gguf/result.h"
#include "tokenizer/text_matcher.h"
#include "tokenizer/token_attributes.h"

namespace m2w::tokenizer {

struct Vocabulary;

/// The tokens of a vocabulary that are found in text as wholes. Immutable.
class SpecialTokens {
  public:
    struct Match {
        size_t begin, end;  // with the white space that the token takes
        uint32_t id;
    };

    /// marks_are_spaces: user-defined runs of spaces are found where a text writes them with
    /// U+2581, as the models' own files have them; plain spaces are left to the algorithm.
    /// Errors: resource_limit (their texts are too long together), unsupported (a control token
    /// contains U+FDD0).
    static Result<SpecialTokens> from(const Vocabulary& vocab, TokenAttributes attributes = {},
                                      bool marks_are_spaces = false);

    /// The special tokens of a text, from the left, at each place the longest. User-defined ones
    /// always; control (and unknown) ones only if asked for, and only where `breaks` (ascending
    /// offsets) do not forbid it: a break forbids every control token that begins before it and
    /// ends at or behind it.
    std::vector<Match> find(std::string_view text, bool with_control,
                            std::span<const size_t> breaks = {}) const;

    /// The text with marks: see Tokenizer::guard.
    std::string guard(std::string_view text) const;

    /// A marked text without its marks, and where they stood.
    struct Unguarded {
        std::string text;
        std::vector<size_t> breaks;
    };
    static Unguarded unguard(std::string_view marked);

  private:
    SpecialTokens(std::vector<TextMatcher::Text> user, std::vector<TextMatcher::Text> control,
                  TokenAttributes attributes);
    std::vector<size_t> spots_to_mark(std::string_view text) const;
    bool inside_a_control_token(std::string_view text) const;

    TextMatcher user_, control_;              // backward: found by their beginnings
    TextMatcher control_beginnings_;          // forward
    std::vector<std::string> control_texts_;  // owns what the matchers were made of
    size_t longest_control_ = 0;
    TokenAttributes attributes_;
};

}  // namespace m2w::tokenizer
