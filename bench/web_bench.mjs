// web_bench.mjs — an exported package in headless Chromium: what its bench.html says, and besides how many dispatches and
// submits a token takes and how large the JavaScript heap gets.
// usage: node bench/web_bench.mjs PACKAGE [PROMPT_TOKENS 20] [ANSWER_TOKENS 16] [RUNS 2] [f32|int8]
// (after npm ci, npm run build there)
import { createRequire } from 'node:module';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { count } from './web_peer/sides.mjs';

const [folder, tokens = '20', answer = '16', runs = '2', activations = 'f32'] = process.argv.slice(2);
const root = resolve(folder);
const { chromium } = createRequire(`${root}/package.json`)('playwright-core');
const { serve } = await import(pathToFileURL(`${root}/tests/serve.mjs`).href);

const server = await serve(root);
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: ['--no-sandbox', '--enable-unsafe-webgpu', '--enable-precise-memory-info'],
});
try {
  const page = await browser.newPage();
  page.on('pageerror', (e) => console.error(e));
  await page.addInitScript(count);
  await page.goto(`${server.url}/bench.html`);
  await page.waitForFunction(() => 'measure' in globalThis);
  console.log(`# ${browser.version()}`);
  for (let run = 0; run < Number(runs); run++) {
    const result = await page.evaluate(async ([tokens, answer, empty, activations]) => {
      let heap = 0;
      const watch = setInterval(() => { heap = Math.max(heap, performance.memory.usedJSHeapSize); }, 20);
      const short = { ...await measure({ empty, tokens, answer: 1, activations }) };
      const before = { ...counted };
      const whole = await measure({ tokens, answer, activations });
      clearInterval(watch);
      return { firstLoad: short, whole, heapMB: heap / 1e6, counted: { before, after: { ...counted } } };
    }, [Number(tokens), Number(answer), run === 0, activations]);
    console.log(JSON.stringify(result));
  }
} finally {
  await browser.close();
  server.close();
}
