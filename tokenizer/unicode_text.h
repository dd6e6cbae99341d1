// unicode_text.h — valid UTF-8 out of any bytes, and normalisation. Knows no token.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace m2w::tokenizer {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";  // U+FFFD

/// The NFC form of a text: `text` itself where it is in that form for certain, else `storage`,
/// which is filled. Bytes that are not valid UTF-8 stay where they are. Time grows with the length,
/// however many combining marks follow each other.
std::string_view to_nfc(std::string_view text, std::string& storage);

/// A view of any bytes as valid UTF-8: each byte that belongs to no valid character stands as
/// U+FFFD, so that patterns see a symbol there. Borrows the source.
class ValidText {
  public:
    explicit ValidText(std::string_view source);
    ValidText(const ValidText&) = delete;
    ValidText& operator=(const ValidText&) = delete;

    std::string_view text() const { return text_; }
    /// Turns ascending offsets in text(), none inside a character, into offsets in the source.
    void to_source(std::vector<uint32_t>& offsets) const;

  private:
    std::string_view text_;
    std::string storage_;             // only used where the source is not valid
    std::vector<uint32_t> replaced_;  // offsets in text_ of the characters that stand for a byte
};

/// A character of a text, or one byte that belongs to no valid character.
struct Character {
    char32_t code_point = 0;
    uint32_t length = 1;  // bytes
    bool valid = false;
};
/// The character at an offset that is smaller than the text's size.
inline Character character_at(std::string_view text, size_t at) {
    const auto byte = [&](size_t i) { return uint8_t(text[at + i]); };
    const uint8_t lead = byte(0);
    if (lead < 0x80) return {lead, 1, true};
    const uint32_t length = lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
    if (lead < 0xc2 || lead > 0xf4 || at + length > text.size()) return {};
    // The Unicode Standard, table 3-7: some second bytes would make a character too long, a
    // surrogate or one beyond U+10FFFF.
    const uint8_t lowest = lead == 0xe0 ? 0xa0 : lead == 0xf0 ? 0x90 : 0x80;
    const uint8_t highest = lead == 0xed ? 0x9f : lead == 0xf4 ? 0x8f : 0xbf;
    if (byte(1) < lowest || byte(1) > highest) return {};
    char32_t c = (lead & (0x7f >> length)) << 6 | (byte(1) & 0x3f);
    for (uint32_t i = 2; i < length; i++) {
        if ((byte(i) & 0xc0) != 0x80) return {};
        c = c << 6 | (byte(i) & 0x3f);
    }
    return {c, length, true};
}

/// Unicode's White_Space (PropList.txt).
inline bool is_white_space(char32_t c) {
    return (c >= 0x09 && c <= 0x0d) || c == 0x20 || c == 0x85 || c == 0xa0 || c == 0x1680 ||
           (c >= 0x2000 && c <= 0x200a) || c == 0x2028 || c == 0x2029 || c == 0x202f ||
           c == 0x205f || c == 0x3000;
}
/// Bytes of white space that a text begins with, and bytes of a text without those at its end.
size_t leading_white_space(std::string_view text);
size_t without_trailing_white_space(std::string_view text);

/// Length in bytes of the valid UTF-8 that the text begins with.
size_t valid_prefix(std::string_view text);

}  // namespace m2w::tokenizer
