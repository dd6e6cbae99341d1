// transport.h — one HTTP exchange, whoever carries it out. Knows no redirects, retries or ranges.
#pragma once
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace m2w::fetch {

/// A GET. What a server must not learn is not in here.
struct Request {
    std::string url;
    std::vector<std::string> headers;  // "Name: value"
    std::string authorization;         // value of that header; a secret; empty: none
    std::chrono::milliseconds connect_timeout{0};
    uint64_t low_speed_bytes_per_s = 0;
    std::chrono::milliseconds low_speed_window{0};
    std::function<bool()> cancelled;
};

/// Who receives an answer. Returning false ends the exchange at once; the connection is not used
/// again.
class AnswerSink {
  public:
    virtual ~AnswerSink() = default;
    /// Status line, fields and the empty line behind them, as received; several heads may come
    /// (1xx), and fields behind the body.
    virtual bool header_line(std::string_view line) = 0;
    /// A piece of the body without its transfer coding.
    virtual bool body(std::span<const std::byte> bytes) = 0;
};

enum class TransferEnd : uint8_t {
    complete,    // the answer ended as it had announced
    stopped,     // by the sink
    no_connect,  // no such host, refused
    no_trust,    // the host cannot prove who it is
    truncated,   // the connection broke
    timeout,     // no connection, or too few bytes, in time
    protocol,    // no HTTP
    cancelled,   // Request::cancelled
    no_memory,
};

struct Transfer {
    TransferEnd end = TransferEnd::complete;
    std::string detail;  // for messages; names no secret
};

/// Thread-safe.
class Transport {
  public:
    virtual ~Transport() = default;
    virtual Transfer exchange(const Request& request, AnswerSink& sink) = 0;
};

/// libcurl: http and https, HTTP/2 where a server offers it over TLS, proxies from the environment,
/// connections kept for later exchanges.
std::shared_ptr<Transport> make_curl_transport();

/// The one that the whole process shares.
const std::shared_ptr<Transport>& shared_transport();

}  // namespace m2w::fetch
