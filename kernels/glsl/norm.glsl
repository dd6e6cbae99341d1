// norm.glsl - for norm_matmul: the normed row, in shared memory, made by all SPLITS subgroups of a workgroup for
// itself.
shared vec4 normed[NORM_K / 4 + 1];
shared float partial[2 * SPLITS];  // of x, of the sum

// Of all lanes of the workgroup.
float row_sum(float mine, uint which) {
    float sum = subgroupAdd(mine);
    if (subgroupElect()) partial[which * SPLITS + gl_SubgroupID] = sum;
    barrier();
    sum = 0.0;
    for (uint s = 0; s < SPLITS; ++s) sum += partial[which * SPLITS + s];
    return sum;
}

// The first workgroup writes the sum, which is not where any other still reads.
void norm_row(uint row) {
    const uint vectors = NORM_K / 4, base = row * vectors, lane = gl_LocalInvocationID.x, lanes = gl_WorkGroupSize.x;
    const bool writes = present(p.sum) && gl_WorkGroupID.x + gl_WorkGroupID.y + p.w_row0 == 0;
    F32x4In x = F32x4In(p.x);
    float x_scale = scale, squares = 0.0;
    if (present(p.x_norm)) {
        for (uint i = lane; i < vectors; i += lanes) squares += dot(x.v[base + i], x.v[base + i]);
        x_scale /= sqrt(row_sum(squares, 0) / float(NORM_K) + eps);
    }
    squares = 0.0;
    for (uint i = lane; i < vectors; i += lanes) {
        vec4 v = x.v[base + i];
        if (present(p.x_norm)) v *= F32x4In(p.x_norm).v[i];
        if (present(p.stream)) v = F32x4In(p.stream).v[base + i] + v * x_scale;
        if (writes) F32x4Out(p.sum).v[base + i] = v;
        normed[i] = v;
        squares += dot(v, v);
    }
    const float norm_scale = 1.0 / sqrt(row_sum(squares, 1) / float(NORM_K) + eps);
    for (uint i = lane; i < vectors; i += lanes) normed[i] *= F32x4In(p.norm).v[i] * norm_scale;
    barrier();
}
