// hostile.test.ts — files that are cut, mixed up, or written to do harm, and servers that change their mind: what loading makes of them.
// The server is a function here.
import assert from 'node:assert/strict';
import { createHash, webcrypto } from 'node:crypto';
import { beforeEach, test } from 'node:test';
import { M2wError } from '../src/errors';
import { parseHeader } from '../src/gguf';
import { openGguf } from '../src/gguf_weights';
import { openShards } from '../src/weights';

globalThis.crypto ??= webcrypto; // Node 18

type Bytes = ReturnType<typeof Buffer.from>; // with more methods than any Uint8Array has
type Answer = Response | Promise<Response> | undefined;
const files = new Map<string, Bytes>();
let asked: { name: string; from: number }[] = [];
let instead: ((name: string, from: number, to: number, init: RequestInit) => Answer) | undefined;
const digest = (bytes: Uint8Array | string): string => createHash('sha256').update(bytes).digest('hex');

function part(file: Bytes, from: number, to: number, headers: Record<string, string> = {}, total = String(file.length)): Response {
  const end = Math.min(to, file.length);
  return new Response(file.subarray(from, end), {
    status: 206, headers: { 'Content-Range': `bytes ${from}-${end - 1}/${total}`, 'Content-Length': String(end - from), ...headers },
  });
}

globalThis.fetch = async (url, init = {}) => {
  const name = new URL(String(url)).pathname.slice(1), file = files.get(name);
  const [, from, last] = /bytes=(\d+)-(\d+)/.exec(new Headers(init.headers).get('Range') ?? '')?.map(Number) ?? [0, 0, Infinity];
  asked.push({ name, from: from! });
  const other = instead?.(name, from!, last! + 1, init);
  if (other) return other;
  if (!file) return new Response('', { status: 404 });
  const ETag = `"${digest(file)}"`;
  return last === Infinity ? new Response(file, { headers: { 'Content-Length': String(file.length), ETag } })
    : part(file, from!, last! + 1, { ETag });
};

beforeEach(() => {
  files.clear();
  asked = [];
  instead = undefined;
});

interface Tensor {
  readonly name: string;
  readonly id: number;
  readonly shape: readonly number[];
  readonly data: Bytes;
}

const u32 = (n: number): Bytes => { const b = Buffer.alloc(4); b.writeUInt32LE(n); return b; };
const u64 = (n: number): Bytes => { const b = Buffer.alloc(8); b.writeBigUInt64LE(BigInt(n)); return b; };
const text = (t: string): Bytes => Buffer.concat([u64(Buffer.byteLength(t)), Buffer.from(t)]);
const padded = (b: Bytes): Bytes => Buffer.concat([b, Buffer.alloc((32 - (b.length % 32)) % 32)]);

function gguf(tensors: readonly Tensor[]): Bytes {
  const head = [Buffer.from('GGUF'), u32(3), u64(tensors.length), u64(0)];
  let offset = 0;
  for (const { name, id, shape, data } of tensors) {
    head.push(text(name), u32(shape.length), ...[...shape].reverse().map(u64), u32(id), u64(offset));
    offset += padded(data).length;
  }
  return Buffer.concat([padded(Buffer.concat(head)), ...tensors.map(({ data }) => padded(data))]);
}

const f32 = (name: string, rows: number, byte: number): Tensor => ({ name, id: 0, shape: [rows, 256], data: Buffer.alloc(rows * 1024, byte) });
const fails = (code: string, message = /./) => (e: M2wError): boolean => {
  assert.ok(e instanceof M2wError, `${e}`);
  assert.equal(e.code, code, e.message);
  assert.match(e.message, message);
  return true;
};
const quick = { store: false, pause: 1 } as const, url = 'http://h/x.gguf';

async function bytesOf(source: Awaited<ReturnType<typeof openGguf>>, name: string): Promise<Bytes> {
  const all: Bytes[] = [];
  await source.read(name, (_, bytes) => void all.push(Buffer.from(bytes)));
  return Buffer.concat(all);
}

test('a file that ends within a tensor is none, wherever its last chunk ends', async () => {
  const whole = gguf([f32('a', 1024, 1), f32('c', 4096, 3)]);
  files.set('x.gguf', whole);
  assert.ok((await bytesOf(await openGguf(url, quick), 'c')).equals(Buffer.alloc(4 << 20, 3)));
  for (const cut of [1, 100, 1 << 20, 4_500_000]) {
    files.set('x.gguf', whole.subarray(0, whole.length - cut));
    await assert.rejects(openGguf(url, quick), fails('format', /ends within [ac]$/), `${cut}`);
  }
});

