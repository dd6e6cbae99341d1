// fault_scenarios.ts — what a server, a line or a disk does wrong, and what loading makes of it. Runs
// in Node and in a page: no Node here. Files of the server: shards/, model.gguf, digest.json.
import { type Store } from '../src/cache';
import { sha256 } from '../src/chunks';
import { M2wError } from '../src/errors';
import { openGguf } from '../src/gguf_weights';
import { type LoadOptions, openShards } from '../src/weights';

export interface Scenario {
  name: string;
  run(base: string): Promise<void>;
}

function equal(actual: unknown, expected: unknown, what: string): void {
  if (actual !== expected) throw new Error(`${what}: ${actual}, expected ${expected}`);
}

/** Keeps in memory. */
export class MemoryStore implements Store {
  readonly files = new Map<string, Uint8Array>();
  get = async (name: string) => this.files.get(name)?.slice();
  put = async (name: string, bytes: Uint8Array) => void this.files.set(name, bytes.slice());
  delete = async (name: string) => void this.files.delete(name);
}

const realFetch = globalThis.fetch;
export let requests: { url: string; range: string | null; status: number }[] = [];

/** Requests for files whose name has `match` in it meet the fault; each scenario counts for itself. */
export function inject(match: string, fault: string, query: string): void {
  requests = [];
  const key = Math.random();
  globalThis.fetch = async (input, init) => {
    const url = new URL(String(input));
    if (url.pathname.split('/').pop()!.includes(match)) url.href = `${url.origin}/${fault}${url.pathname}?${query}&key=${key}`;
    const response = await realFetch(url, init);
    requests.push({ url: url.pathname, range: new Headers(init?.headers).get('Range'), status: response.status });
    return response;
  };
}

type Kind = 'shards' | 'gguf';
export const quick: LoadOptions = { pause: 1, timeout: 20_000 };

/** The digest of all planes of all tensors, in the order of their names. */
export async function load(kind: Kind, base: string, options: LoadOptions): Promise<string> {
  const source = await (kind === 'shards' ? openShards(`${base}/shards/manifest.json`, options) : openGguf(`${base}/model.gguf`, options));
  await source.headers();
  const tensors: string[] = (await (await realFetch(`${base}/digest.json`)).json()).tensors[kind];
  source.prefetch!(tensors);
  let all = '';
  for (const name of tensors) {
    const parts: [number, Uint8Array][] = [];
    await source.read(name, (offset, bytes) => void parts.push([offset, bytes.slice()]));
    const planes = new Uint8Array(Math.max(...parts.map(([offset, bytes]) => offset + bytes.length)));
    for (const [offset, bytes] of parts) planes.set(bytes, offset);
    all += await sha256(planes);
  }
  return sha256(new TextEncoder().encode(all));
}

interface Fault {
  name: string;
  kind: Kind;
  match: string;
  fault: string;
  query?: string;
  options?: () => LoadOptions;
  /** Error code; absent: everything is right in the end. */
  code?: string;
  /** Looks at what was asked or kept. */
  then?: (options: LoadOptions, base: string, error?: M2wError) => void | Promise<void>;
}

const once = (test: (r: (typeof requests)[number]) => boolean, what: string) => equal(requests.some(test), true, what);

