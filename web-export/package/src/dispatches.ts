// dispatches.ts — what the lines of engine.ts do: buffers, pipelines and bind groups made once at load, then replayed for
// each batch. Knows no model.
import { checkAborted, contextFull, disposed, M2wError, tooLarge } from './errors';
import { bindGroup, bindingsOf, largestBuffer } from './gpu';
import type { EngineGpu, EngineOptions, Progress, WeightSource } from './types';

/** A shader with the entry point `main`, as the exporter chose it for some rows; [] is none. */
type Shader = readonly [] | readonly [
  code: string,
  /** Workgroups, of one row where `rows` is not given. */
  groups: number,
  /** How many rows each workgroup is for. */
  rows?: number,
];

interface Kernel {
  readonly code: string;
  readonly groups: number;
  readonly rows?: number | undefined;
  /** Of each of the step's buffers, bound behind the batch's: r is read, w is written, u is read as a uniform buffer, - is not bound. */
  readonly io: string;
  /** Values of the module's overrides. */
  readonly set: Readonly<Record<string, number>>;
}

/** The kernels of a step: for one row, and for several. */
export interface Kernels {
  readonly one?: Kernel | undefined;
  readonly many?: Kernel | undefined;
  /** Its rows are those of logits, not of tokens. */
  readonly out: boolean;
}

/** A recurrent layer's state: the one that is read, the one that is written; they change places after each batch. */
export type State = readonly [GPUBuffer, GPUBuffer];

/** Bytes of a tensor's planes to bytes of a buffer: `count` runs of `bytes`, `stride` apart in the tensor. */
export type Copy = readonly [from: number, to: number, bytes: number, count?: number, stride?: number];

const kernels = (out: boolean) => (io: string, set: Kernel['set'], [first = [], second]: readonly Shader[]): Kernels => {
  const make = ([code, groups, rows]: Shader): Kernel | undefined => (code ? { code, groups: groups!, rows, io, set } : undefined);
  const one = make(first);
  return { one, many: second ? make(second) : one, out };
};
/** Kernels of a step with a row a token. */
export const perToken = kernels(false);
/** Kernels of a step with a row for each row of logits. */
export const perOutput = kernels(true);

const mostGroups = 65535; // a dimension

/** Workgroups, over two dimensions where one does not hold them. */
export function grid({ groups, rows }: Pick<Kernel, 'groups' | 'rows'>, n: number): [x: number, y: number, z: number] {
  const all = Math.ceil(rows ? groups : groups * n), x = Math.min(all, mostGroups);
  return [x, Math.ceil(all / x), Math.ceil(n / (rows ?? n)) || 1];
}

/** What a map has, made where it has nothing. */
function kept<K, V>(map: Map<K, V>, key: K, make: () => V): V {
  const value = map.get(key) ?? make();
  map.set(key, value);
  return value;
}

interface Dispatch {
  readonly kernel: Kernel;
  readonly bindGroups: readonly GPUBindGroup[]; // one, or two in turn
  pipeline?: GPUComputePipeline;
  compiled: Promise<void>;
}

type Item =
  | {
    readonly one?: Dispatch | undefined;
    readonly many?: Dispatch | undefined;
    readonly out: boolean;
    readonly sources: number; // the first ones, that have to be there
  }
  | { readonly from: GPUBuffer; readonly to: GPUBuffer; readonly width: number };

/** Puts bytes to where they are wanted, given their offset in what they are a part of. */
type Writer = (offset: number, bytes: Uint8Array) => void;

/** Any bytes to any offset of a buffer. Words that come in parts are written with each. */
function writerTo(queue: GPUQueue, buffer: GPUBuffer): Writer {
  const words = new Map<number, Uint8Array<ArrayBuffer>>();
  return (offset, bytes) => {
    const head = Math.min(-offset & 3, bytes.length), whole = (bytes.length - head) & ~3;
    if (whole) queue.writeBuffer(buffer, offset + head, bytes as Uint8Array<ArrayBuffer>, head, whole);
    for (let i = 0; i < bytes.length; i++) {
      if (i === head) i += whole;
      if (i === bytes.length) return;
      const at = (offset + i) - ((offset + i) % 4), word = kept(words, at, () => new Uint8Array(4));
      word[offset + i - at] = bytes[i]!;
      queue.writeBuffer(buffer, at, word);
    }
  };
}

/** Of a tensor's bytes what each copy takes. */
const spread = (write: Writer, copies: readonly Copy[]): Writer => (offset, bytes) => {
  const end = offset + bytes.length;
  for (const [from, to, size, count = 1, stride = size] of copies) {
    for (let k = Math.max(0, Math.floor((offset - from) / stride)); k < count && from + k * stride < end; k++) {
      const start = from + k * stride, begin = Math.max(offset, start), last = Math.min(end, start + size);
      if (begin < last) write(to + k * size + begin - start, bytes.subarray(begin - offset, last - offset));
    }
  }
};

