// character_map.h — SentencePiece's normalisation: replaces beginnings of text by a table that the
// model's file carries. Knows no token.
#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "gguf/result.h"

namespace m2w::tokenizer {

/// The table "precompiled_charsmap": a size in bytes (4, little endian), a double array of that
/// size as Darts-clone writes it, and the replacements, each ended by NUL. Immutable.
class CharacterMap {
  public:
    /// Errors: vocab (sizes that do not fit).
    static Result<CharacterMap> from(std::span<const uint8_t> blob);

    struct Match {
        size_t length;  // bytes that are replaced
        std::string_view replacement;
    };
    /// The longest entry that a text begins with, up to 256 bytes.
    std::optional<Match> find(std::string_view text) const;

  private:
    std::vector<uint32_t> units_;
    std::string replacements_;
};

}  // namespace m2w::tokenizer
