// cache.ts — files that a browser keeps: in the origin's private file system, or in the Cache API
// where that is missing. Believes nothing: whoever reads compares digests.

/** What became of bytes that were to be kept: where they are now, and why they are not kept. */
export interface Put {
  readonly bytes: Uint8Array;
  readonly failure?: unknown;
}

/** A place for bytes under a name. Errors of put() end its use, nothing else. */
export interface Store {
  /** A copy of them, the caller's own. */
  get(name: string): Promise<Uint8Array | undefined>;
  /** Says nothing when it has left the bytes where they are, as errors do. What is not kept may have begun to be: delete it. */
  put(name: string, bytes: Uint8Array): Promise<Put | void>;
  delete(name: string): Promise<void>;
}

const folder = 'm2w';

/** What only workers can do with a file of the private file system; it has no types here. */
interface Handle {
  createSyncAccessHandle(): Promise<{ write(bytes: Uint8Array): number; close(): void }>;
}

/** Runs in a worker, which gets its text: it must not need anything of this module. */
function writeFiles(): void {
  onmessage = async ({ data: [handle, bytes], ports: [port] }) => {
    let failure: unknown;
    try {
      const file = await (handle as Handle).createSyncAccessHandle();
      try {
        if (file.write(bytes) < bytes.length) failure = 'no room';
      } finally {
        file.close();
      }
    } catch (e) {
      failure = String(e); // not every browser can send what was thrown
    }
    port!.postMessage({ bytes, failure }, [bytes.buffer]);
  };
  postMessage(0);
}

/** The worker that writes. Written by a page, files would be copied by way of two other processes; not every browser has that. */
let writer: Promise<Worker> | undefined;

function startWriter(): Promise<Worker> {
  const worker = new Worker(URL.createObjectURL(new Blob([`(${writeFiles})()`])));
  return new Promise((started, fail) => {
    worker.onmessage = () => started(worker);
    worker.onerror = fail; // a page's rules may forbid such workers
  });
}

async function openFiles(): Promise<Store> {
  const dir = await (await navigator.storage.getDirectory()).getDirectoryHandle(folder, { create: true });
  const worker = await (writer ??= startWriter());
  return {
    async get(name) {
      const handle = await dir.getFileHandle(name).catch(() => undefined);
      return handle && new Uint8Array(await (await handle.getFile()).arrayBuffer());
    },
    async put(name, bytes) {
      const { port1, port2 } = new MessageChannel();
      // A name tells of the contents: what a write that broke off has left there is not longer than these bytes.
      worker.postMessage([await dir.getFileHandle(name, { create: true }), bytes], [bytes.buffer as ArrayBuffer, port2]);
      return new Promise((done) => {
        port1.onmessage = ({ data }) => {
          port1.close();
          done(data as Put);
        };
      });
    },
    delete: (name) => dir.removeEntry(name).catch(() => undefined),
  };
}

async function openResponses(): Promise<Store> {
  const cache = await caches.open(folder);
  const url = (name: string) => `/${folder}/${name}`;
  return {
    async get(name) {
      const found = await cache.match(url(name));
      return found && new Uint8Array(await found.arrayBuffer());
    },
    put: (name, bytes) => cache.put(url(name), new Response(bytes as Uint8Array<ArrayBuffer>)),
    delete: async (name) => void (await cache.delete(url(name))),
  };
}

/** The browser's store; none outside of browsers, in private windows that refuse, and on insecure pages. */
export async function openStore(): Promise<Store | undefined> {
  try {
    return await openFiles();
  } catch {
    // missing or refused: the other one may not be
  }
  return typeof caches === 'undefined' ? undefined : openResponses().catch(() => undefined);
}

/** Forgets the weights of all models of this origin. */
export async function clearCache(): Promise<void> {
  try {
    await (await navigator.storage.getDirectory()).removeEntry(folder, { recursive: true });
  } catch {
    // nothing is kept there
  }
  if (typeof caches !== 'undefined') await caches.delete(folder);
}
