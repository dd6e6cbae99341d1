// small_server.h — a well-behaved server in memory, one answer at a time, for tests to spoil.
#pragma once
#include <cstdio>
#include <memory>
#include <string>
#include <utility>

#include "gguf/fetch/fuzz/scripted_transport.h"
#include "gguf/fetch/remote_file.h"

namespace m2w::test {

/// A small file, and where most tests have it.
inline const std::string kContent =
    "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
inline const std::string kUrl = "https://host/m.gguf";

/// What a well-behaved server says to a request for `content`.
inline fetch::ScriptedAnswer serve(const std::string& content, const fetch::Request& request,
                                   const std::string& etag = "\"v1\"") {
    const std::string total = std::to_string(content.size());
    unsigned long long first = 0, last = 0;
    const std::string range = fetch::header_of(request, "Range");
    const std::string if_range = fetch::header_of(request, "If-Range");
    const bool whole = std::sscanf(range.c_str(), "bytes=%llu-%llu", &first, &last) != 2 ||
                       (!if_range.empty() && if_range != etag);
    if (whole) return {{"HTTP/1.1 200 OK", "Content-Length: " + total, "ETag: " + etag}, {content}};
    if (first >= content.size())
        return {{"HTTP/1.1 416 Range Not Satisfiable", "Content-Range: bytes */" + total}, {}};
    last = std::min<unsigned long long>(last, content.size() - 1);
    return {
        {"HTTP/1.1 206 Partial Content",
         "Content-Range: bytes " + std::to_string(first) + "-" + std::to_string(last) + "/" + total,
         "Content-Length: " + std::to_string(last - first + 1), "ETag: " + etag},
        {content.substr(first, last - first + 1)}};
}

inline fetch::ScriptedAnswer status(const std::string& line, std::vector<std::string> fields = {}) {
    fields.insert(fields.begin(), "HTTP/1.1 " + line);
    return {fields, {}};
}

/// Options that ask `script` and note the pauses instead of making them.
struct Scripted {
    explicit Scripted(fetch::ScriptedTransport::Script script, uint64_t first_bytes = 10)
        : transport(std::make_shared<fetch::ScriptedTransport>(std::move(script))) {
        options.transport = transport;
        options.first_bytes = first_bytes;
        options.sleep = [this](std::chrono::milliseconds pause) { pauses.push_back(pause); };
    }

    Scripted(const Scripted&) = delete;  // the options point here

    std::shared_ptr<fetch::ScriptedTransport> transport;
    std::vector<std::chrono::milliseconds> pauses;
    fetch::FetchOptions options;
};

/// [offset, offset + size) as text.
inline Result<std::string> read(const fetch::RemoteFile& file, uint64_t offset, uint64_t size) {
    std::string text;
    TRY(file.fetch(offset, size, [&](std::span<const std::byte> bytes) -> Result<void> {
        text.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
        return {};
    }));
    return text;
}

}  // namespace m2w::test
