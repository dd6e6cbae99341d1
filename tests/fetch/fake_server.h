// fake_server.h — a server in memory behind the cache's fetch function: counts what is asked, and
// flips, cuts or delays on request. Speaks no HTTP.
#pragma once
#include <atomic>
#include <functional>
#include <mutex>
#include <string>
#include <vector>

#include "gguf/fetch/cached_file.h"
#include "gguf/sha256.h"

namespace m2w::test {

/// Bytes that differ wherever one looks.
inline std::string varied_bytes(size_t size, int seed = 0) {
    std::string text;
    while (text.size() < size)
        text += sha256_hex(std::to_string(seed) + "," + std::to_string(text.size()));
    text.resize(size);
    return text;
}

class FakeServer {
  public:
    explicit FakeServer(std::string content) : bytes(std::move(content)) {}

    std::string bytes;
    bool tells_sha256 = false, has_etag = true, has_ranges = true;
    /// Called with every piece before it is delivered; may change it, or end the request.
    std::function<Result<void>(uint64_t offset_bytes, std::string& piece)> on_piece;
    std::atomic<uint64_t> sent_bytes{0};

    fetch::RemoteIdentity identity(const std::string& url = "http://test/model.gguf") const {
        fetch::RemoteIdentity out;
        out.url = url;
        out.size_bytes = bytes.size();
        if (has_etag) out.etag = '"' + sha256_hex(bytes).substr(0, 16) + '"';
        if (tells_sha256) out.sha256 = sha256_hex(bytes);
        out.ranges = has_ranges;
        return out;
    }

    fetch::FetchFn fetch() {
        return [this](uint64_t offset, uint64_t size, const fetch::ByteSink& sink) {
            return deliver(offset, size, sink);
        };
    }

    /// Ranges that were asked for, in order.
    std::vector<fetch::ByteRange> requests() const {
        const std::lock_guard lock(mutex_);
        return requests_;
    }
    void forget() {
        const std::lock_guard lock(mutex_);
        requests_.clear();
        sent_bytes = 0;
    }

  private:
    Result<void> deliver(uint64_t offset, uint64_t size, const fetch::ByteSink& sink) {
        {
            const std::lock_guard lock(mutex_);
            requests_.push_back({offset, size});
        }
        constexpr uint64_t kPieceBytes = 10'000;  // no divisor of anything
        for (uint64_t at = offset, end = offset + size; at < end;) {
            const uint64_t n = std::min(kPieceBytes, end - at);
            std::string piece = bytes.substr(size_t(at), size_t(n));
            if (on_piece) TRY(on_piece(at, piece));
            sent_bytes += n;
            TRY(sink(std::as_bytes(std::span(piece))));
            at += n;
        }
        return {};
    }

    mutable std::mutex mutex_;
    std::vector<fetch::ByteRange> requests_;
};

}  // namespace m2w::test
