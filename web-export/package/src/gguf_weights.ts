// gguf_weights.ts — a model's header and weights from the original GGUF files on a server, by ranges,
// as planes of the device.
import { type Chunk, Chunks, type LoadOptions, sha256 } from './chunks';
import { gatherPlane, planeOffsets } from './dtypes';
import { M2wError } from './errors';
import { type Header, parseHeader, type TensorInfo } from './gguf';
import { free, RemoteFile } from './http';
import type { WeightSource } from './types';
import { absolute, missing } from './weights';

const firstRequest = 256 << 10, ggufChunk = 4 << 20, wholeFile = 64e6;

/** One GGUF file on a server, in chunks of one size. */
class GgufFile {
  private constructor(readonly header: Header, readonly start: Uint8Array, private readonly chunks: Chunks, private readonly chunkBytes: number) {}

  static async open(url: string, options: LoadOptions): Promise<GgufFile> {
    const file = new RemoteFile(url, options);
    const parts: Uint8Array[] = [];
    await file.stream(0, firstRequest, (_, bytes) => void parts.push(bytes.slice()));
    const size = file.size!;
    // Without ranges it comes in one piece, and is held in memory or read back from the store.
    const chunkBytes = file.ranges || size > wholeFile ? ggufChunk : size;
    const identity = file.etag && (await sha256(new TextEncoder().encode(`${url} ${file.etag} ${size}`)));
    if (!identity) options.note?.('the server names no version (ETag) of the file: it is not kept');
    const list = Array.from({ length: Math.ceil(size / chunkBytes) }, (_, i): Chunk => ({
      file, from: i * chunkBytes, to: Math.min(size, (i + 1) * chunkBytes), ...(identity && { key: `${identity}-${i}` }),
    }));
    const chunks = new Chunks(list, options);
    if (!file.ranges && chunkBytes < size) await storeAll(file, chunks);
    for (let bytes = await new Blob(parts as Uint8Array<ArrayBuffer>[]).arrayBuffer(), gguf: GgufFile | undefined; ;) {
      const start = new Uint8Array(bytes);
      try {
        return new GgufFile(parseHeader(start, size), start, chunks, chunkBytes);
      } catch (e) {
        const needed = e instanceof M2wError && e.details.needed;
        if (!needed) throw e;
        gguf ??= new GgufFile({ metadata: new Map(), tensors: new Map(), dataOffset: 0 }, start, chunks, chunkBytes);
        bytes = (await gguf.bytes(0, Math.min(size, Math.max(Number(needed), start.length * 2)))).buffer as ArrayBuffer;
      }
    }
  }

  chunksOf(from: number, to: number): number[] {
    const first = Math.floor(from / this.chunkBytes), end = Math.ceil(to / this.chunkBytes);
    return Array.from({ length: end - first }, (_, i) => first + i);
  }

  prefetch(tensors: readonly TensorInfo[]): void {
    this.chunks.prefetch(tensors.flatMap((t) => this.chunksOf(t.offset, t.offset + t.bytes)));
  }

  async bytes(from: number, to: number): Promise<Uint8Array> {
    const bytes = new Uint8Array(to - from);
    for (const i of this.chunksOf(from, to)) {
      const chunk = await this.chunks.get(i), at = i * this.chunkBytes;
      bytes.set(chunk.subarray(Math.max(0, from - at), to - at), Math.max(0, at - from));
    }
    return bytes;
  }
}

/** Brings a file of a server without ranges into the store. Error: http (no store to bring it into). */
async function storeAll(file: RemoteFile, { list, keeper }: Chunks): Promise<void> {
  let chunk = new Uint8Array(0), next = 0;
  let missing: Chunk | undefined;
  for (const c of list) {
    const bytes = await keeper.get(c);
    if (bytes) free(bytes);
    else missing ??= c;
  }
  if (!missing) return;
  await file.stream(0, file.size!, async (at, bytes) => {
    for (let i = 0; i < bytes.length;) {
      const { from, to } = list[next]!;
      if (at + i === from) chunk = new Uint8Array(to - from);
      const part = bytes.subarray(i, i + to - (at + i));
      chunk.set(part, at + i - from);
      i += part.length;
      if (at + i === to) {
        await keeper.put(list[next++]!, chunk);
        free(chunk);
        if (!list[0]!.key || !(await keeper.open())) throw file.error('http', 'the server gives no ranges, and there is no room to keep the file: use shards');
      }
    }
  });
}

/**
 * Weights from the original file by Range requests, all parts where its name is that of the first of
 * several. Bytes have no digests to compare with: only what is kept is compared when it is read back.
 * Errors: http, changed, format, aborted.
 */
export async function openGguf(url: string, options: LoadOptions = {}): Promise<WeightSource> {
  const first = absolute(url);
  const count = Number(/-00001-of-(\d{5})\.gguf(?=$|\?)/.exec(first)?.[1] ?? 1);
  const urls = Array.from({ length: count }, (_, i) => (i ? first.replace('-00001-of-', `-${String(i + 1).padStart(5, '0')}-of-`) : first));
  const files: GgufFile[] = [];
  for (const part of urls) files.push(await GgufFile.open(part, options));
  const find = (name: string): [GgufFile, TensorInfo] => {
    for (const file of files) {
      const tensor = file.header.tensors.get(name);
      if (tensor) return [file, tensor];
    }
    throw missing(name);
  };
  return {
    header: async () => files[0]!.start.subarray(0, files[0]!.header.dataOffset),
    prefetch(names) {
      const found = names.map(find);
      for (const file of files) file.prefetch(found.filter(([owner]) => owner === file).map(([, tensor]) => tensor));
    },
    async read(name, sink) {
      const [file, { type, offset, bytes }] = find(name);
      const n = bytes / type.bytes, to = planeOffsets(type, n);
      // Multiples of 16 blocks, so that all planes go on at whole words.
      const step = Math.max(1, Math.floor(ggufChunk / type.bytes / 16)) * 16;
      for (let block = 0; block < n; block += step) {
        const blocks = await file.bytes(offset + block * type.bytes, offset + Math.min(n, block + step) * type.bytes);
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
