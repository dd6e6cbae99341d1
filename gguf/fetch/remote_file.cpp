// remote_file.cpp — RemoteFile and fetch_document: a Client, and what becomes of its answers.
#include "gguf/fetch/remote_file.h"

#include <fmt/format.h>

#include <algorithm>

#include "gguf/fetch/client.h"
#include "gguf/fetch/limits.h"
#include "gguf/fetch/range_answer.h"

namespace m2w::fetch {
namespace {

/// A body that is wanted whole or not at all.
class DocumentAnswer : public Answer {
  public:
    explicit DocumentAnswer(uint64_t max_bytes) : max_bytes_(max_bytes) {}

    std::string take() { return std::move(text_); }

    bool done() const override { return done_; }
    uint64_t delivered() const override { return 0; }  // nothing of a try that failed is of use
    std::vector<std::string> request_headers() const override { return {}; }
    Result<void> on_redirect(const HttpHead&) override { return {}; }

    Result<void> on_head(const HttpHead& head) override {
        text_.clear();
        if (head.status() != 200)
            return Error{Category::http_range, "a range that was not asked for"};
        TRY(const auto encoding, head.field("content-encoding"));
        if (encoding && *encoding != "identity")
            return Error{Category::http_encoding, "the answer has Content-Encoding " + *encoding};
        return {};
    }

    Result<Body> on_body(std::span<const std::byte> bytes) override {
        if (bytes.size() > max_bytes_ - text_.size())
            return Error{Category::resource_limit,
                         fmt::format("longer than the limit of {} bytes", max_bytes_)};
        text_.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
        return Body::more;
    }

    Result<bool> on_end() override {
        done_ = true;
        return true;
    }
    bool is_known() const override { return false; }

  private:
    uint64_t max_bytes_;
    std::string text_;
    bool done_ = false;
};

}  // namespace

RemoteFile::~RemoteFile() = default;

Result<std::shared_ptr<RemoteFile>> RemoteFile::open(const std::string& url,
                                                     const FetchOptions& options) {
    std::shared_ptr<RemoteFile> file(new RemoteFile);
    TRY(file->client_, Client::create(url, options));
    const ByteSink keep = [&](std::span<const std::byte> bytes) -> Result<void> {
        file->first_.insert(file->first_.end(), bytes.begin(), bytes.end());
        return {};
    };
    RangeAnswer answer({}, 0, std::max<uint64_t>(options.first_bytes, 1), kMaxWholeBytes, keep);
    TRY(file->client_->get(answer));
    file->identity_ = answer.version().identity;
    file->identity_.url = file->client_->url().text;
    file->etag_as_sent_ = answer.version().etag_as_sent;
    return file;
}

Result<void> RemoteFile::fetch(uint64_t offset_bytes, uint64_t size_bytes,
                               const ByteSink& sink) const {
    if (offset_bytes > identity_.size_bytes || size_bytes > identity_.size_bytes - offset_bytes)
        return Error{Category::truncated,
                     fmt::format("{}: {} bytes at byte {}, the file has {}", client_->url().label(),
                                 size_bytes, offset_bytes, identity_.size_bytes)};
    const uint64_t end = offset_bytes + size_bytes;
    const uint64_t kept = use_first_ ? first_.size() : 0;
    while (offset_bytes < std::min(end, kept)) {
        const uint64_t n =
            std::min<uint64_t>({kMaxPieceBytes, end - offset_bytes, kept - offset_bytes});
        TRY(sink(std::span(first_).subspan(offset_bytes, n)));
        offset_bytes += n;
    }
    if (offset_bytes == end) return {};
    RangeAnswer answer({true, identity_, etag_as_sent_}, offset_bytes, end, 0, sink);
    auto fetched = client_->get(answer);
    if (!fetched && answer.sink_error()) return *answer.sink_error();
    return fetched;
}

Result<std::string> fetch_document(const std::string& url, const FetchOptions& options,
                                   uint64_t max_bytes) {
    TRY(const auto client, Client::create(url, options));
    DocumentAnswer answer(max_bytes);
    TRY(client->get(answer));
    return answer.take();
}

}  // namespace m2w::fetch
