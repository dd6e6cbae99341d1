// kernels_page.ts — the cases of web_kernel_cases in a page, on the browser's own WebGPU.
import { type Cases, Pipelines, openDevice, runNamed } from './kernel_runner';

const ready = (async () => {
  const device = await openDevice(navigator.gpu);
  const cases: Cases = await (await fetch('cases.json')).json();
  const data = new Uint8Array(await (await fetch('cases.bin')).arrayBuffer());
  return { device, pipelines: new Pipelines(device, cases.modules), cases, data };
})();
ready.catch(() => {}); // run() reports it

Object.assign(globalThis, {
  run: async (names: string[]) => {
    const { device, pipelines, cases, data } = await ready;
    return runNamed(device, pipelines, cases, data, names);
  },
});
