// fuzz_range.cpp — libFuzzer: a server's answers as a script, see check_range.h.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "gguf/fetch/fuzz/check_range.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    m2w::fetch::fuzz::check_range({reinterpret_cast<const char*>(data), size});
    return 0;
}
