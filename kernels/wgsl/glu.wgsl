// glu.wgsl - y = act(gate) * up, or act(gate) alone, limited and shifted; one owner an element.
#include "activation.wgsl"
fn work(owner: u32, z: u32, lane: u32) {
    if (owner >= rows() * n) { return; }
    let limited = limit > 0.0;
    var value = gate[owner];
    if (limited) { value = min(value, limit); }
    value = activate(value, activation);
#if up
    var factor = up[owner];
    if (limited) { factor = clamp(factor, -limit, limit); }
    value *= factor + up_shift;
#endif
    y[owner] = value;
}
