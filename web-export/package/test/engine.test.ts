// engine.test.ts — exported packages on a device: every layer, the logits and the greedy tokens are the reference's. Dawn
// in Node, one process for all models.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { webcrypto } from 'node:crypto';
import { after, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { mixedModel } from './mixed_model';

globalThis.crypto ??= webcrypto as Crypto; // Node 18
const shared = process.env.M2W_SHARED_DIR, m2w = join(process.env.M2W_BIN_DIR, 'm2w');
const swiftshader = '/usr/lib/chromium/vk_swiftshader_icd.json';

/** Models, and what they bring besides plain layers. */
const models: readonly (readonly [path: string, what: string])[] = [
  ['model/tiny-q8_0.gguf', 'stacked products, tied head'],
  ['model/tiny-f16.gguf', 'halves'],
  ['model/tiny-q4_0.gguf', 'Q4_0'],
  ['model/tiny-q4_k_m.gguf', 'mixed types'],
  ['quant/tiny2l-q3_k_m.gguf', 'Q3_K, Q4_K, Q5_K and Q6_K'],
  ['arch/llama-rope3/model-f16.gguf', 'scaled rope'],
  ['arch/qwen2/model-f16.gguf', 'biases'],
  ['arch/qwen3/model-f16.gguf', 'norms of heads'],
  ['arch/gemma2/model-f16.gguf', 'soft caps'],
  ['arch/gemma3/model-f16.gguf', 'windows'],
  ['arch/phi3/model-f16.gguf', 'rows of one matrix'],
  ['arch/smollm3/model-f16.gguf', 'layers without rope'],
  ['arch/granite/model-f16.gguf', 'scales'],
  ['arch/qwen3moe/model-f16.gguf', 'experts'],
  ['arch/gpt-oss/model-f16.gguf', 'experts with biases, sinks'],
  ['arch/lfm2/model-f16.gguf', 'short convolutions'],
  ['arch/qwen35/model-f16.gguf', 'gated delta rule'],
];

const work = mkdtempSync(join(tmpdir(), 'm2w-engine-'));
after(() => rmSync(work, { recursive: true, force: true }));

const missing = [shared, m2w, swiftshader].filter((path) => !existsSync(path)).join(', ');
if (missing && process.env.CI) throw new Error(`missing: ${missing}`);

function idsOf(path: string): string[] {
  const golden = join(shared, path, '../golden.json');
  const ids = existsSync(golden) && JSON.parse(readFileSync(golden, 'utf8')).prompt_ids;
  return ids ? ['--ids', ids.join()] : ['--prompt', 'What is 12 + 30?'];
}

/** What a package has in src and tests, as one module of Node, with shaders as they are in its bundle. */
async function load(folder: string): Promise<any> {
  const { build } = await import('esbuild' as string);
  const { leanShadersPlugin } = await import(pathToFileURL(join(folder, 'lean-shaders.mjs')).href);
  const outfile = join(folder, 'bundle.mjs');
  await build({
    stdin: {
      contents: `export { match } from './tests/match'; export { serve } from './tests/serve.mjs'; export * from './src/index';`,
      resolveDir: folder,
    },
    bundle: true, platform: 'node', format: 'esm', target: 'node18', plugins: [leanShadersPlugin], outfile,
  });
  return import(pathToFileURL(outfile).href);
}

/** Calls `use` with what a package has, and where it is served. */
async function withPackage<T>(path: string, more: readonly string[], use: (modules: any, url: string) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(work, path.replace(/\W/g, '-')));
  const ids = more.includes('--ids') ? [] : idsOf(path);
  execFileSync(m2w, ['export', '-m', resolve(shared, path), '-o', folder, ...ids, ...more], { stdio: 'pipe' });
  const modules = await load(folder), server = await modules.serve(folder);
  try {
    return await use(modules, `${server.url}/`);
  } finally {
    server.close();
  }
}

const verify = (path: string, gpu: GPU, more: readonly string[] = [], as = {}): Promise<any> =>
  withPackage(path, more, ({ match }, url) => match(url, 'f32', gpu, as));

