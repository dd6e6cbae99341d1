// gguf_weights.ts — a model's header and weights from the original GGUF files on a server, by ranges, as planes of the device.
import { type Chunk, type LoadOptions, openChunks, sha256 } from './chunks';
import { gatherPlane, planeOffsets } from './dtypes';
import { M2wError } from './errors';
import { type Header, parseHeader, type TensorInfo } from './gguf';
import { free, remoteFile } from './http';
import type { WeightSource } from './types';
import { absolute, missing } from './weights';

const firstRequest = 256 << 10, rangeBytes = 4 << 20, wholeFile = 64e6, mostHeader = 64e6;

/** One GGUF file on a server, in chunks of one size. */
interface Part {
  readonly header: Header;
  /** Its first bytes. */
  readonly start: Uint8Array;
  bytes(from: number, to: number): Promise<Uint8Array>;
  prefetch(tensors: readonly TensorInfo[]): void;
}

async function openPart(url: string, options: LoadOptions): Promise<Part> {
  const file = remoteFile(url, options);
  let start = new Uint8Array(firstRequest);
  start = start.subarray(0, await file.stream(0, firstRequest, (at, bytes) => start.set(bytes, at)));
  const size = file.size!;
  // Without ranges it comes in one piece, and is held in memory or read back from the store.
  if (!file.ranges && size > wholeFile) throw new M2wError('http', `${url}: the server gives no ranges, use shards`, { url });
  const chunkBytes = file.ranges ? rangeBytes : size;
  const identity = file.etag && (await sha256(new TextEncoder().encode(`${url} ${file.etag} ${size}`)));
  if (!identity) options.note?.('the server names no version (ETag) of the file: it is not kept');
  const chunks = openChunks(Array.from({ length: Math.ceil(size / chunkBytes) }, (_, i): Chunk => ({
    file, from: i * chunkBytes, to: Math.min(size, (i + 1) * chunkBytes), ...(identity && { key: `${identity}-${i}` }),
  })), options);
  const chunksOf = (from: number, to: number): number[] => {
    const first = Math.floor(from / chunkBytes);
    return Array.from({ length: Math.ceil(to / chunkBytes) - first }, (_, i) => first + i);
  };
  const bytes = async (from: number, to: number): Promise<Uint8Array<ArrayBuffer>> => {
    const out = new Uint8Array(to - from);
    for (const i of chunksOf(from, to)) {
      const chunk = await chunks.get(i), at = i * chunkBytes;
      out.set(chunk.subarray(Math.max(0, from - at), to - at), Math.max(0, at - from));
    }
    return out;
  };
  const prefetch = (tensors: readonly TensorInfo[]) =>
    chunks.prefetch(tensors.flatMap((t) => chunksOf(t.offset, t.offset + t.bytes)));
  for (;;) {
    try {
      return { header: parseHeader(start), start, bytes, prefetch };
    } catch (e) {
      // It may go on.
      if (start.length >= Math.min(size, mostHeader)) throw e;
      start = await bytes(0, Math.min(size, start.length * 4));
    }
  }
}

/**
 * Weights from the original file by Range requests, all parts where its name is that of the first of
 * several. Bytes have no digests to compare with: only what is kept is compared when it is read back.
 * Errors: http, changed, format, aborted.
 */
export async function openGguf(url: string, options: LoadOptions = {}): Promise<WeightSource> {
  const first = absolute(url);
  const count = Number(/-00001-of-(\d{5})\.gguf(?=$|\?)/.exec(first)?.[1] ?? 1);
  const parts: Part[] = [];
  for (let i = 1; i <= count; i++)
    parts.push(await openPart(first.replace('-00001-of-', `-${String(i).padStart(5, '0')}-of-`), options));
  const find = (name: string): Part => parts.find(({ header }) => header.tensors.get(name)?.type) ?? missing(name);
  return {
    header: async () => parts[0]!.start.subarray(0, parts[0]!.header.dataOffset),
    prefetch(names) {
      for (const part of parts)
        part.prefetch(names.filter((name) => find(name) === part).map((name) => part.header.tensors.get(name)!));
    },
    async read(name, sink) {
      const part = find(name), { type, offset, bytes } = part.header.tensors.get(name)!;
      const n = bytes / type.bytes, to = planeOffsets(type, n);
      // Multiples of 16 blocks, so that all planes go on at whole words.
      const step = Math.max(1, Math.floor(rangeBytes / type.bytes / 16)) * 16;
      for (let block = 0; block < n; block += step) {
        const blocks = await part.bytes(offset + block * type.bytes, offset + Math.min(n, block + step) * type.bytes);
        for (const [p, [begin, end]] of type.planes.entries()) {
          const plane = gatherPlane(type, p, blocks);
          await sink(to[p]! + block * (end - begin), plane);
          free(plane);
        }
        free(blocks);
      }
    },
  };
}
