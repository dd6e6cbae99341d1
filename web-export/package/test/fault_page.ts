// fault_page.ts — fault_scenarios.ts in a page or in a Worker, with the browser's own store.
import { clearCache, openStore } from '../src/cache';
import { inject, load, quick, requests, scenarios } from './fault_scenarios';

/** Loads twice with the browser's store; how many requests each took, and what was noted. */
async function twice(kind: 'shards' | 'gguf', base: string) {
  await clearCache();
  const notes: string[] = [], asked: number[] = [];
  for (let i = 0; i < 2; i++) {
    inject('', 'ok', '');
    await load(kind, base, { ...quick, note: (text) => void notes.push(text) });
    asked.push(requests.length);
  }
  return { asked, notes };
}

const work = {
  run: async (index: number, base: string) => scenarios[index]!.run(base),
  twice,
  hasStore: async () => !!(await openStore()),
};

type Call = [name: keyof typeof work, ...args: never[]];
const call = ([name, ...args]: Call) => (work[name] as (...args: never[]) => Promise<unknown>)(...args);

if (typeof document === 'undefined') {
  onmessage = ({ data }) => call(data).then((value) => postMessage({ value }), (e) => postMessage({ error: String(e) }));
} else {
  const worker = new Worker(URL.createObjectURL(new Blob([document.currentScript!.textContent!])));
  const inWorker = (...data: unknown[]) =>
    new Promise((done, fail) => {
      worker.onmessage = ({ data: { value, error } }) => (error ? fail(new Error(error)) : done(value));
      worker.postMessage(data);
    });
  Object.assign(globalThis, { inPage: (...data: unknown[]) => call(data as Call), inWorker });
}
