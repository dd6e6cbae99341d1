// limits.h — every limit that a GGUF file is held to, as docs/limits.md lists them. Numbers only.
#pragma once
#include <cstdint>

namespace m2w::gguf {

// Fuzzing builds lower the limits, so that small inputs reach them.
#ifdef M2W_FUZZ_LIMITS
constexpr uint64_t limit(uint64_t, uint64_t when_fuzzing) {
    return when_fuzzing;
}
#else
constexpr uint64_t limit(uint64_t normal, uint64_t) {
    return normal;
}
#endif

constexpr uint64_t kMaxKeyValues = limit(65'536, 64);
constexpr uint64_t kMaxTensors = limit(32'768, 64);
constexpr uint64_t kMaxKeyBytes = limit(65'535, 128);
constexpr uint64_t kMaxTensorNameBytes = 64;  // the format's own rule
constexpr uint64_t kMaxStringBytes = limit(64u << 20, 4096);
constexpr uint64_t kMaxArrayElems = limit(1u << 24, 1024);
constexpr uint64_t kMaxNestedArrays = limit(65'536, 64);  // arrays inside arrays, per key
constexpr uint32_t kMaxArrayDepth = 4;
constexpr uint32_t kMaxDims = 4;
constexpr uint32_t kDefaultAlignment = 32;
constexpr uint32_t kMinAlignment = 8;
constexpr uint32_t kMaxAlignment = 1u << 20;
constexpr uint32_t kMaxParts = 1024;

// The header is read in windows: the first, then each twice the last up to the largest. A source
// that pays per byte never delivers more than the header plus one window.
constexpr uint64_t kFirstWindowBytes = 256u << 10;
constexpr uint64_t kMaxWindowBytes = 4u << 20;

// How many strings are believed before the file has shown them: 16 MiB of empty std::strings.
constexpr uint64_t kTrustedStrings = limit(1u << 19, 16);

}  // namespace m2w::gguf
