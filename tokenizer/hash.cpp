// hash.cpp — draws the process's hash key. No other state.
#include "tokenizer/hash.h"

#include <chrono>
#include <exception>
#include <random>

namespace m2w::tokenizer {

namespace {

HashKey draw() {
    try {
        std::random_device device;
        const auto word = [&] { return uint64_t(device()) << 32 | device(); };
        const uint64_t k0 = word();
        return {k0, word()};
    } catch (const std::exception&) {
        // No source of entropy: the clock is still unknown to whoever wrote the file.
        const auto now = uint64_t(std::chrono::steady_clock::now().time_since_epoch().count());
        return {now * 0x9e3779b97f4a7c15, ~now};
    }
}

}  // namespace

const HashKey& HashKey::of_process() {
    static const HashKey key = draw();
    return key;
}

}  // namespace m2w::tokenizer
