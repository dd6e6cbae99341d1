// range_answer.h — puts a range of a file together from the answers of a server, and refuses those
// that are of another range, file or version. Asks nothing itself.
#pragma once
#include <cstdint>
#include <optional>

#include "gguf/fetch/client.h"
#include "gguf/fetch/remote_file.h"

namespace m2w::fetch {

/// What is known of a file, and what it may not change.
struct FileVersion {
    bool known = false;
    RemoteIdentity identity;
    std::string etag_as_sent;  // a weak one is no proof of equal bytes, but of a change
};

class RangeAnswer : public Answer {
  public:
    /// Delivers [begin, end) of the file to the sink. Of a file that is not known yet, the first
    /// answer says what it is and how much of the range exists; of one that comes without ranges
    /// and has at most whole_bytes, all of it is delivered.
    RangeAnswer(FileVersion version, uint64_t begin, uint64_t end, uint64_t whole_bytes,
                const ByteSink& sink)
        : version_(std::move(version)),
          begin_(begin),
          end_(end),
          position_(begin),
          whole_bytes_(whole_bytes),
          sink_(sink) {}

    const FileVersion& version() const { return version_; }
    /// Whether the error that ended the GET is the sink's.
    const std::optional<Error>& sink_error() const { return sink_error_; }

    bool done() const override { return version_.known && position_ >= end_; }
    uint64_t delivered() const override { return position_ - begin_; }
    std::vector<std::string> request_headers() const override;
    Result<void> on_redirect(const HttpHead& head) override;
    Result<void> on_head(const HttpHead& head) override;
    Result<Body> on_body(std::span<const std::byte> bytes) override;
    Result<bool> on_end() override;
    bool is_known() const override { return version_.known; }

  private:
    Result<void> read_linked_fields(const HttpHead& head);
    Result<void> on_partial(const HttpHead& head);
    Result<void> on_whole(const HttpHead& head);
    Result<void> deliver(std::span<const std::byte> bytes);
    Result<void> compare(uint64_t size_bytes, const std::string& etag);

    FileVersion version_;
    uint64_t begin_, end_;
    uint64_t position_;  // of the next byte to deliver
    uint64_t whole_bytes_;
    const ByteSink& sink_;
    std::optional<Error> sink_error_;
    // The answer that is coming in:
    uint64_t body_at_ = 0;   // the file's offset of its next byte
    uint64_t body_end_ = 0;  // where it has to end
    // Its last byte waits until the answer has ended well, so that one which breaks off behind it
    // is asked for again.
    std::optional<std::byte> last_;
};

}  // namespace m2w::fetch
