// check_range.cpp — a server that does what a script says, and the reader's promises to it.
#include "gguf/fetch/fuzz/check_range.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "gguf/fetch/limits.h"
#include "gguf/fetch/remote_file.h"
#include "gguf/fetch/transport.h"

namespace m2w::fetch::fuzz {
namespace {

constexpr uint64_t kTotal = 200;
constexpr std::string_view kEtag = "\"v1\"";
constexpr uint64_t kFirstBytes = 64;
constexpr uint64_t kMaxPiece = 4096;
constexpr uint64_t kMaxRead = 4096;
constexpr size_t kMaxAnswers = 64;
// A GET: failures and short answers between them, each with a request a redirect, the last one and
// one for the address that redirects had led to before.
constexpr size_t kMaxRequests = (kMaxRedirects + 2) * (kTries + kMaxSmallAnswers + 1);
constexpr const char* kToken = "tOkEn-s3cret";

struct Answer {
    bool behaved = false;
    std::vector<std::string> lines;
    std::vector<uint64_t> pieces;
    TransferEnd end = TransferEnd::complete;
};

struct Script {
    bool https = false, token = false, ranges = true;
    std::vector<Answer> answers;
};

uint64_t number(std::string_view text) {
    uint64_t value = 0;
    for (const char c : text.substr(0, 18))
        if (c >= '0' && c <= '9') value = value * 10 + uint64_t(c - '0');
    return value;
}

Script parse_script(std::string_view text) {
    Script script;
    while (!text.empty()) {
        const std::string_view line = text.substr(0, text.find('\n'));
        text.remove_prefix(std::min(text.size(), line.size() + 1));
        if (line.empty()) continue;
        const std::string_view rest = line.substr(1);
        auto& answers = script.answers;
        if (line[0] == '=') {
            script.https = rest.find('s') != std::string_view::npos;
            script.token = rest.find('t') != std::string_view::npos;
            script.ranges = rest.find('w') == std::string_view::npos;
        } else if ((line[0] == '?' || line[0] == 'S') && answers.size() < kMaxAnswers) {
            answers.emplace_back();
            answers.back().behaved = line[0] == '?';
            answers.back().lines.emplace_back(rest);
        } else if (line[0] == 'H' && !rest.empty() && !answers.empty()) {
            answers.back().lines.emplace_back(rest);
        } else if (line[0] == 'B' && !answers.empty()) {
            answers.back().pieces.push_back(std::min(number(rest), kMaxPiece));
        } else if (line[0] == 'E' && !answers.empty()) {
            answers.back().end = TransferEnd(number(rest) % (uint64_t(TransferEnd::no_memory) + 1));
        }
    }
    return script;
}

/// The bytes of a version of the file: of another ETag or size, others.
std::byte byte_of(const std::string& version, uint64_t at) {
    uint64_t hash = std::hash<std::string>()(version) ^ (at * 0x9e3779b97f4a7c15u);
    hash = (hash ^ (hash >> 31)) * 0xbf58476d1ce4e5b9u;
    return std::byte(hash >> 56);
}

void require(bool holds, const char* what) {
    if (holds) return;
    std::fprintf(stderr, "check_range: %s\n", what);
    std::abort();
}

std::string lower(std::string_view text) {
    std::string out(text);
    for (char& c : out) c = char(std::tolower(static_cast<unsigned char>(c)));
    return out;
}

/// The last field of this name, as a careless reader takes it; empty if there is none.
std::string careless_field(const std::vector<std::string>& lines, const std::string& name) {
    std::string value;
    for (const std::string& line : lines) {
        if (!lower(line).starts_with(name + ":")) continue;
        value = line.substr(name.size() + 1);
        value.erase(0, value.find_first_not_of(" \t"));
        value.resize(value.find_last_not_of(" \t\r") + 1);
    }
    return value;
}

class FuzzedServer : public Transport {
  public:
    explicit FuzzedServer(const Script& script) : script_(script) {}

