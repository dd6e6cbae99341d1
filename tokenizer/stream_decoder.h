// stream_decoder.h — token ids to text while they come, never half a character. Keeps no history.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

namespace m2w {

class Tokenizer;

/// Turns tokens into valid UTF-8 as they are generated. One thread; the Tokenizer outlives it.
class StreamDecoder {
  public:
    /// render_special: control and unknown tokens as their text, instead of as nothing.
    explicit StreamDecoder(const Tokenizer& tokenizer, bool render_special = false)
        : tokenizer_(&tokenizer), render_special_(render_special) {}

    /// The text that this token completes; may be empty. Bytes that can belong to no character
    /// become U+FFFD, one for each maximal part of one, as the WHATWG Encoding Standard has it.
    /// id < tokenizer.size().
    std::string push(uint32_t id);
    /// The end of the text: a character that was begun and not finished is U+FFFD. Ready for
    /// another text after that.
    std::string flush();

  private:
    void decode(std::string_view bytes, std::string& out);

    const Tokenizer* tokenizer_;
    bool render_special_;
    std::string pending_;                  // bytes of a character that is not complete
    uint8_t n_missing_ = 0;                // bytes that it lacks
    uint8_t lower_ = 0x80, upper_ = 0xbf;  // range of its next byte
};

}  // namespace m2w
