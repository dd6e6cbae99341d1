// expert_order.wgsl - one owner an expert: counts the slots of lower experts, then appends its own. No atomics, so the
// order is the same every time.
fn work(owner: u32, z: u32, lane: u32) {
    if (owner >= n_expert) { return; }
    let n_slots = batch.n_tok * n_used;
    let id = f32(owner);
    var at = 0u;
    for (var slot = 0u; slot < n_slots; slot++) { at += select(0u, 1u, ids[slot] < id); }
    for (var slot = 0u; slot < n_slots; slot++) {
        if (ids[slot] == id) {
            order[at] = f32(slot);
            at++;
        }
    }
}
