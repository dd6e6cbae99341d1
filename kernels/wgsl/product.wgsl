// product.wgsl - the sides of a matrix product, for matmul and, with EXPERTS, for expert_matmul. A column is a row of
// y: an activation row, or a slot, whose expert says which weight rows it takes.
#if EXPERTS
fn store(expert: u32, i: u32, column: u32, product: f32) {
    var sum = product;
#if bias
    sum += bias[expert * m + i];
#endif
    y[column * m + i] = sum;
}
#else
fn store(i: u32, column: u32, product: f32) {
    var at = w_row0 + i;
    var sum = product;
#if bias
    sum += bias[at];
#endif
#if y2
    if (at >= m) {  // of another product of the same activations
        at -= m;
#if y3
        if (at >= m2) {
            y3[column * m3 + at - m2] = sum;
            return;
        }
#endif
        y2[column * m2 + at] = sum;
        return;
    }
#endif
#if residual
    sum += residual[column * m + at];
#endif
    y[column * m + at] = sum;
}
#endif

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
