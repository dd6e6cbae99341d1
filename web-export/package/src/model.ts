// model.ts — a model that answers: loading, one timeline of tokens that conversations share, what
// happens when the device is lost. Gets the printed modules from index.ts; knows no architecture.
import type { AnswerEvent } from './answer';
import type { RenderOptions } from './chat_runtime';
import { type LoadOptions, sha256 } from './chunks';
import { checkAborted, contextFull, disposed, M2wError, tooLarge } from './errors';
import type { Metadata } from './gguf';
import { checked, type Gpu, type GpuOptions, largestBuffer, openGpu } from './gpu';
import type { EngineGpu, EngineOptions, ModelFacts, Progress, WeightSource } from './types';

/** A message of a conversation, as in OpenAI's interface; templates may read more of it. */
export interface Message {
  role: 'system' | 'user' | 'assistant' | 'tool' | (string & {});
  content: string | null;
  [more: string]: unknown;
}

/** How the next token is chosen; see sampler.ts. */
export interface SamplingOptions {
  temperature?: number;
  topK?: number;
  topP?: number;
  minP?: number;
  repeatPenalty?: number;
  repeatLastN?: number;
  /** At random when not given. */
  seed?: number | bigint;
}

export interface AnswerOptions extends SamplingOptions {
  signal?: AbortSignal;
  /** Most tokens of the answer. */
  maxTokens?: number;
}

export interface ChatOptions extends AnswerOptions {
  /** Functions that the model may call, as in OpenAI's interface. */
  tools?: readonly unknown[];
  /** More variables for the template, as enable_thinking. */
  variables?: Record<string, unknown>;
}

/** Why an answer ended: the model ended it, maxTokens, no room in the context, the signal. */
export type Finish = 'end' | 'length' | 'context-full' | 'aborted';

export interface AnswerStats {
  promptTokens: number;
  /** Of them, those that had not been evaluated in earlier turns. */
  newTokens: number;
  tokens: number;
  /** From the call to the first token. */
  firstTokenMs: number;
  /** Tokens a second behind the first. */
  tokensPerSecond: number;
}

/**
 * A part of an answer: text, reasoning or a call; the last one has `finish` and `stats`. Reasoning and
 * calls are only told apart in chat(), where the model has forms for them.
 */
export interface AnswerPart extends AnswerEvent {
  finish?: Finish;
  stats?: AnswerStats;
}

export interface ModelOptions extends LoadOptions, GpuOptions {
  /** manifest.json of the shards, or a .gguf file. */
  weights: string;
  /** Positions of the context; at most the model's own, 4096 when not given. */
  nCtx?: number;
  nBatch?: number;
  cache?: 'f16' | 'f32';
  /** int8: faster on CPU adapters where weights are Q8_0 or Q4_0, and less exact; see EngineOptions. f32 when not given. */
  activations?: 'f32' | 'int8';
  progress?: (progress: Progress) => void;
  /** To have the model once text can be made tokens: a first answer then begins while weights come; see Model.loaded. */
  early?: boolean;
}

/** Bytes on the device. */
export interface MemoryEstimate {
  weights: number;
  cache: number;
  values: number;
  total: number;
  /** The largest buffer, which the device's limits must allow. */
  largest: number;
}

interface PrintedEngine {
  readonly logits: GPUBuffer;
  readonly tokens: GPUBuffer;
  load(weights: WeightSource, progress?: (p: Progress) => void): Promise<void>;
  forward(tokens: Uint32Array | undefined, pos: number, nOut: number, behind?: (encoder: GPUCommandEncoder) => void, signal?: AbortSignal): Promise<void>;
  truncate(pos: number): boolean;
  dispose(): void;
}

interface PrintedTokenizer {
  readonly facts: { bos?: number; eos?: number; addBos?: boolean };
  encode(text: string, options?: { addSpecial?: boolean }): number[];
  encodeGuarded(rendered: string, addSpecial?: boolean): number[];
  guard(text: string): string;
  decode(ids: Iterable<number>, special?: boolean): string;
  isHidden(id: number): boolean;
  decoder(special?: boolean): { push(id: number): string; flush(): string };
  isEnd(id: number): boolean;
}

interface TokenSampler {
  encode(encoder: GPUCommandEncoder, recent: ArrayLike<number>): () => Promise<number>;
  readonly remembers: boolean;
  dispose(): void;
}

