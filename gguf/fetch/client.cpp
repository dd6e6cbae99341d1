// client.cpp — robustness of one GET: which answers are final, which are asked for again, how long
// to wait, and who may see the token.
#include "gguf/fetch/client.h"

#include <curl/curl.h>
#include <fmt/format.h>
#include <openssl/evp.h>

#include <algorithm>
#include <ctime>
#include <random>
#include <thread>

#include "gguf/fetch/limits.h"

namespace m2w::fetch {
namespace {
using std::chrono::milliseconds;

std::string base64(const std::string& text) {
    std::string out(4 * ((text.size() + 2) / 3) + 1, '\0');
    const int n =
        EVP_EncodeBlock(reinterpret_cast<unsigned char*>(out.data()),
                        reinterpret_cast<const unsigned char*>(text.data()), int(text.size()));
    out.resize(size_t(n));
    return out;
}

/// RFC 9110, 10.2.3: seconds or a date. A date in the past is no time at all.
std::optional<milliseconds> retry_after(const HttpHead& head) {
    const auto field = head.field("retry-after");
    if (!field || !*field) return std::nullopt;
    if (const auto seconds = parse_decimal(**field))
        return milliseconds(1000 * int64_t(std::min<uint64_t>(*seconds, 1u << 30)));
    const time_t date = curl_getdate((**field).c_str(), nullptr);
    if (date < 0) return std::nullopt;
    return milliseconds(1000 * std::max<int64_t>(0, int64_t(date) - int64_t(std::time(nullptr))));
}

Category category_of(TransferEnd end) {
    switch (end) {
        case TransferEnd::timeout:
            return Category::http_timeout;
        case TransferEnd::truncated:
            return Category::http_truncated;
        case TransferEnd::protocol:
            return Category::http_protocol;
        case TransferEnd::no_memory:
            return Category::out_of_memory;
        default:
            return Category::io;
    }
}

}  // namespace

bool is_sendable_token(std::string_view token) {
    return token.size() <= kMaxTokenBytes &&
           std::all_of(token.begin(), token.end(), [](char c) { return c > ' ' && c < '\x7f'; });
}

/// How one try ended.
struct Client::Outcome {
    enum class Next : uint8_t { go_on, redirect, retry, fail };
    Next next = Next::go_on;
    Error error;                                // retry, fail
    std::optional<milliseconds> retry_after{};  // retry
    std::string location{};                     // redirect

    static Outcome fail(Error error) { return {Next::fail, std::move(error)}; }
    static Outcome retry(Category category, std::string message) {
        return {Next::retry, Error{category, std::move(message)}};
    }
};

/// One exchange as its answer arrives: the head decides, then the body is taken or ignored.
class Client::Exchange : public AnswerSink {
  public:
    Exchange(Answer& answer, bool redirected, bool with_token)
        : answer_(answer), redirected_(redirected), with_token_(with_token) {}

    bool header_line(std::string_view line) override {
        auto complete = head_.add_line(line);
        if (!complete) return stop(std::move(complete).error());
        if (!*complete) return true;
        complete_ = true;
        return on_head();
    }

    bool body(std::span<const std::byte> bytes) override {
        if (!complete_) return stop(Error{Category::http_protocol, "a body without a head"});
        if (!taken_) {
            ignored_ += bytes.size();
            return ignored_ <= kMaxIgnoredBytes;
        }
        auto more = answer_.on_body(bytes);
        if (!more) return stop(std::move(more).error());
        return *more == Answer::Body::more;
    }

    Outcome outcome(Transfer transfer) {
        if (failed_ || (complete_ && !taken_)) return std::move(outcome_);
        if (transfer.end == TransferEnd::stopped) return {};  // had enough
        if (transfer.end != TransferEnd::complete) return broken(std::move(transfer));
        if (!complete_) return Outcome::retry(Category::http_truncated, "no answer");
        auto whole = answer_.on_end();
        if (!whole) return Outcome::fail(std::move(whole).error());
        if (!*whole) return Outcome::retry(Category::http_truncated, "the answer is too short");
        return {};
    }

