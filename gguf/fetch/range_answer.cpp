// range_answer.cpp — RFC 9110, section 14: which 206 is the range that was asked for, and what a
// 200 means instead.
#include "gguf/fetch/range_answer.h"

#include <fmt/format.h>

#include <algorithm>

#include "gguf/fetch/limits.h"
#include "gguf/sha256.h"

namespace m2w::fetch {
namespace {

Error not_the_range(std::string what) {
    return Error{Category::http_range, std::move(what)};
}

/// RFC 9110, 8.8.3: "..." without W/.
bool is_strong_etag(const std::string& etag) {
    return etag.size() >= 2 && etag.front() == '"' && etag.back() == '"';
}

Result<void> refuse_encoding(const HttpHead& head) {
    TRY(const auto encoding, head.field("content-encoding"));
    if (encoding && *encoding != "identity")
        return Error{
            Category::http_encoding,
            fmt::format("the answer has Content-Encoding {}, asked for identity", *encoding)};
    return {};
}

/// The body's length if the server tells it. Errors: http_protocol.
Result<std::optional<uint64_t>> content_length(const HttpHead& head) {
    TRY(const auto field, head.field("content-length"));
    if (!field) return std::optional<uint64_t>();
    const auto length = parse_decimal(*field);
    if (!length)
        return Error{Category::http_protocol, fmt::format("Content-Length {} is no size", *field)};
    return length;
}

}  // namespace

std::vector<std::string> RangeAnswer::request_headers() const {
    if (!version_.identity.ranges) return {};
    std::vector<std::string> headers{fmt::format("Range: bytes={}-{}", position_, end_ - 1)};
    if (!version_.identity.etag.empty()) headers.push_back("If-Range: " + version_.identity.etag);
    return headers;
}

Result<void> RangeAnswer::on_redirect(const HttpHead& head) {
    return read_linked_fields(head);
}

/// What the hub says of the file that its redirect leads to: the SHA-256 of its bytes and the
/// revision.
Result<void> RangeAnswer::read_linked_fields(const HttpHead& head) {
    TRY(const auto linked, head.field("x-linked-etag"));
    if (linked && linked->size() == 66 && is_strong_etag(*linked) &&
        is_sha256_hex(std::string_view(*linked).substr(1, 64))) {
        const std::string sha256 = linked->substr(1, 64);
        if (version_.known && sha256 != version_.identity.sha256)
            return Error{Category::http_changed, "the file's SHA-256 on the server is another one"};
        version_.identity.sha256 = sha256;
    }
    if (version_.known) return {};  // a later revision may have the same file
    TRY(const auto commit, head.field("x-repo-commit"));
    if (commit) version_.identity.revision = *commit;
    return {};
}

Result<void> RangeAnswer::on_head(const HttpHead& head) {
    last_.reset();
    TRY(refuse_encoding(head));
    TRY(read_linked_fields(head));
    return head.status() == 206 ? on_partial(head) : on_whole(head);
}

Result<void> RangeAnswer::on_partial(const HttpHead& head) {
    if (!version_.identity.ranges) return not_the_range("a range that was not asked for");
    TRY(const auto field, head.field("content-range"));
    const auto range = parse_content_range(field.value_or(""));
    if (!range)
        return not_the_range(field ? fmt::format("Content-Range \"{}\" is no range", *field)
                                   : "status 206 without Content-Range");
    if (range->first != position_ || range->last >= end_)
        return not_the_range(fmt::format("asked for bytes {}-{}, got {}-{}", position_, end_ - 1,
                                         range->first, range->last));
    TRY(const auto length, content_length(head));
    if (length && *length != range->last - range->first + 1)
        return not_the_range(
            fmt::format("Content-Length {} for bytes {}-{}", *length, range->first, range->last));
    TRY(const auto etag, head.field("etag"));
    TRY(compare(range->total, etag.value_or("")));
    end_ = std::min(end_, range->total);
    body_at_ = position_;
    body_end_ = range->last + 1;
    return {};
}

Result<void> RangeAnswer::on_whole(const HttpHead& head) {
    if (version_.known && version_.identity.ranges)
        return Error{Category::http_changed,
                     "the file changed on the server, or it stopped to "
                     "answer ranges"};
    TRY(const auto length, content_length(head));
    if (!length) return not_the_range("the server ignores Range and does not tell the file's size");
    TRY(const auto etag, head.field("etag"));
    if (!version_.known) {
        version_.identity.ranges = false;
        end_ = *length <= whole_bytes_ ? *length : std::min(end_, *length);
    }
    TRY(compare(*length, etag.value_or("")));
    body_at_ = 0;
    body_end_ = *length;
    return {};
}

/// The first answer says what the file is; later ones have to agree.
Result<void> RangeAnswer::compare(uint64_t size_bytes, const std::string& etag) {
    RemoteIdentity& identity = version_.identity;
    if (!version_.known) {
        version_.known = true;
        version_.etag_as_sent = etag;
        identity.size_bytes = size_bytes;
        if (is_strong_etag(etag)) identity.etag = etag;
        return {};
    }
    if (size_bytes != identity.size_bytes)
        return Error{Category::http_changed,
                     fmt::format("the file had {} bytes on the server, now {}", identity.size_bytes,
                                 size_bytes)};
    if (etag != version_.etag_as_sent)
        return Error{Category::http_changed, "the file's ETag on the server is another one"};
    return {};
}

Result<Answer::Body> RangeAnswer::on_body(std::span<const std::byte> bytes) {
    if (bytes.size() > body_end_ - body_at_)
        return not_the_range("more bytes than the answer's range has");
    // What an answer without a range begins with, up to what was asked for.
    const uint64_t before = position_ - std::min(position_, body_at_);
    body_at_ += bytes.size();
    bytes = bytes.subspan(std::min<uint64_t>(before, bytes.size()));
    bytes = bytes.first(std::min<uint64_t>(bytes.size(), end_ - position_));
    if (!bytes.empty() && position_ + bytes.size() == body_end_) {
        last_ = bytes.back();
        bytes = bytes.first(bytes.size() - 1);
    }
    TRY(deliver(bytes));
    return position_ >= end_ ? Body::enough : Body::more;
}

Result<bool> RangeAnswer::on_end() {
    if (body_at_ < body_end_) return false;
    if (last_) TRY(deliver({&*last_, 1}));
    return true;
}

Result<void> RangeAnswer::deliver(std::span<const std::byte> bytes) {
    while (!bytes.empty()) {
        const auto piece = bytes.first(std::min(bytes.size(), kMaxPieceBytes));
        if (auto taken = sink_(piece); !taken) {
            sink_error_ = taken.error();
            return std::move(taken).error();
        }
        position_ += piece.size();
        bytes = bytes.subspan(piece.size());
    }
    return {};
}

}  // namespace m2w::fetch
