// causal_conv.wgsl - one owner an element of y; those of the first token write the new state of their column too. Past
// and state are different buffers, so no owner writes what another one reads.
#include "activation.wgsl"
// Row `row` of the past followed by x.
fn input_at(row: u32, column: u32) -> f32 {
    if (row >= width - 1u) { return x[(row + 1u - width) * n + column]; }
    if (batch.pos == 0u) { return 0.0; }
    return past[row * n + column];
}
fn work(owner: u32, z: u32, lane: u32) {
    if (owner >= batch.n_tok * n) { return; }
    let row = owner / n;
    let column = owner % n;
    if (row == 0u) {
        for (var i = 0u; i + 1u < width; i++) { state[i * n + column] = input_at(batch.n_tok + i, column); }
    }
#if bias
    var sum = bias[column];
#else
    var sum = 0.0;
#endif
    for (var j = 0u; j < width; j++) { sum += w[column * width + j] * input_at(row + j, column); }
    y[owner] = activate(sum);
}
