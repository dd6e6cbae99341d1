// k_scales.glsl - the packed scales of Q4_K and Q5_K. Plane hd, 16 bytes a block: half d, half dmin, then eight 6-bit
// scales and eight 6-bit minima in 12 bytes: 0-3 in the low six bits of bytes 0-3 (minima: 4-7); 4-7 in the nibbles of
// bytes 8-11 (minima: high nibbles) and the top two bits of bytes 0-3 (minima: 4-7).

// {scale, minimum} of group j (0..7), multiplied out: w = result.x * q - result.y.
vec2 k_scale(uvec4 hd, uint j) {
    const uint shift = 8 * (j & 3u);
    uint scale, minimum;
    if (j < 4) {
        scale = (hd.y >> shift) & 63u;
        minimum = (hd.z >> shift) & 63u;
    } else {
        scale = ((hd.w >> shift) & 15u) | (((hd.y >> (shift + 6)) & 3u) << 4);
        minimum = ((hd.w >> (shift + 4)) & 15u) | (((hd.z >> (shift + 6)) & 3u) << 4);
    }
    const vec2 d = unpackHalf2x16(hd.x);
    return vec2(d.x * float(scale), d.y * float(minimum));
}

// Scale and minimum of groups j and j + 1.
vec4 k_scale_pair(uvec4 hd, uint j) { return vec4(k_scale(hd, j), k_scale(hd, j + 1)); }
