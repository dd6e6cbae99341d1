// weights.ts — a model's header and weights from shards (docs/streaming.md), as planes of the device.
// Checks where bytes come from and belong; uploads nothing.
import { type Chunk, Chunks, type LoadOptions, sha256 } from './chunks';
import { type DType, dtypes, planeOffsets } from './dtypes';
import { M2wError } from './errors';
import { type Header, parseHeader } from './gguf';
import { fetchWhole, RemoteFile } from './http';
import type { WeightSource } from './types';

export type { LoadOptions } from './chunks';

const manifestBytes = 16 << 20, mostShard = 128 << 20;

interface Piece {
  readonly shard: number;
  readonly offset: number;
  readonly rows: number;
}

interface Manifest {
  readonly plan_sha256?: string;
  readonly parts: readonly { readonly bytes: number; readonly header: readonly number[] }[];
  readonly tensors: readonly {
    readonly name: string; readonly type: string; readonly shape: readonly number[];
    readonly part: number; readonly offset: number; readonly pieces: readonly Piece[];
  }[];
  readonly shards: readonly { readonly file: string; readonly bytes: number; readonly sha256: string; readonly kind: string }[];
}

/** URLs are the page's. */
export const absolute = (url: string) => new URL(url, globalThis.location?.href).href;
const product = (shape: readonly number[]) => shape.reduce((a, b) => a * b, 1);
const whole = (n: unknown, most = Number.MAX_SAFE_INTEGER): n is number => Number.isSafeInteger(n) && (n as number) >= 0 && (n as number) <= most;

function must(holds: unknown, what: string): asserts holds {
  if (!holds) throw new M2wError('format', `manifest.json: ${what}`);
}

export const missing = (name: string) => new M2wError('unsupported', `these weights have no tensor ${name}`);

/** A matrix's geometry: blocks in a row, rows. */
function geometry(type: DType, shape: readonly number[]): [number, number] {
  return [shape[shape.length - 1]! / type.elems, product(shape.slice(0, -1))];
}

const typeOf = (name: string) => dtypes.find((row) => row.name === name);

/** Every rule of docs/streaming.md that a reader can break on. */
function checkManifest(m: Manifest & { format?: unknown; version?: unknown }): void {
  must(m && m.format === 'm2w-shards' && m.version === 1, 'not format "m2w-shards" of version 1');
  must(Array.isArray(m.parts) && m.parts.length && m.parts.length <= 1024, 'parts');
  must(Array.isArray(m.shards) && m.shards.length <= 65536, 'shards');
  must(Array.isArray(m.tensors) && m.tensors.length <= 32768, 'tensors');
  for (const { file, bytes, sha256: digest, kind } of m.shards) {
    must(/^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$/.test(file) && !file.includes('..'), 'a shard with an unusable file name');
    must(whole(bytes) && /^[0-9a-f]{64}$/.test(digest) && /^(header|embedding|layer|head)$/.test(kind), `shard ${file}`);
  }
  const headers = new Set<number>();
  for (const part of m.parts) {
    must(whole(part.bytes) && Array.isArray(part.header) && part.header.length, 'a part without a header');
    for (const i of part.header) must(m.shards[i]?.kind === 'header' && headers.size < headers.add(i).size, 'a header shard');
  }
  const ends = m.shards.map((): { offset: number; end: number }[] => []);
  const names = new Set<string>();
  for (const { name, type: typeName, shape, part, offset, pieces } of m.tensors) {
    must(typeof name === 'string' && names.size < names.add(name).size, 'tensor names');
    const type = typeOf(typeName);
    must(type && Array.isArray(shape) && shape.length && shape.length <= 4 && shape.every((n) => whole(n) && n > 0), name);
    must(m.parts[part] && whole(offset, m.parts[part].bytes) && Array.isArray(pieces), name);
    const [rowBlocks, rows] = geometry(type, shape);
    must(whole(rowBlocks) && whole(rows * rowBlocks * type.bytes), name);
    let sum = 0;
    for (const piece of pieces) {
      must(whole(piece.rows, rows) && piece.rows && whole(piece.offset) && m.shards[piece.shard] && m.shards[piece.shard]!.kind !== 'header', name);
      sum += piece.rows;
      ends[piece.shard]!.push({ offset: piece.offset, end: piece.offset + planeOffsets(type, piece.rows * rowBlocks).pop()! });
    }
    must(sum === rows, `${name}: pieces have ${sum} rows of ${rows}`);
  }
  m.shards.forEach(({ file, bytes, kind }, i) => {
    if (kind === 'header') return;
    let at = 0;
    for (const { offset, end } of ends[i]!.sort((a, b) => a.offset - b.offset)) {
      must(offset === at, `gap or overlap in ${file}`);
      at = end;
    }
    must(at === bytes, `${file} is not filled`);
  });
}