const mostInFlight = 32 << 20; // bytes handed to the queue before the device has taken them

/** A model on a device: one timeline. */
export class Dispatches {
  readonly nCtx: number;
  readonly nBatch: number;
  readonly nOut: number;
  /** What the kernels are chosen by. */
  readonly int8: boolean;
  readonly cpu: boolean;
  readonly subgroups: boolean;
  readonly halfCache: boolean;
  /** Tokens of the batch: u32 [nBatch]. */
  readonly tokens: GPUBuffer;
  /** f32 [nOut][nVocab]; engine.ts sets it. */
  logits!: GPUBuffer;
  readonly taps: { readonly name: string; readonly buffer: GPUBuffer; readonly width: number }[] = [];

  private readonly device: GPUDevice;
  private readonly batches = new Map<number, GPUBuffer>(); // by window: Batch of common.wgsl
  private readonly windows = new Map<unknown, number>(); // of caches
  private readonly buffers: GPUBuffer[] = [];
  private readonly items: Item[] = [];
  private readonly layouts = new Map<string, GPUBindGroupLayout>();
  private readonly modules = new Map<string, GPUShaderModule>();
  private readonly pipelines = new Map<string, Promise<GPUComputePipeline>>();
  private readonly compiling: Promise<void>[] = [];
  private readonly sources = new Map<string, Writer[]>(); // of weights, in the order in which they come
  private came = 0; // of them; Infinity: the engine is complete
  private failure: unknown;
  private tell?: () => void; // that came or failure is another
  private readonly rings: { readonly window: number; readonly rows: number }[] = [];
  private weightBytes = 0;
  private states = 0;
  private turn = 0;
  private end = 0; // positions up to here were written
  private disposed = false;

  constructor(private readonly gpu: EngineGpu, private readonly options: EngineOptions) {
    this.device = gpu.device;
    this.nCtx = options.nCtx;
    this.nBatch = Math.min(options.nBatch, options.nCtx);
    this.nOut = options.nOut ?? 1;
    this.int8 = gpu.cpu && options.activations === 'int8';
    this.cpu = gpu.cpu;
    this.subgroups = gpu.subgroups;
    this.halfCache = options.cache !== 'f32';
    this.tokens = this.value(1);
  }

  // What engine.ts is written in.

  /** f32 [nBatch][width]. */
  value(width: number): GPUBuffer {
    return this.buffer(width * this.nBatch * 4);
  }

  /** f32 [nOut][width]. */
  outValue(width: number): GPUBuffer {
    return this.buffer(width * this.nOut * 4);
  }

  /** Rows of a cache whose queries see `window` positions; with 0 they see all. */
  private rows(window: number): number {
    return window ? Math.min(window - 1 + this.nBatch, this.nCtx) : this.nCtx;
  }

  /** Keys or values of a layer: a ring of rows(window). */
  cache(width: number, window: number): GPUBuffer {
    const rows = this.rows(window);
    if (rows < this.nCtx) this.rings.push({ window, rows });
    const cache = this.buffer(rows * width * (this.halfCache ? 2 : 4));
    this.windows.set(cache, window);
    return cache;
  }

  state(words: number): State {
    this.states++;
    return [this.buffer(words * 4), this.buffer(words * 4)];
  }

  /** Words of what kernels put aside while they run: of one row, or of each of several. CPU adapters have such kernels. */
  scratch(one: number, row: number): GPUBuffer {
    return this.buffer(this.cpu ? Math.max(one, row * this.nBatch) * 4 : 4);
  }

  constant(words: readonly number[]): GPUBuffer {
    const buffer = this.buffer(words.length * 4);
    this.device.queue.writeBuffer(buffer, 0, new Uint32Array(words));
    return buffer;
  }

  /** How far RoPE turns each pair of a head at each position: fractions of a turn in 64 bits, low word first, of which 52 count. */
  turns(pairs: number, base: number, factor = 1): GPUBuffer {
    return this.constant(Array.from({ length: pairs }, (_, i) => {
      const high = 2 ** 31 / Math.PI / factor / base ** (i / pairs);
      return [(high % 1) * 2 ** 32, high];
    }).flat());
  }

  /** A tensor of the file as it is, or what `from` takes from tensors, by their names behind the prefix. */
  weight(bytes: number, from: string | Readonly<Record<string, readonly Copy[]>>, prefix = ''): GPUBuffer {
    const buffer = this.buffer(bytes), write = writerTo(this.device.queue, buffer);
    this.weightBytes += bytes;
    for (const [name, copies] of Object.entries(typeof from === 'string' ? { [from]: [[0, 0, bytes] as const] } : from))
      kept(this.sources, prefix + name, () => []).push(spread(write, copies));
    return buffer;
  }

