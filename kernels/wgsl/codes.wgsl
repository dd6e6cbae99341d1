// codes.wgsl - what the codes of low-bit formats stand for: entries of grids, 16 values, signs.
fn byte_of(x: u32, n: u32) -> u32 { return (x >> (8u * n)) & 255u; }

// x, negative where bits 0-3 of signs are set.
fn with_signs(x: vec4f, signs: u32) -> vec4f {
    let flip = vec4u(signs << 31u, signs << 30u, signs << 29u, signs << 28u) & vec4u(0x80000000u);
    return bitcast<vec4f>(bitcast<vec4u>(x) ^ flip);
}
// Seven signs stand for eight: the number of negative ones is even.
fn eight_signs(seven: u32) -> u32 { return (seven & 127u) | ((countOneBits(seven & 127u) & 1u) << 7u); }

// Grids (gguf/grids.h): codes of two bits, or of three bits in nibbles. The codes of four weights:
fn codes_of_2(entry: u32) -> vec4u { return vec4u(entry, entry >> 2u, entry >> 4u, entry >> 6u) & vec4u(3u); }
fn codes_of_3(entry: u32) -> vec4u { return vec4u(entry, entry >> 4u, entry >> 8u, entry >> 12u) & vec4u(7u); }
fn iq1_values(entry: u32) -> vec4f { return vec4f(codes_of_2(entry)) - 1.0; }
fn iq2_values(entry: u32) -> vec4f {
    let c = codes_of_2(entry);
    return vec4f(8u + 17u * c + (c >> vec4u(1u)));  // 8, 25, 43
}
fn iq3_s_values(entry: u32) -> vec4f { return vec4f(1u + 2u * codes_of_3(entry)); }
fn iq3_xxs_values(entry: u32) -> vec4f {
    let c = codes_of_3(entry);
    return vec4f(4u + 8u * c + 2u * (c / vec4u(7u)));  // 4, 12, 20 .. 52, 62
}

// Byte `code` of the eight (or, below, sixteen) bytes of these words, in bits 24-31.
fn pick_of_8(low: u32, high: u32, code: vec4u) -> vec4u {
    let words = select(vec4u(low), vec4u(high), (code & vec4u(4u)) != vec4u(0u));
    return words << (24u - 8u * (code & vec4u(3u)));
}
// -127 -104 -83 -65, -49 -35 -22 -10, 1 13 25 38, 53 69 89 113
fn iq4_values(code: vec4u) -> vec4f {
    let low = pick_of_8(0xbfad9881u, 0xf6eaddcfu, code);
    let high = pick_of_8(0x26190d01u, 0x71594535u, code);
    return vec4f(bitcast<vec4i>(select(low, high, (code & vec4u(8u)) != vec4u(0u))) >> vec4u(24u));
}
// E2M1, doubled: 0 1 2 3, 4 6 8 12, and the same negative.
fn e2m1_doubled(code: vec4u) -> vec4f {
    let magnitude = vec4f(pick_of_8(0x03020100u, 0x0c080604u, code) >> vec4u(24u));
    return bitcast<vec4f>(bitcast<vec4u>(magnitude) ^ ((code & vec4u(8u)) << vec4u(28u)));
}
