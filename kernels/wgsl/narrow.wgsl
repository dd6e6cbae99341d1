// narrow.wgsl - the half that an f16 cache holds of a number.
fn narrow(value: f32) -> u32 {
    // Clamped: an infinity in the cache would turn the whole row's attention into NaN. To nearest even, in integers:
    // pack2x16float may round as it likes.
    let x = clamp(value, -65504.0, 65504.0);
    let bits = bitcast<u32>(x);
    let sign = (bits >> 16u) & 0x8000u;
    let magnitude = bits & 0x7fffffffu;
    if (magnitude < 0x38800000u) {
        // Below the least normal half, 2^-14: in units of 2^-24, which the addition of 1.5 * 2^23 rounds.
        let units = bitcast<u32>(abs(x) * 16777216.0 + 12582912.0) & 0x3fffffu;
        return sign | units;
    }
    return sign | ((magnitude - 0x38000000u + 0xfffu + ((magnitude >> 13u) & 1u)) >> 13u);
}