  /** weight() for the tensors of a layer. */
  weights(prefix: string): (...weight: readonly [bytes: number, from: string | Readonly<Record<string, readonly Copy[]>>]) => GPUBuffer {
    return (bytes, from) => this.weight(bytes, from, prefix);
  }

  /** The table that a weight's type looks its values up in, behind its planes. */
  table(buffer: GPUBuffer, offset: number, base64: string): void {
    const text = atob(base64);
    this.device.queue.writeBuffer(buffer, offset, Uint8Array.from(text, (c) => c.charCodeAt(0)));
  }

  /** One step: its buffers in the order of its contract. */
  run({ one, many, out }: Kernels, ...buffers: readonly (GPUBuffer | State)[]): void {
    const make = (kernel?: Kernel, behind?: Promise<void>): Dispatch | undefined => kernel && this.dispatch(kernel, buffers, behind);
    const single = many === one || (out ? this.nOut : this.nBatch) === 1; // nothing else is compiled
    // Prompts come first, with their kernels.
    const first = make(one, single ? undefined : Promise.resolve());
    this.items.push({ one: first, many: single ? first : make(many), out, sources: this.sources.size });
  }

  /** What a test may look at here. */
  tap(from: GPUBuffer, width: number): void {
    if (!this.options.taps) return;
    const to = this.value(width);
    this.taps.push({ name: `hidden[${this.taps.length}]`, buffer: to, width });
    this.items.push({ from, to, width });
  }

  // What index.ts calls.

  /** Compiles, and brings the weights in the order in which the steps read them. */
  async load(weights: WeightSource, progress?: (p: Progress) => void): Promise<void> {
    try {
      await this.bring(weights, progress);
      this.came = Infinity;
    } catch (e) {
      throw (this.failure = e);
    } finally {
      this.tell?.();
    }
  }

  /**
   * Appends tokens at `pos`; logits of the last nOut of them go to `logits`. Encodes and submits, and waits for nothing but
   * weights that are still to come; the signal ends that.
   * Tokens are below the vocabulary's size, and pos + tokens.length is at most nCtx; undefined: the one that is in `tokens`
   * already. What `behind` adds goes into the last submit: a token takes one.
   */
  async forward(tokens: Uint32Array | undefined, pos: number, nOut = 1, behind?: (encoder: GPUCommandEncoder) => void, signal?: AbortSignal): Promise<void> {
    const count = tokens?.length ?? 1;
    if (pos + count > this.nCtx) throw contextFull(pos + count, this.nCtx);
    this.end = Math.max(this.end, pos + count);
    for (let first = 0, n; first < count; first += n) {
      if (this.disposed) throw disposed();
      const left = count - first, last = left <= this.nBatch;
      n = last ? left : Math.min(this.nBatch, left - nOut);
      if (tokens) this.device.queue.writeBuffer(this.tokens, 0, tokens.slice(first, first + n));
      await this.submit(n, pos + first, last ? nOut : 0, last ? behind : undefined, signal);
    }
  }

  /** Whether a timeline that is cut at `pos` can go on there; if not, it has to start at 0 again. */
  truncate(pos: number): boolean {
    if (pos === 0) this.end = 0;
    if (pos === 0 || pos === this.end) return true;
    if (this.states) return false;
    return this.rings.every(({ window, rows }) => {
      const first = Math.max(0, pos + 1 - window);
      return first === pos || first + rows >= this.end;
    });
  }

  /** Frees the buffers behind the work that was submitted. */
  dispose(): void {
    if (this.disposed) return;
    this.disposed = true;
    const free = (): void => this.buffers.forEach((buffer) => buffer.destroy());
    this.device.queue.onSubmittedWorkDone().then(free, free);
  }

  private buffer(bytes: number): GPUBuffer {
    const limit = largestBuffer(this.device);
    if (bytes > limit) throw tooLarge(bytes, limit);
    const size = Math.ceil(bytes / 16) * 16;
    const { UNIFORM, STORAGE, COPY_SRC, COPY_DST } = GPUBufferUsage;
    const buffer = this.device.createBuffer({ size, usage: UNIFORM | STORAGE | COPY_SRC | COPY_DST });
    this.buffers.push(buffer);
    return buffer;
  }

