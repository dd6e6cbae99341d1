// url.h — http and https addresses: taken apart, compared by origin, shown without secrets. No
// other scheme exists here.
#pragma once
#include <string>
#include <string_view>

#include "gguf/result.h"

namespace m2w::fetch {

/// An absolute http(s) URL.
struct Url {
    std::string text;      // normal form, without user name, password and fragment
    std::string origin;    // "https://host:443": scheme, lower-case host, port
    std::string userinfo;  // "user:password", decoded; a secret; empty: none
    bool https = false;

    /// For messages: without the query, where signatures and tokens are.
    std::string label() const;
};

/// Errors: usage, without repeating a text that may hold a password.
Result<Url> parse_url(std::string_view text);

/// Where a redirect from `base` leads; user name and password in it are dropped. Errors:
/// http_redirect (no URL, another scheme, from https to http).
Result<Url> resolve_redirect(const Url& base, std::string_view location);

/// One segment of a path, percent-encoded but for unreserved characters (RFC 3986, 2.3).
std::string encode_segment(std::string_view segment);

}  // namespace m2w::fetch
