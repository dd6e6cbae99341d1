// fuzz_dequant.cpp — libFuzzer target: a type and blocks of it (check_dequant.h).
#include <cstdint>

#include "gguf/fuzz/check_dequant.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    m2w::fuzz::check_dequant(std::as_bytes(std::span(data, size)));
    return 0;
}
