// client.h — a GET that arrives: redirects, the token's one origin, tries and waiting. What a 200
// or 206 is worth is for its Answer; who talks to the server is for its Transport.
#pragma once
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "gguf/fetch/http_head.h"
#include "gguf/fetch/options.h"
#include "gguf/fetch/transport.h"
#include "gguf/fetch/url.h"
#include "gguf/result.h"

namespace m2w::fetch {

/// Whether a token can be part of a header: visible ASCII, within the limit; none at all can, too.
bool is_sendable_token(std::string_view token);

/// What comes of a GET, over as many tries as it takes.
class Answer {
  public:
    enum class Body : uint8_t { more, enough };  // enough: nothing behind this is needed

    virtual ~Answer() = default;
    virtual bool done() const = 0;
    /// Bytes of use so far.
    virtual uint64_t delivered() const = 0;
    /// For the next try: "Range: ..." and the like.
    virtual std::vector<std::string> request_headers() const = 0;
    /// The head of a redirect on the way.
    virtual Result<void> on_redirect(const HttpHead& head) = 0;
    /// The head of a 200 or 206, before any of its body. Any error ends the GET.
    virtual Result<void> on_head(const HttpHead& head) = 0;
    /// A piece of that body. Any error ends the GET.
    virtual Result<Body> on_body(std::span<const std::byte> bytes) = 0;
    /// The body ended as its transfer coding has it. False: it should have been longer.
    virtual Result<bool> on_end() = 0;
    /// Whether the file was seen before, so that a refusal has a cause that passes or a change.
    virtual bool is_known() const = 0;
};

/// Thread-safe: several GETs of one URL may run at once; they share where redirects led.
class Client {
  public:
    /// Errors: usage, for a URL or token that cannot be used.
    static Result<std::unique_ptr<Client>> create(const std::string& url,
                                                  const FetchOptions& options);

    const Url& url() const { return url_; }
    const FetchOptions& options() const { return options_; }

    /// Until answer.done(). At most FetchOptions::tries, renewed by progress. Errors: http_*, io,
    /// out_of_memory, the answer's; the message begins with the URL as asked, without its query.
    Result<void> get(Answer& answer);

  private:
    struct Outcome;
    class Exchange;

    Client(Url url, const FetchOptions& options);
    Outcome try_once(Answer& answer);
    Outcome follow_redirects(Answer& answer);
    Outcome ask(const Url& where, bool redirected, Answer& answer);
    Result<void> wait(uint32_t failures, std::optional<std::chrono::milliseconds> retry_after);
    Error in_context(Error error) const;

    Url url_;
    std::string authorization_;  // for url_.origin alone
    FetchOptions options_;

    std::mutex mutex_;
    std::optional<Url> target_;  // where redirects led the last time
};

}  // namespace m2w::fetch
