// matmul_int8.wgsl - as matmul, and norm_matmul where NORMED, of activations rounded to 8 bits, by round_rows.wgsl or, with ROW,
// here: sums inside of a group of 32 are exact integers, as floats. For formats whose groups are that long and have a scale alone.
#include "weights.wgsl"
#if NORMED
#include "norm.wgsl"
#else
#if ROW
#include "round_row.wgsl"
const norm_scale = 1.0;
#else
const part = 0u;
const norm_scale = 1.0;
#endif
#endif
#include "matmul_store.wgsl"
fn work(owner: u32, z: u32, lane: u32) {
    let first = owner * kRows;
    if (first >= w_rows) { return; }
    let column0 = z * kCols;
    let groups = k / 32u;
#repeat c $COLS
#if ROW
    let base$c = 0u;
#else
    let base$c = min(column0 + ${c}u, rows() - 1u) * groups;
#endif
#endrepeat
#repeat r $ROWS
    let row$r = weight_row(first + ${r}u);
#repeat c $COLS
    var sum${r}_$c = 0.0;
#endrepeat
#endrepeat
    for (var g = lane; g < groups; g += LANES) {
#repeat c $COLS
        let x$c = part + 9u * (base$c + g);
#endrepeat
#repeat r $ROWS
        let block$r = row$r * groups + g;
#repeat c $COLS
        var dots${r}_$c = 0.0;
#endrepeat
#endrepeat
        for (var i = 0u; i < 8u; i++) {
#repeat c $COLS
            let codes$c = signed_bytes(scratch[x$c + i]);
#endrepeat
#repeat r $ROWS
            let w$r = signed_bytes(signed_codes(block$r, i));
#repeat c $COLS
            dots${r}_$c += dot(w$r, codes$c);
#endrepeat
#endrepeat
        }
#repeat c $COLS
        let scale$c = norm_scale * kSignedByte * kSignedByte * bitcast<f32>(scratch[x$c + 8u]);
#endrepeat
#repeat r $ROWS
        let d$r = load_scale(row$r, g);
#repeat c $COLS
        sum${r}_$c += d$r * scale$c * dots${r}_$c;
#endrepeat
#endrepeat
    }
    var sums: array<f32, kSums>;
#repeat r $ROWS
#repeat c $COLS
    sums[(${r}u / kSides * kCols + ${c}u) * kSides + ${r}u % kSides] = sum${r}_$c;
#endrepeat
#endrepeat
    store_sums(sums, first, column0, lane);
}
