// product.wgsl - the activations of a matrix product, for matmul and expert_matmul.

// Four activations from an index of a row that is a multiple of four; behind the row they are 0.
#if NORMED
fn load_x4(base: u32, i: u32) -> vec4f { return normed[i / 4u]; }
#else
#if ALIGNED
fn load_x4(base: u32, i: u32) -> vec4f { return x[(base + i) / 4u]; }
#else
fn x_or_0(base: u32, i: u32) -> f32 { return select(0.0, x[base + min(i, k - 1u)], i < k); }
fn load_x4(base: u32, i: u32) -> vec4f {
    return vec4f(x_or_0(base, i), x_or_0(base, i + 1u), x_or_0(base, i + 2u), x_or_0(base, i + 3u));
}
#endif
#endif
