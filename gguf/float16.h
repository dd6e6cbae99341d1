// float16.h — IEEE half and bfloat16 to and from float, exact and round-to-nearest-even. No
// hardware needed.
#pragma once
#include <bit>
#include <cstdint>

namespace m2w {

/// Exact. Written without branches, so that loops over it vectorise; NaN payloads survive.
inline float f16_to_f32(uint16_t h) {
    const uint32_t sign = uint32_t(h & 0x8000u) << 16;
    const uint32_t shifted = uint32_t(h & 0x7fffu) << 13;  // exponent and mantissa in f32's places
    const uint32_t rebias = 112u << 23;                    // 127 - 15
    const uint32_t normal = shifted + rebias;
    const uint32_t special = normal + rebias;  // exponent 31 becomes 255
    // Subnormal: 2^-14 * (1 + mantissa / 1024) - 2^-14 is exact, and so is the difference for zero.
    const uint32_t subnormal =
        std::bit_cast<uint32_t>(std::bit_cast<float>(normal + (1u << 23)) - 0x1p-14f);
    const uint32_t finite = shifted < (1u << 23) ? subnormal : normal;
    return std::bit_cast<float>(sign | (shifted < (31u << 23) ? finite : special));
}

inline uint16_t f32_to_f16(float f) {
    const uint32_t bits = std::bit_cast<uint32_t>(f);
    const uint16_t sign = uint16_t((bits >> 16) & 0x8000u);
    const uint32_t magnitude = bits & 0x7fffffffu;
    if (magnitude > 0x7f800000u)
        return uint16_t(sign | 0x7e00u | ((magnitude >> 13) & 0x1ffu));  // NaN
    if (magnitude >= 0x477ff000u) return uint16_t(sign | 0x7c00u);       // rounds past 65504
    if (magnitude < 0x38800000u) {  // subnormal half: scale so that the FPU rounds
        const float scaled =
            std::bit_cast<float>(magnitude) + 0.5f;  // ulp of 0.5 is 2^-24, the subnormal step
        return uint16_t(sign | (std::bit_cast<uint32_t>(scaled) - 0x3f000000u));
    }
    const uint32_t odd = (magnitude >> 13) & 1u;
    return uint16_t(sign | ((magnitude - 0x38000000u + 0xfffu + odd) >> 13));
}

inline float bf16_to_f32(uint16_t b) {
    return std::bit_cast<float>(uint32_t(b) << 16);
}

/// Round to nearest, ties to even; a NaN stays a NaN (quiet).
inline uint16_t f32_to_bf16(float f) {
    const uint32_t bits = std::bit_cast<uint32_t>(f);
    if ((bits & 0x7fffffffu) > 0x7f800000u) return uint16_t((bits >> 16) | 0x40u);
    return uint16_t((bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16);
}

}  // namespace m2w