    Transfer exchange(const Request& request, AnswerSink& sink) override {
        look_at(request);
        Answer answer;
        answer.behaved = true;
        if (next_ < script_.answers.size()) answer = script_.answers[next_++];
        read_range(request);
        if (answer.behaved) behave(answer);
        if (answer.lines[0].empty()) return {answer.end, {}};  // not even a head
        fill_in(answer.lines);
        for (const std::string& line : answer.lines)
            if (!sink.header_line(line + "\r\n")) return {TransferEnd::stopped, {}};
        if (!sink.header_line("\r\n")) return {TransferEnd::stopped, {}};
        if (!send_body(answer, sink)) return {TransferEnd::stopped, {}};
        return {answer.end, {}};
    }

    /// Those that honest answers told of.
    const std::set<std::string>& versions() const { return versions_; }
    void restart_count() { requests_ = 0; }

  private:
    /// What a server may be asked, and what it may learn.
    void look_at(const Request& request) {
        require(++requests_ <= kMaxRequests, "too many requests");
        const std::string first = script_.https ? "https://host/" : "http://host/";
        require(request.url.starts_with("https://") ||
                    (!script_.https && request.url.starts_with("http://")),
                "another scheme, or back from https to http");
        // The origin may also be written with its port.
        const std::string port = script_.https ? "https://host:443/" : "http://host:80/";
        const bool same = request.url.starts_with(first) || request.url.starts_with(port);
        require(request.authorization.empty() || (same && script_.token),
                "the token went to another origin");
        require(request.url.find(kToken) == std::string::npos, "the token is in a URL");
        for (const std::string& header : request.headers)
            require(header.find(kToken) == std::string::npos && header.find('\n') == header.npos,
                    "the token or a line end is in a header");
    }

    void read_range(const Request& request) {
        ranged_ = false;
        first_ = 0;
        last_ = kTotal - 1;
        std::string if_range;
        for (const std::string& header : request.headers) {
            unsigned long long a = 0, b = 0;
            if (std::sscanf(header.c_str(), "Range: bytes=%llu-%llu", &a, &b) == 2) {
                require(a <= b, "an empty range");
                ranged_ = script_.ranges && a < kTotal;
                first_ = a;
                last_ = std::min<uint64_t>(b, kTotal - 1);
            }
            if (header.starts_with("If-Range: ")) if_range = header.substr(10);
        }
        if (!if_range.empty() && if_range != kEtag) ranged_ = false;
        if (!ranged_) first_ = 0, last_ = kTotal - 1;
    }

    void behave(Answer& answer) const {
        answer.lines = {ranged_ ? "HTTP/1.1 206 Partial Content" : "HTTP/1.1 200 OK",
                        "Content-Length: {length}", "ETag: {etag}"};
        if (ranged_) answer.lines.push_back("Content-Range: bytes {first}-{last}/{total}");
        answer.pieces = {last_ - first_ + 1};
    }

    void fill_in(std::vector<std::string>& lines) const {
        const std::pair<std::string_view, std::string> values[] = {
            {"{first}", std::to_string(first_)},
            {"{last}", std::to_string(last_)},
            {"{length}", std::to_string(last_ - first_ + 1)},
            {"{total}", std::to_string(kTotal)},
            {"{etag}", std::string(kEtag)}};
        for (std::string& line : lines)
            for (const auto& [name, value] : values)
                for (size_t at; (at = line.find(name)) != std::string::npos;)
                    line.replace(at, name.size(), value);
    }

