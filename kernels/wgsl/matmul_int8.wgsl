// matmul_int8.wgsl - as matmul, of activations that round_rows.wgsl has rounded to 8 bits: sums inside of a group of 32
// are exact integers, as floats where several rows share what taking bytes apart costs. For formats whose groups are that
// long and have a scale alone.
#include "weights.wgsl"
#include "matmul_store.wgsl"
fn work(owner: u32, z: u32, lane: u32) {
    let first = owner * kRows;
    if (first >= w_rows) { return; }
    let column0 = z * kCols;
    let groups = k / 32u;
#repeat c $COLS
    let base$c = min(column0 + ${c}u, rows() - 1u) * groups;
#endrepeat
#repeat r $ROWS
    let row$r = weight_row(first + ${r}u);
#repeat c $COLS
    var sum${r}_$c = 0.0;
#endrepeat
#endrepeat
    for (var g = lane; g < groups; g += LANES) {
#repeat c $COLS
        let x$c = 9u * (base$c + g);
#endrepeat
#repeat r $ROWS
        let block$r = row$r * groups + g;
#endrepeat
#if SINGLE
#repeat i 0,1,2,3,4,5,6,7
        let codes$i = rounded[x0 + ${i}u];
#endrepeat
#repeat r $ROWS
#repeat i 0,1,2,3,4,5,6,7
        let dot${r}_$i = dot4I8Packed(signed_codes(block$r, ${i}u), codes$i);
#endrepeat
        let dots${r}_0 = dot${r}_0 + dot${r}_1 + dot${r}_2 + dot${r}_3 + dot${r}_4 + dot${r}_5 + dot${r}_6 + dot${r}_7;
#endrepeat
#else
#repeat r $ROWS
#repeat c $COLS
        var dots${r}_$c = 0.0;
#endrepeat
#endrepeat
        for (var i = 0u; i < 8u; i++) {
#repeat c $COLS
            let codes$c = vec4f(unpack4xI8(rounded[x$c + i]));
#endrepeat
#repeat r $ROWS
            let w$r = vec4f(unpack4xI8(signed_codes(block$r, i)));
#repeat c $COLS
            dots${r}_$c += dot(w$r, codes$c);
#endrepeat
#endrepeat
        }
#endif
#repeat c $COLS
        let scale$c = bitcast<f32>(rounded[x$c + 8u]);
#endrepeat
#repeat r $ROWS
        let d$r = load_scale(row$r, g);
#repeat c $COLS
        sum${r}_$c += d$r * scale$c * f32(dots${r}_$c);
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
