// round_rows.wgsl - activations as multiples q * s, s = max |x| / 127 and q = -127 .. 127, of each group of 32 (round_to_int8
// of gguf/nbits.h), one owner a group: eight words of four q, then s.
const kLeastScale = 1.17549435e-38;  // the least normal float
fn work(owner: u32, z: u32, lane: u32) {
    if (owner >= rows() * (k / 32u)) { return; }
    var largest = vec4f();
    for (var i = 0u; i < 8u; i++) { largest = max(largest, abs(x[8u * owner + i])); }
    let scale = max(max(largest.x, largest.y), max(largest.z, largest.w)) / 127.0;
    var inverse = 0.0;
    if (scale >= kLeastScale) { inverse = 1.0 / scale; }
    for (var i = 0u; i < 8u; i++) {
        let codes = bitcast<vec4u>(vec4i(round(x[8u * owner + i] * inverse))) & vec4u(255u);
        rounded[9u * owner + i] = dot(codes, vec4u(1u, 0x100u, 0x10000u, 0x1000000u));
    }
    rounded[9u * owner + 8u] = bitcast<u32>(scale);
}
