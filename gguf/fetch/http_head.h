// http_head.h — the head of an HTTP answer: status and fields, from untrusted lines. Decides
// nothing about them.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "gguf/result.h"

namespace m2w::fetch {

/// Digits only, at most 19 of them, so that the value fits; nothing for any other text.
std::optional<uint64_t> parse_decimal(std::string_view text);

/// "bytes first-last/total" (RFC 9110, 14.4) with all three numbers known.
struct ContentRange {
    uint64_t first = 0, last = 0, total = 0;  // first <= last < total
};
std::optional<ContentRange> parse_content_range(std::string_view text);

class HttpHead {
  public:
    int status() const { return status_; }

    /// The field's value without white space around it; nothing when it is not there. Errors:
    /// http_protocol, when it is there with different values.
    Result<std::optional<std::string>> field(std::string_view lower_name) const;

    /// Takes a line with its end. True when this was the empty line behind a final head (status 200
    /// and above); later lines are counted only. Errors: http_protocol.
    Result<bool> add_line(std::string_view line);

  private:
    Result<void> add_status(std::string_view line);
    Result<void> add_field(std::string_view line);

    int status_ = 0;
    bool in_head_ = false, finished_ = false;
    uint64_t bytes_ = 0;
    std::vector<std::pair<std::string, std::string>> fields_;  // lower-case name, value
};

}  // namespace m2w::fetch
