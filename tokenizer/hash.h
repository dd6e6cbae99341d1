// hash.h — keyed hashes: no model file can choose texts that collide. Not for storage, not for
// signatures.
#pragma once
#include <bit>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace m2w::tokenizer {

/// A random key, drawn once a process. Results never depend on it, only the place in a table.
struct HashKey {
    uint64_t k0, k1;
    static const HashKey& of_process();
};

/// SipHash-1-3 (Aumasson and Bernstein, "SipHash: a fast short-input PRF", 2012).
inline uint64_t hash_text(std::string_view text, const HashKey& key) {
    uint64_t v0 = key.k0 ^ 0x736f6d6570736575, v1 = key.k1 ^ 0x646f72616e646f6d;
    uint64_t v2 = key.k0 ^ 0x6c7967656e657261, v3 = key.k1 ^ 0x7465646279746573;
    const auto round = [&] {
        v0 += v1, v2 += v3;
        v1 = std::rotl(v1, 13) ^ v0, v3 = std::rotl(v3, 16) ^ v2;
        v0 = std::rotl(v0, 32);
        v2 += v1, v0 += v3;
        v1 = std::rotl(v1, 17) ^ v2, v3 = std::rotl(v3, 21) ^ v0;
        v2 = std::rotl(v2, 32);
    };
    const auto absorb = [&](uint64_t word) {
        v3 ^= word;
        round();
        v0 ^= word;
    };
    size_t at = 0;
    for (; text.size() - at >= 8; at += 8) {
        uint64_t word;
        std::memcpy(&word, text.data() + at, 8);
        absorb(word);
    }
    uint64_t last = uint64_t(text.size()) << 56;
    for (size_t i = 0; at + i < text.size(); i++)
        last |= uint64_t(uint8_t(text[at + i])) << (8 * i);
    absorb(last);
    v2 ^= 0xff;
    round(), round(), round();
    return v0 ^ v1 ^ v2 ^ v3;
}

/// Mixes one 64-bit value under the key; a bijection, cheaper than hash_text.
inline uint64_t hash_word(uint64_t word, const HashKey& key) {
    word = (word ^ key.k0) * (key.k1 | 1);
    word ^= word >> 32;
    word *= 0x9e3779b97f4a7c15;  // 2^64 divided by the golden ratio
    return word ^ (word >> 29);
}

}  // namespace m2w::tokenizer
