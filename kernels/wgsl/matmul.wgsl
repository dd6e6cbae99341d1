// matmul.wgsl - one owner ROWS weight rows and, of COLS columns, those from z * COLS on: a weight is loaded once for all
// of them.
#include "weights.wgsl"
#include "product.wgsl"
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
override kUnits = ($COLUMNS + 7u) / 8u;
const kSums = (${ROWS}u * ${COLS}u + 3u) / 4u * 4u;
fn work(owner: u32, z: u32, lane: u32) {
    let first = owner * ${ROWS}u;
    if (first >= w_rows) { return; }
    let column0 = z * ${COLS}u;
#repeat c $COLS
    let base$c = min(column0 + ${c}u, rows() - 1u) * k;
#endrepeat
#repeat r $ROWS
    let row$r = min(first + ${r}u, w_rows - 1u);
#repeat c $COLS
    var sum${r}_$c = 0.0;
#endrepeat
#endrepeat
#if ALONE
    for (var g = 0u; g < (kUnits + kGroupUnits - 1u) / kGroupUnits; g++) {
#repeat r $ROWS
        let scale$r = load_scale(row$r, g);
#endrepeat
        for (var j = 0u; j < kGroupUnits; j++) {
            let at = unit_k(g * kGroupUnits + j);
#repeat c $COLS
            let lo$c = load_x4(base$c, at);
            let hi$c = load_x4(base$c, at + kHiOffset);
#endrepeat
#repeat r $ROWS
            let w$r = load8(row$r, g, j, scale$r);
#repeat c $COLS
            sum${r}_$c += dot(w$r.lo, lo$c) + dot(w$r.hi, hi$c);
#endrepeat
#endrepeat
        }
    }
#else
    for (var u = lane; u < kUnits; u += LANES) {
        let at = unit_k(u);
#repeat c $COLS
        let lo$c = load_x4(base$c, at);
        let hi$c = load_x4(base$c, at + kHiOffset);
#endrepeat
#repeat r $ROWS
        let w$r = load_unit(row$r, u);
#repeat c $COLS
        sum${r}_$c += dot(w$r.lo, lo$c) + dot(w$r.hi, hi$c);
#endrepeat
#endrepeat
    }
#endif
    // One reduction and one store in a loop: SwiftShader takes minutes to compile one for each sum.
    var sums: array<f32, kSums>;
#repeat r $ROWS
#repeat c $COLS
    sums[${r}u * ${COLS}u + ${c}u] = sum${r}_$c;
#endrepeat
#endrepeat
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
