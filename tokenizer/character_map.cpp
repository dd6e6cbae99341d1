// character_map.cpp — walks the double array. Every index in it comes from the file and is checked.
#include "tokenizer/character_map.h"

#include <fmt/format.h>

#include <algorithm>

#include "tokenizer/limits.h"

namespace m2w::tokenizer {

namespace {

// The parts of a unit (Darts-clone, darts.h, DoubleArrayUnit).
uint32_t label_of(uint32_t unit) {
    return unit & 0x800000ff;
}
uint32_t offset_of(uint32_t unit) {
    return (unit >> 10) << ((unit & 0x200) >> 6);
}
bool has_value(uint32_t unit) {
    return unit >> 8 & 1;
}
uint32_t value_of(uint32_t unit) {
    return unit & 0x7fffffff;
}

}  // namespace

Result<CharacterMap> CharacterMap::from(std::span<const uint8_t> blob) {
    const auto word_at = [&](size_t at) {
        return uint32_t(blob[at]) | uint32_t(blob[at + 1]) << 8 | uint32_t(blob[at + 2]) << 16 |
               uint32_t(blob[at + 3]) << 24;
    };
    if (blob.size() < 4)
        return Error{
            Category::vocab,
            fmt::format("precompiled_charsmap has {} bytes, expected 4 and more", blob.size())};
    const uint32_t n_bytes = word_at(0);
    if (n_bytes % 4 != 0 || n_bytes > blob.size() - 4)
        return Error{Category::vocab,
                     fmt::format("precompiled_charsmap says {} bytes of table, has {}", n_bytes,
                                 blob.size() - 4)};
    CharacterMap map;
    for (size_t at = 4; at < 4 + size_t(n_bytes); at += 4) map.units_.push_back(word_at(at));
    const auto rest = blob.subspan(4 + size_t(n_bytes));
    map.replacements_.assign(rest.begin(), rest.end());
    if (!map.replacements_.empty() && map.replacements_.back() != '\0')
        return Error{Category::vocab, "precompiled_charsmap does not end with NUL"};
    return map;
}

std::optional<CharacterMap::Match> CharacterMap::find(std::string_view text) const {
    std::optional<Match> longest;
    if (units_.empty()) return longest;
    size_t at = offset_of(units_[0]);
    for (size_t i = 0; i < std::min(text.size(), kMaxEntryBytes); i++) {
        at ^= uint8_t(text[i]);
        if (at >= units_.size() || label_of(units_[at]) != uint8_t(text[i])) break;
        const uint32_t unit = units_[at];
        at ^= offset_of(unit);
        if (!has_value(unit)) continue;
        if (at >= units_.size()) break;
        const uint32_t begin = value_of(units_[at]);
        if (begin >= replacements_.size()) break;
        // The last replacement ends with NUL, so every one does.
        longest = {i + 1, std::string_view(replacements_.c_str() + begin)};
    }
    return longest;
}

}  // namespace m2w::tokenizer
