// match.ts — compares what the engine computes with what the reference computed at export: what enters the first layer,
// what leaves each, the logits, and the greedy tokens. Runs in a page and in Node.
import { Engine, model } from '../src/engine';
import { openGpu } from '../src/gpu';
import { openShards } from '../src/weights';

/** models/activations/activations.json; files are little-endian float32 beside it. */
export interface Activations {
  readonly prompt: string;
  readonly prompt_ids: readonly number[];
  readonly greedy_ids: readonly number[];
  /** [tokens][width] each: hidden[0] enters layer 0, hidden[i] leaves layer i - 1. */
  readonly hidden: readonly string[];
  /** [vocabulary], of the last token. */
  readonly logits: string;
  /** |a - b| <= atol * max|b| + rtol * |b| for every element. */
  readonly atol: number;
  readonly rtol: number;
}

export interface Check {
  readonly name: string;
  /** ||a - b|| / ||b||, and |a - b| at its largest and on average. */
  readonly relativeError: number;
  readonly maxError: number;
  readonly meanError: number;
  readonly worst: { readonly index: number; readonly got: number; readonly expected: number };
  readonly ok: boolean;
}

export interface Report {
  readonly model: string;
  readonly planSha256: string;
  readonly adapter: string;
  readonly cache: 'f16' | 'f32';
  readonly prompt: string;
  readonly atol: number;
  readonly rtol: number;
  /** The prompt in one batch. */
  readonly batch: readonly Check[];
  /** The prompt token by token. */
  readonly single: readonly Check[];
  readonly tokens: readonly number[];
  readonly expectedTokens: readonly number[];
  readonly ok: boolean;
}

function compare(name: string, got: Float32Array, expected: Float32Array, { atol, rtol }: Activations): Check {
  let difference = 0, norm = 0, sum = 0, maxError = 0, index = 0, ok = got.length === expected.length;
  const largest = expected.reduce((m, b) => Math.max(m, Math.abs(b)), 0);
  for (let i = 0; i < expected.length; i++) {
    const a = got[i]!, b = expected[i]!, error = Math.abs(a - b);
    difference += error * error;
    norm += b * b;
    sum += error;
    if (!(error <= atol * largest + rtol * Math.abs(b))) ok = false; // NaN too
    if (error > maxError || Number.isNaN(error)) [maxError, index] = [error, i];
  }
  const relativeError = Math.sqrt(difference / norm);
  return {
    name, relativeError, maxError, meanError: sum / expected.length,
    worst: { index, got: got[index]!, expected: expected[index]! },
    ok: ok && relativeError <= rtol,
  };
}

async function readBack(device: GPUDevice, from: GPUBuffer, floats: number): Promise<Float32Array> {
  const to = device.createBuffer({ size: floats * 4, usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST });
  const encoder = device.createCommandEncoder();
  encoder.copyBufferToBuffer(from, 0, to, 0, floats * 4);
  device.queue.submit([encoder.finish()]);
  await to.mapAsync(GPUMapMode.READ);
  const out = new Float32Array(to.getMappedRange().slice(0));
  to.destroy();
  return out;
}

const argmax = (x: Float32Array): number => x.reduce((best, value, i) => (value > x[best]! ? i : best), 0);

/** base: where the package is served, with a slash at its end. */
export async function match(base: string, cache: 'f16' | 'f32', webgpu?: GPU): Promise<Report> {
  const read = async (file: string): Promise<ArrayBuffer> => {
    const answer = await fetch(`${base}models/activations/${file}`);
    if (!answer.ok) throw new Error(`${file}: ${answer.status}`);
    return answer.arrayBuffer();
  };
  const weights = await openShards(`${base}models/weights/manifest.json`);
  const gpu = await openGpu(webgpu ? { gpu: webgpu } : {});
  const activations = JSON.parse(new TextDecoder().decode(await read('activations.json'))) as Activations;
  const { prompt, prompt_ids, greedy_ids, atol, rtol } = activations;
  const floats = async (file: string): Promise<Float32Array> => new Float32Array(await read(file));
  const expected = await Promise.all(activations.hidden.map(floats));
  const expectedLogits = await floats(activations.logits);
  const ids = Uint32Array.from(prompt_ids), n = ids.length;
  const options = { nCtx: Math.min(n + greedy_ids.length, model.contextLength), nBatch: n, cache, taps: true };
  const engine = await Engine.create(gpu, weights, options);
  const logits = (): Promise<Float32Array> => readBack(gpu.device, engine.logits, model.nVocab);

  const single: Float32Array[][] = engine.taps.map(() => []);
  for (let i = 0; i < n; i++) {
    engine.forward(ids.subarray(i, i + 1), i);
    for (const [t, tap] of engine.taps.entries()) single[t]!.push(await readBack(gpu.device, tap.buffer, tap.width));
  }
  const singleChecks = single.map((rows, t) => {
    const joined = new Float32Array(rows.length * rows[0]!.length);
    rows.forEach((row, i) => joined.set(row, i * row.length));
    return compare(engine.taps[t]!.name, joined, expected[t]!, activations);
  });
  singleChecks.push(compare('logits', await logits(), expectedLogits, activations));

  engine.truncate(0);
  engine.forward(ids, 0);
  const batch: Check[] = [];
  for (const [t, tap] of engine.taps.entries())
    batch.push(compare(tap.name, await readBack(gpu.device, tap.buffer, n * tap.width), expected[t]!, activations));
  const last = await logits();
  batch.push(compare('logits', last, expectedLogits, activations));

  const tokens = [argmax(last)];
  while (tokens.length < greedy_ids.length) {
    engine.forward(Uint32Array.of(tokens[tokens.length - 1]!), n + tokens.length - 1);
    tokens.push(argmax(await logits()));
  }
  const failure = gpu.failure();
  if (failure) throw failure;
  gpu.destroy();
  return {
    model: model.name, planSha256: model.planSha256, adapter: gpu.name, cache, prompt, atol, rtol,
    batch, single: singleChecks, tokens, expectedTokens: greedy_ids,
    ok: [...batch, ...singleChecks].every((check) => check.ok) && batch.length === expected.length + 1 &&
      String(tokens) === String(greedy_ids),
  };
}
