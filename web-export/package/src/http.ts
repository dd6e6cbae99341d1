// http.ts — bytes of a file on a server: what counts as an answer, what is tried again, when a file
// is no longer the same (docs/streaming.md). Knows nothing of what the bytes mean.
import { checkAborted, M2wError, tooLarge } from './errors';

export interface HttpOptions {
  signal?: AbortSignal;
  /** Sent with each request. */
  headers?: Record<string, string>;
  /** Pause before the second try in ms, 500; twice as long before each later one. */
  pause?: number;
  /** Without a byte for so many ms a try is given up; 30,000. */
  timeout?: number;
}

const mostTries = 4, longestRetryAfter = 30_000, progressThatCounts = 1 << 20, mostSmall = 16 << 20;
const shortAnswer = 64 << 10, mostShortAnswers = 64; // in a row

/** What an answer's status says about another try. Whatever fails on its way, and is no M2wError, is worth one. */
interface Refusal {
  readonly status?: number;
  readonly wait?: number | undefined;
}

function retryAfter({ headers }: Response): number | undefined {
  const text = headers.get('Retry-After') ?? '', ms = /^\d+$/.test(text) ? Number(text) * 1000 : Date.parse(text) - Date.now();
  return ms >= 0 ? Math.min(ms, longestRetryAfter) : undefined;
}

/** Gives memory back at once: hundreds of megabytes would wait for the collector. */
export function free({ buffer }: Uint8Array): void {
  if (buffer.byteLength) (buffer as ArrayBuffer & { transfer?(size: number): void }).transfer?.(0);
}

/** Lets so many run at a time. */
export function gate(free: number): <T>(work: () => Promise<T>) => Promise<T> {
  const waiting: (() => void)[] = [];
  return async (work) => {
    if (free) free--;
    else await new Promise<void>((go) => waiting.push(go));
    try {
      return await work();
    } finally {
      const next = waiting.shift();
      if (next) next();
      else free++;
    }
  };
}

/** A URL as messages have it: without its query, which may be a secret. */
export const plain = (url: string): string => url.split('?')[0]!;

const failure = (code: 'http' | 'changed', url: string, message: string, details = {}): M2wError =>
  new M2wError(code, `${plain(url)}: ${message}`, { url: plain(url), ...details });

/**
 * Tries again what fails on its way; tries are counted anew when `at` moved far enough. A try ends with the caller's signal and
 * after a while without a byte; `alive` says that one came.
 */
async function persist<T>(
  url: string, { signal, pause = 500, timeout = 30_000 }: HttpOptions,
  work: (signal: AbortSignal, alive: () => void) => Promise<T>, at = () => 0,
): Promise<T> {
  for (let tries = 0, best = at(); ;) {
    checkAborted(signal);
    const stop = new AbortController(), abort = () => stop.abort();
    let timer: ReturnType<typeof setTimeout> | undefined;
    const wait = (ms: number, then: () => void) => {
      clearTimeout(timer);
      timer = setTimeout(then, ms);
    };
    const alive = () => wait(timeout, abort);
    alive();
    signal?.addEventListener('abort', abort);
    try {
      return await work(stop.signal, alive);
    } catch (e) {
      checkAborted(signal);
      if (e instanceof M2wError) throw e;
      if (at() - best >= progressThatCounts) {
        tries = 0;
        best = at();
      }
      const refusal = e as Refusal, { status } = refusal;
      if (++tries === mostTries) throw failure('http', url, `${e}, ${tries} times`, status && { status });
      await new Promise<void>((done) => {
        wait(refusal.wait ?? pause * 2 ** (tries - 1), done);
        signal?.addEventListener('abort', () => done(), { once: true });
      });
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener('abort', abort);
      abort();
    }
  }
}

// That a try ended is told to what waits as well as to fetch(): that of Node.js 18 forgets its signal once garbage was collected.
async function request(url: string, init: RequestInit & { signal: AbortSignal }): Promise<Response> {
  const ended = new Promise<never>((_, fail) => init.signal.addEventListener('abort', () => fail(new Error('no answer'))));
  const response = await Promise.race([fetch(url, init), ended]), { status } = response;
  if (status === 429 || status === 408 || status >= 500)
    throw Object.assign(new Error(`status ${status}`), { status, wait: retryAfter(response) });
  if (status !== 200 && status !== 206) throw failure('http', url, `status ${status}`, { status });
  return response;
}

/** An answer's bytes as they come. */
async function* parts({ body }: Response, signal: AbortSignal, alive: () => void): AsyncGenerator<Uint8Array<ArrayBuffer>, void> {
  const reader = body!.getReader();
  signal.addEventListener('abort', () => void reader.cancel().catch(() => undefined));
  for (;;) {
    const { done, value } = await reader.read();
    if (signal.aborted) throw new Error('no more bytes');
    if (done) return;
    alive();
    yield value;
  }
}

