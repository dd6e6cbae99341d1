// codes.glsl - what the codes of low-bit formats stand for: entries of grids, 16 values, signs.

uint byte_of(uint w, uint n) { return (w >> (8 * n)) & 255u; }

// w, negative where bits 0-3 of signs are set.
vec4 with_signs(vec4 w, uint signs) {
    const uvec4 flip = uvec4(signs << 31, signs << 30, signs << 29, signs << 28) & 0x80000000u;
    return uintBitsToFloat(floatBitsToUint(w) ^ flip);
}
// Seven signs stand for eight: the number of negative ones is even.
uint eight_signs(uint seven) { return (seven & 127u) | ((uint(bitCount(seven & 127u)) & 1u) << 7); }

// Grids (gguf/grids.h): codes of two bits, or of three bits in nibbles. The codes of four weights:
uvec4 codes_of_2(uint entry) { return uvec4(entry, entry >> 2, entry >> 4, entry >> 6) & 3u; }
uvec4 codes_of_3(uint entry) { return uvec4(entry, entry >> 4, entry >> 8, entry >> 12) & 7u; }
vec4 iq1_values(uint entry) { return vec4(codes_of_2(entry)) - 1.0; }
vec4 iq2_values(uint entry) {
    const uvec4 c = codes_of_2(entry);
    return vec4(8u + 17u * c + (c >> 1));  // 8, 25, 43
}
vec4 iq3_s_values(uint entry) { return vec4(1u + 2u * codes_of_3(entry)); }
vec4 iq3_xxs_values(uint entry) {
    const uvec4 c = codes_of_3(entry);
    return vec4(4u + 8u * c + 2u * (c / 7u));  // 4, 12, 20 .. 52, 62
}

// Byte `code` of the eight (or, below, sixteen) bytes of these words, in bits 24-31.
uvec4 pick_of_8(uint low, uint high, uvec4 code) {
    return mix(uvec4(low), uvec4(high), notEqual(code & 4u, uvec4(0))) << (24u - 8u * (code & 3u));
}
// -127 -104 -83 -65, -49 -35 -22 -10, 1 13 25 38, 53 69 89 113
vec4 iq4_values(uvec4 code) {
    const uvec4 low = pick_of_8(0xbfad9881u, 0xf6eaddcfu, code), high = pick_of_8(0x26190d01u, 0x71594535u, code);
    return vec4(ivec4(mix(low, high, notEqual(code & 8u, uvec4(0)))) >> 24);
}
// E2M1, doubled: 0 1 2 3, 4 6 8 12, and the same negative.
vec4 e2m1_doubled(uvec4 code) {
    const vec4 magnitude = vec4(pick_of_8(0x03020100u, 0x0c080604u, code) >> 24);
    return uintBitsToFloat(floatBitsToUint(magnitude) ^ ((code & 8u) << 28));
}
