// xielu.wgsl - a square for positive x, an integrated ELU for negative; one owner an element.
#include "math.wgsl"
fn work(owner: u32, z: u32, lane: u32) {
    if (owner >= rows() * n) { return; }
    let v = x[owner];
    // expm1(v) - v cancels near zero, where it is v^2 / 2 and weighs little beside beta v.
    var value = beta * v;
    if (v > 0.0) {
        value += alpha_p * v * v;
    } else {
        value += alpha_n * (safe_expm1(min(v, eps)) - v);
    }
    y[owner] = value;
}