  private:
    bool stop(Error error) {
        outcome_ = Outcome::fail(std::move(error));
        failed_ = true;
        return false;
    }

    bool on_head() {
        const int status = head_.status();
        if (status == 200 || status == 206) {
            if (auto ok = answer_.on_head(head_); !ok) return stop(std::move(ok).error());
            taken_ = true;
            return true;
        }
        if (status == 301 || status == 302 || status == 303 || status == 307 || status == 308)
            return on_redirect();
        outcome_ = refusal(status);
        return true;
    }

    bool on_redirect() {
        if (auto ok = answer_.on_redirect(head_); !ok) return stop(std::move(ok).error());
        auto location = head_.field("location");
        if (!location) return stop(std::move(location).error());
        if (!*location) return stop(Error{Category::http_redirect, "a redirect to nowhere"});
        outcome_ = {Outcome::Next::redirect, {}, {}, std::move(**location)};
        return true;
    }

    Outcome refusal(int status) const {
        const std::string what = fmt::format("status {}", status);
        if (status == 429 || status >= 500) {
            Outcome outcome = Outcome::retry(Category::http_status, what);
            outcome.retry_after = retry_after(head_);
            return outcome;
        }
        // The address behind a redirect may be signed and have expired: the redirect is asked anew.
        if (status == 403 && redirected_ && answer_.is_known())
            return Outcome::retry(Category::http_auth, what);
        if (status == 401 || status == 403 || status == 407)
            return Outcome::fail({Category::http_auth, what + reason(status)});
        if (status == 416 && answer_.is_known())
            return Outcome::fail({Category::http_changed, what + ": the file became shorter"});
        return Outcome::fail({Category::http_status, what});
    }

    std::string reason(int status) const {
        if (status == 407) return ": the proxy wants credentials";
        return with_token_ ? ": the token is not accepted"
                           : ": no such file, or it needs a token (HF_TOKEN, --token-file)";
    }

    static Outcome broken(Transfer transfer) {
        const Category category = category_of(transfer.end);
        std::string message = std::move(transfer.detail);
        if (transfer.end == TransferEnd::cancelled) message = "interrupted";
        if (transfer.end == TransferEnd::no_memory) message = "no memory for a request";
        switch (transfer.end) {
            case TransferEnd::no_connect:
            case TransferEnd::truncated:
            case TransferEnd::timeout:
                return Outcome::retry(category, std::move(message));
            default:
                return Outcome::fail({category, std::move(message)});
        }
    }