let gpu: GPU | undefined;
async function dawn(): Promise<GPU> {
  if (gpu) return gpu;
  process.env.VK_ICD_FILENAMES ??= swiftshader;
  const { create, globals } = await import('webgpu' as string);
  Object.assign(globalThis, globals);
  // Workgroup memory is not cleared: no kernel may count on that, and SwiftShader takes most of a compilation for it.
  return (gpu = create(['enable-dawn-features=disable_workgroup_init']) as GPU);
}
after(() => { gpu = undefined; });  // Node ends only without it

function check({ devices: [device] }: any): void {
  const errors = [...device.layers, device.logits].map((c: any) => c.relative_error);
  console.log(`largest relative error ${Math.max(...errors).toExponential(1)}`);
  assert.deepEqual([...device.layers, device.logits].filter((c: any) => !c.ok), []);
  assert.deepEqual(device.tokens, device.expected_tokens);
  assert.ok(device.ok);
}

/** Files of the golden data instead, separated by commas: what a full test would take too long for. */
const others = process.env.M2W_ENGINE_MODELS?.split(',').map((path: string) => [path, 'asked for'] as const);
for (const [path, what] of others ?? models) {
  test(`${path}: ${what}`, { skip: missing ? `missing: ${missing}` : !existsSync(join(shared, path)) && `missing: ${path}` }, async () => {
    check(await verify(path, await dawn()));
  });
}

test('Q5_0 and Q6_K in one file', { skip: missing ? `missing: ${missing}` : false }, async () => {
  const path = join(work, 'mixed.gguf');
  writeFileSync(path, mixedModel(join(shared, 'quant/tiny2l-q5_0.gguf'), join(shared, 'quant/tiny2l-q6_k.gguf'),
    /token_embd|attn_v|ffn_down/));
  const types = execFileSync(m2w, ['inspect', '--json', path], { encoding: 'utf8' });
  assert.deepEqual(JSON.parse(types).weight_types.map((row: any) => row.type).sort(), ['F32', 'Q5_0', 'Q6_K']);
  check(await verify(path, await dawn()));
});

// Those with barriers compute the same, but take a CPU minutes.
test('kernels for GPUs with subgroups', { skip: missing ? `missing: ${missing}` : false }, async () => {
  check(await verify('arch/qwen3moe/model-f16.gguf', await dawn(), ['--ids', '7,77,7'], { cpu: false, subgroups: true }));
});

test('short cuts of single rows', { skip: missing ? `missing: ${missing}` : false }, async () => {
  check(await verify('arch/gemma3/model-f16.gguf', await dawn(), ['--ids', '7,77,7'], { cpu: false, subgroups: true }));
});

test('matrices larger than a buffer may be', { skip: missing ? `missing: ${missing}` : false }, async () => {
  check(await verify('quant/tiny2l-q6_k.gguf', await dawn(), ['--max-buffer', '500000']));
});

test('activations of 8 bits', { skip: missing ? `missing: ${missing}` : false }, async () => {
  check(await verify('quant/tiny2l-q8_0.gguf', await dawn(), [], { activations: 'int8' }));
});

/** A GPU of which nothing tells that it is a CPU. */
const disguised = (gpu: GPU) => ({
  wgslLanguageFeatures: gpu.wgslLanguageFeatures,
  async requestAdapter(options?: GPURequestAdapterOptions) {
    const adapter = (await gpu.requestAdapter(options))!, { features, limits } = adapter;
    return { features, limits, info: { vendor: 'disguised' }, requestDevice: (wanted: GPUDeviceDescriptor) => adapter.requestDevice(wanted) };
  },
}) as unknown as GPU;

test('answers of a GPU, which evaluates what it has chosen before that is known', { skip: missing ? `missing: ${missing}` : false }, async () => {
  await withPackage('arch/gemma3/model-f16.gguf', ['--ids', '7,77,7'], async ({ loadModel }, url) => {
    const texts = [];
    for (const gpu of [await dawn(), disguised(await dawn())]) {
      const model = await loadModel({ gpu, weights: `${url}models/weights/manifest.json`, nCtx: 16, nBatch: 4 });
      const parts = [];
      for await (const part of model.generate([7, 77, 7], { temperature: 0, maxTokens: 6 })) parts.push(part);
      texts.push([parts.map(({ text }: any) => text).join(''), parts.at(-1).stats.tokens]);
      if (texts.length === 2) assert.equal(model.gpu.cpu, false);
      model.dispose();
    }
    assert.equal(texts[0]![1], 6);
    assert.deepEqual(texts[1], texts[0]);
  });
});
