// narrow.glsl - what a cache of this type holds of a number.
#ifdef CACHE_F16
// Clamped: an infinity in the cache would turn the whole row's attention into NaN.
float16_t narrow(float x) { return float16_t(clamp(x, -65504.0, 65504.0)); }
#else
float narrow(float x) { return x; }
#endif
