// rotate.wgsl - dimensions of a head, each turned with its partner: by element, because a word of an f16 cache holds
// two neighbours that need not be partners.
#repeat from $ROTATED
// Dimension d of the head that begins at `base`, turned by the table of token t. head_$from(base, d) is the kernel's.
fn turned_$from(base: u32, d: u32, t: u32) -> f32 {
    let x0 = head_$from(base, d);
    if (d >= n_rot) { return x0; }
#if pairing
    let pairs = n_rot / 2u;
    let pair = d % pairs;
    let second = d >= pairs;
    let partner = select(d + pairs, d - pairs, second);
#else
    let pair = d / 2u;
    let second = (d & 1u) == 1u;
    let partner = d ^ 1u;
#endif
    let c = table[t * n_rot + 2u * pair];
    let s = table[t * n_rot + 2u * pair + 1u];
    return x0 * c + head_$from(base, partner) * select(-s, s, second);
}
#endrepeat
