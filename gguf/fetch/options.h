// options.h — how to fetch: secrets, patience, hooks. Reads the environment only where it says so.
#pragma once
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>

#include "gguf/fetch/limits.h"
#include "gguf/result.h"

namespace m2w::fetch {

class Transport;

/// The limits and times of docs/streaming.md are the defaults; tests shorten them.
struct FetchOptions {
    /// A bearer token for the server that is asked, whichever it is (--token-file). Sent to the
    /// first origin alone, never to one that a redirect leads to; never part of a message.
    std::string token;
    /// A bearer token for the hub alone (HF_TOKEN): used where `token` is empty and the URL that is
    /// asked has the origin of hub_endpoint.
    std::string hub_token;
    std::string hub_endpoint = "https://huggingface.co";  // M2W_HF_ENDPOINT

    std::chrono::milliseconds connect_timeout = kConnectTimeout;
    /// An answer that brings less than this in a window is given up (and tried again).
    uint64_t low_speed_bytes_per_s = kLowSpeedBytesPerSecond;
    std::chrono::milliseconds low_speed_window = kLowSpeedWindow;

    uint32_t tries = kTries;  // a range, the first included
    /// Bytes delivered after which a range counts as a new one: a long range may fail more often.
    uint64_t tries_renewed_after_bytes = 1u << 20;
    /// Before the second try; twice as long before each later one; half of it is random.
    std::chrono::milliseconds backoff = kBackoff;
    std::chrono::milliseconds max_retry_after = kMaxRetryAfter;  // what a server may ask us to wait

    /// What RemoteFile::open asks for and keeps: enough for most headers.
    uint64_t first_bytes = kFirstBytes;

    /// Instead of sleeping, for tests; empty: sleeps.
    std::function<void(std::chrono::milliseconds)> sleep;
    /// Asked several times a second, from any thread that fetches: true ends the request with `io`.
    std::function<bool()> cancelled;
    /// Who talks to servers; null: libcurl, with connections shared by the whole process.
    std::shared_ptr<Transport> transport;
};

/// Defaults with hub_token from HF_TOKEN and hub_endpoint from M2W_HF_ENDPOINT. Errors: usage, for
/// an endpoint that is no http(s) URL or a token that cannot be sent.
Result<FetchOptions> options_from_environment();

/// A token's text: the file's, without white space around it. Errors: io, usage (empty, too long,
/// or with characters that no token has).
Result<std::string> read_token_file(const std::filesystem::path& path);

}  // namespace m2w::fetch
