// round_group.wgsl - 32 activations as multiples q * s, s = max |x| / 127 and q = -127 .. 127 (round_to_int8 of gguf/nbits.h):
// eight words of four q, then s.
const kLeastScale = 1.17549435e-38;  // the least normal float
var<private> eight: array<vec4f, 8>;
fn round_group(at: u32) {
    var largest = vec4f();
    for (var i = 0u; i < 8u; i++) { largest = max(largest, abs(eight[i])); }
    let scale = max(max(largest.x, largest.y), max(largest.z, largest.w)) / 127.0;
    var inverse = 0.0;
    if (scale >= kLeastScale) { inverse = 1.0 / scale; }
    for (var i = 0u; i < 8u; i++) {
        let codes = bitcast<vec4u>(vec4i(round(eight[i] * inverse))) & vec4u(255u);
        scratch[at + i] = dot(codes, vec4u(1u, 0x100u, 0x10000u, 0x1000000u));
    }
    scratch[at + 8u] = bitcast<u32>(scale);
}
