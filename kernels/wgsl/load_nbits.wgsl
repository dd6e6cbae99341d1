// load_nbits.wgsl - blocks of 16 to 256 codes of 2, 4 or 8 bits: w = scale * (code - zero point) (gguf/nbits.h).
// Planes: codes, from the lowest bit on; scales, halves or floats; packed zero points, each row from a byte on; zero
// points that are halves or floats. Blocks begin on a word. Codes of the last block that are behind the row are any.
override BITS: u32;
override BLOCK: u32;
override ZERO: u32;  // NBits::Zero: the middle code, plane 2, plane 3
override HALF_FLOATS: u32;
alias Scale = vec2f;  // scale, zero point
const kHiOffset = 1u;
override kGroupUnits: u32 = select(4u, 2u, BLOCK < 32u);
fn unit_at(g: u32, j: u32) -> u32 { return 2u * (g * kGroupUnits + j); }
fn row_blocks() -> u32 { return ($COLUMNS + BLOCK - 1u) / BLOCK; }
fn load_scale(row: u32, g: u32) -> Scale {
    let in_row = g * kGroupUnits * 8u / BLOCK;
    let block = row * row_blocks() + in_row;
    var zero = f32(1u << (BITS - 1u));
    if (ZERO == 1u) {
        let row_bytes = (row_blocks() * BITS + 7u) / 8u;
        let bit = in_row * BITS;
        let at = row * row_bytes + bit / 8u;
        zero = f32(extractBits(word2(at / 4u), 8u * (at % 4u) + bit % 8u, BITS));
    }
    if (ZERO == 2u) { zero = float3(block, HALF_FLOATS != 0u); }
    return vec2f(float1(block, HALF_FLOATS != 0u), zero);
}
// The codes of unit j, a byte each.
fn load_codes(row: u32, g: u32, j: u32) -> vec2u {
    let unit = g * kGroupUnits + j;
    let row_word = row * row_blocks() * (BLOCK * BITS / 32u);
    if (BITS == 8u) { return words2_0(row_word + 2u * unit); }
    let code_word = word0(row_word + unit * BITS / 4u);
    if (BITS == 4u) {
        let four = vec2u(code_word & 0xffffu, code_word >> 16u);
        let spread = (four | (four << vec2u(8u))) & vec2u(0x00ff00ffu);
        return (spread | (spread << vec2u(4u))) & vec2u(0x0f0f0f0fu);
    }
    let eight = vec2u(code_word >> (16u * (unit % 2u)), code_word >> (16u * (unit % 2u) + 8u)) & vec2u(0xffu);
    return (eight | (eight << vec2u(6u)) | (eight << vec2u(12u)) | (eight << vec2u(18u))) & vec2u(0x03030303u);
}
fn load8(row: u32, g: u32, j: u32, s: Scale) -> Weights8 {
    let codes = load_codes(row, g, j);
    return Weights8(s.x * (vec4f(bytes_of(codes.x)) - s.y), s.x * (vec4f(bytes_of(codes.y)) - s.y));
}
