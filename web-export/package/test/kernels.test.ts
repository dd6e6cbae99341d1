// kernels.test.ts — the WGSL kernels on an adapter without a GPU, Dawn with SwiftShader: the cases
// that web_kernel_cases writes, each within its op's tolerance.
import { after } from 'node:test';
import { create, globals } from 'webgpu';
import { testKernels, writeCases } from './kernel_cases';
import { type Cases, Pipelines, openDevice, runNamed } from './kernel_runner';

// The software adapter of Debian's Chromium, unless the environment names another.
process.env.VK_ICD_FILENAMES ??= '/usr/lib/chromium/vk_swiftshader_icd.json';
Object.assign(globalThis, globals);
// Workgroup memory is not cleared: no kernel may count on that, and SwiftShader takes most of a compilation for it.
let gpu: GPU | undefined = create(['enable-dawn-features=disable_workgroup_init']) as GPU;
const device = await openDevice(gpu);
after(() => {
  device.destroy();
  gpu = undefined; // Node ends when nothing holds it any more
});

const { json, data } = writeCases();
const cases: Cases = JSON.parse(json);
const pipelines = new Pipelines(device, cases.modules);
testKernels(cases, (names) => runNamed(device, pipelines, cases, data, names));
