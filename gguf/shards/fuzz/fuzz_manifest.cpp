// fuzz_manifest.cpp — libFuzzer target: the bytes of a manifest (check_manifest.h).
#include <cstdint>

#include "gguf/shards/fuzz/check_manifest.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    m2w::shards::fuzz::check_manifest(std::as_bytes(std::span(data, size)));
    return 0;
}
