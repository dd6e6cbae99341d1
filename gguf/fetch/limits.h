// limits.h — every limit that a server and a name are held to, as docs/streaming.md lists them.
// Numbers only.
#pragma once
#include <chrono>
#include <cstddef>
#include <cstdint>

namespace m2w::fetch {

constexpr uint64_t kMaxHeadBytes = 100'000;  // of one exchange, interim heads and trailers included
constexpr size_t kMaxHeadFields = 256;
constexpr int kMaxRedirects = 5;
constexpr size_t kMaxTokenBytes = 8192;
constexpr uint64_t kMaxListingBytes = 16u << 20;

// Defaults of FetchOptions.
constexpr uint32_t kTries = 4;
constexpr std::chrono::milliseconds kBackoff{500};
constexpr std::chrono::milliseconds kMaxRetryAfter{30'000};
constexpr std::chrono::milliseconds kConnectTimeout{15'000};
constexpr uint64_t kLowSpeedBytesPerSecond = 1024;
constexpr std::chrono::milliseconds kLowSpeedWindow{30'000};
constexpr uint64_t kFirstBytes = 256u << 10;

// A legal answer may be shorter than asked. One of a fair size is progress; of smaller ones so many
// in a row are allowed: halves of halves of any range, but not a file byte by byte.
constexpr uint64_t kFairAnswerBytes = 64u << 10;
constexpr int kMaxSmallAnswers = 64;

// A body that nobody wants (of a redirect, of an error) is read up to here to keep its connection.
constexpr uint64_t kMaxIgnoredBytes = 64u << 10;
// A file of a server without ranges is kept whole up to this size, instead of asking for it twice.
constexpr uint64_t kMaxWholeBytes = 1u << 20;
// The largest piece that a ByteSink gets.
constexpr size_t kMaxPieceBytes = 256u << 10;

}  // namespace m2w::fetch