/** The modules that the exporter prints for one model. */
export interface Printed {
  facts: ModelFacts;
  Engine: { create(gpu: EngineGpu, options: EngineOptions): PrintedEngine };
  Tokenizer: new (metadata: Metadata) => PrintedTokenizer;
  makeSampler(device: GPUDevice, logits: GPUBuffer, nVocab: number, sampling: Partial<SamplingOptions>, into: GPUBuffer): TokenSampler;
  /** Absent: the model has no chat template. */
  render?: (messages: readonly unknown[], tools: readonly unknown[] | null, options: RenderOptions) => string;
  /** Tells reasoning and calls apart, given the prompt's end; absent: all is text. */
  parser?: (prompt: string, tools?: readonly unknown[]) => { push(text: string, control?: boolean): AnswerEvent[]; finish(): AnswerEvent[] };
  /** Where the weights are: shards, or a GGUF file. */
  open(url: string, options: LoadOptions): Promise<WeightSource>;
}

const batch = 128, context = 4096;

function engineOptions(facts: ModelFacts, options: Partial<ModelOptions>): EngineOptions {
  const { cache, activations } = options, nCtx = Math.min(options.nCtx ?? context, facts.contextLength);
  if (!(nCtx > 0)) throw new M2wError('usage', `nCtx is ${options.nCtx}`);
  return { nCtx, nBatch: Math.min(options.nBatch ?? batch, nCtx), ...(cache && { cache }), ...(activations && { activations }) };
}

/** What the model will take on the device, before anything is loaded. */
export function estimateMemory(facts: ModelFacts, options: Partial<ModelOptions> = {}): MemoryEstimate {
  const { nCtx, nBatch, cache } = engineOptions(facts, options);
  const sum = (widths: readonly number[]) => widths.reduce((a, b) => a + b, 0);
  const rings = facts.caches.map(({ width, window }) =>
    width * (window ? Math.min(window - 1 + nBatch, nCtx) : nCtx) * (cache === 'f32' ? 4 : 2));
  const weights = facts.weightBytes, kept = sum(rings) + facts.stateBytes;
  const values = (sum(facts.tokenWidths) * nBatch + sum(facts.outWidths)) * 4;
  const largest = Math.max(facts.largestWeightBytes, ...facts.tokenWidths.map((width) => width * nBatch * 4));
  return { weights, cache: kept, values, total: weights + kept + values, largest };
}

/**
 * Texts that become part of a prompt cannot become control tokens, nor can names. What templates look for stays: names of word
 * characters, and a message's role.
 */
function guarded(value: unknown, guard: (text: string) => string, isMessage = false): unknown {
  if (typeof value === 'string') return guard(value);
  if (Array.isArray(value)) return value.map((item) => guarded(item, guard));
  if (!value || typeof value !== 'object') return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) =>
    (isMessage && key === 'role' ? [key, item] : [/^\w*$/.test(key) ? key : guard(key), guarded(item, guard)])));
}

function same(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let n = 0;
  while (n < a.length && n < b.length && a[n] === b[n]) n++;
  return n;
}

/** An answer, with what it runs on: a restart makes another. */
interface Run {
  readonly engine: PrintedEngine;
  readonly gpu: Gpu;
  /** What the engine has evaluated. */
  readonly evaluated: number[];
  /** What the answer began with and has brought. */
  readonly timeline: number[];
  /** Reads what the sampler has chosen last. */
  choice?: () => Promise<number>;
}

/** A loaded model. One answer at a time. */
export class Model {
  /** Resolves with the reason when the device is lost: offer a restart, never do it unasked. */
  lost!: Promise<string>;
  /** When all weights are there; rejects as load() would have without `early`. */
  loaded!: Promise<void>;
  /** @internal */
  tokenizer!: PrintedTokenizer;
  /** @internal */
  gpu!: Gpu;
  private engine?: PrintedEngine;
  /** Ends what start() does, when it failed or what it made is released. */
  private loading?: AbortController;
  private sampler?: TokenSampler;
  private samplerKey = '';
  private evaluated: number[] = [];
  private timeline: number[] = [];
  /** The answer that is under way. */
  private running?: object | undefined;
  private disposed = false;

  private constructor(private readonly printed: Printed, private readonly options: ModelOptions, private readonly sizes: EngineOptions) {}

