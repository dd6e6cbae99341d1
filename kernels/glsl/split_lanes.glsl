// split_lanes.glsl - SPLITS neighbouring lanes of a subgroup that own one thing together. SPLITS is a power of two and
// divides SG. Include after common.glsl.

struct Lane {
    uint owner;  // which thing, counted over the whole dispatch
    uint part;   // which part of it
};

Lane split_lane() {
    const uint i = global_subgroup() * SG + gl_SubgroupInvocationID;
    return Lane(i / SPLITS, i % SPLITS);
}

// The sum over the lanes of one thing, in all of them.
float split_sum(float x) {
    for (uint apart = 1; apart < SPLITS; apart *= 2) x += subgroupShuffleXor(x, apart);
    return x;
}
