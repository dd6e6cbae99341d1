// expert_matmul.wgsl - one owner ROWS weight rows of the expert of one slot.
#include "weights.wgsl"
#include "product.wgsl"
// Row i of an expert in this piece of w; from w_rows on: in another piece.
fn w_row(expert: u32, i: u32) -> u32 { return expert * m + i - w_row0; }
fn store(expert: u32, i: u32, column: u32, product: f32) {
    var sum = product;
#if bias
    sum += bias[expert * m + i];
#endif
    y[column * m + i] = sum;
}
override kUnits = ($COLUMNS + 7u) / 8u;
fn work(owner: u32, z: u32, lane: u32) {
    let parts = (m + ${ROWS}u - 1u) / ${ROWS}u;
    let column = owner / parts;
    if (column >= rows() * n_used) { return; }
    let first = owner % parts * ${ROWS}u;
#if ids
    let expert = min(u32(ids[column]), n_expert - 1u);
#else
    let expert = column % n_used;
#endif
    let base = x_row(column / (n_used / n_x));
#repeat r $ROWS
    let row$r = w_row(expert, min(first + ${r}u, m - 1u));
    let at$r = min(row$r, w_rows - 1u);
    var sum$r = 0.0;
#endrepeat
    for (var u = lane; u < kUnits; u += LANES) {
        let at = unit_at(u / kGroupUnits, u % kGroupUnits);
        let lo = load_x4(base, at);
        let hi = load_x4(base, at + kHiOffset);
#repeat r $ROWS
        let w$r = load_unit(at$r, u);
        sum$r += dot(w$r.lo, lo) + dot(w$r.hi, hi);
#endrepeat
    }
#repeat r $ROWS
    let all$r = lane_sum(sum$r, lane);
    if (lane == 0u && first + ${r}u < m && row$r < w_rows) { store(expert, first + ${r}u, column, all$r); }
#endrepeat
}
