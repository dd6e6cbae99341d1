// dispatches.test.ts — the order of what goes to a queue, on a device that only notes it.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Dispatches, perToken } from '../src/dispatches';
import { M2wError } from '../src/errors';
import type { WeightSource } from '../src/types';

const flags = new Proxy({}, { get: () => 1 });
Object.assign(globalThis, { GPUBufferUsage: flags, GPUShaderStage: flags });

/** Notes uploads, and dispatches by the names of their kernels once they are submitted. */
class FakeDevice {
  readonly log: string[] = [];
  readonly limits = { maxBufferSize: 1e9, maxStorageBufferBindingSize: 1e9 };
  readonly queue = {
    writeBuffer: () => undefined,
    onSubmittedWorkDone: async () => undefined,
    submit: ([commands]: string[][]) => { if (commands!.length) this.log.push(commands!.join(' ')); },
  };
  createBuffer = ({ size }: { size: number }) => ({ size, destroy() {} });
  createBindGroupLayout = () => ({});
  createPipelineLayout = () => ({});
  createBindGroup = () => ({});
  createShaderModule = ({ code }: { code: string }) => code;
  createComputePipelineAsync = async ({ compute }: { compute: { module: string } }) => compute.module;
  createCommandEncoder() {
    const commands: string[] = [];
    return { beginComputePass: () => this.pass(commands), copyBufferToBuffer() {}, finish: () => commands };
  }
  private pass(commands: string[]) {
    let name = '';
    return { setPipeline: (p: string) => { name = p; }, setBindGroup() {}, dispatchWorkgroups: () => commands.push(name), end() {} };
  }
}

/** An engine of three steps, the first of them without weights; tensors come when `bring` says. */
function start() {
  const device = new FakeDevice();
  const gpu = { device: device as unknown as GPUDevice, cpu: true, subgroups: false, dispatchesPerSubmit: 0 };
  const d = new Dispatches(gpu, { nCtx: 8, nBatch: 4 });
  const kernel = (code: string) => perToken('rw', {}, [[code, 1]]);
  const x = d.value(1);
  d.run(kernel('first'), x, x);
  d.run(kernel('second'), d.weight(4, 'a'), x);
  d.run(kernel('third'), d.weight(4, 'b'), x);
  const bring = new Map<string, (e?: Error) => void>();
  const source: WeightSource = {
    headers: async () => [],
    read: (name, sink) => new Promise<void>((come, fail) => {
      bring.set(name, (e) => (e ? fail(e) : void Promise.resolve(sink(0, new Uint8Array(4))).then(come, fail)));
    }),
  };
  const loaded = d.load(source);
  loaded.catch(() => undefined);
  return { d, log: device.log, bring, loaded };
}

const soon = () => new Promise((resolve) => setTimeout(resolve, 5));

test('steps run as their weights come', async () => {
  const { d, log, bring, loaded } = start();
  const done = d.forward(Uint32Array.of(1), 0);
  await soon();
  assert.deepEqual(log, ['first']);
  bring.get('a')!();
  await soon();
  assert.deepEqual(log, ['first', 'second']);
  bring.get('b')!();
  await Promise.all([done, loaded]);
  assert.deepEqual(log.splice(0), ['first', 'second', 'third']);
  void d.forward(Uint32Array.of(2), 1);
  assert.deepEqual(log, ['first second third'], 'one submit, at once');
});

test('what waits for weights ends with its signal, and goes on later', async () => {
  const { d, log, bring, loaded } = start(), stop = new AbortController();
  const done = d.forward(Uint32Array.of(1), 0, 1, undefined, stop.signal);
  await soon();
  stop.abort();
  await assert.rejects(done, { code: 'aborted' }, 'before anything else comes');
  bring.get('a')!();
  await soon();
  const again = d.forward(Uint32Array.of(1), 0);
  await soon();
  bring.get('b')!();
  await Promise.all([again, loaded]);
  assert.deepEqual(log, ['first', 'first second', 'third']);
});

test('what waits for weights is told why they do not come', async () => {
  const { d, bring, loaded } = start(), done = d.forward(Uint32Array.of(1), 0);
  await soon();
  bring.get('a')!(new M2wError('integrity', 'broken'));
  await assert.rejects(done, { code: 'integrity' });
  await assert.rejects(loaded, { code: 'integrity' });
  await assert.rejects(d.forward(Uint32Array.of(1), 0), { code: 'integrity' });
});

test('an engine that is not needed any more stops its load', async () => {
  const { d, bring, loaded } = start();
  await soon();
  d.dispose();
  bring.get('a')!();
  await assert.rejects(loaded, { code: 'disposed' });
});
