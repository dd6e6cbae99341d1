// kernels_chromium.test.ts — kernels.test.ts in Chromium: its compiler of WGSL and its checks are not those of Node's WebGPU.
import { createServer } from 'node:http';
import { after, before } from 'node:test';
import { openPage } from './chromium';
import { testKernels, writeCases } from './kernel_cases';

const { json, data } = writeCases();
const server = createServer((request: { url: string }, response: { end(body: string | Uint8Array): void }) =>
  response.end(request.url.endsWith('.json') ? json : data));
let browser: any, page: any;
before(async () => {
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  ({ browser, page } = await openPage(`http://127.0.0.1:${server.address().port}`, 'kernels_page.ts'));
});
after(async () => {
  await browser?.close();
  server.close();
});
testKernels(JSON.parse(json), (names) => page.evaluate((names: string[]) => (globalThis as any).run(names), names));
