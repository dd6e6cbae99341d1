// gzip.cpp — zlib's deflate from one buffer into another.
#include "gguf/shards/gzip.h"

#include <zlib.h>

#include <algorithm>
#include <exception>
#include <vector>

namespace m2w::shards {
namespace {

constexpr uint64_t kBufferBytes = 128u << 10;
constexpr int kWithGzipHeader = 15 + 16;  // deflateInit2: the largest window, and gzip around it
constexpr int kMemoryLevel = 9;

class Deflater {
  public:
    ~Deflater() {
        if (open_) ::deflateEnd(&stream_);
    }

    Result<void> run(const Source& source, const GzipSink& sink) {
        // Without deflateSetHeader there is no name, and the time is 0.
        open_ = ::deflateInit2(&stream_, Z_BEST_COMPRESSION, Z_DEFLATED, kWithGzipHeader,
                               kMemoryLevel, Z_DEFAULT_STRATEGY) == Z_OK;
        if (!open_) return Error{Category::out_of_memory, source.name() + ": compressing"};
        const uint64_t size = source.size_bytes();
        uint64_t at = 0;
        do {
            const uint64_t n = std::min(kBufferBytes, size - at);
            TRY(source.read(at, std::span(in_).first(size_t(n))));
            at += n;
            stream_.next_in = reinterpret_cast<Bytef*>(in_.data());
            stream_.avail_in = uInt(n);
            TRY(drain(at == size ? Z_FINISH : Z_NO_FLUSH, sink));
        } while (at < size);
        return {};
    }

  private:
    /// Until all input is taken and, at the end, all output given.
    Result<void> drain(int flush, const GzipSink& sink) {
        do {
            stream_.next_out = reinterpret_cast<Bytef*>(out_.data());
            stream_.avail_out = uInt(out_.size());
            const int state = ::deflate(&stream_, flush);
            M2W_ASSERT(state != Z_STREAM_ERROR);
            TRY(sink(std::span(out_).first(out_.size() - stream_.avail_out)));
        } while (stream_.avail_out == 0);
        return {};
    }

    z_stream stream_{};
    bool open_ = false;
    std::vector<std::byte> in_ = std::vector<std::byte>(kBufferBytes);
    std::vector<std::byte> out_ = std::vector<std::byte>(kBufferBytes);
};

}  // namespace

Result<void> gzip(const Source& source, const GzipSink& sink) {
    try {
        return Deflater().run(source, sink);
    } catch (const std::exception&) {
        return Error{Category::out_of_memory, "compressing"};
    }
}

}  // namespace m2w::shards
