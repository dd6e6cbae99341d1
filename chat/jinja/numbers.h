// numbers.h — numbers as Python has them: exact comparison of int and float, shortest float text,
// parsing, int and float arithmetic on scalars. Knows values, no templates.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "chat/jinja/bigint.h"
#include "chat/jinja/value.h"

namespace m2w::jinja {

bool is_nan(const Value& v);

/// Exact three-way comparison of two numbers of any kind, none of them NaN.
int compare_numbers(const Value& a, const Value& b);

/// Any integral value as a BigInt.
BigInt to_big(const Value& v);
/// Any number as the nearest double; infinity for integers out of range.
double to_double(const Value& v);

/// Shortest text that reads back as the same double, laid out as Python's repr: 1.0, 1e-07, 1e+16,
/// inf, nan.
std::string float_repr(double d);

/// printf-like: digits after the point for 'f' and 'e', significant digits for 'g'. Exact for every
/// precision. `alternate` keeps the point and, for 'g', trailing zeros. Upper-case types give
/// upper-case text.
std::string format_float(double d, char type, int64_t precision, bool alternate);

/// Text of Python's int(): white space around, sign, single underscores between digits, and for
/// base 0 and 2, 8, 16 a prefix. nullopt when it is no such number, or has more than max_bits.
std::optional<Value> parse_int(std::string_view s, unsigned base, uint32_t max_bits);
/// Text of Python's float(): also inf, infinity, nan.
std::optional<double> parse_float(std::string_view s);

/// Python's round(x, digits) for floats: to nearest, ties to even, on the exact value.
double round_to(double d, int64_t digits);

/// Floor division and the remainder with the divisor's sign, as Python's // and % on floats. w must
/// not be zero.
void floor_divide(double v, double w, double& quotient, double& remainder);

}  // namespace m2w::jinja