  private dispatch(kernel: Kernel, buffers: readonly (GPUBuffer | State)[], behind?: Promise<void>): Dispatch {
    const io = kernel.io, used = io.replaceAll('-', ''), layout = kept(this.layouts, used, () => bindingsOf(this.device, used));
    const window = this.windows.get(buffers.find((buffer) => this.windows.has(buffer))) ?? 0;
    const bindGroups = (buffers.some(Array.isArray) ? [0, 1] : [0]).map((turn) => bindGroup(this.device, layout,
      [kept(this.batches, window, () => this.buffer(24)), ...[...io].flatMap((c, i) => {
        const buffer = buffers[i]!;
        return c === '-' ? [] : 'size' in buffer ? buffer : buffer[c === 'r' ? turn : 1 - turn]!;
      })]));
    const compile = () => this.pipeline(kernel, layout).then((pipeline) => { dispatch.pipeline = pipeline; });
    const dispatch: Dispatch = { kernel, bindGroups, compiled: behind?.then(compile) ?? compile() };
    dispatch.compiled.catch(() => undefined); // load() reports it
    this.compiling.push(dispatch.compiled);
    return dispatch;
  }

  private pipeline({ io, set, code }: Kernel, layout: GPUBindGroupLayout): Promise<GPUComputePipeline> {
    return kept(this.pipelines, io + JSON.stringify(set) + code, () => this.device.createComputePipelineAsync({
      layout: this.device.createPipelineLayout({ bindGroupLayouts: [layout] }),
      compute: {
        module: kept(this.modules, code, () => this.device.createShaderModule({ code })),
        entryPoint: 'main',
        constants: set,
      },
    }).catch((e: Error) => { throw new M2wError('gpu', `a kernel does not compile: ${e.message}`); }));
  }

  private async submit(nTok: number, pos: number, nOut: number, behind?: (encoder: GPUCommandEncoder) => void, signal?: AbortSignal): Promise<void> {
    const device = this.device;
    for (const [window, batch] of this.batches)
      device.queue.writeBuffer(batch, 0, new Uint32Array([nTok, pos, nOut, this.nCtx, this.rows(window), window || this.nCtx]));
    let encoder = device.createCommandEncoder(), pass = encoder.beginComputePass(), count = 0;
    const flush = (last?: typeof behind): void => {
      pass.end();
      last?.(encoder);
      device.queue.submit([encoder.finish()]);
      encoder = device.createCommandEncoder();
      count = 0;
    };
    for (const item of this.items) {
      if ('from' in item) {
        pass.end();
        encoder.copyBufferToBuffer(item.from, 0, item.to, 0, nTok * item.width * 4);
        pass = encoder.beginComputePass();
        continue;
      }
      const rows = item.out ? nOut : nTok, d = rows === 1 ? item.one : item.many;
      if (!rows || !d) continue;
      if (this.came < item.sources) {
        flush();
        await this.arrival(item.sources, signal);
        pass = encoder.beginComputePass();
      }
      if (count && count === this.gpu.dispatchesPerSubmit) {
        flush();
        pass = encoder.beginComputePass();
      }
      count++;
      if (!d.pipeline) await d.compiled;
      pass.setPipeline(d.pipeline!);
      pass.setBindGroup(0, d.bindGroups[this.turn % d.bindGroups.length]!);
      pass.dispatchWorkgroups(...grid(d.kernel, rows));
    }
    flush(behind);
    this.turn ^= 1;
  }

  /** The first weights, so many of them. */
  private async arrival(sources: number, signal?: AbortSignal): Promise<void> {
    while (this.came < sources) {
      checkAborted(signal);
      if (this.failure) throw this.failure;
      await new Promise<void>((told) => {
        this.tell = told;
        signal?.addEventListener('abort', this.tell, { once: true });
      });
      signal?.removeEventListener('abort', this.tell!);
    }
  }

  private async bring(weights: WeightSource, progress?: (p: Progress) => void): Promise<void> {
    let done = 0, inFlight = 0;
    const bytesTotal = this.weightBytes, { queue } = this.device;
    const report = (stage: Progress['stage'], tensor?: string) =>
      progress?.({ stage, bytesDone: Math.min(done, bytesTotal), bytesTotal, ...(tensor && { tensor }) });
    weights.prefetch?.([...this.sources.keys()]);
    for (const [tensor, writers] of this.sources) {
      await weights.read(tensor, async (offset, bytes) => {
        if (this.disposed) throw disposed();
        for (const write of writers) write(offset, bytes);
        done += bytes.length;
        inFlight += bytes.length;
        report('weights', tensor);
        if (inFlight < mostInFlight) return;
        inFlight = 0;
        await queue.onSubmittedWorkDone();
      });
      this.came++;
      this.tell?.();
    }
    this.sources.clear();
    report('compile');
    await Promise.all(this.compiling);
    report('ready');
  }
}
