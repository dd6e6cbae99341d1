import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { dtypes, gatherPlane, planeOffsets } from '../src/dtypes';
import { M2wError } from '../src/errors';
import { parseHeader, type Strings } from '../src/gguf';

const shared = process.env.M2W_SHARED_DIR;
const tiny: Uint8Array = readFileSync(join(shared, 'model/tiny-q4_k_m.gguf'));

test('metadata and directory of a model', () => {
  const { metadata, tensors, bytes: { length: dataOffset } } = parseHeader(tiny);
  assert.equal(metadata.get('general.architecture'), 'llama');
  const tokens = metadata.get('tokenizer.ggml.tokens') as Strings;
  const types = metadata.get('tokenizer.ggml.token_type') as Int32Array;
  assert.equal(types.length, tokens.length);
  const embedding = tensors.get('token_embd.weight')!;
  assert.equal(embedding.shape[0], tokens.length);
  assert.equal(Math.max(...[...tensors.values()].map((t) => t.offset + t.bytes)), tiny.length);
  assert.ok([...tensors.values()].every((t) => t.offset >= dataOffset));
  assert.equal(parseHeader(tiny.subarray(0, dataOffset)).metadata.size, metadata.size);
});

/** No other error than the one that is documented, and none that takes long. */
function refusesOrReads(bytes: Uint8Array, what: string): void {
  const start = process.cpuUsage();
  try {
    parseHeader(bytes);
  } catch (e) {
    assert.ok(e instanceof M2wError && e.code === 'format', `${what}: ${e}`);
  }
  const { user } = process.cpuUsage(start);
  assert.ok(user < 2e6, `${what} takes ${user} us`);
}

test('no header that is cut or damaged takes long, or leads to another error', () => {
  const { bytes: { length: dataOffset } } = parseHeader(tiny);
  for (let n = dataOffset - 64; n > 0; n = Math.floor(n * 0.9)) assert.throws(() => parseHeader(tiny.subarray(0, n)), M2wError);
  const folder = mkdtempSync(join(tmpdir(), 'm2w-bad-'));
  try {
    execFileSync('python3', [join(shared, 'robust/make_bad_gguf.py'), '--out', folder], { stdio: 'ignore' });
    const { cases } = JSON.parse(readFileSync(join(folder, 'cases.json'), 'utf8'));
    assert.ok(cases.length > 300);
    for (const { file, expect, level, what } of cases) {
      const bytes = readFileSync(join(folder, file));
      refusesOrReads(bytes, file);
      if (expect === 'ok' && level === 'must') assert.doesNotThrow(() => parseHeader(bytes), `${file}: ${what}`);
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
  const seeds = join(shared, 'robust/seeds/gguf'), names = readdirSync(seeds);
  assert.ok(names.length > 10);
  for (const name of names) {
    const seed: Uint8Array = readFileSync(join(seeds, name));
    for (let cut = seed.length; cut >= 0; cut -= 1 + (cut >> 3)) refusesOrReads(seed.subarray(0, cut), `${name} at ${cut}`);
  }
});

test('the table is that of docs/streaming.md', () => {
  const page: string = readFileSync(join(process.env.M2W_PACKAGE_DIR, '../../docs/streaming.md'), 'utf8');
  const rows = [...page.matchAll(/^\| (\w+) \| (\d+) \| (\d+) \| ((?:\w+ \d+\.\.\d+(?:, )?)+) \|$/gm)];
  assert.equal(rows.length, 28);
  for (const [, name, elems, bytes, fields] of rows) {
    const type = dtypes.find((row) => row.name === name)!;
    assert.deepEqual([type.elems, type.bytes], [Number(elems), Number(bytes)], name);
    assert.equal(type.planes.map(([from, to]) => `${from}..${to}`).join(), fields!.replace(/\w+ (\d+\.\.\d+)(, )?/g, '$1,').slice(0, -1), name);
  }
});

test('planes take a block apart', () => {
  const q40 = dtypes.find((row) => row.name === 'Q4_0')!;
  const blocks = Uint8Array.from({ length: 3 * 18 }, (_, i) => i);
  assert.deepEqual([...gatherPlane(q40, 1, blocks)], [0, 1, 18, 19, 36, 37]);
  assert.deepEqual([...gatherPlane(q40, 0, blocks)].slice(15, 18), [17, 20, 21]);
  assert.deepEqual(planeOffsets(q40, 3), [0, 48, 64]);
});
