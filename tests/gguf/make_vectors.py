#!/usr/bin/env python3
"""make_vectors.py -- writes vectors/decode.gguf: blocks of every decoded weight type and what they mean.

A second implementation of the block formats, from their description in ggml-common.h (ggml-org/ggml):
every weight is picked out bit by bit as an integer and multiplied in float64, where all these products
and sums are exact, then rounded once to float32.  The C++ decoders must give the same bits.
Usage: make_vectors.py OUT   (numpy; the output does not depend on its version)
"""
import struct
import sys

import numpy as np

SEED = 7


def bits(raw, first, count):
    """count bits from bit `first` of little-endian bytes, as an integer array over blocks."""
    stream = np.unpackbits(raw, axis=1, bitorder="little")
    weights = (1 << np.arange(count)).astype(np.int64)
    return stream[:, first:first + count].astype(np.int64) @ weights


def half(raw, offset):
    return raw[:, offset:offset + 2].copy().view("<f2")[:, 0].astype(np.float64)


def f32(raw):
    return raw.copy().view("<f4").astype(np.float64)


def f16(raw):
    return raw.copy().view("<f2").astype(np.float64)


def bf16(raw):
    return (raw.copy().view("<u2").astype(np.uint32) << 16).view("<f4").astype(np.float64)


def q8_0(raw):
    return half(raw, 0)[:, None] * raw[:, 2:].view(np.int8)


def legacy(high_at, low_at, has_min):
    """Q4_0, Q4_1, Q5_0, Q5_1: weight i < 16 is the low nibble of byte i, weight i + 16 the high one;
    the fifth bit of weight i is bit i of a 32-bit word."""
    def decode(raw):
        out = np.empty((len(raw), 32))
        for i in range(32):
            q = bits(raw, 8 * (low_at + i % 16) + 4 * (i // 16), 4)
            middle = 8
            if high_at is not None:
                q = q + 16 * bits(raw, 8 * high_at + i, 1)
                middle = 16
            out[:, i] = half(raw, 0) * q + half(raw, 2) if has_min else half(raw, 0) * (q - middle)
        return out
    return decode


def k_scales(raw, offset, group):
    """Scale and minimum of one group of 32 out of the 12 packed bytes at `offset`."""
    def at(byte, first, count):
        return bits(raw, 8 * (offset + byte) + first, count)
    if group < 4:
        return at(group, 0, 6), at(group + 4, 0, 6)
    return (at(group + 4, 0, 4) + 16 * at(group - 4, 6, 2),
            at(group + 4, 4, 4) + 16 * at(group, 6, 2))


def k45(has_high):
    qs_at = 48 if has_high else 16

    def decode(raw):
        out = np.empty((len(raw), 256))
        for i in range(256):
            group, j = i // 32, i % 32
            q = bits(raw, 8 * (qs_at + 32 * (group // 2) + j) + 4 * (group % 2), 4)
            if has_high:
                q = q + 16 * bits(raw, 8 * (16 + j) + group, 1)
            scale, minimum = k_scales(raw, 4, group)
            out[:, i] = half(raw, 0) * scale * q - half(raw, 2) * minimum
        return out
    return decode


def q6_k(raw):
    out = np.empty((len(raw), 256))
    for i in range(256):
        side, quarter, j = i // 128, i % 128 // 32, i % 32
        low = bits(raw, 8 * (64 * side + 32 * (quarter % 2) + j) + 4 * (quarter // 2), 4)
        high = bits(raw, 8 * (128 + 32 * side + j) + 2 * quarter, 2)
        scale = raw[:, 192 + i // 16].view(np.int8).astype(np.float64)
        out[:, i] = half(raw, 208) * scale * (low + 16 * high - 32)
    return out


# name, GGUF type id, weights and bytes in a block, offsets of its halves, decoder
TYPES = [
    ("f32", 0, 1, 4, [], f32), ("f16", 1, 1, 2, [0], f16), ("bf16", 30, 1, 2, [], bf16),
    ("q8_0", 8, 32, 34, [0], q8_0), ("q4_0", 2, 32, 18, [0], legacy(None, 2, False)),
    ("q4_1", 3, 32, 20, [0, 2], legacy(None, 4, True)), ("q5_0", 6, 32, 22, [0], legacy(2, 6, False)),
    ("q5_1", 7, 32, 24, [0, 2], legacy(4, 8, True)), ("q4_k", 12, 256, 144, [0, 2], k45(False)),
    ("q5_k", 13, 256, 176, [0, 2], k45(True)), ("q6_k", 14, 256, 210, [208], q6_k),
]
# usual sizes, both signs, both zeros, subnormals and the largest: finite halves that a scale may be
HALVES = np.array([0.013, -0.0021, 1.0, 0.0, -0.0, 6e-8, -3e-5, 65504.0, -65504.0], "<f2")


def make_blocks(rng, elems, size, half_offsets):
    n = {1: 512, 32: 24, 256: 6}[elems]
    raw = rng.integers(0, 256, (n, size), np.uint8)
    if size == 4:
        raw = rng.normal(0, 1, n).astype("<f4").view(np.uint8).reshape(n, 4).copy()
    elif elems == 1:  # finite: not all exponent bits set
        words = raw.view("<u2")[:, 0]
        mask = 0x7C00 if half_offsets else 0x7F80
        words[(words & mask) == mask] ^= 0x4000
    if elems > 1:
        raw[0], raw[1] = 0x00, 0xFF
        for offset in half_offsets:
            picks = HALVES[rng.integers(0, len(HALVES), n)]
            picks[:4] = [0.5, 0.25, 65504.0, 6e-8]
            raw[:, offset:offset + 2] = picks.view(np.uint8).reshape(n, 2)
    return raw


def text(s):
    b = s.encode()
    return struct.pack("<Q", len(b)) + b


def main(path):
    rng = np.random.default_rng(SEED)
    infos, data = b"", b""
    for name, type_id, elems, size, half_offsets, decode in TYPES:
        raw = make_blocks(rng, elems, size, half_offsets)
        values = decode(raw).astype("<f4").reshape(-1)
        assert np.isfinite(values).all() and len(values) == len(raw) * elems
        for suffix, tid, blob in ((".blocks", type_id, raw.tobytes()), (".f32", 0, values.tobytes())):
            data += bytes(-len(data) % 32)
            infos += text(name + suffix) + struct.pack("<IQIQ", 1, len(values), tid, len(data))
            data += blob
    data += bytes(-len(data) % 32)
    source = "tests/gguf/make_vectors.py, seed %d; exact float64 arithmetic rounded once to float32" % SEED
    kv = text("provenance") + struct.pack("<I", 8) + text(source)
    header = b"GGUF" + struct.pack("<IQQ", 3, 2 * len(TYPES), 1) + kv + infos
    with open(path, "wb") as f:
        f.write(header + bytes(-len(header) % 32) + data)


if __name__ == "__main__":
    main(sys.argv[1])
