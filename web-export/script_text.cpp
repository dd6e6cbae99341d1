// script_text.cpp — escapes and shortest numbers.
#include "web-export/script_text.h"

#include <fmt/format.h>

#include <cstdlib>

#include "gguf/result.h"

namespace m2w::web {

std::string script_string(std::string_view utf8) {
    std::string out = "'";
    for (const char c : utf8) {
        const auto byte = uint8_t(c);
        if (c == '\'' || c == '\\')
            out += fmt::format("\\{}", c);
        else if (byte < 0x20 || byte == 0x7f)
            out += fmt::format("\\x{:02x}", byte);
        else
            out += c;
    }
    return out + "'";
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

std::string ScriptNames::unique(const std::string& name) {
    std::string candidate = name;
    for (uint32_t i = 2; !taken_.insert(candidate).second; ++i)
        candidate = fmt::format("{}_{}", name, i);
    return candidate;
}

}  // namespace m2w::web
