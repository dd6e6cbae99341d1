// product.wgsl - the activations of a matrix product, for matmul and expert_matmul.

// Where a row of activations begins, and four i of it; behind the row they are 0.
#if NORMED
fn x_row(column: u32) -> u32 { return 0u; }
fn load_x4(base: u32, i: u32) -> vec4f { return normed4(i) * norm_scale; }
#else
#if ALIGNED
fn x_row(column: u32) -> u32 { return column * (k / 4u); }
fn load_x4(base: u32, i: u32) -> vec4f { return x[base + i]; }
#else
fn x_row(column: u32) -> u32 { return column * k; }
fn x_or_0(base: u32, i: u32) -> f32 { return select(0.0, x[base + min(i, k - 1u)], i < k); }
fn load_x4(base: u32, four: u32) -> vec4f {
    let i = 4u * four;
    return vec4f(x_or_0(base, i), x_or_0(base, i + 1u), x_or_0(base, i + 2u), x_or_0(base, i + 3u));
}
#endif
#endif
