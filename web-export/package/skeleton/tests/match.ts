// match.ts — compares what the engine computes with what the reference computed at export: what enters the first layer,
// what leaves each, the logits, and the greedy tokens. Runs in a page and in Node.
import { Engine, model } from '../src/engine';
import { openGpu } from '../src/gpu';
import type { EngineGpu, EngineOptions } from '../src/types';
import { openShards } from '../src/weights';

/** models/activations/activations.json; files are little-endian float32 beside it. */
export interface Activations {
  /** Empty: only its ids are known. */
  readonly prompt: string;
  readonly add_special: boolean;
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

/** How far a value is from the reference's, in the batch where it is farthest; as `m2w verify --json` says it. */
export interface Check {
  readonly value: string;
  /** ||a - b|| / ||b||. */
  readonly relative_error: number;
  /** |a - b| at its largest and on average. */
  readonly max_error: number;
  readonly mean_error: number;
  /** The batch, and the element that strays most. */
  readonly pos: number;
  readonly n_tok: number;
  readonly row: number;
  readonly column: number;
  readonly got: number;
  readonly expected: number;
  readonly ok: boolean;
}

/** verify.json: what `m2w verify --json` prints of native devices. */
export interface Report {
  readonly model: string;
  readonly plan_sha256: string;
  readonly prompt: string;
  readonly prompt_ids: readonly number[];
  readonly cache: 'f16' | 'f32';
  readonly atol: number;
  readonly tolerance: number;
  readonly devices: readonly {
    readonly device: string;
    readonly ok: boolean;
    readonly layers: readonly (Check & { readonly layer: string })[];
    readonly logits: Check;
    readonly expected_tokens: readonly number[];
    readonly tokens: readonly number[];
  }[];
}

interface Rows {
  readonly data: Float32Array;
  readonly width: number;
  readonly pos: number;
}

function compare(value: string, { data: got, width, pos }: Rows, expected: Float32Array, { atol, rtol }: Activations): Check {
  let difference = 0, norm = 0, sum = 0, max_error = 0, index = 0, ok = got.length === expected.length;
  const largest = expected.reduce((m, b) => Math.max(m, Math.abs(b)), 0);
  for (let i = 0; i < expected.length; i++) {
    const a = got[i]!, b = expected[i]!, error = Math.abs(a - b);
    difference += error * error;
    norm += b * b;
    sum += error;
    if (!(error <= atol * largest + rtol * Math.abs(b))) ok = false; // NaN too
    if (error > max_error || Number.isNaN(error)) [max_error, index] = [error, i];
  }
  const relative_error = norm ? Math.sqrt(difference / norm) : difference ? Infinity : 0;
  return {
    value, relative_error, max_error, mean_error: sum / expected.length, pos, n_tok: expected.length / width,
    row: Math.floor(index / width), column: index % width, got: got[index]!, expected: expected[index]!,
    ok: ok && relative_error <= rtol,
  };
}

/** The worst of several batches. */
function worst(checks: readonly Check[]): Check {
  const found = checks.reduce((a, b) => (b.relative_error <= a.relative_error ? a : b)); // NaN too
  return checks.every(({ ok }) => ok) ? found : { ...found, ok: false };
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

const int8Tolerance = 1e-2;

const argmax = (x: Float32Array): number => x.reduce((best, value, i) => (value > x[best]! ? i : best), 0);

/**
 * base: where the package is served, with a slash at its end. as: takes the kernels of another class of devices than this
 * one's, which compute the same, or those that round activations, with the tolerance that this takes.
 */
export async function match(base: string, cache: 'f16' | 'f32', webgpu?: GPU,
  as: Partial<EngineGpu> & Pick<EngineOptions, 'activations'> = {}): Promise<Report> {
  const read = async (file: string): Promise<ArrayBuffer> => {
    const answer = await fetch(`${base}models/activations/${file}`);
    if (!answer.ok) throw new Error(`${file}: ${answer.status}`);
    return answer.arrayBuffer();
  };
  const weights = await openShards(`${base}models/weights/manifest.json`);
  const gpu = { ...(await openGpu(webgpu ? { gpu: webgpu } : {})), ...as };
  const activations = JSON.parse(new TextDecoder().decode(await read('activations.json'))) as Activations;
  if (as.activations === 'int8') Object.assign(activations, { atol: int8Tolerance, rtol: int8Tolerance });
  const { prompt, prompt_ids, greedy_ids, atol, rtol } = activations;
  const floats = async (file: string): Promise<Float32Array> => new Float32Array(await read(file));
  const expected = await Promise.all(activations.hidden.map(floats));
  const expectedLogits = await floats(activations.logits);
  const ids = Uint32Array.from(prompt_ids), n = ids.length;
  const options = { nCtx: Math.min(n + greedy_ids.length, model.contextLength), nBatch: n, cache, taps: true, ...(as.activations && { activations: as.activations }) };
  const engine = Engine.create(gpu, options);
  const loading = engine.load(weights);
  loading.catch(() => undefined); // forward() throws it
  const logits = (): Promise<Float32Array> => readBack(gpu.device, engine.logits, model.nVocab);
  const checks: Check[][] = [...engine.taps, null].map(() => []);
  /** Compares what a batch left. */
  const check = async (pos: number, nTok: number): Promise<void> => {
    for (const [t, { name, buffer, width }] of engine.taps.entries()) {
      const data = await readBack(gpu.device, buffer, nTok * width);
      checks[t]!.push(compare(name, { data, width, pos }, expected[t]!.subarray(pos * width, (pos + nTok) * width), activations));
    }
    if (pos + nTok === n)
      checks.at(-1)!.push(compare('logits', { data: await logits(), width: model.nVocab, pos }, expectedLogits, activations));
  };

  for (let i = 0; i < n; i++) {
    await engine.forward(ids.subarray(i, i + 1), i); // the first one while weights come
    await loading;
    await check(i, 1);
  }
  engine.truncate(0);
  await engine.forward(ids, 0);
  await check(0, n);
  const tokens = [argmax(await logits())];
  while (tokens.length < greedy_ids.length) {
    await engine.forward(Uint32Array.of(tokens[tokens.length - 1]!), n + tokens.length - 1);
    tokens.push(argmax(await logits()));
  }
  const failure = gpu.failure();
  if (failure) throw failure;
  gpu.destroy();
  const found = checks.map(worst), last = found.pop()!;
  const layers = found.map((c, i) => ({ ...c, layer: i ? `${i - 1}` : 'input' }));
  const ok = [...layers, last].every((c) => c.ok) && layers.length === expected.length && String(tokens) === String(greedy_ids);
  return {
    model: model.name, plan_sha256: model.planSha256, prompt, prompt_ids, cache, atol, tolerance: rtol,
    devices: [{ device: gpu.name, ok, layers, logits: last, expected_tokens: greedy_ids, tokens }],
  };
}
