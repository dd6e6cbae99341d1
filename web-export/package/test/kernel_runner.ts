// kernel_runner.ts — the cases of web_kernel_cases on a GPUDevice, and what they gave against what
// they should give. Needs nothing but WebGPU, so that a page can run it too.
import { bindingsOf } from '../src/gpu';

export interface Stored { bytes: number; at?: number }
/** `f16`: the output is halves. `halves`: it is to be rounded to halves. `kept`: of a cache, what elements hold that nothing is stored in. */
export interface Expected extends Stored {
  buffer: number; binding: string; n: number; f16: boolean; halves?: boolean; kept?: number; rtol: number;
}
export interface Kernel {
  module: string; constants: Record<string, number>; buffers: number[];
  io: string; // bindingsOf()
  fixed: number; timesRows: boolean; per: number; columns: number;
}
export interface Case { name: string; batch: number[]; rows: number; buffers: Stored[]; kernels: Kernel[]; expected: Expected[] }
/** `golden`: how many of the shared cases of n-bit codes are among them. */
export interface Cases { modules: Record<string, string>; cases: Case[]; golden: number }
export type Report = (one: Case, binding: string, problem: string) => void;

const usage = 0x80 | 0x40 | 0x4 | 0x8;  // STORAGE, UNIFORM, COPY_SRC, COPY_DST
const guard = 64;                // bytes behind a buffer that are no number: none may be read, none written
const atOnce = 24;               // cases
const gridWidths = [65535, 5];   // the limit, and one that small grids pass too

const roundUp = (bytes: number) => (bytes + 3) & ~3;
const bytesOf = (stored: Stored, data: Uint8Array) => data.slice(stored.at!, stored.at! + roundUp(stored.bytes));

function makeBuffer(device: GPUDevice, stored: Stored, data: Uint8Array): GPUBuffer {
  const bytes = new Uint8Array(roundUp(stored.bytes) + guard).fill(0xff);
  if (stored.at !== undefined) bytes.set(bytesOf(stored, data));
  const buffer = device.createBuffer({ size: bytes.length, usage });
  device.queue.writeBuffer(buffer, 0, bytes);
  return buffer;
}

/** Pipelines by module and constants, each made once. */
export class Pipelines {
  private made = new Map<string, Promise<GPUComputePipeline>>();
  private modules = new Map<string, GPUShaderModule>();
  constructor(private device: GPUDevice, private code: Record<string, string>) {}

  get(kernel: Kernel): Promise<GPUComputePipeline> {
    const key = JSON.stringify([kernel.module, kernel.constants, kernel.io]);
    let pipeline = this.made.get(key);
    if (!pipeline) {
      let module = this.modules.get(kernel.module);
      if (!module) this.modules.set(kernel.module, (module = this.device.createShaderModule({ code: this.code[kernel.module]! })));
      pipeline = this.device.createComputePipelineAsync({
        layout: this.device.createPipelineLayout({ bindGroupLayouts: [bindingsOf(this.device, kernel.io)] }),
        compute: { module, entryPoint: 'main', constants: kernel.constants },
      });
      pipeline.catch(() => {});  // whoever needs it will see
      this.made.set(key, pipeline);
    }
    return pipeline;
  }
  get size(): number { return this.made.size; }
}

interface Running { one: Case; buffers: GPUBuffer[]; commands?: GPUCommandBuffer; error: Promise<string> }

async function encode(device: GPUDevice, pipelines: Pipelines, one: Case, data: Uint8Array, width: number): Promise<Running> {
  let made: GPUComputePipeline[];
  try {
    made = await Promise.all(one.kernels.map((kernel) => pipelines.get(kernel)));
  } catch (error) {
    return { one, buffers: [], error: Promise.resolve(String((error as Error).message)) };
  }
  device.pushErrorScope('validation');
  const buffers = one.buffers.map((b) => makeBuffer(device, b, data));
  const batch = device.createBuffer({ size: 32, usage: 0x40 | 0x8 });  // UNIFORM, COPY_DST
  device.queue.writeBuffer(batch, 0, new Uint32Array(one.batch));
  const encoder = device.createCommandEncoder();
  one.kernels.forEach((kernel, i) => {
    const n = Math.ceil((kernel.fixed * (kernel.timesRows ? one.rows : 1)) / kernel.per);
    const x = Math.min(n, width);
    const pass = encoder.beginComputePass();
    pass.setPipeline(made[i]!);
    pass.setBindGroup(0, device.createBindGroup({
      layout: made[i]!.getBindGroupLayout(0),
      entries: [batch, ...kernel.buffers.map((b) => buffers[b]!)].map((buffer, binding) => ({ binding, resource: { buffer } })),
    }));
    pass.dispatchWorkgroups(x, Math.ceil(n / x), kernel.columns ? Math.ceil(one.rows / kernel.columns) : 1);
    pass.end();
  });
  const commands = encoder.finish();
  const error = device.popErrorScope().then((e) => e?.message ?? '');
  return { one, buffers: [...buffers, batch], commands, error };
}

/** One read-back for all outputs of the cases. */
async function readOutputs(device: GPUDevice, ran: Running[]): Promise<Uint8Array[][]> {
  const size = ran.reduce((sum, { one }) => sum + one.expected.reduce((s, e) => s + roundUp(e.bytes) + guard, 0), 0);
  const read = device.createBuffer({ size, usage: 0x1 | 0x8 });  // MAP_READ, COPY_DST
  const encoder = device.createCommandEncoder();
  let at = 0;
  const places = ran.map(({ one, buffers }) => one.expected.map((expected) => {
    const from = buffers[expected.buffer]!, first = at;
    encoder.copyBufferToBuffer(from, 0, read, first, from.size);
    return [first, (at += from.size)] as const;
  }));
  device.queue.submit([encoder.finish()]);
  await read.mapAsync(1);
  const bytes = new Uint8Array(read.getMappedRange().slice(0));
  read.destroy();
  return places.map((outputs) => outputs.map(([first, end]) => bytes.slice(first, end)));
}

