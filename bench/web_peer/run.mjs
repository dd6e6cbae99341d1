// run.mjs — an exported package of a Gemma 3 beside gemma-webgpu, another engine for that model in the browser: the same GGUF, the
// same prompt, the same browser, in turn. Gives JSON lines, and the ratios of medians.
// usage: node bench/web_peer/run.mjs PACKAGE MODEL.gguf PEER [PROMPT_TOKENS 20] [ANSWER_TOKENS 8] [RUNS 3]
//   PACKAGE  what `m2w export` made of MODEL.gguf, built
//   PEER     the folder `package` of the unpacked `npm pack gemma-webgpu`
// In headless Chromium, with a profile of its own for every call: no cache holds anything, and files are kept on disk, not in memory
// as in a private window. With M2W_DAWN=1 in Node.js with PACKAGE's `webgpu`, on the driver that VK_ICD_FILENAMES names.
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath, pathToFileURL } from 'node:url';

const [folder, model, peerFolder, ...numbers] = process.argv.slice(2);
const [tokens, answer, runs] = [20, 8, 3].map((standard, i) => Number(numbers[i] ?? standard));
const root = resolve(folder), here = dirname(fileURLToPath(import.meta.url));
const require = createRequire(`${root}/package.json`);
const { serve } = await import(pathToFileURL(`${root}/tests/serve.mjs`).href);

const served = mkdtempSync(join(tmpdir(), 'm2w-peer-'));
for (const [name, path] of [['package', root], ['peer', resolve(peerFolder)], ['model.gguf', resolve(model)]]) symlinkSync(path, join(served, name));
const routes = { '/sides.mjs': readFileSync(join(here, 'sides.mjs'), 'utf8') };
const server = await serve(served, routes);

/**
 * Resolves to { name, call(side, options) }; each call has a browser of its own, which has just started. No debugger is attached, as
 * none is where a page is used: with Playwright's, a page needs 0.65 s of processor time to fetch 290 MB, without one 0.3 s
 * (Chromium 156, 2026-11-23).
 */
async function inChromium() {
  const chromium = process.env.CHROMIUM ?? '/usr/bin/chromium';
  return {
    name: execFileSync(chromium, ['--version'], { encoding: 'utf8' }).trim(),
    async call(side, options) {
      const profile = mkdtempSync(join(tmpdir(), 'm2w-profile-'));
      const job = [side, { ...options, module: options.module.replace('URL', '') }];
      const result = new Promise((done) => {
        routes['/'] = `<!doctype html><script type="module">(${runInPage})(${JSON.stringify(job)})</script>`;
        routes['/result'] = (request, response) => text(request).then(JSON.parse).then(done).finally(() => response.end());
      });
      const browser = spawn(chromium, [
        '--headless', '--no-sandbox', '--no-first-run', '--enable-unsafe-webgpu', '--enable-precise-memory-info', `--user-data-dir=${profile}`, server.url,
      ], { stdio: ['ignore', 'ignore', 'pipe'] });
      const said = text(browser.stderr), ended = once(browser, 'close'); // when the last of its processes has ended
      try {
        const { error, ...values } = await Promise.race([result, ended.then(async () => ({ error: `Chromium ended: ${await said}` }))]);
        if (error) throw new Error(`${side}: ${error}`);
        return values;
      } finally {
        browser.kill();
        await ended;
        rmSync(profile, { recursive: true, maxRetries: 9, retryDelay: 100 });
      }
    },
  };
}

/** Runs in a page, which gets its text. */
async function runInPage([side, options]) {
  const tell = (result) => fetch('/result', { method: 'POST', body: JSON.stringify(result) });
  try {
    const sides = await import('/sides.mjs');
    sides.count();
    await new Promise((then) => setTimeout(then, 1000)); // what the browser itself does when it starts is over
    await tell(await sides[side](options));
  } catch (e) {
    await tell({ error: `${e}\n${e.stack}` });
  }
}

async function inNode() {
  const { create, globals } = await import(pathToFileURL(require.resolve('webgpu')).href);
  Object.assign(globalThis, globals);
  const gpu = create([]);
  Object.defineProperty(globalThis, 'navigator', { value: { gpu }, configurable: true });
  const sides = await import('./sides.mjs');
  sides.count();
  const { info } = await gpu.requestAdapter();
  const at = (url) => pathToFileURL(join(served, url.replace('URL/', ''))).href;
  return {
    name: `Dawn in Node.js ${process.version}: ${info.vendor} ${info.architecture} ${info.description}`,
    call: (side, options) => sides[side]({ ...options, module: at(options.module) }),
  };
}

const median = (list) => list.sort((a, b) => a - b)[list.length >> 1];
const host = await (process.env.M2W_DAWN ? inNode() : inChromium());
const results = { peer: [], f32: [], int8: [] };
try {
  console.log(`# ${host.name}; ${tokens} tokens of prompt, ${answer} of answer`);
  const say = (side, result) => {
    const { prompt, ...shown } = result;
    console.log(JSON.stringify({ side, ...shown }, (_, x) => (typeof x === 'number' ? Math.round(x * 100) / 100 : x)));
    results[side]?.push(result);
    return prompt;
  };
  for (let run = 0; run < runs; run++) {
    const prompt = say('peer', await host.call('peer', { module: 'URL/peer/dist/index.js', model: `${server.url}/model.gguf`, tokens, answer }));
    for (const activations of ['f32', 'int8'])
      say(activations, await host.call('ours', {
        module: 'URL/package/dist/index.js', weights: `${server.url}/package/models/weights/manifest.json`, prompt, answer, activations,
      }));
  }
  for (const side of ['f32', 'int8']) {
    const ratio = (what) => (median(results[side].map((r) => r[what])) / median(results.peer.map((r) => r[what]))).toFixed(3);
    console.log(`# ${side} / peer: decode ${ratio('tokensPerSecond')}, first token ${ratio('firstTokenMs')}, ` +
      `dispatches ${ratio('dispatchesPerToken')}${results.peer[0].heapMB ? `, heap ${ratio('heapMB')}` : ''}`);
  }
} finally {
  server.close();
  rmSync(served, { recursive: true });
}
process.exit(0);
