// http.ts — bytes of a file on a server: what counts as an answer, what is tried again, when a file
// is no longer the same (docs/streaming.md). Knows nothing of what the bytes mean.
import { checkAborted, M2wError } from './errors';

export interface HttpOptions {
  signal?: AbortSignal;
  /** Sent with each request. */
  headers?: Record<string, string>;
  /** Pause before the second try in ms, 500; twice as long before each later one. */
  pause?: number;
  /** Without a byte for so many ms a try is given up; 30,000. */
  timeout?: number;
}

const mostTries = 4, longestRetryAfter = 30_000, progressThatCounts = 1 << 20;

/** Worth another try, after `wait` ms where the server says so. */
class Again {
  constructor(readonly reason: string, readonly status?: number, readonly wait?: number) {}
}

function retryAfter(response: Response): number | undefined {
  const text = response.headers.get('Retry-After');
  if (!text) return undefined;
  const ms = /^\d+$/.test(text) ? Number(text) * 1000 : Date.parse(text) - Date.now();
  return ms >= 0 ? Math.min(ms, longestRetryAfter) : undefined;
}

/** Ends early when the signal says so. */
function sleep(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((done) => {
    const end = () => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', end);
      done();
    };
    const timer = setTimeout(end, ms);
    signal?.addEventListener('abort', end);
  });
}

/** Gives memory back at once: hundreds of megabytes would wait for the collector. */
export function free({ buffer }: Uint8Array): void {
  if (buffer.byteLength) (buffer as ArrayBuffer & { transfer?(size: number): void }).transfer?.(0);
}

/** Lets so many run at a time. */
export class Gate {
  private readonly waiting: (() => void)[] = [];
  constructor(private free: number) {}
  async run<T>(work: () => Promise<T>): Promise<T> {
    if (this.free) this.free--;
    else await new Promise<void>((go) => this.waiting.push(go));
    try {
      return await work();
    } finally {
      const next = this.waiting.shift();
      if (next) next();
      else this.free++;
    }
  }
}

function failure(code: 'http' | 'changed', url: string, message: string, details: Record<string, string | number> = {}): M2wError {
  url = url.split('?')[0]!;
  return new M2wError(code, `${url}: ${message}`, { url, ...details });
}

/** Tries again what fails on its way; tries are counted anew when `at` moved far enough. */
async function persist<T>(url: string, { signal, pause = 500 }: HttpOptions, work: () => Promise<T>, at = () => 0): Promise<T> {
  for (let tries = 0, best = at(); ;) {
    checkAborted(signal);
    try {
      return await work();
    } catch (e) {
      checkAborted(signal);
      if (!(e instanceof Again)) throw e;
      if (at() - best >= progressThatCounts) tries = 0;
      best = at();
      if (++tries === mostTries) throw failure('http', url, `${e.reason}, ${tries} times`, e.status ? { status: e.status } : {});
      await sleep(e.wait ?? pause * 2 ** (tries - 1) * (1 - Math.random() / 2), signal);
    }
  }
}

/** One try, that ends with the caller's signal and after a while without a byte; `alive` says that one came. */
async function attempt<T>({ signal, timeout = 30_000 }: HttpOptions, work: (signal: AbortSignal, alive: () => void) => Promise<T>): Promise<T> {
  const stop = new AbortController();
  const abort = () => stop.abort();
  let timer = setTimeout(abort, timeout);
  signal?.addEventListener('abort', abort);
  try {
    return await work(stop.signal, () => {
      clearTimeout(timer);
      timer = setTimeout(abort, timeout);
    });
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener('abort', abort);
    stop.abort();
  }
}

async function request(url: string, init: RequestInit): Promise<Response> {
  const response = await fetch(url, init).catch((e: unknown) => { throw new Again(`no answer (${e})`); });
  const { status } = response;
  if (status === 429 || status === 408 || status >= 500) throw new Again(`status ${status}`, status, retryAfter(response));
  if (status !== 200 && status !== 206) throw failure('http', url, `status ${status}`, { status });
  return response;
}

/** A small file as a whole, however the server encodes it. Errors: http, aborted. */
export function fetchWhole(url: string, options: HttpOptions): Promise<Uint8Array> {
  return persist(url, options, () => attempt(options, async (signal) => {
    const response = await request(url, { signal, ...(options.headers && { headers: options.headers }) });
    return new Uint8Array(await response.arrayBuffer().catch((e: unknown) => { throw new Again(`the connection broke (${e})`); }));
  }));
}

/** A file on a server, which must stay the same while it is read. */
export class RemoteFile {
  /** Strong ETag of the first answer. */
  etag?: string;
  /** Whether the server gives parts; unknown before the first request for one. */
  ranges?: boolean;

