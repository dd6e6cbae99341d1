#!/usr/bin/env python3
"""make_vectors.py -- writes <op>.gguf for every op: inputs, params, and what the op must give.

A third implementation of the ops beside the C++ reference and the kernels, from the formulas of the
contract (docs/ops.md) in float64; results are rounded once to float32.  Weight blocks are decoded by
tests/gguf/make_vectors.py.  README.md beside this file says how the files are laid out.
Usage: make_vectors.py [OUT_FOLDER]   (numpy; default: this folder)
"""
import importlib.util
import math
import os
import struct
import sys
from decimal import Decimal, getcontext

import numpy as np

from write_gguf import write_gguf

HERE = os.path.dirname(os.path.abspath(__file__))
SEED = 20
VERSION = 1

spec = importlib.util.spec_from_file_location("decode_vectors", os.path.join(HERE, "../gguf/make_vectors.py"))
decode_vectors = importlib.util.module_from_spec(spec)
spec.loader.exec_module(decode_vectors)
# name -> (GGUF type id, weights a block, bytes a block, offsets of the block's halves, decoder)
TYPES = {row[0]: row[1:] for row in decode_vectors.TYPES}


class OpFile:
    """The cases of one op."""

    def __init__(self, op, rtol):
        self.op, self.rtol = op, rtol
        self.rng = np.random.default_rng([SEED, *op.encode()])
        self.names, self.metadata, self.tensors = [], [], []

    def case(self, name, params, n_tok, pos=0, n_out=1, rows="n_tok", **more):
        """more: strings and u32 lists go to the metadata, arrays and (type name, dims, bytes) become tensors."""
        assert name not in self.names and name.replace("_", "").isalnum()
        self.names.append(name)
        self.metadata += [(f"{name}.n_tok", n_tok), (f"{name}.pos", pos), (f"{name}.n_out", n_out),
                          (f"{name}.rows", rows)]
        self.metadata += [(f"{name}.param.{key}", value) for key, value in params.items()]
        for key, value in more.items():
            if isinstance(value, (str, list, int)):
                self.metadata.append((f"{name}.{key}", value))
            elif isinstance(value, tuple):
                type_name, dims, blob = value
                self.tensors.append((f"{name}.{key}", TYPES[type_name][0], dims, blob))
            elif value is not None:
                half = value.dtype == np.float16
                value = value if half else rounded(value)
                assert np.isfinite(value).all(), (self.op, name, key)
                self.tensors.append((f"{name}.{key}", int(half), value.shape, value.tobytes()))

    def write(self, folder):
        source = f"tests/vectors/make_vectors.py, seed {SEED}; float64, rounded once to float32"
        head = [("vectors.version", VERSION), ("vectors.op", self.op), ("vectors.rtol", self.rtol),
                ("vectors.provenance", source), ("vectors.cases", self.names)]
        write_gguf(os.path.join(folder, self.op + ".gguf"), head + self.metadata, self.tensors)

    def normal(self, *shape, scale=1.0):
        """Random numbers that are float32 already, as float64."""
        return f64(self.rng.normal(0, scale, shape))


def rounded(x):
    return np.ascontiguousarray(x, "<f4")


def f64(x):
    """Rounded to float32, for inputs: what the op gets is what the formula gets."""
    return rounded(x).astype(np.float64)


def f32_param(x):
    return float(np.float32(x))


# --- weights ---------------------------------------------------------------------------------------------------


def make_weight(rng, type_name, rows, cols):
    """((type name, dims, bytes), float64 [rows][cols])"""
    _, elems, size, half_offsets, decode = TYPES[type_name]
    n = rows * cols // elems
    if elems == 1:
        values = rng.normal(0, 1, n)
        raw = {"f32": values.astype("<f4"), "f16": values.astype("<f2"),
               "bf16": (values.astype("<f4").view("<u4") >> 16).astype("<u2")}[type_name]
        raw = raw.view(np.uint8).reshape(n, size)
    else:
        raw = rng.integers(0, 256, (n, size), np.uint8)
        raw[0, :], raw[-1, :] = 0x00, 0xFF  # the smallest and the largest of every field
        for offset in half_offsets:
            halves = rng.uniform(0.001, 0.03, n) * rng.choice([-1, 1], n)
            raw[:, offset:offset + 2] = halves.astype("<f2").view(np.uint8).reshape(n, 2)
        if not half_offsets:
            decode_vectors.set_scales(raw, type_name, rng.uniform(0.001, 0.03, n).astype("<f2"))
    return (type_name, (rows, cols), raw.tobytes()), decode(raw).reshape(rows, cols)


# --- the ops ---------------------------------------------------------------------------------------------------


def add(f):
    for n, n_tok, scale, of_b in ((1, 1, 1, 1), (31, 2, 1, 1), (33, 3, 1, 1), (257, 2, 1, 1), (100, 1, 1e4, 1),
                                  (100, 1, 1e-6, 1), (65, 2, 1, 0.22), (33, 1, 1, -3.5)):
        a, b, of_b = f.normal(n_tok, n, scale=scale), f.normal(n_tok, n, scale=scale), f32_param(of_b)
        f.case(f"n{n}_{n_tok}rows_{len(f.names)}", {"n": n, "scale": of_b}, n_tok, a=a, b=b, y=a + of_b * b)


