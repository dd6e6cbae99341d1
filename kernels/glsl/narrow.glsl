// narrow.glsl - what a cache of this type holds of a number.
#ifdef CACHE_F16
// That number as a float. Rounded by hand, as NVIDIA's 580 driver leaves out a conversion to a half and back; clamped,
// as an infinity in the cache would turn the whole row's attention into NaN.
float cached(float x) {
    const float size = min(abs(x), 65504.0);
    const uint bits = floatBitsToUint(size), sign = floatBitsToUint(x) & 0x80000000u;
    // Below 2^-14 halves are multiples of 2^-24, which is what floats from 0.5 to 1 are multiples of.
    precise float small = (size + 0.75) - 0.75;
    const uint rounded =
        size < 6.103515625e-5 ? floatBitsToUint(small) : (bits + 0xfffu + (bits >> 13 & 1u)) & ~0x1fffu;
    return uintBitsToFloat(rounded | sign);
}
float16_t narrow(float x) { return float16_t(cached(x)); }
#else
float cached(float x) { return x; }
float narrow(float x) { return x; }
#endif
