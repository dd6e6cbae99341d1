// text.h — UTF-8 text as Python's str sees it: code points, white space, lines, case, character
// classes. Strings are valid UTF-8 everywhere but in is_valid and sanitize.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace m2w::jinja::text {

bool is_valid(std::string_view s);
/// Replaces what is not UTF-8 by U+FFFD.
std::string sanitize(std::string_view s);

/// Reads the code point at `at` and moves behind it.
char32_t next(std::string_view s, size_t& at);
/// Reads the code point before `at` and moves before it.
char32_t previous(std::string_view s, size_t& at);
void append(std::string& out, char32_t c);

/// Number of code points.
uint64_t length(std::string_view s);
/// Byte offset of a code point index, at most s.size(). `length` as above tells ASCII text, where
/// this is free.
size_t offset(std::string_view s, uint64_t index, uint64_t length);

bool is_space(char32_t c);
bool is_alpha(char32_t c);
bool is_decimal(char32_t c);
bool is_digit(char32_t c);
bool is_numeric(char32_t c);
bool is_alnum(char32_t c);
bool is_lower(char32_t c);
bool is_upper(char32_t c);
bool is_title(char32_t c);
bool is_printable(char32_t c);
/// \w of Python's regular expressions.
bool is_word(char32_t c);

enum class Side : uint8_t { both, left, right };
std::string_view strip(std::string_view s, Side side = Side::both);
/// Strips every character that occurs in `set`.
std::string_view strip(std::string_view s, std::string_view set, Side side = Side::both);

/// Lines as str.splitlines has them; also ends at \v \f \x1c-\x1e \x85 U+2028 U+2029.
std::vector<std::string_view> split_lines(std::string_view s, bool keep_ends = false);

std::string upper(std::string_view s);
std::string lower(std::string_view s);
std::string title(std::string_view s);
std::string capitalize(std::string_view s);
std::string swap_case(std::string_view s);
std::string case_fold(std::string_view s);

/// Byte offset of the first or last occurrence, or npos. Linear in both lengths, whatever they
/// contain.
size_t find(std::string_view haystack, std::string_view needle, size_t from = 0);
size_t find_last(std::string_view haystack, std::string_view needle);
/// Number of occurrences that do not overlap; the needle is not empty.
uint64_t count(std::string_view haystack, std::string_view needle);

/// The string with \r\n and \r replaced by \n.
std::string normalize_newlines(std::string_view s);

}  // namespace m2w::jinja::text
