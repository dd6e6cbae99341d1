// chunks.ts — pieces of files that are compared with their digests before they are used, kept in the
// browser's store, fetched ahead, and held within a budget. Knows no tensors.
import { type Store, openStore } from './cache';
import { M2wError } from './errors';
import { free, gate, type HttpOptions, plain, type RemoteFile } from './http';

export interface LoadOptions extends HttpOptions {
  /** Where weights are kept; the browser's own store when not given, nothing with false. */
  store?: Store | false;
  /** Takes a line when something goes on with less than it could. */
  note?: (text: string) => void;
}

const requests = 4, heldBytes = 64e6;

/** SHA-256 as hexadecimal digits. Error: unsupported (a page that is not secure has no WebCrypto). */
export async function sha256(bytes: Uint8Array): Promise<string> {
  if (!globalThis.crypto?.subtle) throw new M2wError('unsupported', 'no WebCrypto: serve by https');
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes as Uint8Array<ArrayBuffer>));
  return Array.from(digest, (b) => b.toString(16).padStart(2, '0')).join('');
}

/** A run of a file that is fetched, compared and kept as one. */
export interface Chunk {
  readonly file: RemoteFile;
  readonly from: number;
  readonly to: number;
  /** Its name in the store; without one it is not kept. */
  readonly key?: string;
  /** What it must have; without one it is believed when it comes, and compared when it is read back. */
  readonly sha256?: string;
}

/** Chunks by number, several at a time, as long as memory allows. */
export interface Chunks {
  /** The order in which chunks will be asked for. */
  prefetch(order: readonly number[]): void;
  /** The bytes are there until the next call. Errors: http, changed, integrity, aborted. */
  get(i: number): Promise<Uint8Array>;
}

/** chunkOf: the one with that number. */
export function openChunks(chunkOf: (i: number) => Chunk, options: LoadOptions): Chunks {
  const run = gate(requests), held = new Map<number, Promise<Uint8Array>>();
  let heldNow = 0, ahead: number[] = [];
  /** None when one is not wanted, and once it has failed. */
  let opened: Promise<Store | undefined> | undefined;
  const storeOf = async ({ key }: Chunk): Promise<Store | undefined> =>
    key ? (opened ??= options.store === undefined ? openStore() : Promise.resolve(options.store || undefined)) : undefined;

  /** Bytes with the digest that they must have, or had when they were kept. */
  const kept = async (chunk: Chunk): Promise<Uint8Array | undefined> => {
    const { from, to, sha256: digest } = chunk, key = chunk.key!, store = await storeOf(chunk);
    const all = await store?.get(key).catch(() => undefined);
    if (!all) return undefined;
    const bytes = all.subarray(0, to - from);
    const tail = digest ?? new TextDecoder().decode(all.subarray(to - from));
    if (all.length === to - from + (digest ? 0 : 64) && (await sha256(bytes)) === tail) return bytes;
    await store!.delete(key).catch(() => undefined);
    return undefined;
  };

  /** Gives the bytes back, which may have moved. */
  const keep = async (chunk: Chunk, bytes: Uint8Array): Promise<Uint8Array> => {
    const { key, from, to, sha256: digest } = chunk, store = await storeOf(chunk);
    if (!store) return bytes;
    let failure: unknown;
    try {
      if (!digest) {
        const tailed = new Uint8Array(bytes.length + 64);
        tailed.set(bytes);
        tailed.set(new TextEncoder().encode(await sha256(bytes)), bytes.length);
        free(bytes);
        bytes = tailed;
      }
      ({ bytes, failure } = (await store.put(key!, bytes)) ?? { bytes });
    } catch (e) {
      failure = e;
    }
    if (failure) {
      options.note?.(`weights are not kept: ${failure}`);
      opened = store.delete(key!).then(() => undefined, () => undefined);
    }
    return bytes.subarray(0, to - from);
  };

  const load = async (chunk: Chunk): Promise<Uint8Array> => {
    const { file, from, to, sha256: digest } = chunk, found = await kept(chunk);
    if (found) return found;
    // What is kept here need not be in the browser's cache as well.
    for (const cache of [(await storeOf(chunk)) ? 'no-store' : 'default', 'reload'] as const) {
      const bytes = await file.bytes(from, to, cache);
      if (digest && (await sha256(bytes)) !== digest) continue;
      return keep(chunk, bytes);
    }
    const url = plain(file.url);
    throw new M2wError('integrity', `${url}: SHA-256`, { file: url.split('/').pop()!, url });
  };

  const sizeOf = (i: number): number => {
    const { from, to } = chunkOf(i);
    return to - from;
  };
  const drop = (i: number): void => {
    void held.get(i)?.then(free, () => undefined);
    if (held.delete(i)) heldNow -= sizeOf(i);
  };
  const start = (i: number, wanted: readonly number[], limit = Infinity): Promise<Uint8Array> | undefined => {
    let coming = held.get(i);
    if (coming) return coming;
    const size = sizeOf(i);
    for (const old of held.keys())
      if (heldNow + size > heldBytes && !wanted.includes(old)) drop(old);
    if (heldNow + size > limit) return undefined;
    coming = run(() => load(chunkOf(i)));
    held.set(i, coming);
    heldNow += size;
    coming.catch(() => held.get(i) === coming && drop(i)); // to be asked for again
    return coming;
  };
  return {
    prefetch(order) {
      ahead = order.filter((chunk, i) => chunk !== order[i - 1]);
    },
    get(i) {
      const at = ahead.indexOf(i);
      if (at > 0) ahead.splice(0, at);
      const wanted = at < 0 ? [i] : ahead.slice(0, requests);
      const coming = start(i, wanted)!;
      wanted.slice(1).every((next) => start(next, wanted, heldBytes));
      return coming;
    },
  };
}