def add_rms_norm(f):
    def one(name, n, n_tok, with_=("x_w", "w", "y2"), scale=1.0, eps=1e-5, x_scale=1.0, rows="n_tok", n_out=1):
        eps, scale = f32_param(eps), f32_param(scale)
        x, residual = f.normal(n_tok, n, scale=x_scale), f.normal(n_tok, n)
        x_w, w = (f.normal(n) if binding in with_ else None for binding in ("x_w", "w"))
        z = x if x_w is None else x_w * x / np.sqrt((x * x).mean(axis=-1, keepdims=True) + eps)
        y = residual + scale * z
        y2 = (1 if w is None else w) * y / np.sqrt((y * y).mean(axis=-1, keepdims=True) + eps)
        f.case(name, {"n": n, "scale": scale, "eps": eps}, 9 if rows == "n_out" else n_tok, n_out=n_out, rows=rows,
               x=x, x_w=x_w, residual=residual, w=w, y=y, y2=y2 if "y2" in with_ else None)
    for n in (1, 31, 33, 257):
        one(f"n{n}", n, 2)
    one("scaled", 65, 3, scale=0.22, eps=1e-6)
    one("sum_alone", 33, 2, with_=(), scale=-3.5)
    one("norm_before", 300, 2, with_=("x_w",))
    one("norm_behind", 300, 2, with_=("w", "y2"))
    one("no_weight_behind", 33, 2, with_=("y2",))
    one("tiny_rows", 64, 2, eps=1e-6, x_scale=1e-3)
    one("huge_rows", 64, 2, x_scale=1e4)
    one("logits_rows", 65, 2, rows="n_out", n_out=2)


def take_rows(f):
    for n_tok, n_out, n in ((1, 1, 31), (5, 1, 33), (5, 3, 32), (5, 5, 257), (17, 2, 64)):
        x = f.normal(n_tok, n)
        f.case(f"{n_out}_of_{n_tok}", {"n": n}, n_tok, n_out=n_out, x=x, y=x[n_tok - n_out:])


def embed(f):
    for name, (_, elems, _, _, _) in TYPES.items():
        n, n_vocab = {1: 33, 32: 64, 64: 128, 128: 128, 256: 256}[elems], 3
        blob, w = make_weight(f.rng, name, n_vocab, n)
        tokens, scale = [0, n_vocab - 1] if elems == 256 else [0, n_vocab - 1, 1, 1], f32_param(1 if elems == 256 else math.sqrt(n))
        f.case(name, {"n": n, "scale": scale}, len(tokens), w=blob, tokens=tokens, y=scale * w[tokens])


def rms_norm(f):
    def one(name, n, n_tok, groups=1, eps=1e-5, scale=1.0, rows="n_tok", n_out=1, weighted=True):
        eps = f32_param(eps)
        x, w = f.normal(n_tok, groups, n, scale=scale), f.normal(n) if weighted else None
        y = (w if weighted else 1) * x / np.sqrt((x * x).mean(axis=-1, keepdims=True) + eps)
        f.case(name, {"n": n, "groups": groups, "eps": eps}, 9 if rows == "n_out" else n_tok, n_out=n_out, rows=rows,
               x=x.reshape(n_tok, -1), w=w, y=y.reshape(n_tok, -1))
    for n in (1, 31, 32, 33, 255, 257, 300):
        one(f"n{n}", n, 2)
    one("groups", 48, 3, groups=5, eps=1e-6)
    one("tiny_rows", 64, 2, eps=1e-6, scale=1e-3)
    one("vanishing_rows", 64, 2, eps=1e-6, scale=1e-6)
    one("huge_rows", 64, 2, scale=1e4)
    one("logits_rows", 65, 2, rows="n_out", n_out=2)
    one("no_weight", 33, 2, groups=2, weighted=False)


def layer_norm(f):
    def one(name, n, n_tok, groups=1, eps=1e-5, scale=1.0, mean=0.0, with_=("w", "bias"), rows="n_tok", n_out=1):
        eps = f32_param(eps)
        x = f64(f.normal(n_tok, groups, n, scale=scale) + mean)
        w, bias = (f.normal(n) if binding in with_ else None for binding in ("w", "bias"))
        centred = x - x.mean(axis=-1, keepdims=True)
        y = centred / np.sqrt((centred * centred).mean(axis=-1, keepdims=True) + eps)
        y = y * (1 if w is None else w) + (0 if bias is None else bias)
        f.case(name, {"n": n, "groups": groups, "eps": eps}, 9 if rows == "n_out" else n_tok, n_out=n_out, rows=rows,
               x=x.reshape(n_tok, -1), w=w, bias=bias, y=y.reshape(n_tok, -1))
    for n in (2, 31, 32, 33, 255, 257, 300):
        one(f"n{n}", n, 2)
    one("no_bias", 65, 2, with_=("w",))
    one("alone", 33, 2, groups=3, with_=())
    one("bias_alone", 33, 2, with_=("bias",))
    one("far_from_zero", 300, 2, mean=100.0)
    one("tiny_rows", 64, 2, eps=1e-6, scale=1e-3)
    one("logits_rows", 65, 2, rows="n_out", n_out=2)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def silu(x):
    return x / (1 + np.exp(-x))


def quick_gelu(x):
    return x * sigmoid(1.702 * x)


