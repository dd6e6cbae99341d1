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

/** Calls `work` with a page of the served package. */
export async function withPage<T>(path: string, work: (page: any) => Promise<T>): Promise<T> {
  const executablePath = browsers.find((file) => file && existsSync(file));
  assert.ok(executablePath, 'no browser: set CHROMIUM to the path of one');
  const bundle = await build({
    entryPoints: [join(root, 'tests/page.ts')], bundle: true, write: false, format: 'esm', target: 'es2022', external: ['/dist/*'],
  });
  const html = '<!doctype html><link rel="icon" href="data:,"><script type="module" src="/tests/page.js"></script>';
  const server = await serve(root, { '/tests/page.js': bundle.outputFiles[0]!.text, '/tests/': html });
  const browser = await chromium.launch({ executablePath, args: flags });
  try {
    const page = await browser.newPage();
    page.on('console', (message: any) => console.log(`page: ${message.text()}`));
    // Specs may lose the devices of a page.
    await page.addInitScript(() => {
      const request = GPUAdapter.prototype.requestDevice, devices: GPUDevice[] = [];
      GPUAdapter.prototype.requestDevice = async function (...args) {
        const device = await request.apply(this, args);
        devices.push(device);
        return device;
      };
      Object.assign(window, { devices });
    });
    await page.goto(server.url + path);
    return await work(page);
  } finally {
    await browser.close();
    server.close();
  }
}

/** Calls a function of tests/page.ts in an empty page. */
export function inPage<T>(name: string, ...args: readonly unknown[]): Promise<T> {
  return withPage('/tests/', async (page) => {
    await page.waitForFunction((f: string) => f in window, name);
    return page.evaluate(([f, a]: any) => (window as any)[f](...a), [name, args]);
  });
}
