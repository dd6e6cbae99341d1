// sampler.ts — logits to a token on the GPU: exact, seeded; only the chosen id is read back. Knows
// no model.
import { M2wError } from './errors';
import { bindGroup, bindingsOf } from './gpu';

/**
 * How the next token is chosen. Applied in this order: repeatPenalty, topK, topP, minP,
 * temperature.
 */
export interface Sampling {
  /** 0: greedy (the lowest id wins a tie). */
  temperature: number;
  /** 1 to 256. */
  topK: number;
  /** 1: off. */
  topP: number;
  /** 0: off. */
  minP: number;
  /** 1: off; positive logits of recent tokens are divided by it, negative ones multiplied. */
  repeatPenalty: number;
  /** How many of the last tokens count as recent, 0 to 1024. */
  repeatLastN: number;
  /** The same seed, logits and history give the same tokens. */
  seed: number | bigint;
}

/** The most recent tokens that a penalty may look at. */
const mostRecent = 1024;

/** What is taken when it is not given, the lowest, the highest, and what it is a multiple of. */
const settings: Record<Exclude<keyof Sampling, 'seed'>, readonly [otherwise: number, low: number, high: number, step?: number]> = {
  temperature: [0.7, 0, 1e9],
  topK: [40, 1, 256, 1],
  topP: [0.95, 0, 1],
  minP: [0.05, 0, 1],
  repeatPenalty: [1, 1e-9, 1e9],
  repeatLastN: [64, 0, mostRecent, 1],
};

/** Logits, and then lists of them, that a thread of a level makes one list of; the next level reads these lists. */
const share = 32;

/**
 * f32 logits [rows][nVocab] -> id. `pick` keeps the best KEEP of the logits (READ is 0), or of READ
 * lists of ids [DEPTH][READ], the best first. To begin with, each thread keeps the best one of its
 * share, and again of 32 of these where many are left: of them the k-th best is a bound that all of the k best reach, so that
 * few others have to be put in order (BOUNDED). Comparisons are of integers in the order of the floats, so infinities,
 * -0 and NaN (which counts as minus infinity) do the same on every device; 0x007fffff and 0xff800000
 * are the infinities. No barriers. A list that is not full ends with NONE.
 */
const shader = (k: number) => /* wgsl */ `
struct Params { n: u32, base: u32, penalty: f32, u: f32, temperature: f32, topP: f32, minP: f32 }
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read_write> logits: array<u32>;
@group(0) @binding(2) var<storage, read_write> source: array<u32>;
@group(0) @binding(3) var<storage, read_write> result: array<u32>;
const K = ${k}u;
const NONE = 0xffffffffu;
override READ = 0u;
override DEPTH = 1u;
override KEEP = 1u;
override LISTS = 1u;
override BOUNDED = false;

fn key_of(id: u32) -> u32 {
  let bits = logits[p.base + id];
  let size = bits & 0x7fffffffu;
  if (size > 0x7f800000u) { return 0x007fffffu; }
  if (size == 0) { return 0x80000000u; }
  return select(bits | 0x80000000u, ~bits, bits != size);
}

fn value_of(id: u32) -> f32 { return bitcast<f32>(logits[p.base + id]); }

fn is_worse(key: u32, id: u32, key2: u32, id2: u32) -> bool { return key < key2 || (key == key2 && id > id2); }

@compute @workgroup_size(32) fn penalize(@builtin(global_invocation_id) g: vec3u) {
  let id = source[g.x];
  if (id == NONE) { return; }
  let x = value_of(id);
  logits[p.base + id] = bitcast<u32>(select(x * p.penalty, x / p.penalty, x > 0));
}

@compute @workgroup_size(32) fn pick(@builtin(global_invocation_id) g: vec3u) {
  if (g.x >= LISTS) { return; }
  var keys: array<u32, K>;
  var ids: array<u32, K>;
  var n = 0u;
  var low = 0u;
  var last = NONE;
  if (BOUNDED) { last = source[K - 1]; }
  if (last != NONE) { low = key_of(last); }
  let width = select(READ, p.n, READ == 0);
  for (var row = 0u; row < DEPTH; row++) {
    var taken = false;
    for (var i = g.x; i < width; i += LISTS) {
      var id = i;
      if (READ > 0) { id = source[row * width + i]; }
      if (id == NONE) { continue; }
      let key = key_of(id);
      if (is_worse(key, id, low, last)) { continue; }
      var at = n;
      while (at > 0) {
        if (is_worse(key, id, keys[at - 1], ids[at - 1])) { break; }
        if (at < KEEP) { keys[at] = keys[at - 1]; ids[at] = ids[at - 1]; }
        at--;
      }
      if (at == KEEP) { continue; }
      keys[at] = key;
      ids[at] = id;
      n = min(n + 1, KEEP);
      taken = true;
    }
    if (!taken) { break; }
  }
  for (var i = 0u; i < KEEP; i++) { result[i * LISTS + g.x] = select(NONE, ids[i], i < n); }
}

fn weight(i: u32, temperature: f32) -> f32 {
  let key = key_of(source[i]);
  let best = key_of(source[0]);
  if (i == 0 || (key == best && key > 0x007fffff)) { return 1; }
  let x = (value_of(source[i]) - value_of(source[0])) / temperature;
  if (key == 0x007fffff || best == 0xff800000 || x < -80) { return 0; }
  return exp(x);
}

@compute @workgroup_size(1) fn draw() {
  var total = 0.0;
  for (var i = 0u; i < min(K, p.n); i++) { total += weight(i, 1); }
  var n = 0u;
  var sum = 0.0;
  while (n < min(K, p.n) && (n == 0 || (weight(n, 1) >= p.minP && sum < p.topP * total))) {
    sum += weight(n, 1);
    n++;
  }
  total = 0;
  for (var i = 0u; i < n; i++) { total += weight(i, p.temperature); }
  var left = p.u * total;
  for (var i = 0u; i < n && left >= 0; i++) {
    let w = weight(i, p.temperature);
    if (w > 0) { result[0] = source[i]; }
    left -= w;
  }
}
`;

