// float16_test.cpp — half and bfloat16 conversions against arithmetic on their definition in long
// double, which holds every half, every float and every midpoint exactly.
#include "gguf/float16.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <limits>
#include <random>

namespace m2w {
namespace {

static_assert(std::numeric_limits<long double>::digits >= 53);

/// The value of 16 bits with e exponent bits and m mantissa bits; the all-ones exponent excluded.
long double value_of(uint32_t bits, int e, int m) {
    const int bias = (1 << (e - 1)) - 1;
    const long double sign = bits >> 15 ? -1.0L : 1.0L;
    const int exponent = int((bits >> m) & ((1u << e) - 1));
    const long double mantissa = bits & ((1u << m) - 1);
    if (exponent == 0) return sign * std::ldexp(mantissa, 1 - bias - m);
    return sign * std::ldexp(mantissa + std::ldexp(1.0L, m), exponent - bias - m);
}

/// Round to nearest, ties to even, by search between neighbours. f is finite.
uint16_t nearest(float f, int e, int m) {
    const uint32_t infinity = ((1u << e) - 1) << m;
    const uint16_t sign = std::signbit(f) ? 0x8000 : 0;
    const long double x = std::fabs((long double)(f));
    uint32_t low = 0, high = infinity;  // value(low) <= x; infinity counts as the next power of two
    const auto value = [&](uint32_t bits) {
        return bits == infinity ? std::ldexp(1.0L, 1 << (e - 1)) : value_of(bits, e, m);
    };
    if (x >= value(infinity)) return uint16_t(sign | infinity);
    while (high - low > 1) {
        const uint32_t middle = (low + high) / 2;
        (value(middle) <= x ? low : high) = middle;
    }
    const long double below = x - value(low), above = value(high) - x;
    const bool up = above < below || (above == below && (low & 1));
    return uint16_t(sign | (up ? high : low));
}

TEST(float16, all_halves_convert_to_their_exact_value) {
    for (uint32_t h = 0; h < 65536; h++) {
        const float got = f16_to_f32(uint16_t(h));
        ASSERT_EQ(std::signbit(got), bool(h >> 15)) << h;
        if ((h & 0x7c00) != 0x7c00) {
            ASSERT_EQ((long double)(got), value_of(h, 5, 10)) << h;
        } else if (h & 0x3ff) {
            ASSERT_TRUE(std::isnan(got)) << h;
            ASSERT_EQ(std::bit_cast<uint32_t>(got) & 0x7fffffu, (h & 0x3ffu) << 13) << h;
        } else {
            ASSERT_TRUE(std::isinf(got)) << h;
        }
    }
}

TEST(float16, all_bfloats_convert_to_their_exact_value) {
    for (uint32_t b = 0; b < 65536; b++) {
        const float got = bf16_to_f32(uint16_t(b));
        ASSERT_EQ(std::signbit(got), bool(b >> 15)) << b;
        if ((b & 0x7f80) != 0x7f80) {
            ASSERT_EQ((long double)(got), value_of(b, 8, 7)) << b;
        } else {
            ASSERT_EQ(std::isnan(got), (b & 0x7f) != 0) << b;
            ASSERT_EQ(std::isinf(got), (b & 0x7f) == 0) << b;
        }
    }
}

TEST(float16, all_halves_survive_the_way_to_float_and_back) {
    for (uint32_t h = 0; h < 65536; h++) {
        const uint16_t back = f32_to_f16(f16_to_f32(uint16_t(h)));
        const bool nan = (h & 0x7fff) > 0x7c00;
        ASSERT_EQ(back, nan ? h | 0x200 : h) << h;  // a NaN becomes quiet
    }
}

void expect_nearest(float f) {
    ASSERT_EQ(f32_to_f16(f), nearest(f, 5, 10)) << std::hexfloat << f;
    ASSERT_EQ(f32_to_bf16(f), nearest(f, 8, 7)) << std::hexfloat << f;
}

TEST(float16, floats_beside_every_half_and_every_midpoint_round_to_nearest_even) {
    for (uint32_t h = 0; h < 0x7c00; h++) {
        const float low = float(value_of(h, 5, 10));
        const long double next = h + 1 == 0x7c00 ? 65536.0L : value_of(h + 1, 5, 10);
        const float middle = float((value_of(h, 5, 10) + next) / 2);
        for (const float f : {low, middle})
            for (const float g : {std::nextafter(f, -1.0f), f, std::nextafter(f, 1e9f)}) {
                expect_nearest(g);
                expect_nearest(-g);
            }
    }
}

TEST(float16, floats_beside_every_bfloat_and_every_midpoint_round_to_nearest_even) {
    for (uint32_t b = 0; b < 0x7f80; b++)
        for (const uint32_t bits : {b << 16, (b << 16) + 0x7fff, (b << 16) + 0x8000,
                                    (b << 16) + 0x8001, (b << 16) + 0xffff}) {
            expect_nearest(std::bit_cast<float>(bits));
            expect_nearest(std::bit_cast<float>(bits | 0x80000000u));
        }
}

TEST(float16, random_floats_round_to_nearest_even) {
    std::mt19937 random(20240117);
    for (int i = 0; i < 300'000; i++) {
        const float f = std::bit_cast<float>(uint32_t(random()));
        if (std::isfinite(f)) expect_nearest(f);
    }
}

TEST(float16, nan_and_infinity_stay_what_they_are) {
    const float inf = std::numeric_limits<float>::infinity();
    EXPECT_EQ(f32_to_f16(inf), 0x7c00);
    EXPECT_EQ(f32_to_f16(-inf), 0xfc00);
    EXPECT_EQ(f32_to_bf16(inf), 0x7f80);
    EXPECT_EQ(f32_to_bf16(-inf), 0xff80);
    for (const uint32_t bits : {0x7f800001u, 0x7fc00000u, 0x7fffffffu, 0xff800001u, 0xffffffffu}) {
        const float nan = std::bit_cast<float>(bits);
        EXPECT_TRUE(std::isnan(f16_to_f32(f32_to_f16(nan)))) << bits;
        EXPECT_TRUE(std::isnan(bf16_to_f32(f32_to_bf16(nan)))) << bits;
    }
}

}  // namespace
}  // namespace m2w