  /**
   * Errors: no-webgpu, too-large, http, changed, integrity, format, unsupported, aborted, gpu, device-lost, usage.
   * @internal
   */
  static async load(printed: Printed, options: ModelOptions): Promise<Model> {
    const model = new Model(printed, options, engineOptions(printed.facts, options));
    await model.start(options.signal);
    return model;
  }

  get facts(): ModelFacts {
    return this.printed.facts;
  }

  get nCtx(): number {
    return this.sizes.nCtx;
  }

  /** Ids of a text that is to be continued: with the begin token where the model wants one. */
  tokenize(text: string): number[] {
    const { bos, addBos } = this.tokenizer.facts, ids = this.tokenizer.encode(text, { addSpecial: false });
    return addBos && bos !== undefined ? [bos, ...ids] : ids;
  }

  /** Of a text, or of the prompt that a conversation makes. Error: unsupported (no chat template). */
  countTokens(input: string | readonly Message[], options: ChatOptions = {}): number {
    return (typeof input === 'string' ? this.tokenize(input) : this.prompt(input, options)).length;
  }

  /**
   * Answers a conversation. What it shares with the one before is not evaluated again.
   * Errors: context-full (the prompt does not fit: nothing is dropped unasked), unsupported (no chat
   * template), usage, busy, disposed, device-lost (restart(), then resume()), gpu.
   * The signal is no error: the last part has finish `aborted`.
   */
  chat(messages: readonly Message[], options: ChatOptions = {}): AsyncGenerator<AnswerPart, void> {
    return this.answer(() => this.prompt(messages, options), options, { tools: options.tools });
  }

  /** Continues a text, or tokens, without a template. Errors as chat(). */
  generate(prompt: string | readonly number[], options: AnswerOptions = {}): AsyncGenerator<AnswerPart, void> {
    return this.answer(() => (typeof prompt === 'string' ? this.tokenize(prompt) : prompt), options);
  }

  /** Goes on with an answer that was cut off, by a lost device or by its signal; all of it comes as text. */
  resume(options: AnswerOptions = {}): AsyncGenerator<AnswerPart, void> {
    return this.answer(() => this.timeline, options);
  }

  /**
   * After a lost device: everything anew, weights from the store. The next answer replays the conversation's tokens. The signal that
   * ended the first load has no part in it.
   */
  async restart(signal?: AbortSignal): Promise<void> {
    if (this.disposed) throw disposed();
    this.release();
    await this.start(signal);
  }

  dispose(): void {
    this.disposed = true;
    this.release();
  }

  private release(): void {
    this.loading?.abort();
    this.sampler?.dispose();
    this.engine?.dispose();
    this.gpu?.destroy();
    this.sampler = this.engine = this.running = undefined;
    this.evaluated = [];
  }

  private async start(ended?: AbortSignal): Promise<void> {
    const { facts, Engine, Tokenizer, open } = this.printed, options = this.options, sizes = this.sizes;
    const { weights, progress } = options;
    const loading = this.loading = new AbortController(), { signal } = loading, end = () => loading.abort();
    if (ended?.aborted) end();
    ended?.addEventListener('abort', end);
    signal.addEventListener('abort', () => ended?.removeEventListener('abort', end));
    const total = { bytesDone: 0, bytesTotal: facts.weightBytes }, began = performance.now();
    const report = (p: Progress) => {
      const layer = /^blk\.(\d+)\./.exec(p.tensor ?? '')?.[1];
      const bytesPerS = (p.bytesDone * 1000) / Math.max(1, performance.now() - began);
      progress?.({ ...p, bytesPerS, ...(layer && { layer: Number(layer) + 1, layers: facts.layers }) });
    };
    const gpu = await openGpu(options);
    const fail = (e: unknown): never => {
      const failure = this.disposed ? disposed() : gpu.failure() ?? e;
      if (this.loading === loading) this.release(); // not what another start has made
      gpu.destroy();
      throw failure;
    };
    try {
      checkAborted(signal);
      this.gpu = gpu;
      this.lost = gpu.lost;
      const { largest } = estimateMemory(facts, options), limit = largestBuffer(gpu.device);
      if (largest > limit) throw tooLarge(largest, limit);
      report({ stage: 'header', ...total });
      // Kernels are compiled while the header comes, weights come while the tokenizer is made.
      const creating = checked(gpu.device, async () => (this.engine = Engine.create(gpu, sizes)));
      creating.catch(() => undefined); // awaited behind the header
      const source = await open(weights, { ...options, signal, note: (note) => {
        options.note?.(note);
        progress?.({ stage: 'weights', ...total, note });
      } });
      const headers = await source.headers(), digests = await Promise.all(headers.map(({ bytes }) => sha256(bytes)));
      if (String(digests) !== facts.headerSha256) throw new M2wError('unsupported', 'weights of another model');
      const engine = await creating;
      checkAborted(signal);
      this.loaded = checked(gpu.device, () => engine.load(source, (p) => {
        checkAborted(signal);
        total.bytesDone = p.bytesDone;
        report(p);
      })).then(() => {
        const failure = gpu.failure();
        if (failure) throw failure;
      }).catch(fail);
      this.loaded.catch(() => undefined); // whoever waits for it is told
      this.tokenizer = new Tokenizer(headers[0]!.metadata);
      if (!options.early) await this.loaded;
    } catch (e) {
      fail(e);
    }
  }

