// kernels_chromium.test.ts — kernels.test.ts in Chromium: its compiler of WGSL and its checks are not those of Node's WebGPU.
// Compiling is nearly all of the time, and constants only become numbers in what was compiled: every module is run with its
// first constants, and all cases that need no others; n-bit codes, whose formats are constants, with all.
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { after, before } from 'node:test';
import { openPage } from './chromium';
import { testKernels, writeCases } from './kernel_cases';
import type { Case, Cases, Kernel } from './kernel_runner';

const { json, data } = writeCases();
const server = createServer((request: { url: string }, response: { end(body: string | Uint8Array): void }) =>
  response.end({ '/cases.json': json, '/cases.bin': data }[request.url] ?? ''));
let browser: any, page: any;
before(async () => {
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  // Workgroup memory is not cleared: see kernels.test.ts.
  ({ browser, page } = await openPage(`http://127.0.0.1:${server.address().port}`, 'kernels_page.ts',
    ['--enable-dawn-features=disable_workgroup_init']));
});
after(async () => {
  await browser?.close();
  server.close();
});

const cases: Cases = JSON.parse(json), met = new Set<string>();
const nameOf = ({ module, constants }: Kernel) => JSON.stringify([module, constants]);
function isWanted({ kernels }: Case): boolean {
  const wanted = kernels.some((k) => /nbits/.test(k.module) || !met.has(k.module)) || kernels.every((k) => met.has(nameOf(k)));
  if (wanted) for (const k of kernels) met.add(k.module).add(nameOf(k));
  return wanted;
}
cases.cases = cases.cases.filter(isWanted);
assert.ok(Object.keys(cases.modules).every((module) => met.has(module)));
testKernels(cases, (names) => page.evaluate((names: string[]) => (globalThis as any).run(names), names));
