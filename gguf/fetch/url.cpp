// url.cpp — addresses by libcurl's URL parser, the one that also connects: what is checked here is
// what is asked.
#include "gguf/fetch/url.h"

#include <curl/curl.h>
#include <fmt/format.h>

#include <cctype>
#include <memory>

namespace m2w::fetch {
namespace {

struct FreeUrl {
    void operator()(CURLU* url) const { curl_url_cleanup(url); }
};
using UrlHandle = std::unique_ptr<CURLU, FreeUrl>;
struct FreeText {
    void operator()(char* text) const { curl_free(text); }
};

/// A part of the URL, or empty text when it has none.
std::string part(const UrlHandle& url, CURLUPart what, unsigned flags = 0) {
    char* text = nullptr;
    if (curl_url_get(url.get(), what, &text, flags) != CURLUE_OK) return {};
    const std::unique_ptr<char, FreeText> owned(text);  // the copy may fail
    return std::string(text);
}

bool set(const UrlHandle& url, CURLUPart what, const char* text, unsigned flags = 0) {
    return curl_url_set(url.get(), what, text, flags) == CURLUE_OK;
}

std::string lower(std::string text) {
    for (char& c : text) c = char(std::tolower(static_cast<unsigned char>(c)));
    return text;
}

/// False for anything but http(s) with a host. Takes user name and password out of `url`.
bool take_apart(const UrlHandle& url, Url& out) {
    const std::string scheme = lower(part(url, CURLUPART_SCHEME));
    const std::string host = lower(part(url, CURLUPART_HOST));
    if ((scheme != "http" && scheme != "https") || host.empty()) return false;
    out.https = scheme == "https";
    out.origin =
        fmt::format("{}://{}:{}", scheme, host, part(url, CURLUPART_PORT, CURLU_DEFAULT_PORT));
    const std::string user = part(url, CURLUPART_USER, CURLU_URLDECODE);
    const std::string password = part(url, CURLUPART_PASSWORD, CURLU_URLDECODE);
    if (!user.empty() || !password.empty()) out.userinfo = user + ":" + password;
    for (const CURLUPart secret :
         {CURLUPART_USER, CURLUPART_PASSWORD, CURLUPART_OPTIONS, CURLUPART_FRAGMENT})
        if (!set(url, secret, nullptr)) return false;
    out.text = part(url, CURLUPART_URL);
    return !out.text.empty();
}

}  // namespace

std::string Url::label() const {
    return text.substr(0, text.find('?'));
}

Result<Url> parse_url(std::string_view text) {
    const UrlHandle handle(curl_url());
    if (!handle) return Error{Category::out_of_memory, "no memory for a URL"};
    Url url;
    // A NUL would end the text early for libcurl.
    if (text.find('\0') != std::string_view::npos ||
        !set(handle, CURLUPART_URL, std::string(text).c_str(), CURLU_NON_SUPPORT_SCHEME) ||
        !take_apart(handle, url))
        return Error{Category::usage, "not an http or https URL"};
    return url;
}

Result<Url> resolve_redirect(const Url& base, std::string_view location) {
    const UrlHandle handle(curl_url());
    if (!handle) return Error{Category::out_of_memory, "no memory for a URL"};
    Url url;
    if (location.empty() || location.find('\0') != std::string_view::npos ||
        !set(handle, CURLUPART_URL, base.text.c_str()) ||
        !set(handle, CURLUPART_URL, std::string(location).c_str(),
             CURLU_NON_SUPPORT_SCHEME | CURLU_URLENCODE | CURLU_ALLOW_SPACE) ||
        !take_apart(handle, url))
        return Error{Category::http_redirect, "redirected to something that is no http(s) URL"};
    url.userinfo.clear();
    if (base.https && !url.https)
        return Error{Category::http_redirect, "redirected from https to http: " + url.label()};
    return url;
}

std::string encode_segment(std::string_view segment) {
    std::string text;
    for (const char c : segment) {
        const auto byte = static_cast<unsigned char>(c);
        if (std::isalnum(byte) || std::string_view("-._~").find(c) != std::string_view::npos)
            text += c;
        else
            text += fmt::format("%{:02X}", byte);
    }
    return text;
}

}  // namespace m2w::fetch
