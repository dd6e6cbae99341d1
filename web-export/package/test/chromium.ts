// chromium.ts — a page of the fault server in the system's Chromium, for tests in Node.
import { build } from 'esbuild';
import { join } from 'node:path';
import { chromium } from 'playwright-core';

/** What keeps it quiet, and gives it WebGPU without a GPU. */
const flags = ['--no-sandbox', '--enable-unsafe-webgpu', '--disable-background-networking', '--disable-component-update',
  '--disable-sync', '--disable-quic', '--no-first-run', '--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1'];

/**
 * A page of the origin BASE, whatever it answers, with a bundled script of test/. Playwright could answer for it, but then all
 * requests of the page go through Playwright, and on a busy machine some never come out again (1.57 with Chromium 156).
 */
export async function openPage(base: string, script: string, more: readonly string[] = []) {
  const { outputFiles } = await build({
    entryPoints: [join(process.env.M2W_PACKAGE_DIR, 'test', script)], bundle: true, format: 'iife', target: 'es2022', write: false,
  });
  const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: [...flags, ...more] });
  const page = await browser.newPage();
  await page.goto(`${base}/page`);
  await page.addScriptTag({ content: outputFiles![0]!.text });
  return { browser, page };
}
