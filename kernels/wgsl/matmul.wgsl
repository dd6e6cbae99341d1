// matmul.wgsl - matmul, and norm_matmul where NORMED: one owner ROWS weight rows and, of COLS columns, those from z * COLS on:
// a weight is loaded once for all of them.
#include "weights.wgsl"
#include "product.wgsl"
#if NORMED
#include "norm.wgsl"
#endif
#include "matmul_store.wgsl"
override kUnits = ($COLUMNS + 7u) / 8u;
fn work(owner: u32, z: u32, lane: u32) {
    let first = owner * kRows;
    let column0 = z * kCols;
#if FOURS
    if (subgroupAll(first >= w_rows)) { return; }  // none of four leaves the others
#repeat c $FOURS
    let base$c = x_row(min(column0 + ${c}u + four, rows() - 1u));
#endrepeat
#else
    if (first >= w_rows) { return; }
#repeat c $COLS
    let base$c = x_row(min(column0 + ${c}u, rows() - 1u));
#endrepeat
#endif
#repeat r $ROWS
    let row$r = weight_row(first + ${r}u);
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
            let at = unit_at(g, j);
#if FOURS
            let los = array(
#repeat c $FOURS
                load_x4(base$c, at),
#endrepeat
            );
            let his = array(
#repeat c $FOURS
                load_x4(base$c, at + kHiOffset),
#endrepeat
            );
#endif
#repeat c $COLS
#if FOURS
            let lo$c = subgroupBroadcast(los[${c}u / 4u], ${c}u % 4u);
            let hi$c = subgroupBroadcast(his[${c}u / 4u], ${c}u % 4u);
#else
            let lo$c = load_x4(base$c, at);
            let hi$c = load_x4(base$c, at + kHiOffset);
#endif
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
        let at = unit_at(u / kGroupUnits, u % kGroupUnits);
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
    var sums: array<f32, kSums>;
#repeat r $ROWS
#repeat c $COLS
    sums[(${r}u / kSides * kCols + ${c}u) * kSides + ${r}u % kSides] = sum${r}_$c;
#endrepeat
#endrepeat
    store_sums(sums, first, column0, lane);
}