    bool send_body(const Answer& answer, AnswerSink& sink) {
        const std::string& status = answer.lines[0];
        const size_t space = status.find(' ');
        const bool partial = space != status.npos && status.substr(space + 1, 3) == "206";
        const std::string encoding = careless_field(answer.lines, "content-encoding");
        const std::string etag = careless_field(answer.lines, "etag");
        unsigned long long at = 0, last = 0, total = 0;
        bool honest = encoding.empty() || encoding == "identity";
        if (partial)
            honest &= std::sscanf(lower(careless_field(answer.lines, "content-range")).c_str(),
                                  "bytes %llu-%llu/%llu", &at, &last, &total) == 3;
        else
            total = number(careless_field(answer.lines, "content-length"));
        const std::string version = fmt::format("{} of {}", total, etag);
        if (honest) versions_.insert(version);
        for (const uint64_t n : answer.pieces) {
            std::vector<std::byte> piece(n);
            for (std::byte& b : piece) b = byte_of(honest ? version : "garbage", at++);
            if (n > 0 && !sink.body(piece)) return false;
        }
        return true;
    }

    const Script& script_;
    size_t next_ = 0, requests_ = 0;
    std::set<std::string> versions_;
    // Of the request at hand:
    bool ranged_ = false;
    uint64_t first_ = 0, last_ = 0;
};

void check_error(const Error& error) {
    require(error.category != Category::internal && error.category != Category::count,
            "an error without a category");
    require(error.message.find(kToken) == std::string::npos, "the token is in a message");
}

/// Removes the versions whose bytes at `offset` are others.
void keep_matching(std::set<std::string>& versions, uint64_t offset,
                   std::span<const std::byte> bytes) {
    std::erase_if(versions, [&](const std::string& version) {
        for (size_t i = 0; i < bytes.size(); i++)
            if (bytes[i] != byte_of(version, offset + i)) return true;
        return false;
    });
}

/// Reads a range and returns what came.
std::vector<std::byte> read(const RemoteFile& file, FuzzedServer& server, uint64_t offset,
                            uint64_t size) {
    std::vector<std::byte> bytes;
    server.restart_count();
    const auto fetched =
        file.fetch(offset, size, [&](std::span<const std::byte> piece) -> Result<void> {
            require(!piece.empty() && piece.size() <= kMaxPieceBytes, "a piece of an odd size");
            bytes.insert(bytes.end(), piece.begin(), piece.end());
            require(bytes.size() <= size, "more bytes than were asked for");
            return {};
        });
    if (fetched)
        require(bytes.size() == size, "fewer bytes than were asked for");
    else
        check_error(fetched.error());
    return bytes;
}

}  // namespace

void check_range(std::string_view text) {
    // A server that sends the token itself has it from elsewhere.
    if (text.find(kToken) != std::string_view::npos) return;
    const Script script = parse_script(text);
    const auto server = std::make_shared<FuzzedServer>(script);
    FetchOptions options;
    options.transport = server;
    options.first_bytes = kFirstBytes;
    options.sleep = [](std::chrono::milliseconds pause) {
        require(pause.count() > 0 && pause <= std::chrono::seconds(30), "a pause of an odd length");
    };
    if (script.token) options.token = kToken;
    const auto file = RemoteFile::open(script.https ? "https://host/f" : "http://host/f", options);
    if (!file) return check_error(file.error());

    const uint64_t size = (*file)->identity().size_bytes;
    const auto first = (*file)->first_bytes();
    require(first.size() <= size, "more first bytes than the file has");
    const uint64_t middle = size / 2, beyond = size - std::min<uint64_t>(size, 3);
    const auto all = read(**file, *server, 0, std::min(size, kMaxRead));
    const auto some = read(**file, *server, middle, std::min<uint64_t>(size - middle, 100));
    const auto end = read(**file, *server, beyond, size - beyond);

    std::set<std::string> versions = server->versions();
    const bool empty = first.empty() && all.empty() && some.empty() && end.empty();
    keep_matching(versions, 0, first);
    keep_matching(versions, 0, all);
    keep_matching(versions, middle, some);
    keep_matching(versions, beyond, end);
    require(empty || !versions.empty(), "bytes that are not one version's, or not in their place");
}

}  // namespace m2w::fetch::fuzz
