// rope_table.wgsl - cos and sin of every rotated pair of the batch, exact in the phase at any position.

// cos and sin of a turn fraction in [-1/8, 1/8]: Taylor series in the angle, next terms below 3e-8 at pi/4.
// WGSL's own sin and cos promise only 2^-11.
fn cos_sin_octant(turn: f32) -> vec2f {
    let angle = turn * 6.283185307179586;
    let q = angle * angle;
    return vec2f(1.0 + q * (-0.5 + q * (1.0 / 24.0 + q * (-1.0 / 720.0 + q * (1.0 / 40320.0)))),
                 angle * (1.0 + q * (-1.0 / 6.0 + q * (1.0 / 120.0 + q * (-1.0 / 5040.0 + q * (1.0 / 362880.0))))));
}

// The upper word of a product of words.
fn high_product(a: u32, b: u32) -> u32 {
    let low = (a & 0xffffu) * (b & 0xffffu);
    let mid1 = (a >> 16u) * (b & 0xffffu) + (low >> 16u);
    let mid2 = (a & 0xffffu) * (b >> 16u) + (mid1 & 0xffffu);
    return (a >> 16u) * (b >> 16u) + (mid1 >> 16u) + (mid2 >> 16u);
}

fn work(owner: u32, z: u32, lane: u32) {
    if (owner >= batch.n_tok * n_pairs) { return; }
    let pair = owner % n_pairs;
    let position = batch.pos + owner / n_pairs;

    // phase = position * turns mod 1 with 64 fraction bits; only the high word matters after the carry.
    var turn = vec2u(turns[2u * pair], turns[2u * pair + 1u]);
#if turns_long
    if (batch.n_ctx > short_context) { turn = vec2u(turns_long[2u * pair], turns_long[2u * pair + 1u]); }
#endif
    let phase = turn.y * position + high_product(turn.x, position);

    // Nearest quarter turn, and the signed rest in [-1/8, 1/8].
    let quarter = (phase + 0x20000000u) >> 30u;
    let rest = bitcast<i32>(phase - (quarter << 30u));
    let cs = cos_sin_octant(f32(rest) * (1.0 / 4294967296.0));
    var turned = cs;
    if (quarter == 1u) { turned = vec2f(-cs.y, cs.x); }
    if (quarter == 2u) { turned = -cs; }
    if (quarter == 3u) { turned = vec2f(cs.y, -cs.x); }
    y[2u * owner] = magnitude * turned.x;
    y[2u * owner + 1u] = magnitude * turned.y;
}
