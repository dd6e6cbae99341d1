// curl_transport.cpp — one exchange by libcurl. Follows nothing and tries nothing again: client.cpp
// does, because it knows which origin may see a token.
#include <curl/curl.h>

#include <algorithm>
#include <array>
#include <exception>
#include <mutex>
#include <utility>

#include "gguf/fetch/limits.h"
#include "gguf/fetch/transport.h"
#include "gguf/result.h"

namespace m2w::fetch {
namespace {
using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr size_t kMaxIdleConnections = 16;
constexpr int kPollMs = 100;  // how often `cancelled` and the speed are looked at

struct FreeList {
    void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};

/// A handle that can carry out one exchange at a time and keeps its connections open between them.
class Connection {
  public:
    Connection() : multi_(curl_multi_init()), easy_(curl_easy_init()) {}
    ~Connection() {
        if (easy_) curl_easy_cleanup(easy_);
        if (multi_) curl_multi_cleanup(multi_);
    }
    Connection(const Connection&) = delete;

    Transfer exchange(const Request& request, AnswerSink& sink);
    std::string host;  // of the last exchange: up to the path

  private:
    struct Progress;
    bool set_up(const Request& request, curl_slist* headers, Progress& progress);
    Transfer run(const Request& request, Progress& progress);

    CURLM* multi_;
    CURL* easy_;
    std::array<char, CURL_ERROR_SIZE> message_{};
};

/// What the callbacks share with the loop.
struct Connection::Progress {
    AnswerSink* sink = nullptr;
    bool stopped = false, no_memory = false;
    bool in_body = false;
    bool connected = false;  // the request goes out; until then the connect timeout rules
    uint64_t bytes = 0;
    Clock::duration in_sink{};  // its time is not the server's

    template <class Give>
    size_t give(size_t n, const Give& to_sink) {
        const auto begin = Clock::now();
        try {
            stopped = !to_sink();
        } catch (const std::exception&) {  // bad_alloc or length_error; none passes through libcurl
            no_memory = true;
        }
        in_sink += Clock::now() - begin;
        bytes += n;
        return stopped || no_memory ? CURL_WRITEFUNC_ERROR : n;
    }
};

/// Whether the window's bytes are too few, asked again and again while an exchange runs.
class SpeedLimit {
  public:
    explicit SpeedLimit(const Request& request)
        : window_(request.low_speed_window),
          least_(double(request.low_speed_bytes_per_s) * double(window_.count()) / 1000) {}

    bool too_slow(uint64_t bytes, Clock::time_point now) {
        if (now - begin_ < window_) return false;
        const bool slow = double(bytes - bytes_) < least_;
        begin_ = now;
        bytes_ = bytes;
        return slow;
    }
    void restart(Clock::time_point now) { begin_ = now; }

