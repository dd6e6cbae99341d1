import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { checked, openGpu } from '../src/gpu';

process.env.VK_ICD_FILENAMES ??= '/usr/lib/chromium/vk_swiftshader_icd.json';
const { create, globals } = await import('webgpu');
Object.assign(globalThis, globals);
let gpu: GPU | undefined = create([]);
after(() => { gpu = undefined; }); // or Node never ends

test('the device has what its adapter has', async () => {
  const adapter = (await gpu!.requestAdapter())!;
  const opened = await openGpu({ gpu: gpu! });
  for (const limit of ['maxBufferSize', 'maxStorageBufferBindingSize'] as const)
    assert.equal(opened.device.limits[limit], adapter.limits[limit]);
  assert.equal(opened.cpu, true, `${opened.name} is a CPU`);
  assert.equal(opened.subgroups, adapter.features.has('subgroups'));
  assert.equal(opened.failure(), undefined);
  opened.destroy();
  assert.equal(opened.failure(), undefined);
});

test('a lost device says so, an error of a command too', async () => {
  const lost = await openGpu({ gpu: gpu! });
  lost.device.destroy();
  assert.match(await lost.lost, /lost/);
  assert.equal(lost.failure()?.code, 'device-lost');
  const wrong = await openGpu({ gpu: gpu! });
  wrong.device.createBuffer({ size: 4, usage: 0 });
  await wrong.device.queue.onSubmittedWorkDone();
  assert.equal(wrong.failure()?.code, 'gpu');
  wrong.destroy();
});

test('a buffer beyond the limits is an error', async () => {
  const { device, destroy } = await openGpu({ gpu: gpu! });
  const buffer = (size: number) => checked(device, async () => device.createBuffer({ size, usage: GPUBufferUsage.STORAGE }));
  await buffer(16);
  await assert.rejects(buffer(device.limits.maxBufferSize + 4), { code: 'gpu' });
  destroy();
});

test('without WebGPU there is one error', async () => {
  await assert.rejects(openGpu(), { code: 'no-webgpu' });
  await assert.rejects(openGpu({ gpu: { requestAdapter: async () => null } as unknown as GPU }), { code: 'no-webgpu' });
});