test('each part of a split model tells its header, and all share one budget', async () => {
  files.set('m-00001-of-00002.gguf', gguf([f32('a', 64, 1)]));
  files.set('m-00002-of-00002.gguf', gguf([f32('b', 6000, 2)]));
  const source = await openGguf('http://h/m-00001-of-00002.gguf', quick), headers = await source.headers();
  assert.deepEqual(headers.map(({ bytes }) => digest(bytes)), [...files.values()].map((file) => digest(parseHeader(new Uint8Array(file)).bytes)));
  source.prefetch!(['b', 'a']);
  assert.ok((await bytesOf(source, 'b')).equals(Buffer.alloc(6000 << 10, 2)));
  assert.ok((await bytesOf(source, 'a')).equals(Buffer.alloc(64 << 10, 1)));
  files.set('m-00001-of-00000.gguf', gguf([f32('a', 64, 1)]));
  assert.equal((await (await openGguf('http://h/m-00001-of-00000.gguf', quick)).headers()).length, 1, 'a part of none is a file of its own');
});

test('what is no header is not fetched on and on', async () => {
  files.set('x.gguf', Buffer.alloc(80 << 20));
  await assert.rejects(openGguf(url, quick), fails('format'));
  assert.equal(asked.length, 1);
});

test('arrays in arrays take no memory for what they only announce', () => {
  // Each level announces as many elements as bytes are left, and has one.
  const n = 1 << 20, levels: Bytes[] = [];
  for (let left = n; left > 1000; left -= 12) levels.push(u32(9), u64(Math.floor((left - 12) / 8)));
  const bytes = Buffer.concat([Buffer.from('GGUF'), u32(3), u64(0), u64(1), text('x'), u32(9), ...levels]);
  const before = process.memoryUsage().rss;
  assert.throws(() => parseHeader(new Uint8Array(bytes)), fails('format'));
  assert.ok(process.memoryUsage().rss - before < 300e6, `${process.memoryUsage().rss - before}`);
});

test('a total that no file has takes no memory', async () => {
  const file = gguf([f32('a', 1024, 1)]);
  files.set('x.gguf', file);
  for (const total of ['100000000000000000000', '200000000000000']) {
    instead = (_, from, to) => part(file, from, to, { ETag: '"a"' }, total);
    const [header] = await (await openGguf(url, quick)).headers();
    assert.equal(header!.tensors.size, 1);
  }
});

test('a version that is named once is named in every answer', async () => {
  const file = gguf([f32('a', 12_000, 1)]), other = gguf([f32('a', 12_000, 2)]);
  for (const etag of ['"b"', 'W/"b"', '']) {
    let answers = 0;
    instead = (_, from, to) => (answers++ < 2 ? part(file, from, to, { ETag: '"a"' }) : part(other, from, to, etag ? { ETag: etag } : {}));
    const source = await openGguf(url, quick);
    await assert.rejects(bytesOf(source, 'a'), fails('changed'), etag);
  }
});

test('tries are counted anew after each MiB, however it came', async () => {
  const file = gguf([f32('a', 5000, 1)]);
  instead = (_, from, to) => {
    const whole = part(file, from, to), end = from + 900_000;
    if (from < 300_000 || end >= Math.min(to, file.length)) return whole;
    const body = new ReadableStream({
      start: (c) => c.enqueue(new Uint8Array(file.subarray(from, end))),
      pull: (c) => c.error(new Error('reset')),
    });
    return new Response(body, { status: 206, headers: whole.headers });
  };
  assert.equal((await bytesOf(await openGguf(url, quick), 'a')).length, 5000 << 10);
});

test('answers of a byte each come to an end', async () => {
  const file = gguf([f32('a', 64, 1)]);
  instead = (_, from) => part(file, from, from + 1);
  await assert.rejects(openGguf(url, quick), fails('http'));
  assert.ok(asked.length < 70, `${asked.length}`);
});

test('messages have no query; what is no URL says so', async () => {
  instead = () => new Response(null, { status: 200, headers: { 'Content-Length': '100000000' } });
  await assert.rejects(openGguf(`${url}?token=SECRET`, quick), (e: M2wError) => !/SECRET/.test(`${e.message} ${JSON.stringify(e.details)}`));
  await assert.rejects(openGguf('http://', quick), fails('usage'));
});

