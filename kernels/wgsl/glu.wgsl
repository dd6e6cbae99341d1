// glu.wgsl - y = act(gate) * up, or act(gate) alone, limited and shifted; one owner an element.
#include "activation.wgsl"
fn work(owner: u32, z: u32, lane: u32) {
    if (owner >= rows() * n) { return; }
    var value = gate[owner];
#if limit
    value = min(value, limit);
#endif
    value = activate(value);
#if up
    var factor = up[owner];
#if limit
    factor = clamp(factor, -limit, limit);
#endif
#if up_shift
    factor += up_shift;
#endif
    value *= factor;
#endif
    y[owner] = value;
}
