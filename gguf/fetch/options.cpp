// options.cpp — FetchOptions from the environment, tokens from files.
#include "gguf/fetch/options.h"

#include <cstdlib>
#include <fstream>
#include <iterator>

#include "gguf/fetch/client.h"
#include "gguf/fetch/limits.h"
#include "gguf/fetch/url.h"

namespace m2w::fetch {
namespace {

std::string environment(const char* name) {
    const char* text = std::getenv(name);
    return text ? text : "";
}

std::string without_space_around(const std::string& text) {
    constexpr const char* kSpace = " \t\r\n";
    const size_t first = text.find_first_not_of(kSpace);
    if (first == std::string::npos) return {};
    return text.substr(first, text.find_last_not_of(kSpace) - first + 1);
}

}  // namespace

Result<FetchOptions> options_from_environment() {
    FetchOptions options;
    if (std::string endpoint = environment("M2W_HF_ENDPOINT"); !endpoint.empty()) {
        const auto url = parse_url(endpoint);
        if (!url || endpoint.find('?') != std::string::npos)
            return Error{Category::usage, "M2W_HF_ENDPOINT is no http or https URL"};
        while (endpoint.ends_with('/')) endpoint.pop_back();
        options.hub_endpoint = endpoint;
    }
    options.hub_token = without_space_around(environment("HF_TOKEN"));
    if (!is_sendable_token(options.hub_token))
        return Error{Category::usage, "HF_TOKEN has characters that no token has"};
    return options;
}

Result<std::string> read_token_file(const std::filesystem::path& path) {
    std::ifstream in(path, std::ios::binary);
    std::string text(kMaxTokenBytes + 2, '\0');
    in.read(text.data(), std::streamsize(text.size()));
    if (!in && !in.eof()) return Error{Category::io, path.string() + ": cannot be read"};
    text.resize(size_t(in.gcount()));
    text = without_space_around(text);
    if (text.empty() || !is_sendable_token(text))
        return Error{Category::usage, path.string() + ": holds no token"};
    return text;
}

}  // namespace m2w::fetch