interface Manifest {
  [name: string]: unknown;
  parts: { header?: unknown[] }[];
  tensors: { [name: string]: unknown; pieces: Record<string, unknown>[] }[];
  shards: Record<string, unknown>[];
}

/** A model of one tensor in two shards, and a manifest that `change` has been at, with its right digest. */
function shards(change: (manifest: Manifest) => void): string {
  const file = gguf([f32('t', 1, 7)]), header = file.subarray(0, parseHeader(new Uint8Array(file)).bytes.length), data = file.subarray(header.length);
  files.set('head.bin', header);
  files.set('data.bin', data);
  const manifest: Manifest = {
    format: 'm2w-shards', version: 1, manifest_sha256: '0'.repeat(64), parts: [{ header: [0] }],
    tensors: [{ name: 't', type: 'F32', shape: [1, 256], pieces: [{ shard: 1, offset: 0, rows: 1 }] }],
    shards: [{ file: 'head.bin', bytes: header.length, sha256: digest(header) }, { file: 'data.bin', bytes: data.length, sha256: digest(data) }],
  };
  change(manifest);
  const whole = JSON.stringify(manifest);
  files.set('manifest.json', Buffer.from(whole.replace('0'.repeat(64), digest(whole))));
  return 'http://h/manifest.json';
}

const readAll = async (change: (manifest: Manifest) => void): Promise<Bytes> => bytesOf(await openShards(shards(change), quick), 't');

test('manifests: what is not as it must be is an error of the format', async () => {
  assert.ok((await readAll(() => undefined)).equals(Buffer.alloc(1024, 7)));
  const bad: Record<string, (m: Manifest) => void> = {
    'no shards': (m) => delete (m as Partial<Manifest>).shards,
    'a shard of null': (m) => { m.shards[1] = null as never; },
    'no tensors': (m) => delete (m as Partial<Manifest>).tensors,
    'a tensor of null': (m) => { m.tensors[0] = null as never; },
    'no header': (m) => delete m.parts[0]!.header,
    'a header nowhere': (m) => { m.parts[0]!.header = [7]; },
    'a header of half': (m) => { m.parts[0]!.header = [0.5]; },
    'a piece nowhere': (m) => { m.tensors[0]!.pieces[0]!.shard = 9; },
    'no pieces': (m) => delete (m.tensors[0] as Partial<Manifest['tensors'][0]>).pieces,
    'not one piece': (m) => { m.tensors[0]!.pieces = []; },
    'bytes below zero': (m) => { m.shards[1]!.bytes = -5; },
    'bytes of text': (m) => { m.shards[1]!.bytes = '1024'; },
    'rows below zero': (m) => { m.tensors[0]!.pieces = [{ shard: 1, offset: 0, rows: -1 }, { shard: 1, offset: 0, rows: 2 }]; },
    'an offset below zero': (m) => { m.tensors[0]!.pieces[0]!.offset = -64; },
    'an offset behind the end': (m) => { m.tensors[0]!.pieces[0]!.offset = 16; },
    'no digest': (m) => delete m.shards[1]!.sha256,
    'a tensor twice': (m) => m.tensors.push({ ...m.tensors[0]!, pieces: [] }),
    'a file elsewhere': (m) => { m.shards[1]!.file = '../data.bin'; },
  };
  for (const [what, change] of Object.entries(bad)) await assert.rejects(readAll(change), fails('format'), what);
});

test('manifests: what a tensor is, the header says', async () => {
  assert.ok((await readAll((m) => Object.assign(m.tensors[0]!, { type: 'Q8_0', shape: [1, 100] }))).equals(Buffer.alloc(1024, 7)));
  await assert.rejects(readAll((m) => { m.tensors[0]!.name = 'other'; }), fails('unsupported', /no tensor t/));
});

test('manifests: no more than memory should hold', async () => {
  const large = (m: Manifest) => {
    m.shards[0]!.bytes = 128 << 20;
    m.parts[0]!.header = Array(200).fill(0);
  };
  await assert.rejects(readAll(large), fails('too-large'));
  shards(() => undefined);
  files.set('manifest.json', Buffer.alloc(20 << 20, 32));
  await assert.rejects(openShards('http://h/manifest.json', quick), fails('too-large'));
});