def matmul(f):
    def one(name, type_name, k, m, n_tok, bias=False, residual=False, scale=1.0, m2=0, m3=0):
        blob, w = make_weight(f.rng, type_name, m + m2 + m3, k)
        x = f.normal(n_tok, k, scale=scale)
        b = f.normal(m + m2 + m3, scale=scale * 5) if bias else None
        r = f.normal(n_tok, m, scale=scale * 5) if residual else None
        y = x @ w.T + (b if bias else 0)
        y, y2, y3 = y[:, :m] + (r if residual else 0), y[:, m:m + m2], y[:, m + m2:]
        f.case(name, {"k": k, "m": m, "m2": m2, "m3": m3}, n_tok, w=blob, x=x, bias=b, residual=r, y=y,
               y2=y2 if m2 else None, y3=y3 if m3 else None)
    for i, (type_name, (_, elems, _, _, _)) in enumerate(TYPES.items()):
        k = {1: 72, 32: 96, 64: 192, 128: 256, 256: 512}[elems]
        one(type_name, type_name, k, 3, 3 if elems == 1 else 1, bias=i % 2 == 0, residual=i % 3 == 0)
    for type_name in ("f32", "f16", "bf16"):
        one(type_name + "_k33", type_name, 33, 7, 2, bias=True)
    one("one_by_one", "f32", 1, 1, 1)
    one("many_weight_rows", "q8_0", 32, 65, 3, residual=True)
    one("many_rows", "q8_0", 32, 3, 17)
    one("bias_and_residual", "q4_0", 64, 33, 3, bias=True, residual=True)
    one("tiny", "q4_1", 64, 9, 2, scale=1e-6)
    one("huge", "q5_1", 64, 9, 2, scale=1e4)
    one("two_at_once", "q8_0", 32, 33, 3, m2=7)
    one("three_at_once", "q4_k", 256, 5, 2, bias=True, m2=3, m3=1)
    one("three_many_rows", "q4_0", 32, 5, 17, bias=True, m2=8, m3=3)

    def gated(name, type_name, k, m, n_tok, number, act, bias=False, limit=0.0, up_shift=0.0):
        blob, w = make_weight(f.rng, type_name, 2 * m, k)
        x, b = f.normal(n_tok, k), f.normal(2 * m) if bias else None
        both = x @ w.T + (b if bias else 0)
        gate, up = both[:, :m], both[:, m:]
        if limit:
            gate, up = np.minimum(gate, limit), np.clip(up, -limit, limit)
        f.case(name, {"k": k, "m": m, "m2": m, "m3": 0, "gated_by": number + 1, "limit": f32_param(limit),
                      "up_shift": f32_param(up_shift)}, n_tok, w=blob, x=x, bias=b, y=act(gate) * (up + up_shift))
    gated("gated", "q8_0", 32, 17, 3, 0, silu, bias=True)
    gated("gated_and_limited", "q4_0", 64, 5, 2, 6, quick_gelu, limit=1.5, up_shift=1.0)


def norm_matmul(f):
    def one(name, type_name, k, m, n_tok=1, m2=0, m3=0, stream=False, x_norm=False, scale=1.0, eps=1e-5, gate=None):
        scale, eps = f32_param(scale), f32_param(eps)
        blob, w = make_weight(f.rng, type_name, m + m2 + m3, k)
        x, norm = f.normal(n_tok, k), f.normal(k)
        s = f.normal(n_tok, k) if stream else None
        x_w = f.normal(k) if x_norm else None
        rms = lambda v: v / np.sqrt((v * v).mean(axis=-1, keepdims=True) + eps)
        total = s + scale * (x_w * rms(x) if x_norm else x) if stream else x
        y = (norm * rms(total)) @ w.T
        y, y2, y3 = y[:, :m], y[:, m:m + m2], y[:, m + m2:]
        if gate:
            y, y2 = gate(y) * y2, y3
        f.case(name, {"k": k, "m": m, "m2": m2, "m3": m3, "gated_by": 1 if gate else 0, "limit": 0.0, "up_shift": 0.0,
                      "scale": scale, "eps": eps}, n_tok, w=blob, x=x, norm=norm, stream=s, y=y,
               y2=y2 if m2 and not gate else None, y3=y3 if m3 else None, x_norm=x_w, sum=total if stream else None)
    one("rms_norm", "q8_0", 96, 33)
    one("two_norms_and_three", "q8_0", 256, 17, m2=5, m3=3, stream=True, x_norm=True, scale=0.22)
    one("sum_gated", "q4_0", 64, 9, 2, m2=9, stream=True, gate=silu)


def rope_table(f):
    """Angles in decimal, from theta itself: the words of `turns` are rounded to 2^-64 of a turn."""
    getcontext().prec = 60
    pi = Decimal("3.14159265358979323846264338327950288419716939937510582097494459")

    def one(name, n_pairs, base, pos, n_tok, magnitude=1.0):
        """With two sets of turns in tests/runtime, where there is a context to choose by."""
        magnitude = f32_param(magnitude)
        turns = [Decimal(base) ** (Decimal(-i) / n_pairs) / (2 * pi) for i in range(n_pairs)]
        words, y = [], np.empty((n_tok, n_pairs, 2))
        for i, turn in enumerate(turns):
            fixed = int(turn * 2 ** 64) % 2 ** 64
            words += [fixed % 2 ** 32, fixed >> 32]
            for t in range(n_tok):
                angle = float((turn * (pos + t)) % 1 * 2 * pi)
                y[t, i] = magnitude * math.cos(angle), magnitude * math.sin(angle)
        f.case(name, {"n_pairs": n_pairs, "magnitude": magnitude, "short_context": 0}, n_tok, pos=pos, turns=words,
               y=y.reshape(n_tok, -1))
    one("start", 32, 10000, 0, 5)
    one("one_pair", 1, 10000, 7, 2)
    one("odd_pairs", 33, 10000, 100, 3, magnitude=1.2079)
    one("long_context", 64, 500000, 131070, 2)
    one("position_a_million", 64, 1000000, 1000000, 3)
    one("position_four_billion", 16, 10000, 4294967000, 2)


