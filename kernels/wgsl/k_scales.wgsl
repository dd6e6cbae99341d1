// k_scales.wgsl - the packed scales of Q4_K and Q5_K. Plane hd, 16 bytes a block: half d, half dmin, then eight 6-bit
// scales and eight 6-bit minima in 12 bytes: 0-3 in the low six bits of bytes 0-3 (minima: 4-7); 4-7 in the nibbles of
// bytes 8-11 (minima: high nibbles) and the top two bits of bytes 0-3 (minima: 4-7).

// {scale, minimum} of group j (0..7), multiplied out: w = result.x * q - result.y.
fn k_scale(hd: vec4u, j: u32) -> vec2f {
    let shift = 8u * (j & 3u);
    var both = (hd.yz >> vec2u(shift)) & vec2u(63u);
    if (j >= 4u) {
        both = ((vec2u(hd.w, hd.w >> 4u) >> vec2u(shift)) & vec2u(15u)) |
               (((hd.yz >> vec2u(shift + 6u)) & vec2u(3u)) << vec2u(4u));
    }
    return unpack2x16float(hd.x) * vec2f(both);
}

// Scale and minimum of groups j and j + 1.
fn k_scale_pair(hd: vec4u, j: u32) -> vec4f { return vec4f(k_scale(hd, j), k_scale(hd, j + 1u)); }
