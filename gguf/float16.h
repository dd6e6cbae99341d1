// float16.h — IEEE half and bfloat16 to and from float, exact and round-to-nearest-even. No
// hardware needed.
#pragma once
#include <bit>
#include <cstdint>

namespace m2w {

/// Exact. Written without branches, so that loops over it vectorise; NaN payloads survive.
inline float f16_to_f32(uint16_t h) {
    const int32_t shifted = (h & 0x7fff) << 13;  // exponent and mantissa in f32's places
    const int32_t rebias = 112 << 23;            // 127 - 15
    // All ones where the condition holds: masks, because g++ turns selects around a float
    // subtraction into jumps.
    const int32_t is_special = -int32_t(shifted >= 31 << 23);  // infinity or NaN
    const int32_t is_subnormal = -int32_t(shifted < 1 << 23);  // or zero
    const int32_t normal = shifted + rebias + (rebias & is_special);
    // 2^-14 * (1 + mantissa / 1024) - 2^-14 is exact.
    const int32_t subnormal =
        std::bit_cast<int32_t>(std::bit_cast<float>(shifted + rebias + (1 << 23)) - 0x1p-14f);
    const int32_t magnitude = (subnormal & is_subnormal) | (normal & ~is_subnormal);
    return std::bit_cast<float>(uint32_t(magnitude) | uint32_t(h & 0x8000) << 16);
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
