// sampler.test.ts — the sampler's choices on the GPU, against a plain reference in doubles.
import { after, test } from 'node:test';
import assert from 'node:assert/strict';
import { create, globals } from 'webgpu';
import { makeSampler, type Sampler, type Sampling } from '../src/sampler';

// The software adapter of Debian's Chromium, unless the environment names another.
process.env.VK_ICD_FILENAMES ??= '/usr/lib/chromium/vk_swiftshader_icd.json';
Object.assign(globalThis, globals);
let gpu: GPU | undefined = create([]) as GPU;
const adapter = (await gpu.requestAdapter())!;
assert.ok(adapter, 'no WebGPU adapter: VK_ICD_FILENAMES names the driver');
const device = await adapter.requestDevice();
after(() => {
  device.destroy();
  gpu = undefined; // Node ends when nothing holds it any more
});

/** A random number generator of the test's own: mulberry32, [0, 1). */
function randomOf(seed: number): () => number {
  return () => {
    seed = (seed + 0x6d2b79f5) | 0;
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** The numbers that a seed draws, by the definition of SplitMix64. */
function* uniforms(seed: bigint): Generator<number> {
  const mask = (1n << 64n) - 1n;
  for (let state = seed; ; ) {
    state = (state + 0x9e3779b97f4a7c15n) & mask;
    let z = ((state ^ (state >> 30n)) * 0xbf58476d1ce4e5b9n) & mask;
    z = ((z ^ (z >> 27n)) * 0x94d049bb133111ebn) & mask;
    yield Number((z ^ (z >> 31n)) >> 11n) / 2 ** 53;
  }
}

/** Of logits that were seen before: the order is most of the work. */
const orders = new WeakMap<Float32Array, number[]>();

/** The choice by definition, and how near the draw was to another one, as a part of all weight. */
function reference(source: Float32Array, s: Sampling, recent: number[], u: number): { id: number; margin: number } {
  const logits = source.map((x) => (Number.isNaN(x) ? -Infinity : x));
  if (s.repeatPenalty !== 1)
    for (const id of new Set(s.repeatLastN ? recent.slice(-s.repeatLastN) : []))
      if (id < logits.length) logits[id] = logits[id]! > 0 ? logits[id]! / s.repeatPenalty : logits[id]! * s.repeatPenalty;
  let order = orders.get(source);
  if (!order || s.repeatPenalty !== 1)
    order = Array.from(logits.keys()).sort((a, b) => (logits[a] === logits[b] ? a - b : logits[b]! - logits[a]!));
  if (s.repeatPenalty === 1) orders.set(source, order);
  const best = logits[order[0]!]!;
  if (s.temperature === 0 || s.topK === 1 || best === -Infinity) return { id: order[0]!, margin: 1 };
  const weight = (id: number, temperature: number) => (logits[id] === best ? 1 : Math.exp((logits[id]! - best) / temperature));
  let kept = order.slice(0, s.topK);
  const total = kept.reduce((sum, id) => sum + weight(id, 1), 0);
  let margin = 1;
  const near = (a: number, b: number) => (margin = Math.min(margin, Math.abs(a - b)));
  kept = kept.filter((id) => {
    if (s.minP > 0 && logits[id] !== best) near(weight(id, 1), s.minP);
    return weight(id, 1) >= s.minP;
  });
  if (s.topP < 1) {
    let sum = 0;
    let n = 0;
    do near((sum += weight(kept[n++]!, 1)) / total, s.topP);
    while (n < kept.length && sum < s.topP * total);
    kept = kept.slice(0, n);
  }
  const all = kept.reduce((sum, id) => sum + weight(id, s.temperature), 0);
  let left = u * all;
  let chosen = kept[0]!;
  for (const id of kept) {
    const w = weight(id, s.temperature);
    if (w > 0) chosen = id;
    near(left / all, w / all);
    if (left < w) break;
    left -= w;
  }
  return { id: chosen, margin };
}

/** Where the next batch looks for the choice. */
const tokens = device.createBuffer({ size: 16, usage: GPUBufferUsage.COPY_DST | GPUBufferUsage.COPY_SRC });

async function withLogits<T>(logits: Float32Array, use: (buffer: GPUBuffer) => Promise<T>): Promise<T> {
  const buffer = device.createBuffer({ size: logits.byteLength, usage: GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_DST });
  device.queue.writeBuffer(buffer, 0, logits as Float32Array<ArrayBuffer>);
  try {
    return await use(buffer);
  } finally {
    buffer.destroy();
  }
}

/** One choice, in a submit of its own. */
function sample(sampler: Sampler, recent?: ArrayLike<number>, row?: number): Promise<number> {
  const encoder = device.createCommandEncoder();
  const read = sampler.encode(encoder, recent, row);
  device.queue.submit([encoder.finish()]);
  return read();
}

const defaults: Sampling = { temperature: 0.7, topK: 40, topP: 0.95, minP: 0.05, repeatPenalty: 1, repeatLastN: 64, seed: 0 };
/** Sums of f32 and the device's exp. */
const TOLERANCE = 1e-5;

/** Draws from each of some logits and compares; the number of draws that were too near to tell. */
async function compare(all: Float32Array[], settings: Partial<Sampling>, draws: number, recent: number[] = []): Promise<number> {
  const s: Sampling = { ...defaults, ...settings };
  let skipped = 0;
  const numbers = uniforms(BigInt(s.seed));
  await withLogits(all[0]!, async (buffer) => {
    const sampler = makeSampler(device, buffer, all[0]!.length, settings, tokens);
    for (const [which, logits] of all.entries())
      for (let i = 0; i < draws; i++) {
        device.queue.writeBuffer(buffer, 0, logits as Float32Array<ArrayBuffer>); // a penalty changes them
        const { id, margin } = reference(logits, s, recent, numbers.next().value!);
        const found = await sample(sampler, recent);
        if (margin < TOLERANCE) skipped++;
        else assert.equal(found, id, `n=${logits.length} ${JSON.stringify({ ...settings, seed: String(s.seed) })} logits ${which} draw ${i}`);
      }
    sampler.dispose();
  });
  return skipped;
}

const normal = (random: () => number) => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
const normals = (n: number, random: () => number) => Float32Array.from({ length: n }, () => 4 * normal(random));
/** Random, nearly all tied, all tied, ascending, descending, the best ones all in one thread's share. */
const logitsOf = (n: number, random: () => number): Float32Array[] => [
  normals(n, random),
  Float32Array.from({ length: n }, () => Math.floor(3 * random())),
  new Float32Array(n).fill(-1.5),
  Float32Array.from({ length: n }, (_, i) => i / 64),
  Float32Array.from({ length: n }, (_, i) => -i / 64),
  Float32Array.from({ length: n }, (_, i) => (i % 1024 ? 0 : 8) + random()),
];

for (const n of [1, 31, 1025, 33_000, 262_144])
  test(`greedy and drawn ids of ${n} logits are those of the reference`, async () => {
    const all = logitsOf(n, randomOf(n));
    await compare(all, { temperature: 0 }, 1);
    const topK = n > 100_000 ? 40 : 256;
    let skipped = await compare(all, { topK, topP: 1, minP: 0, temperature: 1, seed: n }, 3);
    // 0.95 of 40 equal ones would be a whole number of them: too near to tell.
    skipped += await compare(all, { topP: 0.93, seed: BigInt(n) << 40n }, 3);
    assert.ok(skipped <= 4, `${skipped} draws too near to tell`);
  });

test('every filter alone and all together keep what the reference keeps', async () => {
  const random = randomOf(5);
  const settings: Partial<Sampling>[] = [
    { topP: 0.5, minP: 0 }, { topP: 0, minP: 0 }, { topP: 1, minP: 0.3 }, { topP: 1, minP: 1 }, { temperature: 5, topP: 0.9 },
    { temperature: 0.05 }, { topK: 3, topP: 0.7, minP: 0.01, temperature: 1.5 }, { topK: 1 },
  ];
  let skipped = 0;
  for (const [i, s] of settings.entries())
    skipped += await compare([normals(500, random)], { ...s, seed: i }, 12);
  assert.ok(skipped <= 3, `${skipped} draws too near to tell`);
});

test('recent tokens are penalised, each once, and those out of range are none', async () => {
  const random = randomOf(6);
  for (const repeatLastN of [0, 1, 30, 60]) {
    const all = Array.from({ length: 5 }, () => normals(50, random));
    const recent = Array.from({ length: 40 }, () => Math.floor(70 * random()));
    await compare(all, { temperature: 0, repeatPenalty: 1.7, repeatLastN }, 1, recent);
    await compare(all, { temperature: 0, repeatPenalty: 0.6, repeatLastN }, 1, recent);
  }
});

test('NaN counts as minus infinity, and infinities are values', async () => {
  const { NaN: nan, POSITIVE_INFINITY: inf } = Number;
  const negativeNan = new Float32Array(Uint32Array.of(0xffc00000).buffer)[0]!;
  const cases: number[][] = [[nan, -3, nan], [nan, -inf, negativeNan], [-inf, -inf], [0, -0, 0], [-0, 0], [1, inf, inf, 5], [-inf, -1e38, 1e38]];
  for (const values of cases)
    for (const temperature of [0, 1])
      await compare([Float32Array.from(values)], { temperature, topP: 1, minP: 0 }, 4);
});

test('rows behind the first are read where they are', async () => {
  await withLogits(Float32Array.of(9, 0, 0, 0, 0, 9, 0, 9, 0), async (buffer) => {
    const sampler = makeSampler(device, buffer, 3, { temperature: 0 }, tokens);
    assert.deepEqual([await sample(sampler, [], 0), await sample(sampler, [], 1), await sample(sampler, [], 2)], [0, 2, 1]);
    sampler.dispose();
  });
});

test('a choice is read behind the next one, and goes to where the next batch looks for it', async () => {
  const seen = device.createBuffer({ size: 4, usage: GPUBufferUsage.COPY_DST | GPUBufferUsage.MAP_READ });
  await withLogits(Float32Array.of(0, 9, 0, 0, 0, 9, 9, 0, 0), async (buffer) => {
    const sampler = makeSampler(device, buffer, 3, { temperature: 0 }, tokens);
    const choose = (row: number) => {
      const encoder = device.createCommandEncoder(), read = sampler.encode(encoder, [], row);
      encoder.copyBufferToBuffer(tokens, 0, seen, 0, 4);
      device.queue.submit([encoder.finish()]);
      return read;
    };
    const first = choose(0), second = choose(1);
    assert.equal(await first(), 1);
    const third = choose(2);
    assert.deepEqual([await second(), await third()], [2, 0]);
    await seen.mapAsync(GPUMapMode.READ);
    assert.deepEqual([...new Uint32Array(seen.getMappedRange())], [0]);
    assert.deepEqual([sampler.remembers, makeSampler(device, buffer, 3, { repeatPenalty: 1.1 }, tokens).remembers], [false, true]);
    sampler.dispose();
  });
});

test('settings out of range are refused by name', async () => {
  await withLogits(new Float32Array(4), async (buffer) => {
    const bad: Partial<Sampling>[] = [
      { temperature: -1 }, { temperature: NaN }, { topK: 0 }, { topK: 257 }, { topK: 1.5 }, { topP: 1.1 }, { minP: -0.1 },
      { repeatPenalty: 0 }, { repeatLastN: -1 }, { repeatLastN: 1025 },
    ];
    for (const settings of bad)
      assert.throws(() => makeSampler(device, buffer, 4, settings, tokens), (error: any) =>
        error.code === 'usage' && error.message.startsWith(Object.keys(settings)[0]!));
  });
});

test('a draw falls on each id as often as its probability says', async () => {
  const logits = Float32Array.of(Math.log(0.5), Math.log(0.3), Math.log(0.2));
  await withLogits(logits, async (buffer) => {
    const sampler = makeSampler(device, buffer, 3, { temperature: 1, topP: 1, minP: 0, seed: 11 }, tokens);
    const counts = [0, 0, 0];
    for (let i = 0; i < 400; i++) counts[await sample(sampler)]!++;
    // 5 standard deviations of a binomial count.
    [0.5, 0.3, 0.2].forEach((p, id) => assert.ok(Math.abs(counts[id]! - 400 * p) < 5 * Math.sqrt(400 * p * (1 - p)), `${counts}`));
    sampler.dispose();
  });
});
