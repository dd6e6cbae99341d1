// chunks.ts — pieces of files that are compared with their digests before they are used, kept in the
// browser's store, fetched ahead, and held within a budget. Knows no tensors.
import { type Store, openStore } from './cache';
import { M2wError } from './errors';
import { free, Gate, type HttpOptions, type RemoteFile } from './http';

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

/** The store, until it fails. */
class Keeper {
  private store?: Promise<Store | undefined>;
  constructor(private readonly options: LoadOptions) {}

  /** Bytes under a name with the digest that they must have, or had when they were kept. */
  async get({ key, sha256: digest, from, to }: Chunk): Promise<Uint8Array | undefined> {
    const store = key && (await this.open());
    const kept = store && (await store.get(key).catch(() => undefined));
    if (!kept) return undefined;
    const bytes = kept.subarray(0, to - from);
    const tail = digest ?? new TextDecoder().decode(kept.subarray(to - from));
    if (kept.length === to - from + (digest ? 0 : 64) && (await sha256(bytes)) === tail) return bytes;
    await store.delete(key).catch(() => undefined);
    return undefined;
  }

  async put({ key, sha256: digest }: Chunk, bytes: Uint8Array): Promise<void> {
    const store = key && (await this.open());
    if (!store) return;
    try {
      if (!digest) {
        const tailed = new Uint8Array(bytes.length + 64);
        tailed.set(bytes);
        tailed.set(new TextEncoder().encode(await sha256(bytes)), bytes.length);
        bytes = tailed;
      }
      await store.put(key, bytes);
    } catch (e) {
      const { name } = e as Error;
      if (this.store) this.options.note?.(name === 'QuotaExceededError' ? 'no room to keep the weights' : `weights are not kept: ${name}`);
      this.store = Promise.resolve(undefined);
    }
  }

  open(): Promise<Store | undefined> {
    const { store } = this.options;
    return (this.store ??= store === undefined ? openStore() : Promise.resolve(store || undefined));
  }
}

/** Chunks by number, several at a time, as long as memory allows. */
export class Chunks {
  readonly keeper: Keeper;
  private readonly gate = new Gate(requests);
  private readonly held = new Map<number, Promise<Uint8Array>>();
  private bytes = 0;
  private ahead: number[] = [];

  constructor(readonly list: readonly Chunk[], options: LoadOptions) {
    this.keeper = new Keeper(options);
  }

  /** The order in which chunks will be asked for. */
  prefetch(order: readonly number[]): void {
    this.ahead = order.filter((chunk, i) => chunk !== order[i - 1]);
  }

  /** The bytes are there until the next call. Errors: http, changed, integrity, aborted. */
  get(i: number): Promise<Uint8Array> {
    const at = this.ahead.indexOf(i);
    if (at > 0) this.ahead.splice(0, at);
    const wanted = at < 0 ? [i] : this.ahead.slice(0, requests);
    const chunk = this.start(i, wanted)!;
    wanted.slice(1).every((next) => this.start(next, wanted, heldBytes));
    return chunk;
  }

  private start(i: number, wanted: readonly number[], limit = Infinity): Promise<Uint8Array> | undefined {
    let chunk = this.held.get(i);
    if (chunk) return chunk;
    const size = this.size(i);
    for (const old of this.held.keys())
      if (this.bytes + size > heldBytes && !wanted.includes(old)) this.drop(old);
    if (this.bytes + size > limit) return undefined;
    chunk = this.gate.run(() => this.load(this.list[i]!));
    this.held.set(i, chunk);
    this.bytes += size;
    chunk.catch(() => this.held.get(i) === chunk && this.drop(i)); // to be asked for again
    return chunk;
  }

  private size(i: number): number {
    return this.list[i]!.to - this.list[i]!.from;
  }

  private drop(i: number): void {
    void this.held.get(i)?.then(free, () => undefined);
    if (this.held.delete(i)) this.bytes -= this.size(i);
  }

  private async load(chunk: Chunk): Promise<Uint8Array> {
    const { file, from, to, sha256: digest } = chunk;
    const kept = await this.keeper.get(chunk);
    if (kept) return kept;
    for (const again of [false, true]) {
      const bytes = await file.bytes(from, to, again);
      if (digest && (await sha256(bytes)) !== digest) continue;
      await this.keeper.put(chunk, bytes);
      return bytes;
    }
    const url = file.url.split('?')[0]!;
    throw new M2wError('integrity', `${url}: SHA-256`, { file: url.split('/').pop()!, url });
  }
}
