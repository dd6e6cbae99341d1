#!/usr/bin/env python3
"""make_vectors.py -- writes vectors/decode.gguf: blocks of every decoded weight type and what they mean.

A second implementation of the block formats, from their description in ggml-common.h (ggml-org/ggml):
every weight is picked out bit by bit as an integer and multiplied in float64, where all these products
and sums are exact, then rounded once to float32.  The C++ decoders must give the same bits.
Usage: make_vectors.py OUT   (numpy; the output does not depend on its version)
"""
import os
import re
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


def q2_k(raw):
    out = np.empty((len(raw), 256))
    for i in range(256):
        q = bits(raw, 8 * (16 + 32 * (i // 128) + i % 32) + 2 * (i % 128 // 32), 2)
        scale, minimum = bits(raw, 8 * (i // 16), 4), bits(raw, 8 * (i // 16) + 4, 4)
        out[:, i] = half(raw, 80) * scale * q - half(raw, 82) * minimum
    return out


def q3_k(raw):
    out = np.empty((len(raw), 256))
    for i in range(256):
        group = i // 16
        q = bits(raw, 8 * (32 + 32 * (i // 128) + i % 32) + 2 * (i % 128 // 32), 2) + 4 * bits(raw, 8 * (i % 32) + i // 32, 1)
        scale = bits(raw, 8 * (96 + group % 8) + 4 * (group // 8), 4)
        scale = scale + 16 * bits(raw, 8 * (104 + group % 4) + 2 * (group // 4), 2) - 32
        out[:, i] = half(raw, 108) * scale * (q - 4)
    return out


# The code books are facts of the format; this reads the one copy, where a test checks their properties.
def read_grids():
    with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../gguf/grids.inc")) as f:
        tables = re.findall(r"(\w+)\[\d+\] = {(.*?)}", f.read(), re.S)
    return {name: np.array([int(x, 16) for x in re.findall(r"0x\w+", body)]) for name, body in tables}


GRIDS = read_grids()
IQ2_VALUES, IQ3XXS_VALUES = np.array([8, 25, 43]), np.array([4, 12, 20, 28, 36, 44, 52, 62])


def grid_magnitude(grid, index, i, width):
    """Code i of the entries at `index`; codes are `width` bits apart and one bit narrower when that is 4."""
    return (GRIDS[grid][index] >> (width * i)) & (3 if width == 2 else 7)


def seven_signs(raw, first, i):
    """Sign i of eight: seven bits from bit `first` on, the eighth makes the number of ones even."""
    if i < 7:
        return 1 - 2 * bits(raw, first + i, 1)
    return 1 - 2 * (sum(bits(raw, first + j, 1) for j in range(7)) % 2)


def iq2_xxs(raw):
    out = np.empty((len(raw), 256))
    for i in range(256):
        group, j = i // 32, i % 32 // 8
        at = 2 + 8 * group
        values = IQ2_VALUES[grid_magnitude("kIq2XxsGrid", bits(raw, 8 * (at + j), 8), i % 8, 2)]
        scale = half(raw, 0) * (bits(raw, 8 * (at + 4) + 28, 4) + 0.5) / 4
        out[:, i] = scale * values * seven_signs(raw, 8 * (at + 4) + 7 * j, i % 8)
    return out


def iq2_scales(raw, offset, i):
    return half(raw, 0) * (bits(raw, 8 * offset + 4 * (i // 16), 4) + 0.5) / 4


def iq2_xs(raw):
    out = np.empty((len(raw), 256))
    for i in range(256):
        at = 8 * (2 + 2 * (i // 8))
        values = IQ2_VALUES[grid_magnitude("kIq2XsGrid", bits(raw, at, 9), i % 8, 2)]
        out[:, i] = iq2_scales(raw, 66, i) * values * seven_signs(raw, at + 9, i % 8)
    return out


def iq2_s(raw):
    out = np.empty((len(raw), 256))
    for i in range(256):
        index = bits(raw, 8 * (2 + i // 8), 8) + 256 * bits(raw, 8 * 66 + 2 * (i // 8), 2)
        values = IQ2_VALUES[grid_magnitude("kIq2SGrid", index, i % 8, 2)]
        out[:, i] = iq2_scales(raw, 74, i) * values * (1 - 2 * bits(raw, 8 * 34 + i, 1))
    return out


def iq3_xxs(raw):
    out = np.empty((len(raw), 256))
    for i in range(256):
        values = IQ3XXS_VALUES[grid_magnitude("kIq3XxsGrid", bits(raw, 8 * (2 + i // 4), 8), i % 4, 4)]
        at = 8 * (66 + 4 * (i // 32))
        scale = half(raw, 0) * (bits(raw, at + 28, 4) + 0.5) / 2
        out[:, i] = scale * values * seven_signs(raw, at + 7 * (i % 32 // 8), i % 8)
    return out


def iq3_s(raw):
    out = np.empty((len(raw), 256))
    for i in range(256):
        index = bits(raw, 8 * (2 + i // 4), 8) + 256 * bits(raw, 8 * 66 + i // 4, 1)
        values = 1 + 2 * grid_magnitude("kIq3SGrid", index, i % 4, 4)
        scale = half(raw, 0) * (1 + 2 * bits(raw, 8 * 106 + 4 * (i // 32), 4))
        out[:, i] = scale * values * (1 - 2 * bits(raw, 8 * 74 + i, 1))
    return out


def iq1_s(raw):
    out = np.empty((len(raw), 256))
    for i in range(256):
        qh = 8 * (34 + 2 * (i // 32))
        index = bits(raw, 8 * (2 + i // 8), 8) + 256 * bits(raw, qh + 3 * (i % 32 // 8), 3)
        delta = (1 - 2 * bits(raw, qh + 15, 1)) / 8
        scale = half(raw, 0) * (1 + 2 * bits(raw, qh + 12, 3))
        out[:, i] = scale * (grid_magnitude("kIq1Grid", index, i % 8, 2) - 1 + delta)
    return out


def iq1_m(raw):
    out = np.empty((len(raw), 256))
    word = sum(bits(raw, 8 * 48 + 16 * quarter + 12, 4) << (4 * quarter) for quarter in range(4))
    d = word.astype("<u2").view("<f2").astype(np.float64)
    for i in range(256):
        qh = 8 * 32 + 4 * (i // 8)
        index = bits(raw, 8 * (i // 8), 8) + 256 * bits(raw, qh, 3)
        delta = (1 - 2 * bits(raw, qh + 3, 1)) / 8
        scale = d * (1 + 2 * bits(raw, 8 * 48 + 16 * (i // 64) + 3 * (i % 64 // 16), 3))
        out[:, i] = scale * (grid_magnitude("kIq1Grid", index, i % 8, 2) - 1 + delta)
    return out


IQ4_VALUES = np.array([-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113])


def nibble(raw, offset, i, n):
    """Weight i of 2 n: low nibbles of n bytes, then the high ones."""
    return bits(raw, 8 * (offset + i % n) + 4 * (i // n), 4)


def iq4_nl(raw):
    return np.stack([half(raw, 0) * IQ4_VALUES[nibble(raw, 2, i, 16)] for i in range(32)], axis=1)


def iq4_xs(raw):
    out = np.empty((len(raw), 256))
    for i in range(256):
        group = i // 32
        scale = bits(raw, 8 * 4 + 4 * group, 4) + 16 * bits(raw, 8 * 2 + 2 * group, 2) - 32
        out[:, i] = half(raw, 0) * scale * IQ4_VALUES[nibble(raw, 8 + 16 * group, i % 32, 16)]
    return out


def small_float(code, exponent_bits, mantissa_bits):
    """Sign, exponent, mantissa, without infinities: E2M1 and E4M3 of the OCP microscaling formats, 5.3."""
    sign = 1.0 - 2 * (code >> (exponent_bits + mantissa_bits) & 1)
    exponent = code >> mantissa_bits & (1 << exponent_bits) - 1
    fraction = (code & (1 << mantissa_bits) - 1) / 2.0 ** mantissa_bits
    bias = 2 ** (exponent_bits - 1) - 1
    return sign * np.where(exponent == 0, fraction * 2.0 ** (1 - bias), (1 + fraction) * 2.0 ** (exponent - bias))


def mxfp4(raw):
    scale = 2.0 ** (raw[:, 0].astype(np.float64) - 127)
    return np.stack([scale * small_float(nibble(raw, 1, i, 16), 2, 1) for i in range(32)], axis=1)


def nvfp4(raw):
    out = np.empty((len(raw), 64))
    for i in range(64):
        scale = small_float(bits(raw, 8 * (i // 16), 7), 4, 3)
        out[:, i] = scale * small_float(nibble(raw, 4 + 8 * (i // 16), i % 16, 8), 2, 1)
    return out


def tq1_0(raw):
    """Five digits in base three a byte: the byte is the fraction 0.abcde of 256, rounded up."""
    out = np.empty((len(raw), 256))
    for i in range(256):
        if i < 160:
            byte, digit = i % 32, i // 32
        elif i < 240:
            byte, digit = 32 + i % 16, (i - 160) // 16
        else:
            byte, digit = 48 + i % 4, (i - 240) // 4
        rest = raw[:, byte].astype(np.int64)
        for _ in range(digit):
            rest = rest * 3 % 256
        out[:, i] = half(raw, 52) * (rest * 3 // 256 - 1)
    return out


def tq2_0(raw):
    columns = [bits(raw, 8 * (32 * (i // 128) + i % 32) + 2 * (i % 128 // 32), 2) - 1 for i in range(256)]
    return half(raw, 64)[:, None] * np.stack(columns, axis=1)


def q1_0(raw):
    return half(raw, 0)[:, None] * np.stack([2 * bits(raw, 16 + i, 1) - 1 for i in range(128)], axis=1)


def q2_0(raw):
    return half(raw, 0)[:, None] * np.stack([bits(raw, 16 + 2 * i, 2) - 1 for i in range(64)], axis=1)


# name, GGUF type id, weights and bytes in a block, offsets of its halves, decoder
TYPES = [
    ("f32", 0, 1, 4, [], f32), ("f16", 1, 1, 2, [0], f16), ("bf16", 30, 1, 2, [], bf16),
    ("q8_0", 8, 32, 34, [0], q8_0), ("q4_0", 2, 32, 18, [0], legacy(None, 2, False)),
    ("q4_1", 3, 32, 20, [0, 2], legacy(None, 4, True)), ("q5_0", 6, 32, 22, [0], legacy(2, 6, False)),
    ("q5_1", 7, 32, 24, [0, 2], legacy(4, 8, True)), ("q4_k", 12, 256, 144, [0, 2], k45(False)),
    ("q5_k", 13, 256, 176, [0, 2], k45(True)), ("q6_k", 14, 256, 210, [208], q6_k),
    ("q2_k", 10, 256, 84, [80, 82], q2_k), ("q3_k", 11, 256, 110, [108], q3_k), ("iq4_nl", 20, 32, 18, [0], iq4_nl),
    ("iq4_xs", 23, 256, 136, [0], iq4_xs), ("iq3_s", 21, 256, 110, [0], iq3_s),
    ("iq3_xxs", 18, 256, 98, [0], iq3_xxs), ("iq2_s", 22, 256, 82, [0], iq2_s), ("iq2_xs", 17, 256, 74, [0], iq2_xs),
    ("iq2_xxs", 16, 256, 66, [0], iq2_xxs), ("iq1_s", 19, 256, 50, [0], iq1_s), ("iq1_m", 29, 256, 56, [], iq1_m),
    ("mxfp4", 39, 32, 17, [], mxfp4), ("nvfp4", 40, 64, 36, [], nvfp4), ("tq1_0", 34, 256, 54, [52], tq1_0),
    ("tq2_0", 35, 256, 66, [64], tq2_0), ("q1_0", 41, 128, 18, [0], q1_0), ("q2_0", 42, 64, 18, [0], q2_0),
]
# usual sizes, both signs, both zeros, subnormals and the largest: finite halves that a scale may be
HALVES = np.array([0.013, -0.0021, 1.0, 0.0, -0.0, 6e-8, -3e-5, 65504.0, -65504.0], "<f2")


def set_scales(raw, name, picks):
    """Scales that are no half at one place, of the types that have such: from halves that are their like."""
    if name == "iq1_m":
        words = picks.view("<u2")
        for quarter in range(4):
            raw[:, 49 + 2 * quarter] = raw[:, 49 + 2 * quarter] & 15 | (words >> 4 * quarter & 15) << 4
    if name == "mxfp4":  # exponents of floats; 252 is the largest that gives floats
        exponents = np.frexp(picks.astype(np.float64))[1] + 126
        raw[:, 0] = np.where(np.abs(picks) == 65504, 252, np.where(picks == 0, 0, exponents))
    if name == "nvfp4":
        raw[:, :4][raw[:, :4] & 127 == 127] = 126  # not NaN


def make_blocks(rng, name, elems, size, half_offsets):
    n = {1: 512, 32: 24, 64: 12, 128: 8, 256: 6}[elems]
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
        if not half_offsets:
            picks = np.concatenate([HALVES[[2, 0, 7, 5]], HALVES[rng.integers(0, len(HALVES), n - 4)]])
            set_scales(raw, name, picks)
    return raw


def text(s):
    b = s.encode()
    return struct.pack("<Q", len(b)) + b


def main(path):
    rng = np.random.default_rng(SEED)
    infos, data = b"", b""
    for name, type_id, elems, size, half_offsets, decode in TYPES:
        raw = make_blocks(rng, name, elems, size, half_offsets)
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