/** A small file as a whole, however the server encodes it. Errors: http, too-large, aborted. */
export function fetchWhole(url: string, options: HttpOptions): Promise<Uint8Array> {
  return persist(url, options, async (signal, alive) => {
    const all: Uint8Array<ArrayBuffer>[] = [];
    let length = 0;
    for await (const bytes of parts(await request(url, { signal, headers: { ...options.headers } }), signal, alive)) {
      if ((length += bytes.length) > mostSmall) throw tooLarge(length, mostSmall);
      all.push(bytes);
    }
    return new Uint8Array(await new Blob(all).arrayBuffer());
  });
}

/** A file on a server, which must stay the same while it is read. */
export interface RemoteFile {
  readonly url: string;
  size?: number | undefined;
  /** Strong ETag of the first answer. */
  etag?: string;
  /** Whether the server gives parts; unknown before the first request for one. */
  ranges?: boolean;
  /**
   * Delivers [from, to), or up to the end of the file: every byte once and in order; returns where it ended. What the sink
   * gets is there until it ends.
   * Errors: http (status, or why it was given up), changed, aborted.
   */
  stream(from: number, to: number, sink: (at: number, bytes: Uint8Array) => void | Promise<void>, cache?: RequestCache): Promise<number>;
  /** The bytes of [from, to), which are there. */
  bytes(from: number, to: number, cache?: RequestCache): Promise<Uint8Array>;
}

/** hashed: the caller compares digests, so that a new ETag, or none of the headers of ranges (CORS), is no error. */
export function remoteFile(url: string, options: HttpOptions, size?: number, hashed = false): RemoteFile {
  const must = (holds: unknown, code: 'http' | 'changed', message: string) => {
    if (!holds) throw failure(code, url, message);
  };

  /** Where the body begins and ends in the file. */
  const check = ({ status, headers, type }: Response, at: number, to: number, ranged: boolean): [number, number] => {
    const { size } = file, part = status === 206, encoded = headers.has('Content-Encoding'), etag = headers.get('ETag');
    must(!part || ranged, 'http', 'a part, not the file');
    // What encodes on its way gives it another one, or none.
    must(hashed || encoded || !file.etag || etag === file.etag, 'changed', 'another ETag');
    if (etag?.startsWith('"')) file.etag = etag;
    const length = encoded || !headers.has('Content-Length') ? undefined : Number(headers.get('Content-Length'));
    let begin = 0, end = length ?? size, total = end;
    if (part) {
      const range = /^bytes (\d+)-(\d+)\/(\d+)$/.exec(headers.get('Content-Range') ?? '')?.map(Number);
      // From another origin the header may be hidden; digests then tell.
      must(range || (hashed && type === 'cors'), 'http', 'no Content-Range');
      [begin, end, total] = range ? [range[1]!, range[2]! + 1, range[3]!] : [at, Math.min(to, size!), size];
      must(begin === at && end <= to && end > begin && !encoded && (length ?? end - begin) === end - begin, 'http', `bytes ${begin} to ${end}, not ${at} to ${to}`);
    } else if (ranged) {
      must(!file.ranges || hashed, 'changed', 'the file, not a part');
    }
    if (ranged) file.ranges = part;
    must(size !== undefined || total! > 0, 'http', 'no length');
    // Of another origin's encoded answer only the length is seen: the bytes are counted then.
    if (size !== undefined && total !== size) {
      must(!part && type === 'cors', 'changed', `${total} bytes, not ${size}`);
      end = size;
    }
    file.size ??= total;
    return [begin, end ?? file.size!];
  };

  const file: RemoteFile = {
    url,
    size,
    async stream(from, to, sink, cache = 'default') {
      let at = from, short = 0;
      while (at < Math.min(to, file.size ?? to)) {
        const before = at;
        await persist(url, options, async (signal, alive) => {
          const ranged = at > 0 || to !== file.size;
          const response = await request(url, {
            signal,
            // Not through the browser's cache: Chromium's puts answers together from parts that it has, and stays waiting when a
            // server answers the rest wrongly. Whole files may come from it.
            cache: ranged ? 'no-store' : cache,
            headers: { ...options.headers, ...(ranged && { Range: `bytes=${at}-${to - 1}` }) },
          });
          const [begin, end] = check(response, at, to, ranged);
          let pos = begin;
          for await (const value of parts(response, signal, alive)) {
            must(value.length <= end - pos, response.status === 206 ? 'http' : 'changed', 'too many bytes');
            const wanted = value.subarray(Math.max(0, at - pos), to - pos);
            pos += value.length;
            if (wanted.length) {
              await sink(at, wanted);
              at += wanted.length;
            }
            if (value.length === value.buffer.byteLength) free(value);
            if (pos >= to && pos < end) return; // a server without ranges goes on behind `to`
          }
          if (pos < end) throw new Error(`${pos - begin} of ${end - begin} bytes`);
        }, () => at);
        short = at - before < shortAnswer ? short + 1 : 0;
        must(short <= mostShortAnswers, 'http', 'hardly more than nothing in each answer');
      }
      return at;
    },
    async bytes(from, to, cache) {
      const bytes = new Uint8Array(to - from);
      await file.stream(from, to, (at, part) => bytes.set(part, at - from), cache);
      return bytes;
    },
  };
  return file;
}
