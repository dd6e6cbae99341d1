// http_head.cpp — RFC 9112, sections 4 and 5, strictly: no folding, no missing colon, no odd
// status.
#include "gguf/fetch/http_head.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>

#include "gguf/fetch/limits.h"

namespace m2w::fetch {
namespace {

Error malformed(std::string what) {
    return Error{Category::http_protocol, std::move(what)};
}

bool is_digits(std::string_view text) {
    return !text.empty() &&
           std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

std::string_view trim(std::string_view text) {
    const size_t first = text.find_first_not_of(" \t");
    if (first == std::string_view::npos) return {};
    return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

std::string lower(std::string_view text) {
    std::string out(text);
    for (char& c : out) c = char(std::tolower(static_cast<unsigned char>(c)));
    return out;
}

/// RFC 9110, 5.6.2: what a field's name is made of.
bool is_token(std::string_view text) {
    return !text.empty() && std::all_of(text.begin(), text.end(), [](unsigned char c) {
        return std::isalnum(c) ||
               std::string_view("!#$%&'*+-.^_`|~").find(char(c)) != std::string_view::npos;
    });
}

}  // namespace

std::optional<uint64_t> parse_decimal(std::string_view text) {
    if (!is_digits(text) || text.size() > 19) return std::nullopt;
    uint64_t value = 0;
    for (const char c : text) value = value * 10 + uint64_t(c - '0');
    return value;
}

std::optional<ContentRange> parse_content_range(std::string_view text) {
    constexpr std::string_view kUnit = "bytes ";
    if (lower(text.substr(0, kUnit.size())) != kUnit) return std::nullopt;
    text.remove_prefix(kUnit.size());
    const size_t dash = text.find('-'), slash = text.find('/');
    if (dash == std::string_view::npos || slash == std::string_view::npos || slash < dash)
        return std::nullopt;
    const auto first = parse_decimal(text.substr(0, dash));
    const auto last = parse_decimal(text.substr(dash + 1, slash - dash - 1));
    const auto total = parse_decimal(text.substr(slash + 1));
    if (!first || !last || !total || *first > *last || *last >= *total) return std::nullopt;
    return ContentRange{*first, *last, *total};
}

Result<std::optional<std::string>> HttpHead::field(std::string_view lower_name) const {
    const std::string* found = nullptr;
    for (const auto& [name, value] : fields_) {
        if (name != lower_name) continue;
        if (found && *found != value)
            return malformed(fmt::format("the answer has two different {} fields", lower_name));
        found = &value;
    }
    return found ? std::optional<std::string>(*found) : std::nullopt;
}

Result<bool> HttpHead::add_line(std::string_view line) {
    bytes_ += line.size();
    if (bytes_ > kMaxHeadBytes)
        return malformed(fmt::format("headers longer than the limit of {} bytes", kMaxHeadBytes));
    if (finished_) return false;
    while (!line.empty() && (line.back() == '\n' || line.back() == '\r')) line.remove_suffix(1);
    if (!in_head_) {
        TRY(add_status(line));
        return false;
    }
    if (!line.empty()) {
        TRY(add_field(line));
        return false;
    }
    in_head_ = false;
    finished_ = status_ >= 200;
    return finished_;
}

Result<void> HttpHead::add_status(std::string_view line) {
    const size_t space = line.find(' ');
    const std::string_view code =
        space == std::string_view::npos ? std::string_view() : line.substr(space + 1, 3);
    const std::string_view behind =
        space == std::string_view::npos ? std::string_view() : line.substr(space + 1 + code.size());
    // 101 would leave HTTP.
    if (!line.starts_with("HTTP/") || code.size() != 3 || !is_digits(code) || code[0] == '0' ||
        code == "101" || !(behind.empty() || behind.front() == ' '))
        return malformed("the answer has no valid status line");
    fields_.clear();
    status_ = int(*parse_decimal(code));
    in_head_ = true;
    return {};
}

Result<void> HttpHead::add_field(std::string_view line) {
    const size_t colon = line.find(':');
    if (colon == std::string_view::npos || !is_token(line.substr(0, colon)))
        return malformed("the answer has a header line that is no field");
    if (fields_.size() == kMaxHeadFields)
        return malformed(fmt::format("more header fields than the limit of {}", kMaxHeadFields));
    fields_.emplace_back(lower(line.substr(0, colon)), std::string(trim(line.substr(colon + 1))));
    return {};
}

}  // namespace m2w::fetch
