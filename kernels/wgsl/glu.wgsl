// glu.wgsl - y = act(gate) * up, or act(gate) alone, limited and shifted; one owner an element.
#include "activation.wgsl"
fn work(owner: u32, z: u32, lane: u32) {
    if (owner >= rows() * n) { return; }
#if up
    y[owner] = glu(gate[owner], up[owner]);
#else
    y[owner] = activate_gate(gate[owner]);
#endif
}
