// rotate.glsl - pairs of a head's dimensions, each turned by its angle.
struct Pair {
    uint a, b;    // dimensions
    bool turned;  // false: from n_rot on
};
Pair pair_of(uint pair, uint pairing, uint n_rot) {
    if (pair >= n_rot / 2) return Pair(2 * pair, 2 * pair + 1, false);
    return pairing == 0u ? Pair(2 * pair, 2 * pair + 1, true) : Pair(pair, pair + n_rot / 2, true);
}
// turn: cosine and sine.
vec2 rotate(vec2 x, vec2 turn) { return vec2(x.x * turn.x - x.y * turn.y, x.x * turn.y + x.y * turn.x); }
