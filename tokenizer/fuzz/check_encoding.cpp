// check_encoding.cpp — the promises of tokenizer.h, stated without the tokenizer's own code.
#include "tokenizer/fuzz/check_encoding.h"

#include <utf8.h>
#include <utf8proc.h>

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <string>

#include "tokenizer/spaces.h"
#include "tokenizer/stream_decoder.h"

namespace m2w::tokenizer::fuzz {
namespace {

bool is_valid(std::string_view text) {
    return utf8::is_valid(text.begin(), text.end());
}

/// utf8proc's own normalisation of valid text.
std::string nfc(std::string_view text) {
    utf8proc_uint8_t* out = nullptr;
    const auto n = utf8proc_map(reinterpret_cast<const utf8proc_uint8_t*>(text.data()),
                                utf8proc_ssize_t(text.size()), &out,
                                utf8proc_option_t(UTF8PROC_STABLE | UTF8PROC_COMPOSE));
    M2W_ASSERT(n >= 0);
    const std::unique_ptr<utf8proc_uint8_t, decltype(&std::free)> owner(out, &std::free);
    return std::string(reinterpret_cast<const char*>(out), size_t(n));
}

std::vector<uint32_t> encode(const Tokenizer& tokenizer, std::string_view text, bool special) {
    auto ids = tokenizer.encode(text, {.add_special = false, .parse_special = special});
    M2W_ASSERT(ids);
    for (const uint32_t id : *ids) M2W_ASSERT(id < tokenizer.size());
    return *std::move(ids);
}

std::string stream(const Tokenizer& tokenizer, std::span<const uint32_t> ids) {
    StreamDecoder decoder(tokenizer, /*render_special=*/true);
    std::string out;
    for (const uint32_t id : ids) {
        const std::string text = decoder.push(id);
        M2W_ASSERT(is_valid(text));
        out += text;
    }
    return out + decoder.flush();
}

void check_bytes(const Tokenizer& tokenizer, std::string_view text,
                 const std::vector<uint32_t>& ids, Bytes bytes) {
    const std::string back = tokenizer.decode(ids, /*render_special=*/true);
    if (bytes == Bytes::kept) M2W_ASSERT(back == text);
    if (bytes == Bytes::kept_but_marks)
        M2W_ASSERT(tokenizer.text_of(ids, /*render_special=*/true) == with_spaces(text));
    // A special token is cut out before normalisation, so text around it does not compose with it.
    const bool all_plain = std::ranges::all_of(
        ids, [&](uint32_t id) { return tokenizer.kind(id) == TokenKind::normal; });
    if (bytes == Bytes::normalised && all_plain && is_valid(text)) M2W_ASSERT(back == nfc(text));
    const std::string streamed = stream(tokenizer, ids);
    M2W_ASSERT(is_valid(streamed));
    if (is_valid(back)) M2W_ASSERT(streamed == back);
}

}  // namespace

void check_encoding(const Tokenizer& tokenizer, std::string_view text, Bytes bytes) {
    const auto is_control = [&](uint32_t id) { return tokenizer.kind(id) == TokenKind::control; };
    const auto plain = encode(tokenizer, text, false);
    M2W_ASSERT(std::ranges::none_of(plain, is_control));
    check_bytes(tokenizer, text, plain, bytes);
    check_bytes(tokenizer, text, encode(tokenizer, text, true), bytes);

    const std::string guarded = tokenizer.guard(text);
    const auto guarded_ids = tokenizer.encode_guarded(guarded);
    M2W_ASSERT(guarded_ids && *guarded_ids == plain);
    // Two halves guarded apart and put together again make no control token either.
    if (is_valid(text)) {
        size_t middle = text.size() / 2;
        while (middle > 0 && (uint8_t(text[middle]) & 0xc0) == 0x80) middle--;
        const auto halves = tokenizer.encode_guarded(tokenizer.guard(text.substr(0, middle)) +
                                                     tokenizer.guard(text.substr(middle)));
        M2W_ASSERT(halves && std::ranges::none_of(*halves, is_control));
        M2W_ASSERT(*halves == plain);
    }
}

}  // namespace m2w::tokenizer::fuzz
