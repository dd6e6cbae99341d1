// script_text.cpp — escapes and shortest numbers.
#include "web-export/script_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>

#include "chat/jinja/text.h"
#include "gguf/result.h"

namespace m2w::web {

namespace {

/// Ends a line, is not seen, turns the direction of writing, or belongs to nobody.
bool is_treacherous(char32_t c) {
    return c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0xad || (c >= 0x200b && c <= 0x200f) ||
           (c >= 0x2028 && c <= 0x202e) || (c >= 0x2060 && c <= 0x206f) || c == 0xfeff ||
           (c >= 0xfdd0 && c <= 0xfdef) || (c & 0xfffe) == 0xfffe || (c >= 0xe0000 && c < 0xe1000);
}

constexpr std::string_view kWords[] = {
    "abstract",   "any",       "arguments", "as",         "async",     "await",       "boolean",
    "break",      "case",      "catch",     "class",      "const",     "constructor", "continue",
    "debugger",   "declare",   "default",   "delete",     "do",        "else",        "enum",
    "eval",       "export",    "extends",   "false",      "finally",   "for",         "from",
    "function",   "get",       "if",        "implements", "import",    "in",          "infer",
    "instanceof", "interface", "is",        "keyof",      "let",       "module",      "namespace",
    "never",      "new",       "null",      "number",     "object",    "of",          "package",
    "private",    "protected", "public",    "readonly",   "require",   "return",      "set",
    "static",     "string",    "super",     "switch",     "symbol",    "this",        "throw",
    "true",       "try",       "type",      "typeof",     "undefined", "unique",      "unknown",
    "var",        "void",      "while",     "with",       "yield"};

}  // namespace

std::string script_string(std::string_view text) {
    std::string out = "'";
    for (size_t at = 0; at < text.size();) {
        const size_t begin = at;
        const char32_t c = jinja::text::next(text, at);
        if (c == '\'' || c == '\\') {
            out += '\\';
            out += char(c);
        } else if (c == '\n') {
            out += "\\n";
        } else if (c == '\r') {
            out += "\\r";
        } else if (c == '\t') {
            out += "\\t";
        } else if (is_treacherous(c)) {
            out += c < 0x100 ? fmt::format("\\x{:02x}", uint32_t(c))
                             : fmt::format("\\u{{{:x}}}", uint32_t(c));
        } else if ((c == '/' || c == '!') && begin > 0 && text[begin - 1] == '<') {
            out += '\\';  // </script> and <!-- end or change a script element
            out += char(c);
        } else {
            out += text.substr(begin, at - begin);
        }
    }
    return out += '\'';
}

std::string script_template(std::string_view text) {
    std::string out = "`";
    for (const char c : text) {
        if (c == '`' || c == '\\' || c == '$') out += '\\';
        out += c;
    }
    return out + "`";
}

std::string script_float(float value) {
    M2W_ASSERT(value - value == 0);
    const std::string shortest = fmt::format("{}", value);
    // A reader makes a double of it first; where rounding that differs, all digits are needed.
    return float(std::strtod(shortest.c_str(), nullptr)) == value
               ? shortest
               : fmt::format("{}", double(value));
}

std::string base64(std::span<const std::byte> bytes) {
    static constexpr std::string_view kDigits =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    std::string out;
    for (size_t i = 0; i < bytes.size(); i += 3) {
        uint32_t word = 0;
        for (size_t j = 0; j < 3; ++j)
            word = word << 8 | (i + j < bytes.size() ? uint32_t(bytes[i + j]) : 0);
        for (size_t j = 0; j < 4; ++j)
            out += i + j > bytes.size() ? '=' : kDigits[word >> (18 - 6 * j) & 63];
    }
    return out;
}

std::string script_name(std::string_view text) {
    if (text.ends_with(".weight")) text.remove_suffix(7);
    std::string out;
    for (const char c : text) {
        const bool fit = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        out += fit ? c : '_';
    }
    if (out.empty() || (out[0] >= '0' && out[0] <= '9')) out.insert(0, "_");
    return out;
}

bool is_script_property(std::string_view name) {
    const auto is_start = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
    };
    return !name.empty() && is_start(name[0]) && name != "__proto__" &&
           std::ranges::all_of(name, [&](char c) { return is_start(c) || (c >= '0' && c <= '9'); });
}

std::string script_variable(std::string_view name) {
    std::string out(name);
    for (char& c : out)
        if (!is_script_property(std::string_view(&c, 1)) && (c < '0' || c > '9')) c = '_';
    if (out.empty() || std::ranges::find(kWords, out) != std::end(kWords)) out += '_';
    if (out[0] >= '0' && out[0] <= '9') out.insert(0, "_");
    return out;
}

std::string ScriptNames::unique(const std::string& name) {
    std::string candidate = name;
    for (uint32_t i = 2; !taken_.insert(candidate).second; ++i)
        candidate = fmt::format("{}_{}", name, i);
    return candidate;
}

}  // namespace m2w::web