    Answer& answer_;
    bool redirected_, with_token_;
    HttpHead head_;
    bool complete_ = false;  // the head
    bool taken_ = false;     // the body is the answer's
    bool failed_ = false;
    uint64_t ignored_ = 0;
    Outcome outcome_;
};

Client::Client(Url url, const FetchOptions& options) : url_(std::move(url)), options_(options) {
    if (!options_.transport) options_.transport = shared_transport();
}

Result<std::unique_ptr<Client>> Client::create(const std::string& url_text,
                                               const FetchOptions& options) {
    TRY(Url url, parse_url(url_text));
    std::unique_ptr<Client> client(new Client(std::move(url), options));
    std::string token = options.token;
    if (token.empty() && !options.hub_token.empty()) {
        TRY(const Url hub, parse_url(options.hub_endpoint));
        if (hub.origin == client->url_.origin) token = options.hub_token;
    }
    if (!is_sendable_token(token))
        return Error{Category::usage, "the token has characters that cannot be sent"};
    if (!token.empty())
        client->authorization_ = "Bearer " + token;
    else if (!client->url_.userinfo.empty())
        client->authorization_ = "Basic " + base64(client->url_.userinfo);
    client->url_.userinfo.clear();
    return client;
}

Result<void> Client::get(Answer& answer) {
    uint32_t failures = 0;
    int small_answers = 0;
    uint64_t renewed_at = answer.delivered();
    while (!answer.done()) {
        const uint64_t before = answer.delivered();
        Outcome outcome = try_once(answer);
        if (outcome.next == Outcome::Next::fail) return in_context(std::move(outcome.error));
        if (outcome.next == Outcome::Next::go_on) {
            if (answer.done()) break;
            small_answers = answer.delivered() - before < kFairAnswerBytes ? small_answers + 1 : 0;
            if (small_answers > kMaxSmallAnswers)
                return in_context({Category::http_range, "answers of a few bytes each"});
            continue;
        }
        if (answer.delivered() - renewed_at >= options_.tries_renewed_after_bytes) {
            failures = 0;
            renewed_at = answer.delivered();
        }
        if (++failures >= options_.tries) {
            outcome.error.message += fmt::format(" (after {} tries)", failures);
            return in_context(std::move(outcome.error));
        }
        TRY(wait(failures, outcome.retry_after));
    }
    return {};
}

Client::Outcome Client::try_once(Answer& answer) {
    std::optional<Url> target;
    {
        const std::lock_guard lock(mutex_);
        target = target_;
    }
    if (target) {
        Outcome outcome = ask(*target, true, answer);
        if (outcome.next == Outcome::Next::go_on) return outcome;
        const std::lock_guard lock(mutex_);
        target_.reset();
        // A signed address expires; only the one that was asked for can say that the file is gone.
        const bool refused = outcome.next == Outcome::Next::redirect ||
                             outcome.error.category == Category::http_auth ||
                             outcome.error.category == Category::http_status;
        if (!refused) return outcome;
    }
    return follow_redirects(answer);
}

Client::Outcome Client::follow_redirects(Answer& answer) {
    bool redirected = false;
    Url where = url_;
    for (int hops = 0;; hops++) {
        Outcome outcome = ask(where, redirected, answer);
        if (outcome.next != Outcome::Next::redirect) {
            const std::lock_guard lock(mutex_);
            target_.reset();
            if (outcome.next == Outcome::Next::go_on && redirected) target_ = std::move(where);
            return outcome;
        }
        if (hops == kMaxRedirects)
            return Outcome::fail(
                {Category::http_redirect, fmt::format("more than {} redirects", kMaxRedirects)});
        auto next = resolve_redirect(where, outcome.location);
        if (!next) return Outcome::fail(std::move(next).error());
        where = *std::move(next);
        redirected = true;
    }
}

Client::Outcome Client::ask(const Url& where, bool redirected, Answer& answer) {
    Request request{.url = where.text,
                    .headers = answer.request_headers(),
                    .authorization = {},
                    .connect_timeout = options_.connect_timeout,
                    .low_speed_bytes_per_s = options_.low_speed_bytes_per_s,
                    .low_speed_window = options_.low_speed_window,
                    .cancelled = options_.cancelled};
    // A compressed answer has other offsets.
    request.headers.push_back("Accept-Encoding: identity");
    if (where.origin == url_.origin) request.authorization = authorization_;
    Exchange exchange(answer, redirected, !request.authorization.empty());
    Transfer transfer = options_.transport->exchange(request, exchange);
    return exchange.outcome(std::move(transfer));
}

Result<void> Client::wait(uint32_t failures, std::optional<milliseconds> asked) {
    milliseconds left = options_.backoff * (int64_t(1) << std::min<uint32_t>(failures - 1, 16));
    thread_local std::minstd_rand random(std::random_device{}());
    left -= milliseconds(std::uniform_int_distribution<int64_t>(0, left.count() / 2)(random));
    if (asked) left = std::min(*asked, options_.max_retry_after);
    constexpr milliseconds kStep{100};
    while (left.count() > 0) {
        if (options_.cancelled && options_.cancelled())
            return in_context({Category::io, "interrupted"});
        const milliseconds step = options_.sleep ? left : std::min(left, kStep);
        if (options_.sleep)
            options_.sleep(step);
        else
            std::this_thread::sleep_for(step);
        left -= step;
    }
    return {};
}

Error Client::in_context(Error error) const {
    error.message = url_.label() + ": " + error.message;
    return error;
}

}  // namespace m2w::fetch
