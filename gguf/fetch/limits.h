// limits.h — every limit that a server, a name and the cache are held to, as docs/streaming.md
// lists them. Numbers only.
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

// The cache: its files.
constexpr uint64_t kMaxFileBytes = uint64_t{1} << 44;  // 16 TiB
constexpr uint64_t kMaxRefBytes = 4u << 20;
constexpr uint64_t kMaxPinsBytes = 16u << 20;  // of m2w.lock
// Chunks have one size in a file: about a thousandth of it between these two, and more where there
// would be too many of them.
constexpr uint64_t kMinChunkBytes = 64u << 10;
constexpr uint64_t kUsualChunkBytes = 1u << 20;
constexpr uint64_t kMaxChunks = 65'536;
// A journal is its first line, and then so many records at most. A chunk needs four, one for each
// quarter; the others are for chunks that were fetched again.
constexpr uint64_t kMaxJournalHeaderBytes = 64u << 10;
constexpr uint64_t kMaxRecordBytes = 128;
constexpr uint64_t kRecordsPerChunk = 40;
// A journal is read in pieces of the first size, other files are hashed in pieces of the second.
constexpr uint64_t kJournalPieceBytes = 1u << 20;
constexpr uint64_t kHashPieceBytes = 256u << 10;
// The header is parsed in windows small enough that it costs no more than itself and 1 MiB.
constexpr uint64_t kHeaderWindowBytes = 512u << 10;

// Pulls.
constexpr uint32_t kConnections = 4;  // default of PullOptions
constexpr uint32_t kMaxConnections = 16;
// One request covers neighbouring chunks up to about this much. Several end at about the same time:
// with 2 MiB the first token of a 144 MB model came 0.6 s behind the last byte at 100 Mbit/s, with
// 8 MiB 1.25 s (bench/first_token.py).
constexpr uint64_t kRequestBytes = 2u << 20;
// So many requests a file takes at least, so that connections have something to share.
constexpr uint64_t kMinRequestsPerFile = 16;
// How long another process may hold a file without bringing anything, and the pause between two
// looks at what it brings.
constexpr std::chrono::milliseconds kPatience{120'000};
constexpr std::chrono::milliseconds kFollowPause{50};

}  // namespace m2w::fetch
