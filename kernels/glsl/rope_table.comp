// rope_table.comp - cos and sin of every rotated pair of the batch, exact in the phase at any position.
#version 460
#include "common.glsl"
#include "rope_table.glsl"

// sin and cos of a turn fraction in [-1/8, 1/8]: Taylor series in the angle, next terms below 3e-8 at pi/4.
// GLSL's own sin and cos promise only 2^-11.
vec2 cos_sin_octant(float turns) {
    const float a = turns * 6.283185307179586;
    const float z = a * a;
    const float c = 1.0 + z * (-0.5 + z * (1.0 / 24.0 + z * (-1.0 / 720.0 + z * (1.0 / 40320.0))));
    const float s = a * (1.0 + z * (-1.0 / 6.0 + z * (1.0 / 120.0 + z * (-1.0 / 5040.0 + z * (1.0 / 362880.0)))));
    return vec2(c, s);
}

void main() {
    const uint i = global_invocation();
    if (i >= p.rows * p.n_pairs) return;
    const uint pair = i % p.n_pairs;
    const uint position = p.dynamic.pos + i / p.n_pairs;

    // phase = position * turns mod 1 with 64 fraction bits; only the high word matters after the carry.
    const bool is_long = present(p.turns_long) && p.dynamic.n_ctx > p.short_context;
    const uvec2 turn = is_long ? U32x2In(p.turns_long).v[pair] : U32x2In(p.turns).v[pair];
    uint carry, low;
    umulExtended(turn.x, position, carry, low);
    const uint phase = turn.y * position + carry;

    // Nearest quarter turn, and the signed rest in [-1/8, 1/8].
    const uint quarter = (phase + 0x20000000u) >> 30;
    const int rest = int(phase - (quarter << 30));
    const vec2 cs = cos_sin_octant(float(rest) * (1.0 / 4294967296.0));
    vec2 turned = cs;
    if (quarter == 1u) turned = vec2(-cs.y, cs.x);
    if (quarter == 2u) turned = -cs;
    if (quarter == 3u) turned = vec2(cs.y, -cs.x);
    p.y.v[2 * i] = p.magnitude * turned.x;
    p.y.v[2 * i + 1] = p.magnitude * turned.y;
}