def rotated(x, c, s, n_rot, pairing):
    """x [n_tok][n_head][head_dim]; c, s [n_tok][1][n_rot / 2]"""
    first = np.arange(0, n_rot, 2) if pairing == "adjacent" else np.arange(n_rot // 2)
    second = first + (1 if pairing == "adjacent" else n_rot // 2)
    y = x.copy()
    y[..., first] = x[..., first] * c - x[..., second] * s
    y[..., second] = x[..., first] * s + x[..., second] * c
    return y


def rope(f):
    def one(name, n_head, head_dim, n_rot, pairing, n_tok=3):
        x = f.normal(n_tok, n_head, head_dim)
        angles = f.rng.uniform(0, 2 * math.pi, (n_tok, n_rot // 2))
        table = f64(np.stack([np.cos(angles), np.sin(angles)], axis=-1))
        c, s = table[:, None, :, 0], table[:, None, :, 1]
        y = rotated(x, c, s, n_rot, pairing)
        f.case(f"{name}_{pairing}",
               {"n_head": n_head, "head_dim": head_dim, "n_rot": n_rot, "pairing": int(pairing == "halves")}, n_tok,
               x=x.reshape(n_tok, -1), table=table.reshape(n_tok, -1), y=y.reshape(n_tok, -1))
    for pairing in ("adjacent", "halves"):
        one("one_head", 1, 16, 16, pairing)
        one("three_heads", 3, 80, 80, pairing)
        one("partial", 2, 96, 32, pairing)
        one("one_pair", 3, 16, 2, pairing)


def in_cache(x, cache):
    """What a cache of this type holds: halves are rounded to nearest even by numpy."""
    return np.clip(x, -65504, 65504).astype(np.float16) if cache == "f16" else rounded(x)


def kv_store(f):
    def one(name, n_k, n_v, n_tok, pos, n_ctx, cache, scale=1.0):
        k, v = f.normal(n_tok, n_k, scale=scale), f.normal(n_tok, n_v, scale=scale)
        if name == "ties":  # every second one lies halfway between two halves
            k = f64((1 + np.arange(n_tok * n_k) % 64 * 2.0 ** -11) * 2.0 ** (np.arange(n_tok * n_k) // 64 % 32 - 16))
            k = k.reshape(n_tok, n_k)
        f.case(f"{name}_{cache}", {"n_k": n_k, "n_v": n_v}, n_tok, pos=pos, n_ctx=n_ctx, cache=cache, k=k, v=v,
               k_cache=in_cache(k, cache), v_cache=in_cache(v, cache))
    for cache in ("f16", "f32"):
        one("first_slot", 31, 31, 1, 0, 8, cache)
        one("last_slot", 33, 33, 1, 7, 8, cache)
        one("batch_to_the_end", 64, 32, 3, 5, 8, cache)
        one("tiny", 32, 64, 2, 1, 8, cache, scale=1e-6)
        one("huge", 32, 32, 2, 1, 8, cache, scale=1e6)
        one("ties", 1024, 8, 2, 1, 8, cache)


def rope_store(f):
    """f32 caches alone: a half may be rounded to either side of what was rounded once already."""
    def one(name, n_head, n_head_kv, head_dim, n_rot, pairing, n_v, n_tok=3, pos=2, n_ctx=8, normed=False, scale=1.0):
        q, k, v = (f.normal(n_tok, n_head, head_dim, scale=scale), f.normal(n_tok, n_head_kv, head_dim, scale=scale),
                   f.normal(n_tok, n_v))
        angles = f.rng.uniform(0, 2 * math.pi, (n_tok, n_rot // 2))
        table = f64(np.stack([np.cos(angles), np.sin(angles)], axis=-1))
        c, s = table[:, None, :, 0], table[:, None, :, 1]
        w, eps = f.normal(2, head_dim) if normed else None, f32_param(1e-6)
        normed_q, normed_k = (w[i] * x / np.sqrt((x * x).mean(axis=-1, keepdims=True) + eps) if normed else x
                              for i, x in enumerate((q, k)))
        y, turned = (rotated(x, c, s, n_rot, pairing).reshape(n_tok, -1) for x in (normed_q, normed_k))
        f.case(f"{name}_{pairing}",
               {"n_head": n_head, "n_head_kv": n_head_kv, "head_dim": head_dim, "n_rot": n_rot,
                "pairing": int(pairing == "halves"), "n_v": n_v, "eps": eps}, n_tok, pos=pos, n_ctx=n_ctx, cache="f32",
               q=q.reshape(n_tok, -1), k=k.reshape(n_tok, -1), v=v, table=table.reshape(n_tok, -1),
               qk_norm=None if w is None else w.reshape(-1), y=y, k_cache=turned, v_cache=v)
    for pairing in ("adjacent", "halves"):
        one("one_head", 1, 1, 16, 16, pairing, 16)
        one("grouped", 6, 2, 80, 80, pairing, 31)
        one("partial", 2, 1, 96, 32, pairing, 33)
        one("last_slot", 3, 1, 16, 2, pairing, 64, n_tok=1, pos=7)
        one("normed", 3, 1, 80, 64, pairing, 31, normed=True)
        one("normed_tiny", 2, 2, 16, 16, pairing, 32, normed=True, scale=1e-3)


def attend(f):
    def one(name, n_head, n_head_kv, head_dim, n_tok, pos, cache, n_ctx=None, scale=None, integers=False,
            value_dim=None, soft_cap=0.0, window=0, temperature=0.0, temperature_length=0, sinks=None):
        scale = f32_param(scale or head_dim ** -0.5)
        n_kv = pos + n_tok
        q = f.normal(n_tok, n_head, head_dim)
        k, v = (in_cache(f.normal(n_kv, n_head_kv, dim), cache) for dim in (head_dim, value_dim or head_dim))
        if integers:  # scores are whole numbers up to some 1e3, exact in float32
            q = np.round(20 * f.rng.uniform(-1, 1, q.shape))
            k = in_cache(np.round(20 * f.rng.uniform(-1, 1, k.shape)), cache)
        group = np.arange(n_head) * n_head_kv // n_head
        keys, values = k.astype(np.float64)[:, group], v.astype(np.float64)[:, group]
        temperature, soft_cap = f32_param(temperature), f32_param(soft_cap)
        at, j = pos + np.arange(n_tok)[:, None], np.arange(n_kv)[None, :]
        heat = 1 + temperature * np.log(1 + at // temperature_length) if temperature_length else np.ones_like(at)
        scores = scale * heat[:, :, None] * np.einsum("thd,jhd->thj", q, keys)
        if soft_cap:
            scores = soft_cap * np.tanh(scores / soft_cap)
        visible = (j <= at) & ((j > at - window) if window else True)
        scores = np.where(visible[:, None, :], scores, -np.inf)
        sink = f64(f.normal(n_head, scale=2.0) + sinks) if sinks is not None else None
        if sink is not None:
            scores = np.concatenate([scores, np.broadcast_to(sink[None, :, None], (n_tok, n_head, 1))], axis=-1)
        p = np.exp(scores - scores.max(axis=-1, keepdims=True))
        p /= p.sum(axis=-1, keepdims=True)
        y = np.einsum("thj,jhd->thd", p[..., :n_kv], values)
        f.case(f"{name}_{cache}", {"n_head": n_head, "n_head_kv": n_head_kv, "head_dim": head_dim,
                                   "value_dim": value_dim or head_dim, "scale": scale, "soft_cap": soft_cap,
                                   "window": window, "temperature": temperature,
                                   "temperature_length": temperature_length},
               n_tok, pos=pos, n_ctx=n_ctx or n_kv + 3, cache=cache, sinks=sink, q=q.reshape(n_tok, -1),
               k_cache=k.reshape(n_kv, -1), v_cache=v.reshape(n_kv, -1), y=y.reshape(n_tok, -1))
    for cache in ("f16", "f32"):
        one("first_position", 2, 2, 16, 1, 0, cache)
        one("prompt", 2, 1, 16, 9, 0, cache)
        one("grouped_last_slot", 6, 2, 8, 1, 20, cache, n_ctx=21)
        one("continued", 3, 1, 32, 3, 9, cache)
        one("huge_scores", 2, 1, 16, 2, 9, cache, scale=1, integers=True)
    one("long", 2, 1, 8, 1, 99, "f16")
    one("odd_dim", 2, 2, 80, 2, 5, "f16")
    for window in (1, 4):  # the ring wraps: it has window - 1 + 9 rows of 13
        one(f"window{window}", 1, 1, 4, 4, 9, "f32", window=window, n_ctx=20)
    one("window_beyond_start", 1, 1, 4, 3, 9, "f16", window=64)
    one("wide_values", 1, 1, 4, 2, 3, "f32", value_dim=12)
    one("narrow_values", 2, 1, 12, 2, 3, "f16", value_dim=4)
    one("soft_cap", 1, 1, 4, 2, 3, "f32", soft_cap=2.0, scale=1)
    one("sinks", 2, 1, 4, 2, 3, "f32", sinks=0)
    one("sinks_and_window", 2, 1, 4, 3, 9, "f16", sinks=0, window=4)
    one("temperature", 1, 1, 4, 6, 9, "f32", temperature=0.5, temperature_length=4)
    one("sinks_grouped_last_slot", 6, 2, 4, 1, 12, "f32", n_ctx=13, sinks=0)
    one("sinks_wrapping_window", 4, 2, 4, 4, 9, "f32", window=4, n_ctx=20, sinks=0)
    one("sinks_far_above", 2, 1, 4, 3, 4, "f32", sinks=1 << 6)
    one("sinks_far_below", 2, 1, 4, 3, 4, "f16", sinks=-(1 << 12))


def rope_attend(f):
    """At the first position, which sees itself alone: vectors of attend have the others."""
    for pairing, n_rot, normed in (("adjacent", 12, False), ("halves", 16, True)):
        q, k, v, w, eps = f.normal(1, 96), f.normal(1, 2, 16), f.normal(1, 2, 24), f.normal(2, 16), f32_param(1e-6)
        c, s = f.normal(2, 1, 1, n_rot // 2)  # any numbers will do
        keys = rotated(w[1] * k / np.sqrt((k * k).mean(axis=-1, keepdims=True) + eps) if normed else k, c, s, n_rot, pairing)
        f.case(pairing, {"n_head": 6, "n_head_kv": 2, "head_dim": 16, "value_dim": 24, "n_rot": n_rot, "eps": eps,
                         "pairing": int(normed), "scale": 0.25, "soft_cap": 0.0, "window": 0}, 1, n_ctx=4, cache="f32", q=q,
               k=k.reshape(1, -1), v=v.reshape(1, -1), table=np.stack([c, s], axis=-1).reshape(1, -1), k_cache=keys.reshape(1, -1),
               qk_norm=w.reshape(-1) if normed else None, v_cache=v.reshape(1, -1), y=np.repeat(v, 3, axis=1).reshape(1, -1))


def glu(f):
    def gelu_tanh(x):
        return x / 2 * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x ** 3)))

    def relu(x):
        return np.maximum(x, 0)

    def identity(x):
        return x

    def relu_squared(x):
        return np.maximum(x, 0) ** 2
    activations = (silu, gelu_tanh, relu, sigmoid, identity, relu_squared, quick_gelu)

    def params(n, number, limit=0.0, up_shift=0.0):
        return {"n": n, "activation": number, "limit": f32_param(limit), "up_shift": f32_param(up_shift)}

    for number, act in enumerate(activations):
        for limit in (1e-3, 10, 1e4) if number < 3 else (10,):
            gate = f64(np.linspace(-limit, limit, 257))[None]
            up = f.normal(1, 257)
            with np.errstate(over="ignore"):
                y = act(gate) * up
            f.case(f"{act.__name__}_to_{limit:.0e}".replace("-", "m").replace("+", ""),
                   params(257, number), 1, gate=gate, up=up, y=y)
        gate = f.normal(1, 65, scale=3.0)
        f.case(f"{act.__name__}_alone", params(65, number), 1, gate=gate, y=act(gate))
        gate, up = f.normal(3, 33), f.normal(3, 33)
        f.case(f"{act.__name__}_3rows", params(33, number), 3, gate=gate, up=up, y=act(gate) * up)

    def limited(name, number, limit, up_shift, gate, up):
        y = activations[number](np.minimum(gate, limit)) * (np.clip(up, -limit, limit) + up_shift)
        f.case(name, params(gate.shape[1], number, limit, up_shift), gate.shape[0], gate=gate, up=up, y=y)
    # Every gate with every up: at the limit, one step beside it, and far beyond.
    below, above = (float(np.nextafter(np.float32(7), np.float32(to))) for to in (0, 8))
    ends = [0, 0.5, 1, below, 7, above, 7.5, 100, 1e30]
    ends = f64(np.array(sorted({sign * x for x in ends for sign in (-1, 1)})))
    with np.errstate(over="ignore"):
        limited("limit_at_and_beyond", 6, 7, 1, np.repeat(ends, len(ends))[None], np.tile(ends, len(ends))[None])
    limited("limit_without_shift", 0, 1.5, 0, f.normal(2, 65, scale=3.0), f.normal(2, 65, scale=3.0))
    limited("limit_and_negative_shift", 3, 2.5, -0.5, f.normal(1, 129, scale=4.0), f.normal(1, 129, scale=4.0))
    gate, up = f.normal(2, 65, scale=20.0), f.normal(2, 65, scale=20.0)
    f.case("shift_without_limit", params(65, 6, 0, 1), 2, gate=gate, up=up, y=quick_gelu(gate) * (up + 1))
    gate = f.normal(1, 65, scale=8.0)
    f.case("limit_alone", params(65, 6, 7, 1), 1, gate=gate, y=quick_gelu(np.minimum(gate, 7)))


def causal_conv(f):
    def one(name, n, width, n_tok, pos=0, bias=False, silu=False):
        x, w = f.normal(n_tok, n), f.normal(n, width)
        b = f.normal(n) if bias else None
        past = f.normal(width - 1, n) if pos else None
        rows = np.concatenate([past if pos else np.zeros((width - 1, n)), x])
        y = np.stack([(w.T * rows[t:t + width]).sum(axis=0) for t in range(n_tok)]) + (b if bias else 0)
        f.case(name, {"n": n, "width": width, "activation": 0 if silu else 4}, n_tok, pos=pos, x=x, w=w, bias=b,
               past=past, y=y / (1 + np.exp(-y)) if silu else y, state=rows[n_tok:])
    one("start", 33, 4, 5, bias=True, silu=True)
    one("start_one_token", 31, 3, 1)
    one("continued", 64, 3, 9, pos=7)
    one("continued_one_token", 65, 4, 1, pos=2, silu=True)
    one("continued_two_tokens", 16, 5, 2, pos=1, bias=True)
    one("width_two", 1, 2, 3, pos=3)


def softplus(x):
    return np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x)))


def ssm_scan(f):
    """By the closed form of the paper: y is a sum over earlier tokens, weighted by products of decays."""
    def one(name, n_head, head_dim, n_group, d_state, n_tok, pos=0, dt_scale=1.0, dt_mean=0.0):
        inner = n_head * head_dim
        x = f.normal(n_tok, inner + 2 * n_group * d_state)
        dt = f64(dt_mean + f.normal(n_tok, n_head, scale=dt_scale))
        dt_bias, d, a = f.normal(n_head, scale=0.5), f.normal(n_head), -f64(f.rng.uniform(0.1, 4, n_head))
        past = f.normal(n_head, d_state, head_dim) if pos else None
        group = np.arange(n_head) * n_group // n_head
        u = x[:, :inner].reshape(n_tok, n_head, head_dim)
        b = x[:, inner:inner + n_group * d_state].reshape(n_tok, n_group, d_state)[:, group]
        c = x[:, inner + n_group * d_state:].reshape(n_tok, n_group, d_state)[:, group]
        step = softplus(dt + dt_bias)
        total = np.cumsum(a * step, axis=0)  # log of the decay from before the batch

        def state_at(t):
            weights = np.exp(total[t] - total[:t + 1]) * step[:t + 1]
            state = np.einsum("jh,jhs,jhd->hsd", weights, b[:t + 1], u[:t + 1])
            return state + (np.exp(total[t])[:, None, None] * past if pos else 0)
        y = np.stack([np.einsum("hs,hsd->hd", c[t], state_at(t)) for t in range(n_tok)]) + d[:, None] * u
        f.case(name, {"n_head": n_head, "head_dim": head_dim, "n_group": n_group, "d_state": d_state}, n_tok, pos=pos,
               x=x, dt=dt, dt_bias=dt_bias, a=a, d=d,
               past=past if past is None else past.reshape(-1, head_dim), y=y.reshape(n_tok, inner),
               state=state_at(n_tok - 1).reshape(-1, head_dim))
    one("start", 3, 4, 1, 4, 5)
    one("start_one_token", 2, 8, 1, 16, 1)
    one("continued", 4, 6, 2, 8, 9, pos=4)
    one("continued_one_token", 4, 33, 2, 20, 1, pos=9)
    one("long_states", 2, 4, 1, 128, 3, pos=2)
    one("small_steps", 2, 4, 1, 32, 7, pos=1, dt_mean=-9.0)
    one("large_steps", 2, 4, 1, 32, 7, pos=1, dt_mean=12.0)


def gated_delta(f):
    def one(name, n_head, n_head_k, k_dim, v_dim, n_tok, pos=0, tiled=False, scale=1.0):
        keys, eps = n_head_k * k_dim, f32_param(1e-6)
        x = f.normal(n_tok, 2 * keys + n_head * v_dim, scale=scale)
        decay, beta = f.normal(n_tok, n_head), f.normal(n_tok, n_head, scale=2)
        dt_bias, a = f.normal(n_head, scale=0.5), -f64(f.rng.uniform(0.01, 2, n_head))
        past = f.normal(n_head, k_dim, v_dim) if pos else None
        heads = np.arange(n_head) % n_head_k if tiled else np.arange(n_head) * n_head_k // n_head

        def unit(part):
            part = part.reshape(n_tok, n_head_k, k_dim)[:, heads]
            return part / np.sqrt((part * part).sum(axis=-1, keepdims=True) + eps)
        q, k = unit(x[:, :keys]) / np.sqrt(k_dim), unit(x[:, keys:2 * keys])
        v = x[:, 2 * keys:].reshape(n_tok, n_head, v_dim)
        g, rate = np.exp(a * softplus(decay + dt_bias)), 1 / (1 + np.exp(-beta))
        state, y = past if pos else np.zeros((n_head, k_dim, v_dim)), np.empty((n_tok, n_head, v_dim))
        for t in range(n_tok):  # S (g (I - rate k k^T)) + rate k v^T, as matrices
            for h in range(n_head):
                key = k[t, h][:, None]
                forget = g[t, h] * (np.eye(k_dim) - rate[t, h] * key @ key.T)
                state = state.copy()
                state[h] = forget @ state[h] + rate[t, h] * key @ v[t, h][None]
                y[t, h] = q[t, h] @ state[h]
        f.case(name, {"n_head": n_head, "n_head_k": n_head_k, "k_dim": k_dim, "v_dim": v_dim, "key_heads": int(tiled),
                      "eps": eps}, n_tok, pos=pos, x=x, decay=decay, beta=beta, dt_bias=dt_bias, a=a,
               past=past if past is None else past.reshape(-1, v_dim), y=y.reshape(n_tok, -1),
               state=state.reshape(-1, v_dim))
    one("start", 2, 1, 4, 6, 5)
    one("start_one_token", 4, 2, 8, 8, 1)
    one("continued_grouped", 4, 2, 12, 4, 9, pos=3)
    one("continued_tiled", 4, 2, 12, 4, 9, pos=3, tiled=True)
    one("continued_one_token", 6, 3, 16, 2, 1, pos=8, tiled=True)
    one("long_keys", 2, 2, 128, 4, 4, pos=1)
    one("tiny_inputs", 2, 1, 16, 4, 4, pos=1, scale=1e-4)


def join(f):
    def one(groups, n_tok, a, b=None):
        params, sides, columns = {"groups": groups}, {}, []
        for name, (width, first, n) in (("a", a), ("b", b or (0, 0, 0))):
            params |= {f"{name}_width": width, f"{name}_first": first, f"n_{name}": n}
            if n:
                x = f.normal(n_tok, groups, width)
                sides[name] = x.reshape(n_tok, -1)
                columns.append(x[..., first:first + n])
        f.case(f"case{len(f.names)}", params, n_tok, y=np.concatenate(columns, axis=-1).reshape(n_tok, -1), **sides)
    one(1, 1, (1, 0, 1))
    one(3, 2, (33, 5, 17))
    one(2, 3, (48, 0, 32), (16, 0, 16))
    one(4, 9, (40, 8, 32), (33, 32, 1))


def route(f):
    def one(name, n_expert, n_used, n_tok=3, scoring="softmax", normalised=0, n_group=1, n_group_used=1, group_top=1,
            scale=1.0, bias=False, ties=False):
        scale = f32_param(scale)
        logits = f.normal(n_tok, n_expert, scale=2)
        if ties:
            logits = np.round(logits)
        b = f.normal(n_expert, scale=0.2) if bias else None
        e = np.exp(logits - logits.max(axis=-1, keepdims=True))
        s = e / e.sum(axis=-1, keepdims=True) if scoring == "softmax" else 1 / (1 + np.exp(-logits))
        keys = s + b if bias else s if group_top > 1 else logits
        ids = np.zeros((n_tok, n_used), int)
        for t in range(n_tok):
            groups = keys[t].reshape(n_group, -1)
            sums = np.sort(groups, axis=-1)[:, ::-1][:, :group_top].sum(axis=-1)
            allowed = np.zeros(n_group, bool)
            allowed[np.argsort(-sums, kind="stable")[:n_group_used]] = True
            masked = np.where(allowed.repeat(n_expert // n_group), keys[t], -np.inf)
            ids[t] = np.argsort(-masked, kind="stable")[:n_used]
        weights = np.take_along_axis(s, ids, axis=-1)
        if normalised:
            weights /= weights.sum(axis=-1, keepdims=True)
        f.case(name, {"n_expert": n_expert, "n_used": n_used, "scoring": int(scoring == "sigmoid"),
                      "normalised": normalised, "n_group": n_group, "n_group_used": n_group_used,
                      "group_top": group_top, "scale": scale}, n_tok,
               logits=logits, bias=b, ids=f64(ids), weights=scale * weights)
    one("softmax", 33, 4)
    one("softmax_normalised", 128, 8, normalised=1)
    one("all_used", 7, 7, normalised=1, scale=2.5)
    one("one_gate", 1, 1, scoring="sigmoid")
    one("ties", 40, 6, n_tok=5, ties=True, normalised=1)
    one("sigmoid_bias", 32, 5, scoring="sigmoid", bias=True, normalised=1, scale=2.5)
    one("groups_of_the_best", 40, 6, n_group=8, n_group_used=3, scale=16.0)
    one("groups_of_the_two_best", 64, 8, scoring="sigmoid", bias=True, normalised=1, n_group=8, n_group_used=4,
        group_top=2, scale=2.5)
    one("many", 1024, 64, n_tok=1, normalised=1)


def random_ids(f, n_tok, n_expert, n_used):
    return np.argsort(f.rng.random((n_tok, n_expert)), axis=-1)[:, :n_used]


def expert_order(f):
    for n_tok, n_expert, n_used in ((1, 1, 1), (1, 8, 2), (9, 4, 4), (33, 5, 2), (65, 128, 8)):
        ids = random_ids(f, n_tok, n_expert, n_used)
        order = np.argsort(ids.reshape(-1), kind="stable")
        f.case(f"{n_used}of{n_expert}_{n_tok}rows", {"n_expert": n_expert, "n_used": n_used}, n_tok,
               ids=f64(ids), order=f64(order).reshape(n_tok, n_used))


def expert_matmul(f):
    def one(name, type_name, k, m, n_expert, n_used, n_tok, of_slots=False, bias=False, heads=False):
        blob, w = make_weight(f.rng, type_name, n_expert * m, k)
        w = w.reshape(n_expert, m, k)
        x = f.normal(n_tok, n_used if of_slots else 1, k)
        ids = np.tile(np.arange(n_used), (n_tok, 1)) if heads else random_ids(f, n_tok, n_expert, n_used)
        b = f.normal(n_expert, m, scale=5) if bias else None
        y = np.einsum("tjmk,tjk->tjm", w[ids], np.broadcast_to(x, (n_tok, n_used, k))) + (b[ids] if bias else 0)
        order = np.argsort(ids.reshape(-1), kind="stable").reshape(ids.shape)
        f.case(name, {"k": k, "m": m, "n_expert": n_expert, "n_used": n_used, "n_x": n_used if of_slots else 1},
               n_tok, w=blob, x=x.reshape(n_tok, -1), ids=None if heads else f64(ids),
               order=None if heads else f64(order), bias=b if b is None else b.reshape(-1),
               y=y.reshape(n_tok, -1))
    one("one_token", "q8_0", 64, 5, 6, 2, 1, bias=True)
    one("of_slots", "q4_0", 32, 7, 4, 3, 3, of_slots=True)
    one("many_rows", "q8_0", 32, 3, 3, 2, 33, bias=True)
    one("odd_rows", "f32", 33, 5, 5, 2, 3)
    one("heads", "f16", 40, 9, 3, 3, 9, of_slots=True, heads=True)
    one("large_blocks", "q4_k", 256, 3, 4, 2, 2)


def expert_sum(f):
    for n, n_used, n_tok in ((1, 1, 1), (33, 2, 3), (257, 8, 2), (31, 5, 9)):
        x, weights = f.normal(n_tok, n_used, n), f.normal(n_tok, n_used)
        r = f.normal(n_tok, n) if n_used % 2 == 0 else None
        y = np.einsum("tj,tjn->tn", weights, x) + (0 if r is None else r)
        f.case(f"n{n}_{n_used}used_{n_tok}rows", {"n": n, "n_used": n_used}, n_tok, x=x.reshape(n_tok, -1),
               weights=weights, residual=r, y=y)


def xielu(f):
    for name, alpha_p, alpha_n, beta, eps in (("usual", 0.8, 1.3, 0.5, -1e-6), ("no_line", 0.5, 0.7, 0.0, -1e-6),
                                              ("late", 1.2, 0.4, 0.3, -0.5)):
        params = {key: f32_param(v) for key, v in
                  (("alpha_p", alpha_p), ("alpha_n", alpha_n), ("beta", beta), ("eps", eps))}
        for limit in (1, 30):
            x = f64(np.linspace(-limit, limit, 257))[None]
            y = np.where(x > 0, params["alpha_p"] * x * x,
                         params["alpha_n"] * (np.expm1(np.minimum(x, params["eps"])) - x)) + params["beta"] * x
            f.case(f"{name}_to_{limit}", {"n": 257, **params}, 1, x=x, y=y)


def soft_cap(f):
    for name, scale, cap, limit in (("capped", 1, 30, 100), ("scaled", 0.125, 0, 100), ("both", 0.25, 5, 1e4),
                                    ("small", 1, 50, 1e-3)):
        x = f64(np.linspace(-limit, limit, 257))[None]
        y = cap * np.tanh(scale * x / cap) if cap else scale * x
        f.case(name, {"n": 257, "scale": f32_param(scale), "cap": f32_param(cap)}, 1, x=x, y=y)
    x = f.normal(2, 33, scale=40.0)
    f.case("logits_rows", {"n": 33, "scale": f32_param(1), "cap": f32_param(30)}, 9, n_out=2, rows="n_out", x=x,
           y=30 * np.tanh(x / 30))


# The tolerances are those of the contract; a test compares them.
OPS = [(embed, 1e-6), (take_rows, 0.0), (rms_norm, 1e-5), (layer_norm, 1e-5), (matmul, 1e-5), (add, 1e-6),
       (add_rms_norm, 1e-5), (norm_matmul, 1e-5), (rope_table, 1e-5), (rope, 1e-5), (kv_store, 0.0), (rope_store, 1e-5),
       (attend, 2e-5), (rope_attend, 2e-5), (glu, 1e-5), (xielu, 1e-5),
       (soft_cap, 1e-5), (causal_conv, 1e-5), (ssm_scan, 2e-5), (gated_delta, 2e-5),
       (route, 1e-5), (expert_order, 0.0), (expert_matmul, 1e-5), (expert_sum, 1e-5),
       (join, 0.0)]


def main(folder):
    for op, rtol in OPS:
        f = OpFile(op.__name__, rtol)
        op(f)
        f.write(folder)


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else HERE)