/** Chooses tokens on a device, one after the other. */
export interface Sampler {
  /**
   * Adds what chooses from a row of the logits. recent: the tokens so far, oldest first. What it gives reads the choice, behind
   * the submit and before the next but one is encoded.
   */
  encode(encoder: GPUCommandEncoder, recent?: ArrayLike<number>, row?: number): () => Promise<number>;
  /** Whether a choice depends on recent tokens. */
  readonly remembers: boolean;
  dispose(): void;
}

/** logits: [rows][nVocab]; a penalty changes them in place. into: gets the choice as its first word. Throws M2wError `usage`. */
export function makeSampler(device: GPUDevice, logits: GPUBuffer, nVocab: number, sampling: Partial<Sampling>, into: GPUBuffer): Sampler {
  const [temperature, topK, topP, minP, penalty, lastN] = Object.entries(settings).map(([name, [otherwise, low, high, step]]) => {
    const value = sampling[name as keyof typeof settings] ?? otherwise;
    if (!(value >= low && value <= high) || (step && value % step))
      throw new M2wError('usage', `${name}: expected ${low} to ${high}, got ${value}`);
    return value;
  }) as [number, number, number, number, number, number];
  const { seed = 0 } = sampling;
  if (typeof seed === 'number' && seed % 1 !== 0) throw new M2wError('usage', `seed: expected an integer, got ${seed}`);
  const k = temperature ? topK : 1;
  const { STORAGE, UNIFORM, COPY_SRC, COPY_DST, MAP_READ } = GPUBufferUsage;
  const list = [4 * (Math.ceil(nVocab / share) * k + mostRecent), STORAGE | COPY_SRC | COPY_DST] as const;
  const readable = [4, MAP_READ | COPY_DST] as const;
  const buffers = ([[32, UNIFORM | COPY_DST], list, list, readable, readable] as const).map(([size, usage]) => device.createBuffer({ size, usage }));
  const [params, chosen, history, ...readbacks] = buffers as [GPUBuffer, GPUBuffer, GPUBuffer, GPUBuffer, GPUBuffer];
  const bindings = bindingsOf(device, 'www');
  // Steps write the one list and the other in turn.
  const groups = [[history, chosen], [chosen, history]].map((two) => bindGroup(device, bindings, [params, logits, ...two]));
  const layout = device.createPipelineLayout({ bindGroupLayouts: [bindings] });
  const module = device.createShaderModule({ code: shader(k) });
  const steps: [pipeline: GPUComputePipeline, workgroups: number][] = [];
  const add = (entryPoint: string, workgroups: number, constants = {}) =>
    steps.push([device.createComputePipeline({ layout, compute: { module, entryPoint, constants } }), workgroups]);
  if (penalty !== 1) add('penalize', mostRecent / 32);
  for (const bounded of k > 1 ? [0, 1] : [0])
    for (let read = 0, count = nVocab, keep = 1; !read || count > 1; read = count) {
      const from = { READ: read, DEPTH: keep, BOUNDED: read ? 0 : bounded };
      count = Math.ceil(count / share);
      keep = bounded || count < (read ? 2 * k : 2) ? k : 1;
      add('pick', Math.ceil(count / 32), { ...from, KEEP: keep, LISTS: count });
    }
  // The best of all needs no draw.
  if (k > 1) add('draw', 1);
  const result = steps.length % 2 ? chosen : history;

  let state = BigInt(seed);
  /** [0, 1) with 53 bits, from SplitMix64 (Steele, Lea, Flood 2014). */
  const uniform = (): number => {
    const u64 = (x: bigint) => BigInt.asUintN(64, x);
    let z = (state = u64(state + 0x9e3779b97f4a7c15n));
    z = u64((z ^ (z >> 30n)) * 0xbf58476d1ce4e5b9n);
    z = u64((z ^ (z >> 27n)) * 0x94d049bb133111ebn);
    return Number((z ^ (z >> 31n)) >> 11n) / 2 ** 53;
  };
  return {
    remembers: penalty !== 1,
    encode(encoder, recent = [], row = 0) {
      if (penalty !== 1) {
        const last = lastN ? Array.from(recent).slice(-lastN) : [];
        const ids = new Uint32Array(mostRecent).fill(-1);
        ids.set([...new Set(last.filter((id) => id < nVocab))]);
        device.queue.writeBuffer(history, 0, ids);
      }
      // A topP of 1 keeps what rounding would lose.
      const data = Float32Array.of(0, 0, penalty, uniform(), temperature || 1, topP < 1 ? topP : 2, minP, 0);
      new Uint32Array(data.buffer).set([nVocab, row * nVocab]);
      device.queue.writeBuffer(params, 0, data);
      const pass = encoder.beginComputePass();
      steps.forEach(([pipeline, workgroups], i) => {
        pass.setPipeline(pipeline);
        pass.setBindGroup(0, groups[i % 2]!);
        pass.dispatchWorkgroups(workgroups);
      });
      pass.end();
      const readback = readbacks.reverse()[0]!;
      for (const to of [readback, into]) encoder.copyBufferToBuffer(result, 0, to, 0, 4);
      return async () => {
        await readback.mapAsync(GPUMapMode.READ);
        const [id] = new Uint32Array(readback.getMappedRange());
        readback.unmap();
        return id!;
      };
    },
    dispose: () => buffers.forEach((buffer) => buffer.destroy()),
  };
}
