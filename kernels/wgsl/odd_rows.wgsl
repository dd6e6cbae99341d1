// odd_rows.wgsl - units of rows that are not whole units, one weight after the other: weight_at(i) is any element of the
// matrix, and what is behind a row counts as 0. No branches: a kernel has dozens of these.
fn weight_or_0(row: u32, i: u32) -> f32 {
    return select(0.0, weight_at(row * $COLUMNS + min(i, $COLUMNS - 1u)), i < $COLUMNS);
}
fn four_weights(row: u32, i: u32) -> vec4f {
    return vec4f(weight_or_0(row, i), weight_or_0(row, i + 1u), weight_or_0(row, i + 2u), weight_or_0(row, i + 3u));
}
fn load8(row: u32, g: u32, j: u32, s: Scale) -> Weights8 {
    return Weights8(four_weights(row, 8u * g), four_weights(row, 8u * g + 4u));
}
