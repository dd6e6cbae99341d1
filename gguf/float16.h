// float16.h — IEEE half and bfloat16 to and from float, exact and round-to-nearest-even. No
// hardware needed.
#pragma once
#include <bit>
#include <cstdint>

namespace m2w {

inline float f16_to_f32(uint16_t h) {
    const uint32_t sign = uint32_t(h & 0x8000u) << 16;
    uint32_t exponent = (h >> 10) & 0x1fu;
    uint32_t mantissa = h & 0x3ffu;
    if (exponent == 0x1f) return std::bit_cast<float>(sign | 0x7f800000u | (mantissa << 13));
    if (exponent == 0) {  // zero or subnormal: value = mantissa * 2^-24
        const float magnitude = float(mantissa) * 0x1p-24f;
        return std::bit_cast<float>(sign | std::bit_cast<uint32_t>(magnitude));
    }
    return std::bit_cast<float>(sign | ((exponent + 112) << 23) | (mantissa << 13));
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

}  // namespace m2w
