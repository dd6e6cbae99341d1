// escape.cpp — which characters are not safe to print, and their escapes.
#include "gguf/escape.h"

#include <utf8.h>

#include <cstdint>

namespace m2w {
namespace {

bool is_unsafe(uint32_t c) {
    if (c < 0x20 || (c >= 0x7f && c < 0xa0)) return true;  // C0, DEL, C1 (0x9b starts sequences)
    if (c == 0x061c || c == 0x200e || c == 0x200f) return true;  // direction marks
    if (c >= 0x2028 && c <= 0x202e) return true;  // separators, direction embedding and override
    return c >= 0x2066 && c <= 0x2069;            // direction isolates
}

void append_hex(std::string& out, std::string_view bytes) {
    constexpr char kHex[] = "0123456789abcdef";
    for (const char c : bytes) {
        const auto byte = static_cast<unsigned char>(c);
        out += {'\\', 'x', kHex[byte >> 4], kHex[byte & 15]};
    }
}

}  // namespace

std::string escape_line(std::string_view text) {
    std::string out;
    out.reserve(text.size());
    const char* at = text.data();
    const char* const end = at + text.size();
    while (at != end) {
        const char* const valid_end = utf8::find_invalid(at, end);
        while (at != valid_end) {
            const char* const start = at;
            const uint32_t c = utf8::unchecked::next(at);
            const std::string_view bytes(start, size_t(at - start));
            is_unsafe(c) ? append_hex(out, bytes) : void(out += bytes);
        }
        if (at != end) append_hex(out, std::string_view(at++, 1));
    }
    return out;
}

}  // namespace m2w
