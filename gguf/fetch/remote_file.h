// remote_file.h — one file on a server: what it is, and any range of its bytes. Stores nothing on
// disk; what headers cannot show (wrong bytes) is for checksums above it.
#pragma once
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "gguf/fetch/options.h"
#include "gguf/result.h"

namespace m2w::fetch {

/// What a server says a name's bytes are: equal identities are the same bytes.
struct RemoteIdentity {
    std::string url;  // as asked, without user name and password
    uint64_t size_bytes = 0;
    std::string etag;      // strong ones only, with the quotes; empty if the server has none
    std::string sha256;    // hex, when the server tells it (X-Linked-Etag); else empty
    std::string revision;  // X-Repo-Commit, or empty
    /// False: the server ignores Range. Then fetch() costs everything before the range as well.
    bool ranges = true;

    /// For messages: without the query, where signatures and tokens are.
    std::string label() const { return url.substr(0, url.find('?')); }
    bool operator==(const RemoteIdentity&) const = default;
};

/// Takes bytes in order; an error of its own ends the fetch.
using ByteSink = std::function<Result<void>(std::span<const std::byte>)>;

class Client;

/// Thread-safe: ranges may be fetched concurrently. The rules of HTTP are in docs/streaming.md.
class RemoteFile {
  public:
    /// Asks for the first bytes (FetchOptions::first_bytes) and keeps them. Errors: usage (no
    /// http(s) URL), io (no connection), http_*.
    static Result<std::shared_ptr<RemoteFile>> open(const std::string& url,
                                                    const FetchOptions& options);
    ~RemoteFile();

    const RemoteIdentity& identity() const { return identity_; }

    /// What is in memory since open(): the file's first bytes, all of them if there are few.
    std::span<const std::byte> first_bytes() const { return first_; }

    /// Delivers exactly [offset, offset + size) in order, in pieces of at most 256 KiB, those of
    /// first_bytes() without a request. Tries again inside, from where it stopped: no byte comes
    /// twice, and none that headers show to be wrong. Errors: truncated (a range outside of the
    /// file), http_* after which some bytes may have been delivered, io, and what the sink returns.
    /// After forget_first_bytes() those come from the server too.
    Result<void> fetch(uint64_t offset_bytes, uint64_t size_bytes, const ByteSink& sink) const;

    /// For bytes that turned out to be wrong: fetch() asks for them again from now on.
    void forget_first_bytes() { use_first_ = false; }

  private:
    RemoteFile() = default;

    std::unique_ptr<Client> client_;
    RemoteIdentity identity_;
    std::string etag_as_sent_;      // weak ones too: they may not change either
    std::vector<std::byte> first_;  // stays: other threads may be at it
    std::atomic<bool> use_first_{true};
};

/// A small document (a listing, a manifest): one GET without a range. Errors: http_*, io,
/// resource_limit when it is longer than max_bytes.
Result<std::string> fetch_document(const std::string& url, const FetchOptions& options,
                                   uint64_t max_bytes);

}  // namespace m2w::fetch
