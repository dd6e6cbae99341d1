// profile.mjs — where a GPU's time goes while a package writes: each dispatch of a token between two timestamps, in Node.js with the
// package's `webgpu`, on the driver that VK_ICD_FILENAMES names. Dispatches are told by grid and constants, of which the bundle has
// short names. Timestamps take a little time themselves, and dispatches do not overlap.
// usage: node bench/web_peer/profile.mjs PACKAGE [PROMPT_TOKENS 20] [TEMPERATURE 0]    (after npm ci, npm run build there)
import { createRequire } from 'node:module';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';

const root = resolve(process.argv[2]), promptTokens = Number(process.argv[3] ?? 20), temperature = Number(process.argv[4] ?? 0);
const warm = 10, answer = 40, most = 512; // tokens before the first one that counts, of all, dispatches of a token
const moduleOf = (path) => import(pathToFileURL(path).href);
const { create, globals } = await moduleOf(createRequire(`${root}/package.json`).resolve('webgpu'));
Object.assign(globalThis, globals);
const dawn = create(['enable-dawn-features=allow_unsafe_apis', 'disable-dawn-features=timestamp_quantization']);

let device, times, resolved;
/** Its devices have timestamps. */
const gpu = {
  wgslLanguageFeatures: dawn.wgslLanguageFeatures,
  async requestAdapter(options) {
    const adapter = await dawn.requestAdapter(options), { features, limits, info } = adapter;
    return {
      features, limits, info,
      async requestDevice(wanted) {
        device = await adapter.requestDevice({ ...wanted, requiredFeatures: [...wanted.requiredFeatures ?? [], 'timestamp-query'] });
        times = device.createQuerySet({ type: 'timestamp', count: 2 * most });
        resolved = device.createBuffer({ size: 16 * most, usage: GPUBufferUsage.QUERY_RESOLVE | GPUBufferUsage.COPY_SRC });
        return device;
      },
    };
  },
};

const names = new WeakMap(); // of pipelines
for (const method of ['createComputePipelineAsync', 'createComputePipeline']) {
  const real = GPUDevice.prototype[method];
  GPUDevice.prototype[method] = function (what) {
    const made = real.call(this, what);
    const note = (pipeline) => names.set(pipeline, `${what.compute.entryPoint} ${JSON.stringify(what.compute.constants ?? {})}`) && pipeline;
    return made.then ? made.then(note) : note(made);
  };
}

const tokens = []; // of those that count: what was dispatched, and where its timestamps will be
let watching = false, dispatched = [];
const { beginComputePass, finish } = GPUCommandEncoder.prototype;
GPUCommandEncoder.prototype.beginComputePass = function (...options) {
  if (!watching) return beginComputePass.apply(this, options);
  let pipeline, group; // a pass for each dispatch
  return {
    setPipeline: (p) => { pipeline = p; },
    setBindGroup: (_, g) => { group = g; },
    dispatchWorkgroups: (...grid) => {
      const i = 2 * dispatched.push(`${grid.join('x')} ${names.get(pipeline)}`) - 2;
      const pass = beginComputePass.call(this, { timestampWrites: { querySet: times, beginningOfPassWriteIndex: i, endOfPassWriteIndex: i + 1 } });
      pass.setPipeline(pipeline);
      pass.setBindGroup(0, group);
      pass.dispatchWorkgroups(...grid);
      pass.end();
    },
    end() {},
  };
};
GPUCommandEncoder.prototype.finish = function (...options) {
  if (dispatched.length) {
    const to = device.createBuffer({ size: 16 * most, usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST });
    this.resolveQuerySet(times, 0, 2 * dispatched.length, resolved, 0);
    this.copyBufferToBuffer(resolved, 0, to, 0, 16 * most);
    tokens.push({ dispatched, to });
    dispatched = [];
  }
  return finish.apply(this, options);
};

const { serve } = await moduleOf(`${root}/tests/serve.mjs`);
const server = await serve(root);
const { loadModel } = await moduleOf(`${root}/dist/index.js`);
const model = await loadModel({ gpu, weights: `${server.url}/models/weights/manifest.json` });
let n = 0;
for await (const _ of model.generate(Array.from({ length: promptTokens }, (_, i) => 100 + i % 100), { temperature, seed: 3, maxTokens: answer }))
  watching = ++n >= warm;

const sums = new Map();
let all = 0, span = 0;
for (const { dispatched: list, to } of tokens) {
  await to.mapAsync(GPUMapMode.READ);
  const at = new BigUint64Array(to.getMappedRange());
  span += Number(at[2 * list.length - 1] - at[0]);
  for (const [i, name] of list.entries()) {
    const ns = Number(at[2 * i + 1] - at[2 * i]), sum = sums.get(name) ?? { ns: 0, times: 0 };
    all += ns;
    sums.set(name, { ns: sum.ns + ns, times: sum.times + 1 });
  }
}
const us = (ns) => (ns / 1000).toFixed(1).padStart(9);
console.log(`# ${tokens.length} tokens behind ${promptTokens}: ${us(all / tokens.length).trim()} us in dispatches, ${us(span / tokens.length).trim()} us from the first to the last`);
console.log('# us a token, dispatches a token, us each, grid and constants');
for (const [name, { ns, times: k }] of [...sums].sort((a, b) => b[1].ns - a[1].ns))
  console.log(`${us(ns / tokens.length)} ${(k / tokens.length).toFixed(1).padStart(6)} ${us(ns / k)}  ${name}`);
process.exit(0);
