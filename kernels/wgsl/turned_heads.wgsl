// turned_heads.wgsl - heads of queries and keys, with qk_norm normalised ones, as rope turns them.
#if qk_norm
var<private> head_scale: vec2f;  // 1 over the root mean square of the owner's head of queries, of keys
fn head_q(base: u32, d: u32) -> f32 { return qk_norm[d] * (q[base + d] * head_scale.x); }
fn head_k(base: u32, d: u32) -> f32 { return qk_norm[head_dim + d] * (k[base + d] * head_scale.y); }
#else
fn head_q(base: u32, d: u32) -> f32 { return q[base + d]; }
fn head_k(base: u32, d: u32) -> f32 { return k[base + d]; }
#endif
#include "rotate.wgsl"
