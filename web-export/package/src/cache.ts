// cache.ts — files that a browser keeps: in the origin's private file system, or in the Cache API
// where that is missing. Believes nothing: whoever reads compares digests.

/** A place for bytes under a name. Errors of put() end its use, nothing else. */
export interface Store {
  /** A copy of them, the caller's own. */
  get(name: string): Promise<Uint8Array | undefined>;
  put(name: string, bytes: Uint8Array): Promise<void>;
  delete(name: string): Promise<void>;
}

const folder = 'm2w';

async function openFiles(): Promise<Store> {
  const root = await navigator.storage.getDirectory();
  const dir = await root.getDirectoryHandle(folder, { create: true });
  return {
    async get(name) {
      const handle = await dir.getFileHandle(name).catch(() => undefined);
      return handle && new Uint8Array(await (await handle.getFile()).arrayBuffer());
    },
    async put(name, bytes) {
      const handle = await dir.getFileHandle(name, { create: true });
      const file = await handle.createWritable();
      try {
        await file.write(bytes as Uint8Array<ArrayBuffer>);
        await file.close();
      } catch (e) {
        await file.abort().catch(() => undefined);
        await dir.removeEntry(name).catch(() => undefined);
        throw e;
      }
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
  // Without createWritable (Safari before 26) files could only be written in workers.
  if (typeof FileSystemFileHandle !== 'undefined' && 'createWritable' in FileSystemFileHandle.prototype)
    try {
      return await openFiles();
    } catch {
      // refused: the other one may not be
    }
  return typeof caches === 'undefined' ? undefined : openResponses().catch(() => undefined);
}

/** Forgets the weights of all models of this origin. */
export async function clearCache(): Promise<void> {
  if (typeof navigator !== 'undefined' && navigator.storage?.getDirectory)
    await navigator.storage.getDirectory().then((root) => root.removeEntry(folder, { recursive: true })).catch(() => undefined);
  if (typeof caches !== 'undefined') await caches.delete(folder);
}
