// kernels.test.ts — the WGSL kernels on an adapter without a GPU, Dawn with SwiftShader: the cases
// that web_kernel_cases writes, each within its op's tolerance. M2W_KERNELS=REGEX runs some of them.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { create, globals } from 'webgpu';
import { type Cases, Pipelines, runCases } from './kernel_runner';

// The software adapter of Debian's Chromium, unless the environment names another.
process.env.VK_ICD_FILENAMES ??= '/usr/lib/chromium/vk_swiftshader_icd.json';
Object.assign(globalThis, globals);
let gpu: GPU | undefined = create([]) as GPU;
const adapter = (await gpu.requestAdapter())!;
assert.ok(adapter, 'no WebGPU adapter: VK_ICD_FILENAMES names the driver');
assert.ok(adapter.features.has('subgroups'), 'kernels with subgroups cannot run on this adapter');
const { maxStorageBufferBindingSize, maxBufferSize } = adapter.limits;
const device = await adapter.requestDevice({
  requiredFeatures: ['subgroups'], requiredLimits: { maxStorageBufferBindingSize, maxBufferSize },
});
after(() => {
  device.destroy();
  gpu = undefined; // Node ends when nothing holds it any more
});

function writeCases(): { cases: Cases; data: Uint8Array } {
  const folder = mkdtempSync(join(tmpdir(), 'm2w-kernels-'));
  try {
    execFileSync(join(process.env.M2W_BIN_DIR!, 'web_kernel_cases'), [folder]);
    return { cases: JSON.parse(readFileSync(join(folder, 'cases.json'), 'utf8')), data: new Uint8Array(readFileSync(join(folder, 'cases.bin'))) };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const { cases, data } = writeCases();
const pipelines = new Pipelines(device, cases.modules);
const only = process.env.M2W_KERNELS ? new RegExp(process.env.M2W_KERNELS) : /./;
const wanted = cases.cases.filter((one) => only.test(one.name));
const opOf = (name: string) => name.slice(0, name.indexOf('/'));

test('all golden cases of n-bit codes are run', (t: { skip(why: string): void; diagnostic(text: string): void }) => {
  const folder = join(process.env.M2W_SHARED_DIR!, 'nbits');
  if (existsSync(folder)) return assert.equal(cases.golden, 40);
  assert.ok(!process.env.CI, `${folder} is missing`);
  t.skip(`${folder} is missing: NOT RUN`);
});

for (const op of new Set(wanted.map((one) => opOf(one.name))))
  test(`${op} gives what the reference gives`, async (t: { skip(why: string): void; diagnostic(text: string): void }) => {
    const problems: string[] = [];
    let checked = 0;
    await runCases(device, pipelines, wanted.filter((one) => opOf(one.name) === op), data, (one, binding, problem) => {
      checked++;
      if (problem) problems.push(`${one.name} ${binding}: ${problem}`);
    });
    assert.deepEqual(problems, [], `${problems.length} of ${checked} outputs are wrong`);
    t.diagnostic(`${checked} outputs`);
    assert.ok(checked > 0);
  });
