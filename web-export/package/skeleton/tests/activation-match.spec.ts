// activation-match.spec.ts — the package in a headless browser against the reference; writes verify.json.
import assert from 'node:assert/strict';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { build } from 'esbuild';
import { chromium } from 'playwright-core';
import { serve } from './serve.mjs';
import type { Check, Report } from './match';

const root = process.cwd();
const browsers = [process.env.CHROMIUM, '/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];

function table(report: Report): string {
  const line = ({ name, relativeError, maxError, meanError, ok }: Check, how: string): string =>
    `${name.padEnd(12)}${how.padEnd(8)}${[relativeError, maxError, meanError].map((x) => x.toExponential(2).padEnd(12)).join('')}${ok ? 'ok' : 'OFF'}`;
  const equal = report.tokens.filter((id, i) => id === report.expectedTokens[i]).length;
  return [
    `${report.model} on ${report.adapter}, ${report.cache} cache`,
    'value       tokens  relative    largest     mean',
    ...report.batch.map((check) => line(check, 'all')),
    ...report.single.map((check) => line(check, 'each')),
    `tokens      ${equal} of ${report.expectedTokens.length} equal`,
  ].join('\n');
}

test('every layer, the logits and the greedy tokens are the reference\'s', { timeout: 600_000 }, async () => {
  const executablePath = browsers.find((path) => path && existsSync(path));
  assert.ok(executablePath, 'no browser: set CHROMIUM to the path of one');
  const bundle = await build({
    entryPoints: [join(root, 'tests/page.ts')], bundle: true, write: false, format: 'esm', target: 'es2022',
  });
  const html = '<!doctype html><script type="module" src="/tests/page.js"></script>';
  const server = await serve(root, { '/tests/page.js': bundle.outputFiles[0]!.text, '/tests/': html });
  const browser = await chromium.launch({
    executablePath,
    args: ['--no-sandbox', '--enable-unsafe-webgpu', '--disable-background-networking', '--disable-component-update',
      '--disable-sync', '--disable-quic', '--no-first-run'],
  });
  try {
    const page = await browser.newPage();
    page.on('console', (message: any) => console.log(`page: ${message.text()}`));
    await page.goto(`${server.url}/tests/`);
    await page.waitForFunction('window.verify');
    const report = await page.evaluate(
      () => (globalThis as any).verify('f32')) as Report;
    writeFileSync(join(root, 'verify.json'), JSON.stringify(report, null, 2) + '\n');
    console.log(table(report));
    assert.ok(report.ok, 'the package does not compute what the reference computes; verify.json has the numbers');
  } finally {
    await browser.close();
    server.close();
  }
});
