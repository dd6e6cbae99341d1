// attend_scores.glsl - what a query sees: which positions, in which rows of the ring, at which scale.
#include "math.glsl"

// First position that the query at this one sees.
uint first_position(uint position) { return p.window == 0u || position < p.window ? 0u : position + 1u - p.window; }

// Row of position j, for j in [first, first + n_rows); ring0 = first mod n_rows.
uint ring_row(uint ring0, uint first, uint j) {
    const uint row = ring0 + (j - first);
    return row < p.n_rows ? row : row - p.n_rows;
}

float query_scale(uint position) {
#ifndef ROPE  // its contract has no heat
    if (p.temperature_length != 0u && position >= p.temperature_length)
        return p.scale * (1.0 + p.temperature * log(1.0 + float(position / p.temperature_length)));
#endif
    return p.scale;
}