  /** hashed: the caller compares digests, so that a new ETag, or none of the headers of ranges (CORS), is no error. */
  constructor(
    readonly url: string,
    private readonly options: HttpOptions,
    public size?: number,
    private readonly hashed = false,
  ) {}

  /**
   * Delivers [from, to), or up to the end of the file: every byte once and in order; returns where it ended. What the sink
   * gets is there until it ends.
   * Errors: http (status, or why it was given up), changed, aborted.
   */
  async stream(from: number, to: number, sink: (at: number, bytes: Uint8Array) => void | Promise<void>, reload = false): Promise<number> {
    let at = from;
    const advance = async (bytes: Uint8Array) => {
      await sink(at, bytes);
      at += bytes.length;
    };
    while (at < Math.min(to, this.size ?? to))
      await persist(this.url, this.options, () => attempt(this.options,
        (signal, alive) => this.part(at, to, advance, { signal, cache: reload ? 'reload' : 'default' }, alive)), () => at);
    return at;
  }

  /** The bytes of [from, to), which are there. */
  async bytes(from: number, to: number, reload = false): Promise<Uint8Array> {
    const bytes = new Uint8Array(to - from);
    await this.stream(from, to, (at, part) => bytes.set(part, at - from), reload);
    return bytes;
  }

  error(code: 'http' | 'changed', message: string): M2wError {
    return failure(code, this.url, message);
  }

  private async part(at: number, to: number, advance: (bytes: Uint8Array) => Promise<void>, init: RequestInit, alive: () => void): Promise<void> {
    const ranged = at > 0 || to !== this.size, { headers = {} } = this.options;
    // Not through the browser's cache: Chromium's puts answers together from parts that it has, and stays waiting when a server
    // answers the rest wrongly. Whole files may come from it.
    if (ranged) init = { ...init, cache: 'no-store' };
    const response = await request(this.url, { ...init, headers: ranged ? { ...headers, Range: `bytes=${at}-${to - 1}` } : headers });
    const [begin, end] = this.check(response, at, to, ranged);
    const reader = response.body!.getReader();
    for (let pos = begin; pos < to || pos >= end;) {  // a server without ranges goes on behind `to`
      const { done, value } = await reader.read().catch((e: unknown) => { throw new Again(`the connection broke (${e})`); });
      if (done) {
        if (pos < end) throw new Again(`the answer ended after ${pos - begin} of ${end - begin} bytes`);
        return;
      }
      alive();
      if (value.length > end - pos) throw this.error(response.status === 206 ? 'http' : 'changed', 'more bytes than there should be');
      const first = Math.max(0, at - pos), last = Math.min(value.length, to - pos);
      pos += value.length;
      if (first < last) await advance(value.subarray(first, last));
      if (value.length === value.buffer.byteLength) free(value);
    }
  }

  /** Where the body begins and ends in the file. */
  private check(response: Response, at: number, to: number, ranged: boolean): [number, number] {
    const { status, headers } = response;
    if (status === 206 && !ranged) throw this.error('http', 'a part instead of the whole file');
    const etag = headers.get('ETag');
    if (etag?.startsWith('"')) {
      if (!this.hashed && this.etag && etag !== this.etag) throw this.error('changed', 'another ETag than before');
      this.etag = etag;
    }
    const length = headers.has('Content-Encoding') ? null : headers.get('Content-Length');
    let begin = 0, end = length === null ? this.size : Number(length), total = end;
    if (status === 206) {
      const range = /^bytes (\d+)-(\d+)\/(\d+)$/.exec(headers.get('Content-Range') ?? '');
      // From another origin the header may be hidden; digests then tell.
      if (!range && !(this.hashed && response.type === 'cors')) throw this.error('http', 'a part of the file without a valid Content-Range');
      [begin, end, total] = range ? [Number(range[1]), Number(range[2]) + 1, Number(range[3])] : [at, Math.min(to, this.size!), this.size];
      if (begin !== at || end > to || end <= begin) throw this.error('http', `bytes ${begin} to ${end - 1}, asked for ${at} to ${to - 1}`);
      if (headers.has('Content-Encoding') || (length !== null && Number(length) !== end - begin))
        throw this.error('http', 'the length is not that of the range');
      this.ranges = true;
    } else if (ranged) {
      if (this.ranges && !this.hashed) throw this.error('changed', 'the whole file instead of a part');
      this.ranges = false;
    }
    if (this.size === undefined && !(total! > 0)) throw this.error('http', 'an answer without a length');
    // Of another origin's encoded answer only the length is seen: the bytes are counted then.
    if (this.size !== undefined && total !== this.size) {
      if (status === 206 || response.type !== 'cors') throw this.error('changed', `${total} bytes, expected ${this.size}`);
      end = this.size;
    }
    this.size ??= total;
    return [begin, end ?? this.size!];
  }
}
