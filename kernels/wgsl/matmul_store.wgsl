// matmul_store.wgsl - which weight rows an owner has, and where the sums of a matmul go, ROWS * COLS of them a lane: sum
// r * COLS + c is of row first + r and column column0 + c. A gated product's rows alternate between the weight's halves,
// gate and up: SIDES rows are an element of y, and their sums stand side by side.
const kRows = ${ROWS}u;
const kCols = ${COLS}u;
const kSides = ${SIDES}u;
const kSums = (kRows * kCols + 3u) / 4u * 4u;
fn weight_row(i: u32) -> u32 {
    let row = min(i, w_rows - 1u);
#if gated_by
    return row / 2u + row % 2u * (w_rows / 2u);
#else
    return row;
#endif
}
#if gated_by
#include "activation.wgsl"
fn store(i: u32, column: u32, gate: f32, up: f32) {
    let at = (w_row0 + i) / 2u;
#if bias
    y[column * m + at] = glu(gate + bias[at], up + bias[m + at]);
#else
    y[column * m + at] = glu(gate, up);
#endif
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
// One reduction and one store, in a loop: SwiftShader takes minutes to compile one for each sum.
fn store_sums(sums: array<f32, kSums>, first: u32, column0: u32, lane: u32) {
    for (var i = 0u; i < kSums; i += 4u) {
        let four = lane_sum4(vec4f(sums[i], sums[i + 1u], sums[i + 2u], sums[i + 3u]), lane);
        for (var j = 0u; j < 4u; j += kSides) {
            let at = (i + j) / kSides;
            let row = first + at / kCols * kSides;
            let column = column0 + at % kCols;
            if (lane == 0u && i + j < kRows * kCols && row < w_rows && column < rows()) {
#if gated_by
                store(row, column, four[j], four[j + 1u]);
#else
                store(row, column, four[j]);
#endif
            }
        }
    }
}