  private:
    milliseconds window_;
    double least_;
    Clock::time_point begin_;
    uint64_t bytes_ = 0;
};

TransferEnd end_of(CURLcode code) {
    switch (code) {
        case CURLE_OK:
            return TransferEnd::complete;
        case CURLE_OPERATION_TIMEDOUT:
            return TransferEnd::timeout;
        case CURLE_OUT_OF_MEMORY:
            return TransferEnd::no_memory;
        case CURLE_GOT_NOTHING:
        case CURLE_PARTIAL_FILE:
        case CURLE_RECV_ERROR:
        case CURLE_SEND_ERROR:
        case CURLE_HTTP2:
        case CURLE_HTTP2_STREAM:
            return TransferEnd::truncated;
        case CURLE_COULDNT_RESOLVE_PROXY:
        case CURLE_COULDNT_RESOLVE_HOST:
        case CURLE_COULDNT_CONNECT:
        case CURLE_PROXY:
        case CURLE_SSL_CONNECT_ERROR:
        case CURLE_INTERFACE_FAILED:
            return TransferEnd::no_connect;
        case CURLE_PEER_FAILED_VERIFICATION:
        case CURLE_SSL_ISSUER_ERROR:
        case CURLE_SSL_CACERT_BADFILE:
            return TransferEnd::no_trust;
        default:
            return TransferEnd::protocol;
    }
}

Transfer Connection::exchange(const Request& request, AnswerSink& sink) {
    if (!multi_ || !easy_) return {TransferEnd::no_memory, {}};
    std::unique_ptr<curl_slist, FreeList> headers;
    for (const std::string& header : request.headers) {
        curl_slist* longer = curl_slist_append(headers.get(), header.c_str());
        if (!longer) return {TransferEnd::no_memory, {}};
        (void)headers.release();
        headers.reset(longer);
    }
    Progress progress;
    progress.sink = &sink;
    if (!set_up(request, headers.get(), progress)) return {TransferEnd::no_memory, {}};
    if (curl_multi_add_handle(multi_, easy_) != CURLM_OK) return {TransferEnd::no_memory, {}};
    Transfer transfer = run(request, progress);
    curl_multi_remove_handle(multi_, easy_);
    return transfer;
}

bool Connection::set_up(const Request& request, curl_slist* headers, Progress& progress) {
    curl_easy_reset(easy_);
    message_[0] = 0;
    bool ok = true;
    const auto set = [&](CURLoption option, auto value) {
        ok = ok && curl_easy_setopt(easy_, option, value) == CURLE_OK;
    };
    set(CURLOPT_URL, request.url.c_str());
    set(CURLOPT_PROTOCOLS_STR, "http,https");
    set(CURLOPT_FOLLOWLOCATION, 0L);
    set(CURLOPT_HTTPHEADER, headers);
    set(CURLOPT_USERAGENT, "m2w");
    set(CURLOPT_NOSIGNAL, 1L);
    set(CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
    set(CURLOPT_CONNECTTIMEOUT_MS, long(request.connect_timeout.count()));
    set(CURLOPT_ERRORBUFFER, message_.data());
    set(
        CURLOPT_HEADERFUNCTION, +[](char* text, size_t, size_t n, void* user) -> size_t {
            auto& to = *static_cast<Progress*>(user);
            return to.give(n, [&] { return to.sink->header_line({text, n}); });
        });
    set(CURLOPT_HEADERDATA, &progress);
    set(
        CURLOPT_WRITEFUNCTION, +[](char* bytes, size_t, size_t n, void* user) -> size_t {
            auto& to = *static_cast<Progress*>(user);
            to.in_body = true;
            return to.give(n, [&] { return to.sink->body(std::as_bytes(std::span(bytes, n))); });
        });
    set(CURLOPT_WRITEDATA, &progress);
    set(
        CURLOPT_PREREQFUNCTION, +[](void* user, char*, char*, int, int) -> int {
            static_cast<Progress*>(user)->connected = true;
            return CURL_PREREQFUNC_OK;
        });
    set(CURLOPT_PREREQDATA, &progress);
    // Refused while libcurl still has its buffer of an exchange that failed early: of this size.
    (void)curl_easy_setopt(easy_, CURLOPT_BUFFERSIZE, long(kMaxPieceBytes));
    return ok;
}

Transfer Connection::run(const Request& request, Progress& progress) {
    SpeedLimit speed(request);
    const int poll_ms = int(std::clamp<int64_t>(request.low_speed_window.count() / 4, 1, kPollMs));
    for (bool was_connected = false;;) {
        int running = 0;
        if (curl_multi_perform(multi_, &running) != CURLM_OK) return {TransferEnd::no_memory, {}};
        int left = 0;
        if (const CURLMsg* message = curl_multi_info_read(multi_, &left)) {
            if (progress.no_memory) return {TransferEnd::no_memory, {}};
            if (progress.stopped) return {TransferEnd::stopped, {}};
            const CURLcode code = message->data.result;
            // What libcurl of this age says of a header line above its own limit.
            if (code == CURLE_OUT_OF_MEMORY && progress.connected && !progress.in_body)
                return {TransferEnd::protocol, "a header line is too long"};
            if (code == CURLE_OK) return {};
            return {end_of(code), message_[0] ? message_.data() : curl_easy_strerror(code)};
        }
        if (request.cancelled && request.cancelled()) return {TransferEnd::cancelled, {}};
        const auto now = Clock::now() - progress.in_sink;
        if (progress.connected && !std::exchange(was_connected, true)) speed.restart(now);
        if (progress.connected && speed.too_slow(progress.bytes, now))
            return {TransferEnd::timeout, "too few bytes in the time that is allowed"};
        if (curl_multi_poll(multi_, nullptr, 0, poll_ms, nullptr) != CURLM_OK)
            return {TransferEnd::no_memory, {}};
    }
}

class CurlTransport : public Transport {
  public:
    Transfer exchange(const Request& request, AnswerSink& sink) override {
        // "scheme://host:port", which is all that a connection is found by.
        const std::string host = request.url.substr(0, request.url.find('/', 8));
        std::unique_ptr<Connection> connection = take(host);
        Request with_secret = request;
        if (!request.authorization.empty())
            with_secret.headers.push_back("Authorization: " + request.authorization);
        Transfer transfer = connection->exchange(with_secret, sink);
        connection->host = host;
        const std::lock_guard lock(mutex_);
        if (idle_.size() < kMaxIdleConnections) idle_.push_back(std::move(connection));
        return transfer;
    }

  private:
    std::unique_ptr<Connection> take(const std::string& host) {
        const std::lock_guard lock(mutex_);
        auto it = std::find_if(idle_.rbegin(), idle_.rend(),
                               [&](const auto& c) { return c->host == host; });
        if (it == idle_.rend()) {
            if (idle_.size() < kMaxIdleConnections) return std::make_unique<Connection>();
            it = std::prev(idle_.rend());  // the one that has waited longest
        }
        std::unique_ptr<Connection> found = std::move(*it);
        idle_.erase(std::next(it).base());
        return found;
    }

    std::mutex mutex_;
    std::vector<std::unique_ptr<Connection>> idle_;
};

}  // namespace

std::shared_ptr<Transport> make_curl_transport() {
    // Never undone: other code of the process may use libcurl as well.
    static const CURLcode started = curl_global_init(CURL_GLOBAL_DEFAULT);
    M2W_ASSERT(started == CURLE_OK);
    return std::make_shared<CurlTransport>();
}

const std::shared_ptr<Transport>& shared_transport() {
    static const std::shared_ptr<Transport> transport = make_curl_transport();
    return transport;
}

}  // namespace m2w::fetch
