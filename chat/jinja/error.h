// error.h — what can go wrong with a template and where. Carries facts; formats one line; prints
// nothing.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

namespace m2w::jinja {

/// A place in the template source, both counted from 1; columns count code points. 0 means unknown.
struct Position {
    uint32_t line = 0;
    uint32_t column = 0;
};

/// The reason of a failure. Names: error_kind_name().
enum class ErrorKind : uint8_t {
    syntax,         // does not parse, or names a filter or test that does not exist
    raise,          // the template called raise_exception; the message is the template's own
    undefined,      // an undefined value was used
    type,           // a value of the wrong type
    value,          // a value of the right type that does not fit
    zero_division,  // x / 0
    overflow,       // a number out of range
    lookup,         // index or key error inside a format string or a method
    security,       // what the sandbox refuses
    runtime,        // other errors that Jinja itself reports while rendering
    unsupported,    // valid Jinja that this engine leaves out on purpose
    limit,          // a bound of limits.h
};

/// "syntax", "raise", "undefined", ...
std::string_view error_kind_name(ErrorKind kind);

struct RenderError {
    ErrorKind kind = ErrorKind::runtime;
    std::string message;
    Position at;

    /// "line 3, column 7: message"; without a position the message alone.
    std::string str() const;
};

/// How an error travels inside this folder: parser, evaluator and builtins throw it, Template
/// catches it. A template's error unwinds any depth of template constructs, as it does in the
/// language. Nothing outside this folder sees it.
struct Failure {
    ErrorKind kind;
    std::string message;
    Position at{};
};

}  // namespace m2w::jinja