  private prompt(messages: readonly Message[], { tools, variables }: ChatOptions): number[] {
    const { render } = this.printed, tokenizer = this.tokenizer;
    if (!render) throw new M2wError('unsupported', 'no chat template: use generate()');
    const guard = (text: string) => tokenizer.guard(text);
    const { bos, eos } = tokenizer.facts;
    const text = (id?: number) => (id === undefined ? undefined : tokenizer.decode([id], true));
    const conversation = messages.map((message) => guarded(message, guard, true)), given = tools ? (guarded(tools, guard) as unknown[]) : null;
    let rendered;
    try {
      rendered = render(conversation, given, { addGenerationPrompt: true, bosToken: text(bos), eosToken: text(eos), variables });
    } catch (e) {
      throw e instanceof M2wError ? e : new M2wError('chat-template', `${e}`);
    }
    return tokenizer.encodeGuarded(rendered);
  }

  /** Evaluates what is new of the prompt, and has the sampler choose; returns how many tokens that were. */
  private async prefill(run: Run, sampler: TokenSampler, signal?: AbortSignal): Promise<number> {
    const { engine, evaluated } = run, prompt = [...run.timeline];
    let begin = Math.min(same(prompt, evaluated), prompt.length - 1);
    if (begin < evaluated.length && !engine.truncate(begin)) {
      begin = 0;
      engine.truncate(0);
    }
    evaluated.length = begin;
    for (let at = begin; at < prompt.length; at += this.sizes.nBatch) {
      checkAborted(signal);
      const end = at + this.sizes.nBatch;
      await this.evaluate(run, prompt.slice(at, end), end < prompt.length ? undefined : sampler, signal);
      if (signal) await run.gpu.device.queue.onSubmittedWorkDone();
    }
    return prompt.length - begin;
  }

  /** Without tokens: the one that the device has chosen, whatever it is. */
  private async evaluate(run: Run, tokens?: readonly number[], sampler?: TokenSampler, signal?: AbortSignal): Promise<void> {
    const behind = sampler && ((encoder: GPUCommandEncoder) => { run.choice = sampler.encode(encoder, run.timeline); });
    await run.engine.forward(tokens && Uint32Array.from(tokens), run.evaluated.length, sampler ? 1 : 0, behind, signal);
    run.evaluated.push(...tokens ?? [-1]);
  }

  /** The sampler goes on drawing where it was, unless settings change. */
  private samplerFor({ signal, maxTokens, tools, variables, ...sampling }: ChatOptions): TokenSampler {
    const { makeSampler, facts } = this.printed, key = String(Object.entries(sampling));
    if (!this.sampler || key !== this.samplerKey || sampling.seed !== undefined) {
      const made = makeSampler(this.gpu.device, this.engine!.logits, facts.nVocab,
        { ...sampling, seed: sampling.seed ?? Math.floor(Math.random() * 2 ** 53) }, this.engine!.tokens);
      this.sampler?.dispose();
      this.sampler = made;
      this.samplerKey = key;
    }
    return this.sampler;
  }

