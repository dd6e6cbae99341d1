// byte_letters.cpp — the two directions of GPT-2's byte alphabet.
#include "tokenizer/byte_letters.h"

#include <utf8.h>

#include <iterator>

namespace m2w::tokenizer {

namespace {

constexpr uint32_t kFirstStandIn = 0x100;
constexpr uint32_t kStandIns = 68;

struct Alphabet {
    std::array<std::string, 256> letters;                           // [byte]
    std::array<int16_t, kFirstStandIn + kStandIns> byte_of_char{};  // [code point] or -1

    Alphabet() {
        byte_of_char.fill(-1);
        uint32_t stand_in = kFirstStandIn;
        for (uint32_t byte = 0; byte < 256; byte++) {
            const bool printable =
                (byte >= '!' && byte <= '~') || (byte >= 0xa1 && byte <= 0xac) || byte >= 0xae;
            const uint32_t letter = printable ? byte : stand_in++;
            utf8::unchecked::append(char32_t(letter), std::back_inserter(letters[byte]));
            byte_of_char[letter] = int16_t(byte);
        }
    }
};

const Alphabet& alphabet() {
    static const Alphabet alphabet;
    return alphabet;
}

}  // namespace

std::string_view byte_letter(uint8_t byte) {
    return alphabet().letters[byte];
}

bool bytes_of_letters(std::string_view text, std::string& bytes) {
    const Alphabet& table = alphabet();
    bytes.clear();
    for (auto at = text.begin(); at != text.end();) {
        const uint32_t c = utf8::unchecked::next(at);
        if (c >= table.byte_of_char.size() || table.byte_of_char[c] < 0) return false;
        bytes += char(table.byte_of_char[c]);
    }
    return true;
}

}  // namespace m2w::tokenizer
