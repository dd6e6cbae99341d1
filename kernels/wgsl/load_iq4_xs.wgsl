// load_iq4_xs.wgsl - blocks of 256 in groups of 32: w = d (sc - 32) value[q]. Planes qs: 16 bytes a group (byte j:
// elements j and j + 16), hd: half d, of each group the two high bits of sc in 16 bits, then the low nibbles.
alias Scale = f32;
const kHiOffset = 4u;
const kGroupUnits = 4u;
fn unit_at(g: u32, j: u32) -> u32 { return 8u * g + j; }
fn load_scale(row: u32, g: u32) -> Scale {
    let hd = words2_1(2u * (row * ($COLUMNS / 256u) + g / 8u));
    let sc = ((hd.y >> (4u * (g % 8u))) & 15u) | (((hd.x >> (16u + 2u * (g % 8u))) & 3u) << 4u);
    return unpack2x16float(hd.x).x * (f32(sc) - 32.0);
}
fn load8(row: u32, g: u32, j: u32, s: Scale) -> Weights8 {
    let q = word0(4u * (row * ($COLUMNS / 32u) + g) + j);
    return Weights8(s * iq4_values(low_nibbles(q)), s * iq4_values(high_nibbles(q)));
}
