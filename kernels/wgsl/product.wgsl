// product.wgsl - the activations of a matrix product, for matmul and expert_matmul.

// Four activations from an index of a row that is a multiple of four; behind the row they are 0.
#if ALIGNED
fn load_x4(base: u32, i: u32) -> vec4f { return x[(base + i) / 4u]; }
#else
fn load_x4(base: u32, i: u32) -> vec4f {
    var four = vec4f();
    for (var j = 0u; j < 4u; j++) {
        if (i + j < k) { four[j] = x[base + i + j]; }
    }
    return four;
}
#endif