const faults: Fault[] = [
  { name: 'no fault', kind: 'shards', match: '', fault: 'ok' },
  { name: 'no fault', kind: 'gguf', match: '', fault: 'ok' },
  { name: 'dropped connection', kind: 'shards', match: 'layer', fault: 'drop', query: 'after=50000',
    // Chromium forgets what it has buffered when a connection breaks.
    then: () => once((r) => typeof document !== 'undefined' || (r.status === 206 && /^bytes=[1-9]/.test(r.range ?? '')), 'goes on behind the last byte') },
  { name: 'dropped connection', kind: 'gguf', match: 'gguf', fault: 'drop', query: 'after=50000&from=2' },
  { name: 'reset connection', kind: 'gguf', match: 'gguf', fault: 'reset', query: 'times=2' },
  { name: 'connection that always drops', kind: 'shards', match: 'layer', fault: 'drop', query: 'after=100&times=0', code: 'http',
    then: () => equal(requests.filter((r) => r.url.includes('layer-00')).length <= 12, true, 'tries end') },
  { name: 'stalled connection', kind: 'shards', match: 'head', fault: 'stall', query: 'after=3000', options: () => ({ timeout: 1500 }) },
  { name: 'server without ranges', kind: 'shards', match: '', fault: 'norange' },
  { name: 'server without ranges', kind: 'gguf', match: 'gguf', fault: 'norange' },
  { name: 'ranges, then none', kind: 'gguf', match: 'gguf', fault: 'norange', query: 'from=2', code: 'changed' },
  ...['shift', 'total', 'star', 'missing', 'unit', 'whole', 'garbage'].map((mode): Fault =>
    ({ name: `wrong Content-Range: ${mode}`, kind: 'gguf', match: 'gguf', fault: 'wrongrange', query: `mode=${mode}&from=2`, code: mode === 'total' ? 'changed' : 'http' })),
  { name: 'shorter ranges than asked for', kind: 'gguf', match: 'gguf', fault: 'wrongrange', query: 'mode=short' },
  { name: 'more bytes than asked for', kind: 'gguf', match: 'gguf', fault: 'overlong', query: 'by=64', code: 'http' },
  { name: 'shorter body than said', kind: 'shards', match: 'head', fault: 'shortbody', query: 'by=10&times=1' },
  { name: 'compressed parts', kind: 'gguf', match: 'gguf', fault: 'gzip', query: 'mode=range', code: 'http' },
  { name: 'compressed manifest', kind: 'shards', match: 'manifest', fault: 'gzip' },
  { name: 'flipped byte, once', kind: 'shards', match: 'layer-01', fault: 'corrupt', query: 'at=1000&times=1',
    then: () => equal(requests.filter((r) => r.url.includes('layer-01')).length >= 2, true, 'fetched again') },
  { name: 'flipped byte, always', kind: 'shards', match: 'layer-01', fault: 'corrupt', query: 'at=1000', code: 'integrity',
    then: (_, __, error) => equal(/^layer-01-/.test(String(error?.details.file)), true, 'the error names the shard') },
  { name: 'flipped byte of the manifest', kind: 'shards', match: 'manifest', fault: 'corrupt', query: 'at=300&xor=1', code: 'integrity' },
  { name: '429 with Retry-After', kind: 'shards', match: 'layer', fault: '429', query: 'retry=0' },
  { name: '503 twice', kind: 'gguf', match: 'gguf', fault: '500', query: 'times=2&status=503' },
  { name: '503 for ever', kind: 'gguf', match: 'gguf', fault: '500', query: 'times=0&status=503', code: 'http',
    then: (_, __, error) => equal(error?.details.status, 503, 'status') },
  { name: '404', kind: 'shards', match: 'head', fault: '500', query: 'times=0&status=404', code: 'http' },
  { name: 'changed file: ETag', kind: 'gguf', match: 'gguf', fault: 'etagchange', query: 'after=1&content=1', code: 'changed' },
  { name: 'changed file: size', kind: 'gguf', match: 'gguf', fault: 'sizechange', query: 'by=64', code: 'changed' },
  { name: 'changed shard: size', kind: 'shards', match: 'layer', fault: 'sizechange', query: 'by=-64&after=0', code: 'changed' },
  { name: 'changed shard: bytes', kind: 'shards', match: 'layer', fault: 'etagchange', query: 'content=1', code: 'integrity' },
  { name: 'redirects', kind: 'gguf', match: 'gguf', fault: 'redirect', query: 'n=3' },
  { name: 'redirects for ever', kind: 'shards', match: 'head', fault: 'redirectloop', code: 'http' },
  { name: 'abort', kind: 'shards', match: 'layer', fault: 'slow', query: 'kbps=80', code: 'aborted',
    options: () => {
      const stop = new AbortController();
      setTimeout(() => stop.abort(), 150);
      return { signal: stop.signal };
    } },
  { name: 'abort while waiting for the next try', kind: 'shards', match: 'layer', fault: '429', query: 'retry=20', code: 'aborted',
    options: () => {
      const stop = new AbortController();
      setTimeout(() => stop.abort(), 150);
      return { signal: stop.signal };
    } },
  { name: 'quota exceeded', kind: 'shards', match: '', fault: 'ok',
    options: () => {
      const store = new MemoryStore(), notes: string[] = [];
      store.put = async () => { throw Object.assign(new Error('full'), { name: 'QuotaExceededError' }); };
      return { store, note: (text) => void notes.push(text), notes } as LoadOptions;
    },
    then: (options) => equal(String((options as { notes?: string[] }).notes), 'weights are not kept: QuotaExceededError: full', 'said once') },
  ...(['shards', 'gguf'] as const).map((kind): Fault => ({
    name: 'kept weights are compared, and damaged ones fetched again', kind, match: '', fault: 'ok',
    options: () => ({ store: new MemoryStore() }),
    async then(options, base) {
      const { files } = options.store as MemoryStore;
      equal(files.size > 1, true, 'kept files');
      const asked = async () => {
        inject('', 'ok', '');
        await load(kind, base, options).finally(() => (globalThis.fetch = realFetch));
        return requests.length;
      };
      equal(await asked(), 1, 'requests with everything kept');
      const damaged = [...files.values()][1]!;
      damaged[100]! ^= 1;
      equal(await asked(), 2, 'requests with a damaged file');
      equal(await asked(), 1, 'requests when that was put right');
    },
  })),
];

export const scenarios: Scenario[] = faults.map((f) => ({
  name: `${f.kind}: ${f.name}`,
  async run(base) {
    const expected = (await (await realFetch(`${base}/digest.json`)).json()).digests[f.kind];
    const options: LoadOptions = { ...quick, store: false, ...f.options?.() };
    inject(f.match, f.fault, f.query ?? '');
    let error: M2wError | undefined;
    try {
      const digest = await load(f.kind, base, options).finally(() => (globalThis.fetch = realFetch));
      if (!f.code) equal(digest, expected, 'digest of all weights');
    } catch (e) {
      if (!(e instanceof M2wError)) throw e;
      error = e;
    }
    equal(error ? error.code : undefined, f.code, `verdict (${error?.message})`);
    await f.then?.(options, base, error);
  },
}));
