// chromium.ts — a page of the fault server in the system's Chromium, for tests in Node.
import { build } from 'esbuild';
import { join } from 'node:path';
import { chromium } from 'playwright-core';

/** What keeps it quiet, and gives it WebGPU without a GPU. */
const flags = ['--no-sandbox', '--enable-unsafe-webgpu', '--disable-background-networking', '--disable-component-update',
  '--disable-sync', '--disable-quic', '--no-first-run', '--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1'];

/** Opens BASE/page.html, an empty page with a bundled script of test/. */
export async function openPage(base: string, script: string, more: readonly string[] = []) {
  const { outputFiles } = await build({
    entryPoints: [join(process.env.M2W_PACKAGE_DIR, 'test', script)], bundle: true, format: 'iife', target: 'es2022', write: false,
  });
  const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: [...flags, ...more] });
  const page = await browser.newPage();
  // Served from the same place as the files, as only they have the same origin then.
  await page.context().route('**/page.*', (route: any) => route.fulfill(route.request().url().endsWith('.js')
    ? { contentType: 'text/javascript', body: outputFiles![0]!.text }
    : { contentType: 'text/html', body: '<!doctype html><script src="page.js"></script>' }));
  await page.goto(`${base}/page.html`);
  return { browser, page };
}
