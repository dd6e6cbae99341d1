// weights.ts — a model's header and weights from shards (docs/streaming.md), as planes of the device.
// Checks where bytes come from and belong; uploads nothing.
import { type Chunk, type LoadOptions, openChunks, sha256 } from './chunks';
import { planeOffsets } from './dtypes';
import { M2wError, tooLarge } from './errors';
import { type Header, mostHeader, parseHeader, product } from './gguf';
import { fetchWhole, plain, remoteFile } from './http';
import type { WeightSource } from './types';

export type { LoadOptions } from './chunks';

const mostShard = 128 << 20;

interface Manifest {
  readonly format: string;
  readonly version: number;
  readonly manifest_sha256: string;
  readonly parts: readonly { readonly header: readonly number[] }[];
  readonly tensors: readonly { readonly name: string; readonly pieces: readonly { readonly shard: number; readonly offset: number; readonly rows: number }[] }[];
  readonly shards: readonly { readonly file: string; readonly bytes: number; readonly sha256: string }[];
}

/** URLs are the page's. Error: usage (none). */
export function absolute(url: string): string {
  try {
    return new URL(url, globalThis.location?.href).href;
  } catch {
    throw new M2wError('usage', `no URL: ${plain(url)}`);
  }
}

export const missing = (name: string): never => {
  throw new M2wError('unsupported', `these weights have no tensor ${name}`);
};

function must(holds: unknown, what: string): asserts holds {
  if (!holds) throw new M2wError('format', `manifest.json: ${what}`);
}

/** That reading on will find what it expects. What tensors are is the header's to say. */
function check({ shards, parts, tensors }: Manifest): void {
  const isCount = (n: number, below = mostShard + 1) => Number.isInteger(n) && n >= 0 && n < below;
  for (const { file, bytes, sha256: digest } of shards) {
    must(/^\w[\w.-]*$/.test(file), `a file called ${file}`);
    if (bytes > mostShard) throw tooLarge(bytes, mostShard);
    must(isCount(bytes) && /^[\da-f]{64}$/.test(digest), file);
  }
  for (const { header } of parts) {
    for (const i of header) must(isCount(i, shards.length), 'a header');
    const bytes = header.reduce((n, i) => n + shards[i]!.bytes, 0);
    if (bytes > mostHeader) throw tooLarge(bytes, mostHeader);
  }
  for (const { name, pieces } of tensors)
    for (const { shard, offset, rows } of pieces) must(isCount(shard, shards.length) && isCount(offset) && isCount(rows, Infinity), name);
}

/** What has its own SHA-256 is what its writer wrote: the text with 64 zeros for that digest has it. */
async function parseManifest(bytes: Uint8Array): Promise<Manifest> {
  const text = new TextDecoder().decode(bytes);
  let manifest: Manifest | undefined;
  try {
    manifest = JSON.parse(text) as Manifest;
  } catch {
    // what is no JSON is no manifest
  }
  must(manifest?.format === 'm2w-shards' && manifest.version === 1, 'not m2w-shards 1');
  const digest = manifest.manifest_sha256, at = text.lastIndexOf(digest);
  if ((await sha256(new TextEncoder().encode(text.slice(0, at) + '0'.repeat(64) + text.slice(at + 64)))) !== digest)
    throw new M2wError('integrity', 'manifest.json: SHA-256', { file: 'manifest.json' });
  try {
    check(manifest);
  } catch (e) {
    throw e instanceof M2wError ? e : new M2wError('format', `manifest.json: ${e}`); // something is missing, or of another type
  }
  return manifest;
}

/**
 * Weights from the shards beside a manifest. Nothing of a shard is used before its SHA-256 is the
 * manifest's; a shard that differs is fetched once more.
 * Errors: http, changed, integrity, format, too-large (a shard that memory should not hold), aborted.
 */
export async function openShards(manifestUrl: string, options: LoadOptions = {}): Promise<WeightSource> {
  const url = absolute(manifestUrl), { shards, parts, tensors: list } = await parseManifest(await fetchWhole(url, options));
  const files = shards.map(({ file, bytes, sha256: digest }): Chunk => (
    { file: remoteFile(new URL(file, plain(url)).href, options, bytes, true), from: 0, to: bytes, key: digest, sha256: digest }));
  const chunks = openChunks((i) => files[i]!, options);
  const headers: Header[] = [], tensors = new Map(list.map((t) => [t.name, t]));
  for (const { header } of parts) {
    const joined = new Uint8Array(header.reduce((n, i) => n + shards[i]!.bytes, 0));
    let at = 0;
    for (const i of header) {
      const shard = await chunks.get(i);
      joined.set(shard, at);
      at += shard.length;
    }
    headers.push(parseHeader(joined));
  }
  return {
    headers: async () => headers,
    prefetch: (names) => chunks.prefetch(names.flatMap((name) => tensors.get(name)?.pieces.map((piece) => piece.shard) ?? [])),
    async read(name, sink) {
      const { type, shape } = headers.map((header) => header.tensors.get(name)).find((t) => t?.type) ?? missing(name);
      const { pieces } = tensors.get(name) ?? missing(name);
      const rowBlocks = shape.at(-1)! / type.elems, rows = product(shape.slice(0, -1));
      const to = planeOffsets(type, rows * rowBlocks);
      let block = 0;
      for (const { shard, offset, rows: n } of pieces) {
        const bytes = await chunks.get(shard), from = planeOffsets(type, n * rowBlocks);
        must(offset + from.at(-1)! <= bytes.length, name);
        for (const [p, [first, last]] of type.planes.entries()) {
          const width = last - first, begin = offset + from[p]!;
          await sink(to[p]! + block * width, bytes.subarray(begin, begin + n * rowBlocks * width));
        }
        block += n * rowBlocks;
      }
      must(block === rows * rowBlocks, name);
    },
  };
}
