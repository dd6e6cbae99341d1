// gguf_weights.ts — a model's headers and weights from the original GGUF files on a server, by ranges, as planes of the device.
import { type Chunks, type LoadOptions, openChunks, sha256 } from './chunks';
import { gatherPlane, planeOffsets } from './dtypes';
import { M2wError } from './errors';
import { type Header, mostHeader, noEnd, parseHeader } from './gguf';
import { free, plain, type RemoteFile, remoteFile } from './http';
import type { WeightSource } from './types';
import { absolute, missing } from './weights';

const firstRequest = 256 << 10, rangeBytes = 4 << 20, wholeFile = 64e6;
const mostChunks = 2 ** 32; // of a file, in the numbers of a model's chunks

/** One GGUF file on a server, in chunks of one size. */
interface Part {
  readonly file: RemoteFile;
  readonly chunkBytes: number;
  /** Of this version of the file, where the server names it. */
  readonly identity: string | undefined;
}

/** The numbers of the chunks with [from, to) of part p. */
function chunksOf(p: number, { chunkBytes }: Part, from: number, to: number): number[] {
  const first = Math.floor(from / chunkBytes);
  return Array.from({ length: Math.ceil(to / chunkBytes) - first }, (_, i) => p * mostChunks + first + i);
}

async function readBytes(chunks: Chunks, p: number, part: Part, from: number, to: number): Promise<Uint8Array<ArrayBuffer>> {
  const out = new Uint8Array(to - from);
  for (const i of chunksOf(p, part, from, to)) {
    const chunk = await chunks.get(i), at = (i % mostChunks) * part.chunkBytes;
    out.set(chunk.subarray(Math.max(0, from - at), to - at), Math.max(0, at - from));
  }
  return out;
}

/**
 * Weights from the original file by Range requests, all parts where its name is that of the first of
 * several. Bytes have no digests to compare with: only what is kept is compared when it is read back.
 * Errors: http, changed, format, aborted.
 */
export async function openGguf(url: string, options: LoadOptions = {}): Promise<WeightSource> {
  const first = absolute(url), parts: Part[] = [], headers: Header[] = [];
  const chunks = openChunks((i) => {
    const { file, chunkBytes, identity } = parts[Math.floor(i / mostChunks)]!, n = i % mostChunks;
    return { file, from: n * chunkBytes, to: Math.min(file.size!, (n + 1) * chunkBytes), ...(identity && { key: `${identity}-${n}` }) };
  }, options);

  const open = async (url: string): Promise<Header> => {
    const file = remoteFile(url, options), p = parts.length;
    let start = new Uint8Array(firstRequest);
    start = start.subarray(0, await file.stream(0, firstRequest, (at, bytes) => start.set(bytes, at)));
    const size = file.size!;
    // Without ranges it comes in one piece, and is held in memory or read back from the store.
    if (!file.ranges && size > wholeFile) throw new M2wError('http', `${plain(url)}: the server gives no ranges, use shards`, { url: plain(url) });
    const identity = file.etag && (await sha256(new TextEncoder().encode(`${url} ${file.etag} ${size}`)));
    if (!identity) options.note?.('the server names no version (ETag) of the file: it is not kept');
    parts.push({ file, chunkBytes: file.ranges ? rangeBytes : size, identity });
    for (;;) {
      try {
        return parseHeader(start);
      } catch (e) {
        if (start.length >= Math.min(size, mostHeader) || !(e as Error).message.endsWith(noEnd)) throw e;
        start = await readBytes(chunks, p, parts[p]!, 0, Math.min(size, start.length * 4));
      }
    }
  };
  for (let i = 1, n = Number(/-00001-of-(\d{5})\.gguf(?=$|\?)/.exec(first)?.[1]) || 1; i <= n; i++) {
    const header = await open(first.replace('-00001-of-', `-${String(i).padStart(5, '0')}-of-`));
    for (const [name, { type, offset, bytes }] of header.tensors)
      if (type && !(offset + bytes <= parts.at(-1)!.file.size!)) throw new M2wError('format', `GGUF: the file ends within ${name}`);
    headers.push(header);
  }

  const find = (name: string): number => {
    const p = headers.findIndex(({ tensors }) => tensors.get(name)?.type);
    return p < 0 ? missing(name) : p;
  };
  return {
    headers: async () => headers,
    prefetch: (names) => chunks.prefetch(names.flatMap((name) => {
      const p = find(name), { offset, bytes } = headers[p]!.tensors.get(name)!;
      return chunksOf(p, parts[p]!, offset, offset + bytes);
    })),
    async read(name, sink) {
      const p = find(name), { type, offset, bytes } = headers[p]!.tensors.get(name)!;
      const n = bytes / type.bytes, to = planeOffsets(type, n);
      // Multiples of 16 blocks, so that all planes go on at whole words.
      const step = Math.max(1, Math.floor(rangeBytes / type.bytes / 16)) * 16;
      for (let block = 0; block < n; block += step) {
        const blocks = await readBytes(chunks, p, parts[p]!, offset + block * type.bytes, offset + Math.min(n, block + step) * type.bytes);
        for (const [i, [begin, end]] of type.planes.entries()) {
          const plane = gatherPlane(type, i, blocks);
          await sink(to[i]! + block * (end - begin), plane);
          free(plane);
        }
        free(blocks);
      }
    },
  };
}