/** Runs the cases, many to a submit, and reports every output of each: an empty problem is none. */
export async function runCases(device: GPUDevice, pipelines: Pipelines, cases: Case[], data: Uint8Array, report: Report): Promise<void> {
  for (let first = 0; first < cases.length; first += atOnce) {
    const all = await Promise.all(cases.slice(first, first + atOnce).map((one, i) =>
      encode(device, pipelines, one, data, gridWidths[i % 2]!)));
    const ran: Running[] = [];
    for (const running of all) {
      const error = await running.error;
      if (error) report(running.one, 'all', error);
      else ran.push(running);
    }
    device.queue.submit(ran.map((r) => r.commands!));
    const outputs = await readOutputs(device, ran);
    ran.forEach(({ one }, i) => one.expected.forEach((e, j) => report(one, e.binding, difference(outputs[i]![j]!, e, data))));
    for (const { buffers } of all) for (const buffer of buffers) buffer.destroy();
  }
}

function halfToFloat(h: number): number {
  const sign = h & 0x8000 ? -1 : 1, exponent = (h >> 10) & 31, fraction = h & 1023;
  if (exponent === 31) return fraction ? NaN : sign * Infinity;
  return sign * (exponent ? 2 ** (exponent - 15) * (1 + fraction / 1024) : 2 ** -14 * (fraction / 1024));
}

/** To nearest even, of normal halves. */
function roundToHalf(x: number): number {
  const step = 2 ** (Math.floor(Math.log2(Math.abs(x) || 1)) - 10), n = Math.floor(x / step), rest = x / step - n;
  return step * (rest > 0.5 || (rest === 0.5 && n % 2) ? n + 1 : n);
}

/** Caches hold what they held, or new rows: the same numbers, of ops that do arithmetic off by a step of a half and rtol of the largest. */
function cacheDifference(have: Float32Array, want: Float32Array, { rtol, kept }: Expected): string {
  let largest = 0;
  for (const w of want) if (w !== kept) largest = Math.max(largest, Math.abs(w));
  for (let i = 0; i < want.length; i++) {
    const h = have[i]!, w = want[i]!;
    const allowed = rtol > 0 && w !== kept ? Math.abs(w) / 1024 + rtol * largest : 0;
    if (!(Math.abs(h - w) <= allowed)) return `element ${i} is ${h}, expected ${w}`;
  }
  return '';
}

/**
 * Empty when `got` is as expected, by the rules of runtime/kernel_check/compare.h: the norm of the
 * difference is within rtol, and no element is off by more than 8 rtol of itself or of the root mean
 * square; rtol 0: the same numbers. What lies behind an output is as it was.
 */
export function difference(got: Uint8Array, expected: Expected, data: Uint8Array): string {
  const { rtol, n } = expected;
  if (got.subarray(got.length - guard).some((b) => b !== 0xff)) return 'wrote behind its output';
  const want = new Float32Array(bytesOf(expected, data).buffer).subarray(0, n);
  let have = expected.f16 ? Float32Array.from(new Uint16Array(got.buffer, 0, n), halfToFloat) : new Float32Array(got.buffer, 0, n);
  if (expected.halves) have = have.map(roundToHalf);
  if (expected.kept !== undefined) return cacheDifference(have, want, expected);
  let error = 0, norm = 0;
  for (let i = 0; i < n; i++) {
    error += (have[i]! - want[i]!) ** 2;
    norm += want[i]! ** 2;
  }
  if (!Number.isFinite(norm)) return 'is not finite even as expected';
  const rms = Math.sqrt(norm / n);
  for (let i = 0; i < n; i++) {
    const h = have[i]!, w = want[i]!;
    if (!(Math.abs(h - w) <= 8 * rtol * Math.max(Math.abs(w), rms))) return `element ${i} of ${n} is ${h}, expected ${w} (rms ${rms.toPrecision(3)})`;
  }
  if (Math.sqrt(error) > rtol * Math.sqrt(norm)) return `relative error ${Math.sqrt(error / norm).toPrecision(3)}, allowed ${rtol.toPrecision(3)}`;
  return '';
}

/** Outputs that were checked, and what was wrong with some. */
export interface OpResult { problems: string[]; checked: number }

/** A device with what the kernels' variants ask for. */
export async function openDevice(gpu: GPU): Promise<GPUDevice> {
  const adapter = await gpu.requestAdapter();
  if (!adapter) throw new Error('no WebGPU adapter');
  const { maxStorageBufferBindingSize, maxBufferSize } = adapter.limits;
  return adapter.requestDevice({
    requiredFeatures: ['subgroups'], requiredLimits: { maxStorageBufferBindingSize, maxBufferSize },
  });
}

/** The cases of these names. */
export async function runNamed(
  device: GPUDevice, pipelines: Pipelines, cases: Cases, data: Uint8Array, names: string[],
): Promise<OpResult> {
  const wanted = new Set(names);
  const result: OpResult = { problems: [], checked: 0 };
  await runCases(device, pipelines, cases.cases.filter((one) => wanted.has(one.name)), data, (one, binding, problem) => {
    result.checked++;
    if (problem) result.problems.push(`${one.name} ${binding}: ${problem}`);
  });
  return result;
}
