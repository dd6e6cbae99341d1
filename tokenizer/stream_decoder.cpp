// stream_decoder.cpp — the UTF-8 decoder of the WHATWG Encoding Standard (section 8.1.1), byte by
// byte.
#include "tokenizer/stream_decoder.h"

#include <algorithm>

#include "tokenizer/tokenizer.h"

namespace m2w {

namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";  // U+FFFD

}  // namespace

std::string StreamDecoder::push(uint32_t id) {
    std::string out;
    const TokenKind kind = tokenizer_->kind(id);
    if (render_special_ || (kind != TokenKind::control && kind != TokenKind::unknown))
        decode(tokenizer_->piece(id), out);
    return out;
}

std::string StreamDecoder::flush() {
    std::string out;
    if (!pending_.empty()) out = kReplacement;
    pending_.clear();
    n_missing_ = 0;
    lower_ = 0x80, upper_ = 0xbf;
    return out;
}

void StreamDecoder::decode(std::string_view bytes, std::string& out) {
    if (n_missing_ == 0 && std::ranges::all_of(bytes, [](char c) { return uint8_t(c) < 0x80; })) {
        out += bytes;
        return;
    }
    for (const char c : bytes) {
        const auto byte = uint8_t(c);
        if (n_missing_ > 0 && (byte < lower_ || byte > upper_)) out += flush();
        if (n_missing_ > 0) {
            lower_ = 0x80, upper_ = 0xbf;
            pending_ += c;
            if (--n_missing_ > 0) continue;
            out += pending_;
            pending_.clear();
        } else if (byte < 0x80) {
            out += c;
        } else if (byte < 0xc2 || byte > 0xf4) {
            out += kReplacement;
        } else {
            pending_ = c;
            n_missing_ = byte < 0xe0 ? 1 : byte < 0xf0 ? 2 : 3;
            // No overlong forms, no surrogates, nothing above U+10FFFF.
            if (byte == 0xe0) lower_ = 0xa0;
            if (byte == 0xed) upper_ = 0x9f;
            if (byte == 0xf0) lower_ = 0x90;
            if (byte == 0xf4) upper_ = 0x8f;
        }
    }
}

}  // namespace m2w
