// odd_rows.wgsl - units of rows that are not whole units, one weight after the other.
fn load8(row: u32, g: u32, j: u32, s: Scale) -> Weights8 {
    var eight: Weights8;
    for (var e = 0u; e < 4u; e++) {
        eight.lo[e] = one_weight(row, 8u * g + e);
        eight.hi[e] = one_weight(row, 8u * g + 4u + e);
    }
    return eight;
}
