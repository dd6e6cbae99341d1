// limits.h — every bound that a template runs into, with its default. Enforced elsewhere; no bound
// of the engine lives outside this file.
#pragma once
#include <cstdint>

namespace m2w::jinja {

/// What one template may cost. A template is untrusted code: parsing and rendering end in an error,
/// not in a hang, an endless allocation or a stack overflow. Raise a bound by passing another
/// value.
struct Limits {
    uint64_t source_bytes = 2u << 20;  // template text
    uint32_t tokens = 1u << 18;        // names, literals, operators, delimiters, pieces of text
    uint32_t name_bytes = 1024;        // one identifier
    uint32_t arguments = 1000;         // parameters of one macro, keywords of one call
    uint32_t parse_depth = 100;  // nested statements and nested parentheses, brackets, arguments
    uint32_t expression_height =
        500;  // longest chain of operators, filters, attributes in one expression
    uint32_t call_depth =
        100;  // macros, call blocks and recursive loops that run inside each other
    uint32_t eval_depth =
        2000;  // nested nodes under evaluation and nested values being printed or compared
    uint64_t steps = 1'000'000;        // nodes evaluated, elements visited, and the work below
    uint64_t output_bytes = 8u << 20;  // rendered text
    uint64_t value_bytes = 8u << 20;   // one string, list, tuple or map
    uint64_t live_bytes = 256u << 20;  // all values of one rendering that are alive at a time
    uint64_t range_items = 100'000;    // range(), as jinja2's sandbox has it
    uint32_t integer_bits = 1u << 14;  // widest integer
};

// What a step buys besides one node or element, so that a million steps end within a second.
inline constexpr uint64_t kCopiedBytesPerStep = 1024;  // memcpy-like work on strings
inline constexpr uint64_t kScannedBytesPerStep = 64;   // work on every character
inline constexpr uint64_t kCopiedValuesPerStep = 8;    // list elements shared into another list
inline constexpr uint64_t kScopesPerStep = 8;          // scopes searched for a name
inline constexpr uint64_t kComparedKeysPerStep = 8;    // short strings compared with one

/// Nesting of JSON text that becomes values, and of values handed to a rendering.
inline constexpr uint32_t kMaxJsonDepth = 500;

}  // namespace m2w::jinja
