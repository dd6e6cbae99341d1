// header_reader.cpp — the windowed cursor. Every byte of a header passes through read_bytes.
#include "gguf/header_reader.h"

#include <fmt/format.h>

#include <algorithm>

namespace m2w::gguf::detail {

HeaderReader::HeaderReader(const Source& source, uint64_t first_window_bytes,
                           uint64_t max_window_bytes)
    : source_(&source),
      size_(source.size_bytes()),
      next_window_bytes_(std::max<uint64_t>(first_window_bytes, 1)),
      max_window_bytes_(std::max(next_window_bytes_, max_window_bytes)) {}

Result<void> HeaderReader::refill() {
    const uint64_t n = std::min(next_window_bytes_, bytes_left());
    window_.resize(size_t(n));
    window_used_ = 0;
    if (auto filled = source_->read(position_, window_); !filled) {
        window_.clear();
        return std::move(filled).error();
    }
    next_window_bytes_ = std::min(next_window_bytes_ * 2, max_window_bytes_);
    return {};
}

Result<void> HeaderReader::read_bytes(std::span<std::byte> out) {
    if (out.size() > bytes_left())
        return error(Category::truncated,
                     fmt::format("need {} bytes, the file has {} left", out.size(), bytes_left()));
    while (!out.empty()) {
        if (window_used_ == window_.size()) {
            if (out.size() >= max_window_bytes_) {  // long arrays go past the window
                TRY(source_->read(position_, out));
                position_ += out.size();
                return {};
            }
            TRY(refill());
        }
        const size_t n = std::min(out.size(), window_.size() - window_used_);
        std::memcpy(out.data(), window_.data() + window_used_, n);
        window_used_ += n;
        position_ += n;
        out = out.subspan(n);
    }
    return {};
}

Result<uint64_t> HeaderReader::read_length(uint64_t limit_bytes, std::string_view what) {
    TRY(const uint64_t length, read<uint64_t>());
    if (length > bytes_left())
        return error(Category::string_length, fmt::format("{} of {} bytes, the file has {} left",
                                                          what, length, bytes_left()));
    if (length > limit_bytes)
        return error(Category::string_length,
                     fmt::format("{} of {} bytes, the limit is {}", what, length, limit_bytes));
    return length;
}

Result<std::string> HeaderReader::read_string(uint64_t limit_bytes, std::string_view what) {
    TRY(const uint64_t length, read_length(limit_bytes, what));
    std::string text(size_t(length), '\0');
    TRY(read_bytes(std::as_writable_bytes(std::span(text))));
    return text;
}

Result<void> HeaderReader::skip_string(uint64_t limit_bytes, std::string_view what) {
    TRY(uint64_t length, read_length(limit_bytes, what));
    std::array<std::byte, 512> scratch;
    while (length > 0) {
        const uint64_t n = std::min<uint64_t>(length, scratch.size());
        TRY(read_bytes(std::span(scratch).first(size_t(n))));
        length -= n;
    }
    return {};
}

Error HeaderReader::error(Category category, std::string_view message) const {
    return Error{category, fmt::format("{} ({}, byte {})", message, source_->name(), position_)};
}

std::string shortened(std::string_view text) {
    constexpr size_t kLimit = 80;
    if (text.size() <= kLimit) return std::string(text);
    size_t end = kLimit;
    while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) end--;
    return std::string(text.substr(0, end)) + "...";
}

}  // namespace m2w::gguf::detail
