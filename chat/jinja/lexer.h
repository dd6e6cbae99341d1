// lexer.h — template source to tokens, with all white space control applied. Knows no grammar.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "chat/jinja/error.h"
#include "chat/jinja/limits.h"

namespace m2w::jinja {

enum class Token : uint8_t {
    text,  // literal output
    output_begin,
    output_end,
    statement_begin,
    statement_end,
    name,
    string,   // text: the value, escapes decoded
    integer,  // text: digits as written, without underscores
    real,
    op,  // text: the operator
    end,
};

struct Lexeme {
    Token token = Token::end;
    std::string text;
    Position at;
};

/// What an error message calls it: the text of names and operators, else the kind.
std::string describe(const Lexeme& lexeme);

/// Tokens of a template, the last one Token::end. The environment is that of Hugging Face
/// transformers: trim_blocks and lstrip_blocks on, one newline at the end of the source dropped,
/// CRLF and CR read as LF. Throws Failure (syntax, limit).
std::vector<Lexeme> tokenize(std::string_view source, const Limits& limits);

}  // namespace m2w::jinja
