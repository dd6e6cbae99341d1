// fault_server.ts — the server of ../shared/robust with a model on it, for tests in Node.
import { execFileSync, spawn } from 'node:child_process';
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createHash, webcrypto } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { planeOffsets } from '../src/dtypes';
import { parseHeader } from '../src/gguf';

globalThis.crypto ??= webcrypto; // Node 18

const shared = process.env.M2W_SHARED_DIR;
const digest = (bytes: Uint8Array | string): string => createHash('sha256').update(bytes).digest('hex');

/** Planes as the definition says them, a byte at a time: the reference. */
export function planesOf(gguf: Uint8Array, name: string): Uint8Array {
  const { type, offset, bytes } = parseHeader(gguf).tensors.get(name)!;
  const n = bytes / type.bytes, to = planeOffsets(type, n);
  const [from, end] = type.planes.at(-1)!;
  const planes = new Uint8Array(to.at(-2)! + n * (end - from));
  type.planes.forEach(([first, last], p) => {
    for (let b = 0; b < n; b++)
      for (let i = first; i < last; i++) planes[to[p]! + b * (last - first) + i - first] = gguf[offset + b * type.bytes + i]!;
  });
  return planes;
}

/** Cuts a model by m2w. */
export function shard(model: string, folder: string, maxSize: string): void {
  execFileSync(join(process.env.M2W_BIN_DIR, 'm2w'), ['shard', model, '-o', folder, '--max-size', maxSize], { stdio: 'ignore' });
}

export interface FaultServer {
  base: string;
  folder: string;
  stop(): void;
}

/** Serves a folder. */
export async function serve(folder: string): Promise<FaultServer> {
  const server = spawn('python3', [join(shared, 'robust/fault_server.py'), '--dir', folder, '--log', join(folder, 'log')]);
  const line: string = await new Promise((done, fail) => {
    server.stdout.once('data', (data: unknown) => done(String(data)));
    server.once('exit', () => fail(new Error('the fault server ended')));
  });
  return {
    base: `http://127.0.0.1:${JSON.parse(line).port}`,
    folder,
    stop() {
      server.removeAllListeners('exit');
      server.kill();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

export const temporary = (): string => mkdtempSync(join(tmpdir(), 'm2w-web-'));

/** What fault_scenarios.ts asks for. */
export async function serveScenarios(): Promise<FaultServer> {
  const folder = temporary();
  const models = { gguf: join(shared, 'model/tiny-q8_0.gguf'), shards: join(shared, 'quant/tiny2l-q4_k_m.gguf') };
  copyFileSync(models.gguf, join(folder, 'model.gguf'));
  shard(models.shards, join(folder, 'shards'), '400000');
  const tensors: Record<string, string[]> = {}, digests: Record<string, string> = {};
  for (const [kind, model] of Object.entries(models)) {
    const gguf = readFileSync(model);
    tensors[kind] = [...parseHeader(gguf).tensors.keys()];
    digests[kind] = digest(tensors[kind]!.map((name) => digest(planesOf(gguf, name))).join(''));
  }
  writeFileSync(join(folder, 'digest.json'), JSON.stringify({ tensors, digests }));
  return serve(folder);
}