  private async *answer(makePrompt: () => readonly number[], options: AnswerOptions, chat?: ChatOptions): AsyncGenerator<AnswerPart, void> {
    if (this.disposed) throw disposed();
    if (this.running) throw new M2wError('busy', 'an answer is under way');
    const loading = this.loading, me = (this.running = {});
    const replaced = (): boolean => this.disposed || this.loading !== loading; // what it runs on
    try {
      const prompt = makePrompt();
      if (!prompt.length) throw new M2wError('usage', 'an empty prompt');
      if (prompt.length > this.nCtx) throw contextFull(prompt.length, this.nCtx);
      // Before anything can fail that a restart mends: resume() goes on with it.
      const timeline = (this.timeline = [...prompt]);
      if (!this.engine) await this.loaded; // says why
      const engine = this.engine, gpu = this.gpu, evaluated = this.evaluated, failure = gpu.failure();
      if (failure || !engine) throw failure ?? new M2wError('device-lost', 'restart() did not succeed');
      yield* this.generated({ engine, gpu, evaluated, timeline }, replaced, options, chat);
    } catch (e) {
      if (this.disposed) throw disposed();
      if (replaced()) throw new M2wError('device-lost', 'restarted meanwhile');
      // That the device is lost may be told behind the end of its work.
      if (!(e instanceof M2wError)) await Promise.race([this.lost, new Promise((resolve) => setTimeout(resolve, 200))]);
      throw this.gpu.failure() ?? e;
    } finally {
      if (this.running === me) this.running = undefined;
    }
  }

  private async *generated(run: Run, replaced: () => boolean, options: AnswerOptions, chat?: ChatOptions): AsyncGenerator<AnswerPart, void> {
    const { nCtx, tokenizer } = this, { evaluated, gpu, timeline } = run, { signal, maxTokens = Infinity } = options, began = performance.now();
    if (!(maxTokens >= 0)) throw new M2wError('usage', `maxTokens: ${maxTokens}`);
    const promptTokens = timeline.length, most = Math.min(maxTokens, nCtx + 1 - promptTokens);
    const stats: AnswerStats = { promptTokens, newTokens: 0, tokens: 0, firstTokenMs: 0, tokensPerSecond: 0 };
    // An opening marker may be the prompt's last.
    const parser = chat && this.printed.parser?.(tokenizer.decode(timeline.slice(-64), true), chat.tools);
    const decoder = tokenizer.decoder(!!parser);
    for (const id of timeline.slice(-8)) decoder.push(id); // of an answer that goes on, the first bytes of a character may be there
    let finish: Finish | undefined = signal?.aborted ? 'aborted' : undefined;
    const sampler = this.samplerFor(options);
    try {
      if (!finish) stats.newTokens = await this.prefill(run, sampler, signal);
    } catch (e) {
      if (!(e instanceof M2wError && e.code === 'aborted')) throw e;
      finish = 'aborted';
    }
    if (most < 1) finish ??= 'length';
    for (let first = 0; !finish;) {
      const choice = run.choice!;
      // A GPU goes on with what it has chosen before this side knows of it. That is in vain behind the end, so not on a CPU.
      const ahead = !gpu.cpu && !sampler.remembers && stats.tokens + 1 < most;
      if (ahead) await this.evaluate(run, undefined, sampler);
      const id = await choice();
      const failure = gpu.failure();
      if (failure || replaced()) throw failure; // which answer() looks into
      if (ahead) evaluated[evaluated.length - 1] = id;
      const now = performance.now();
      first ||= now;
      stats.firstTokenMs = first - began;
      stats.tokensPerSecond = (stats.tokens * 1000) / (now - first) || 0;
      if (tokenizer.isEnd(id)) {
        finish = 'end';
        break;
      }
      stats.tokens++;
      timeline.push(id);
      finish = signal?.aborted ? 'aborted' : stats.tokens < most ? undefined : most < maxTokens ? 'context-full' : 'length';
      // The device goes on while the page shows this one.
      if (!finish && !ahead) await this.evaluate(run, [id], sampler);
      const text = decoder.push(id);
      if (parser) yield* parser.push(text, tokenizer.isHidden(id));
      else if (text) yield { text };
      if (signal?.aborted) finish = 'aborted';
    }
    const rest = finish === 'aborted' ? '' : decoder.flush(); // resume() goes on with it
    if (parser) yield* [...parser.push(rest), ...parser.finish()];
    yield { text: parser ? '' : rest, finish, stats };
  }
}
