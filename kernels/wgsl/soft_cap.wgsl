// soft_cap.wgsl - y = cap tanh(scale x / cap), one owner an element.
#include "math.wgsl"
fn work(owner: u32, z: u32, lane: u32) {
    if (owner < rows() * n) { y[owner] = capped(scale * x[owner], cap); }
}
