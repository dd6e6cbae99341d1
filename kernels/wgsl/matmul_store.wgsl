// matmul_store.wgsl - where the sums of a matmul go, ROWS * COLS of them a lane: sum r * COLS + c is of weight row
// first + r and column column0 + c.
const kSums = (${ROWS}u * ${COLS}u + 3u) / 4u * 4u;
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
// One reduction and one store, in a loop: SwiftShader takes minutes to compile one for each sum.
fn store_sums(sums: array<f32, kSums>, first: u32, column0: u32, lane: u32) {
    for (var i = 0u; i < kSums; i += 4u) {
        let four = lane_sum4(vec4f(sums[i], sums[i + 1u], sums[i + 2u], sums[i + 3u]), lane);
        for (var j = 0u; j < 4u; j++) {
            let row = first + (i + j) / ${COLS}u;
            let column = column0 + (i + j) % ${COLS}u;
            if (lane == 0u && i + j < ${ROWS}u * ${COLS}u && row < w_rows && column < rows()) {
                store(row, column, four[j]);
            }
        }
    }
}
