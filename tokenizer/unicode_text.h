// unicode_text.h — valid UTF-8 out of any bytes, and normalisation. Knows no token.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace m2w::tokenizer {

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

/// Length in bytes of the valid UTF-8 that the text begins with.
size_t valid_prefix(std::string_view text);

}  // namespace m2w::tokenizer
