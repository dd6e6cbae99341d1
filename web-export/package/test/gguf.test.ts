import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { dtypes, gatherPlane, planeOffsets } from '../src/dtypes';
import { M2wError } from '../src/errors';
import { parseHeader, parseMetadata, Strings } from '../src/gguf';

const shared = process.env.M2W_SHARED_DIR;
const tiny: Uint8Array = readFileSync(join(shared, 'model/tiny-q4_k_m.gguf'));

/** Everything that is decoded later. */
function touch(bytes: Uint8Array): void {
  for (const value of parseHeader(bytes).metadata.values())
    if (value instanceof Strings) assert.equal([...value].length, value.length);
}

test('metadata and directory of a model', () => {
  const { metadata, tensors, dataOffset } = parseHeader(tiny);
  assert.equal(metadata.get('general.architecture'), 'llama');
  const tokens = metadata.get('tokenizer.ggml.tokens') as Strings;
  const types = metadata.get('tokenizer.ggml.token_type') as Int32Array;
  assert.equal(types.length, tokens.length);
  const embedding = tensors.get('token_embd.weight')!;
  assert.equal(embedding.shape[0], tokens.length);
  assert.equal(Math.max(...[...tensors.values()].map((t) => t.offset + t.bytes)), tiny.length);
  assert.ok([...tensors.values()].every((t) => t.offset >= dataOffset));
  assert.equal(parseMetadata(tiny.subarray(0, dataOffset)).size, metadata.size);
});

test('a beginning that is too short says how many bytes are needed', () => {
  const { dataOffset } = parseHeader(tiny);
  let have = 0, tries = 0;
  for (;; tries++) {
    try {
      parseHeader(tiny.subarray(0, have), tiny.length);
      break;
    } catch (e) {
      const needed = (e as M2wError).details.needed as number;
      assert.ok(needed > have && needed <= dataOffset, `${have} -> ${needed}: ${e}`);
      have = Math.max(needed, have + 65536);
    }
  }
  assert.ok(tries > 1);
});

test('damaged files are refused with one error, sound ones are read', () => {
  const folder = mkdtempSync(join(tmpdir(), 'm2w-bad-'));
  try {
    execFileSync('python3', [join(shared, 'robust/make_bad_gguf.py'), '--out', folder], { stdio: 'ignore' });
    const { cases } = JSON.parse(readFileSync(join(folder, 'cases.json'), 'utf8'));
    assert.ok(cases.length > 300);
    const early = ['header', 'kv', 'tensor_info', 'data'];
    for (const { file, expect, stage, level, what, error_category } of cases) {
      let verdict = 'ok';
      const start = process.cpuUsage();
      try {
        touch(readFileSync(join(folder, file)));
      } catch (e) {
        assert.ok(e instanceof M2wError && e.code === 'format', `${file}: ${e}`);
        verdict = 'error';
      }
      const { user } = process.cpuUsage(start);
      assert.ok(user < 2e6, `${file} takes ${user} us`);
      // Later stages and weights are not this module's; other folders of a split model neither.
      if (expect === 'ok' && level === 'must') assert.equal(verdict, 'ok', `${file}: ${what}`);
      if (expect === 'error' && level === 'must' && early.includes(stage) && error_category !== 'nan_scale')
        assert.equal(verdict, 'error', `${file}: ${what}`);
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('inputs of the fuzzers lead to a header or an error', () => {
  const seeds = join(shared, 'robust/seeds/gguf');
  const names = readdirSync(seeds);
  assert.ok(names.length > 10);
  for (const name of names) {
    const seed: Uint8Array = readFileSync(join(seeds, name));
    for (let cut = seed.length; cut >= 0; cut -= 1 + (cut >> 3)) {
      try {
        touch(seed.subarray(0, cut));
      } catch (e) {
        assert.ok(e instanceof M2wError, `${name} at ${cut}: ${e}`);
      }
    }
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
