#!/usr/bin/env python3
"""compare_dump.py GOLDEN_DIR DUMP_DIR TOLERANCE: relative errors of every layer and the logits, and the greedy ids."""
import json, struct, sys


def load(path):
    with open(path, 'rb') as f:
        data = f.read()
    assert data[:6] == b'\x93NUMPY', path
    size, = struct.unpack_from('<H', data, 8)
    header = eval(data[10:10 + size].decode('latin1'), {'__builtins__': {}}, {})  # a literal dict, by numpy's format
    n = 1
    for d in header['shape']:
        n *= d
    return header['shape'], struct.unpack_from('<%df' % n, data, 10 + size)


def error(a, b):
    return (sum((x - y) ** 2 for x, y in zip(a, b)) / sum(y * y for y in b)) ** 0.5


golden, dump, limit = sys.argv[1], sys.argv[2], float(sys.argv[3])
shape, want = load(golden + '/hidden.npy')
shape_got, got = load(dump + '/hidden.npy')
assert tuple(shape) == tuple(shape_got), (shape, shape_got)
step = len(want) // shape[0]
layers = [error(got[i * step:(i + 1) * step], want[i * step:(i + 1) * step]) for i in range(shape[0])]
logits = error(load(dump + '/logits.npy')[1], load(golden + '/logits.npy')[1])
ids = json.load(open(dump + '/greedy.json'))['ids'] == json.load(open(golden + '/golden.json'))['greedy_ids']
ok = max(layers) <= limit and logits <= limit and ids
print('%s: worst layer %.2e, logits %.2e, greedy ids %s: %s' %
      (golden.rstrip('/').split('/')[-1], max(layers), logits, 'equal' if ids else 'DIFFER', 'ok' if ok else 'FAILED'))
sys.exit(not ok)
