// browser.ts — a page of this package in the system's headless browser, for specs in Node.
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { build } from 'esbuild';
import { chromium } from 'playwright-core';
import { serve } from './serve.mjs';

const root = process.cwd();
const browsers = [process.env.CHROMIUM, '/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];
/** WebGPU, also without a GPU, and no traffic of the browser's own. */
const flags = ['--no-sandbox', '--enable-unsafe-webgpu', '--disable-background-networking', '--disable-component-update',
  '--disable-sync', '--disable-quic', '--no-first-run'];

/** Opens an empty page of the served package with tests/page.ts, and calls one of the functions that it has. */
export async function inPage<T>(name: string, ...args: readonly unknown[]): Promise<T> {
  const executablePath = browsers.find((path) => path && existsSync(path));
  assert.ok(executablePath, 'no browser: set CHROMIUM to the path of one');
  const bundle = await build({
    entryPoints: [join(root, 'tests/page.ts')], bundle: true, write: false, format: 'esm', target: 'es2022', external: ['/dist/*'],
  });
  const html = '<!doctype html><script type="module" src="/tests/page.js"></script>';
  const server = await serve(root, { '/tests/page.js': bundle.outputFiles[0]!.text, '/tests/': html });
  const browser = await chromium.launch({ executablePath, args: flags });
  try {
    const page = await browser.newPage();
    page.on('console', (message: any) => console.log(`page: ${message.text()}`));
    await page.goto(`${server.url}/tests/`);
    await page.waitForFunction((f: string) => f in window, name);
    return await page.evaluate(([f, a]: any) => (window as any)[f](...a), [name, args]);
  } finally {
    await browser.close();
    server.close();
  }
}