/** The text with 64 zeros for its own digest has that digest. */
async function parseManifest(bytes: Uint8Array): Promise<Manifest> {
  let manifest;
  const text = new TextDecoder().decode(bytes);
  try {
    manifest = JSON.parse(text);
  } catch {
    must(false, 'not JSON');
  }
  const digest = manifest?.manifest_sha256, at = typeof digest === 'string' && digest.length === 64 ? text.lastIndexOf(digest) : -1;
  must(at >= 0, 'no manifest_sha256');
  if ((await sha256(new TextEncoder().encode(text.slice(0, at) + '0'.repeat(64) + text.slice(at + 64)))) !== digest)
    throw new M2wError('integrity', 'manifest.json has not its own SHA-256', { file: 'manifest.json' });
  checkManifest(manifest);
  return manifest;
}

/** The directory of the header must be the manifest's. */
function checkDirectory(header: Header, manifest: Manifest): void {
  const mine = manifest.tensors.filter((t) => t.part === 0);
  must(mine.length === header.tensors.size && mine.every((t) => {
    const other = header.tensors.get(t.name);
    return other?.type.name === t.type && String(other.shape) === String(t.shape) && other.offset === t.offset;
  }), 'its tensors are not those of the GGUF header');
}

/**
 * Weights from the shards beside a manifest. Nothing of a shard is used before its SHA-256 is the
 * manifest's; a shard that differs is fetched once more.
 * Errors: http, changed, integrity, format, too-large (a shard that memory should not hold), aborted.
 */
export async function openShards(manifestUrl: string, options: LoadOptions = {}): Promise<WeightSource> {
  const url = absolute(manifestUrl);
  const text = await fetchWhole(url, options);
  must(text.length <= manifestBytes, `more than ${manifestBytes} bytes`);
  const manifest = await parseManifest(text);
  const chunks = new Chunks(manifest.shards.map(({ file, bytes, sha256: digest }): Chunk => {
    if (bytes > mostShard)
      throw new M2wError('too-large', `${file} has ${bytes} bytes: cut the model with a smaller --max-size`, { needed: bytes, limit: mostShard });
    return { file: new RemoteFile(new URL(file, url.split('?')[0]).href, options, bytes, true), from: 0, to: bytes, key: digest, sha256: digest };
  }), options);
  const tensors = new Map(manifest.tensors.map((t) => [t.name, t]));
  return {
    planSha256: manifest.plan_sha256,
    async header() {
      const { header, bytes } = manifest.parts[0]!;
      const joined = new Uint8Array(header.reduce((n, i) => n + manifest.shards[i]!.bytes, 0));
      let at = 0;
      for (const i of header) {
        const shard = await chunks.get(i);
        joined.set(shard, at);
        at += shard.length;
      }
      checkDirectory(parseHeader(joined, bytes), manifest);
      return joined;
    },
    prefetch: (names) => chunks.prefetch(names.flatMap((name) => tensors.get(name)?.pieces.map((piece) => piece.shard) ?? [])),
    async read(name, sink) {
      const tensor = tensors.get(name);
      if (!tensor) throw missing(name);
      const type = typeOf(tensor.type)!;
      const [rowBlocks, rows] = geometry(type, tensor.shape);
      const to = planeOffsets(type, rows * rowBlocks);
      let block = 0;
      for (const piece of tensor.pieces) {
        const shard = await chunks.get(piece.shard), n = piece.rows * rowBlocks;
        const from = planeOffsets(type, n);
        for (const [p, [first, last]] of type.planes.entries()) {
          const width = last - first, begin = piece.offset + from[p]!;
          await sink(to[p]! + block * width, shard.subarray(begin, begin + n * width));
        }
        block += n;
      }
    },
  };
}
