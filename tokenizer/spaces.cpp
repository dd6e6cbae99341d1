// spaces.cpp — U+2581 to spaces.
#include "tokenizer/spaces.h"

#include <charconv>

#include "tokenizer/string_pool.h"
#include "tokenizer/vocabulary.h"

namespace m2w::tokenizer {

std::string with_spaces(std::string_view text) {
    std::string out;
    out.reserve(text.size());
    while (true) {
        const size_t at = text.find(kSpaceMark);
        out.append(text, 0, at);
        if (at == std::string_view::npos) return out;
        out += ' ';
        text.remove_prefix(at + kSpaceMark.size());
    }
}

char byte_of_token(std::string_view text) {
    uint8_t byte = 0;
    std::from_chars(text.data() + 3, text.data() + 5, byte, 16);
    return char(byte);
}

std::shared_ptr<const StringPool> pieces_with_spaces(const Vocabulary& vocab) {
    auto pieces = std::make_shared<StringPool>();
    pieces->reserve(vocab.size(), vocab.size() * 8);
    for (size_t id = 0; id < vocab.size(); id++) {
        const std::string_view text = vocab.texts[id];
        switch (vocab.kinds[id]) {
            case TokenKind::byte:
                pieces->push_back(std::string(1, byte_of_token(text)));
                break;
            case TokenKind::normal:
            case TokenKind::unused:
                pieces->push_back(with_spaces(text));
                break;
            case TokenKind::control:
            case TokenKind::unknown:
            case TokenKind::user_defined:
                pieces->push_back(text);
                break;
        }
    }
    return pieces;
}

}  // namespace m2w::tokenizer
