import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createHash, webcrypto } from 'node:crypto';
import { join } from 'node:path';
import { test } from 'node:test';
import { answerParser } from '../src/answer';
import { M2wError } from '../src/errors';
import { type AnswerPart, estimateMemory, Model, type ModelOptions, type Printed } from '../src/model';
import { parseHeader } from '../src/gguf';
import { openGguf } from '../src/gguf_weights';
import type { ModelFacts, Progress } from '../src/types';

globalThis.crypto ??= webcrypto; // Node 18
const gguf: Uint8Array = readFileSync(join(process.env.M2W_SHARED_DIR, 'quant/tiny2l-q2_0.gguf'));
globalThis.fetch = async (_, init) => {
  const [, from, to] = /bytes=(\d+)-(\d+)/.exec(new Headers(init?.headers).get('Range') ?? '')!.map(Number);
  const end = Math.min(to! + 1, gguf.length);
  const headers = { 'Content-Range': `bytes ${from}-${end - 1}/${gguf.length}`, 'Content-Length': String(end - from!) };
  return new Response(gguf.slice(from, end), { status: 206, headers });
};

const facts: ModelFacts = {
  name: 'fake', nVocab: 64, contextLength: 100, layers: 2, parameters: 1, weightBytes: 1000, largestWeightBytes: 600,
  tokenWidths: [8, 16], outWidths: [64], caches: [{ width: 4, window: 0 }, { width: 4, window: 10 }], int8: false, stateBytes: 12, planSha256: '',
  headerSha256: createHash('sha256').update(parseHeader(gguf).bytes).digest('hex'),
};

/** Devices that are lost on request. `cpu`: of those, the device evaluates nothing ahead. */
class FakeGpu {
  constructor(private readonly cpu = false) {}
  lose!: (info: { message: string; reason: string }) => void;
  wgslLanguageFeatures = new Set<string>();
  opened = 0;
  async requestAdapter() {
    const limits = { maxBufferSize: 1e6, maxStorageBufferBindingSize: 1e6 };
    const device = {
      limits, features: new Set(), queue: { onSubmittedWorkDone: async () => undefined },
      lost: new Promise((resolve) => { this.lose = resolve; }),
      pushErrorScope() {}, popErrorScope: async () => null, destroy() {},
    };
    this.opened++;
    return { limits, features: new Set(['subgroups']), info: { vendor: 'fake', isFallbackAdapter: this.cpu, subgroupMinSize: 4 }, requestDevice: async () => device };
  }
}

/** Its next token follows from all tokens that it has seen, so that a wrong timeline gives a wrong answer. */
class FakeEngine {
  seen: number[] = [];
  static recurrent = false;
  static last: FakeEngine;
  logits = this as unknown as GPUBuffer;
  tokens = this as unknown as GPUBuffer;
  chosen = -1;
  ahead = false;
  nAhead = 0;
  static create(): FakeEngine {
    return (FakeEngine.last = new FakeEngine());
  }
  async load(_: unknown, progress?: (p: Progress) => void): Promise<void> {
    progress?.({ stage: 'weights', bytesDone: 500, bytesTotal: 1000, tensor: 'blk.1.ffn_up.weight' });
  }
  hasLogits = 0;
  async forward(tokens: Uint32Array | undefined, pos: number, nOut: number, behind?: (encoder: GPUCommandEncoder) => void): Promise<void> {
    this.hasLogits = nOut;
    assert.equal(pos, this.seen.length, 'tokens follow each other');
    this.seen.push(...tokens ?? [this.chosen]);
    this.ahead = !tokens;
    if (this.ahead) this.nAhead++;
    assert.ok(this.seen.length <= 100);
    behind?.(this as unknown as GPUCommandEncoder);
  }
  truncate(pos: number): boolean {
    if (FakeEngine.recurrent && pos && pos !== this.seen.length) return false;
    this.seen.length = pos;
    return true;
  }
  dispose(): void {}
}

class FakeSampler {
  readonly remembers: boolean;
  constructor(_: unknown, private readonly engine: unknown, { repeatPenalty = 1 }: { repeatPenalty?: number }) {
    this.remembers = repeatPenalty !== 1;
  }
  encode(_: unknown, recent: ArrayLike<number>): () => Promise<number> {
    const engine = this.engine as FakeEngine, { seen, hasLogits, ahead } = engine;
    assert.equal(hasLogits, 1);
    assert.deepEqual(Array.from(recent), ahead ? seen.slice(0, -1) : seen, 'what was evaluated is the timeline');
    const chosen = (engine.chosen = seen.length % 23 === 22 ? 0 : 1 + (seen.reduce((a, b) => (a * 31 + b) % 9973, 7) % 60));
    return async () => chosen;
  }
  dispose(): void {}
}

/** A character a token; 0 ends. */
class FakeTokenizer {
  facts = { bos: 63, addBos: true };
  encode = (text: string) => [...text].map((c) => c.charCodeAt(0) % 64);
  encodeGuarded = this.encode;
  guard = (text: string) => text.replaceAll('<', '(');
  decode = (ids: Iterable<number>) => [...ids].join();
  decoder = () => ({ push: (id: number) => `${id} `, flush: () => '' });
  isEnd = (id: number) => id === 0;
  isHidden = () => false;
}

const printed: Printed = {
  facts, open: openGguf, Engine: FakeEngine, Tokenizer: FakeTokenizer, makeSampler: (device, logits, _, sampling) => new FakeSampler(device, logits, sampling),
  render: (messages) => (messages as { role: string; content: string }[]).map((m) => `<${m.role}>${m.content}`).join(''),
};

const load = (options: Partial<ModelOptions> = {}, gpu = new FakeGpu()) =>
  Model.load(printed, { weights: 'http://127.0.0.1/model.gguf', gpu: gpu as unknown as GPU, store: false, nBatch: 7, ...options });

async function collect(parts: AsyncIterable<AnswerPart>): Promise<{ text: string; last: AnswerPart }> {
  let text = '', last: AnswerPart = { text };
  for await (const part of parts) text += (last = part).text;
  return { text, last };
}

const user = (content: string) => ({ role: 'user', content });

test('weights of another model are refused by their header', async () => {
  const other = { ...printed, facts: { ...facts, headerSha256: '0'.repeat(64) } };
  const gpu = new FakeGpu() as unknown as GPU;
  await assert.rejects(Model.load(other, { weights: 'http://127.0.0.1/model.gguf', gpu, store: false }),
    (e: M2wError) => e instanceof M2wError && e.code === 'unsupported');
});

/** Loads early, with weights that never come; the signal that their source was given. */
async function loadForever(options: Partial<ModelOptions> = {}): Promise<{ model: Model; signal: AbortSignal; fail: (e: Error) => void }> {
  let signal!: AbortSignal, fail!: (e: Error) => void;
  class Waiting extends FakeEngine {
    static override create = () => new Waiting();
    override load = () => new Promise<void>((_, failed) => {
      fail = failed;
      signal.addEventListener('abort', () => failed(new M2wError('aborted', 'stopped')));
    });
  }
  const open: Printed['open'] = (url, o) => {
    signal = o.signal!;
    return openGguf(url, o);
  };
  const model = await Model.load({ ...printed, Engine: Waiting, open }, {
    weights: 'http://127.0.0.1/model.gguf', gpu: new FakeGpu() as unknown as GPU, store: false, early: true, ...options });
  return { model, signal, fail };
}

test('whatever ends a load ends its requests', async () => {
  const disposed = await loadForever();
  assert.ok(!disposed.signal.aborted);
  disposed.model.dispose();
  assert.ok(disposed.signal.aborted);
  await assert.rejects(disposed.model.loaded, { code: 'disposed' });

  const failed = await loadForever();
  failed.fail(new M2wError('http', 'status 404'));
  await assert.rejects(failed.model.loaded, { code: 'http' });
  assert.ok(failed.signal.aborted);

  const stop = new AbortController(), stopped = await loadForever({ signal: stop.signal });
  stop.abort();
  await assert.rejects(stopped.model.loaded, { code: 'aborted' });
});

test('no text of a conversation becomes control tokens, wherever it stands', async () => {
  let seen: unknown[] = [];
  const made: Printed = { ...printed, render: (...all) => String(seen = all) };
  const model = await Model.load(made, { weights: 'http://127.0.0.1/model.gguf', gpu: new FakeGpu() as unknown as GPU, store: false });
  const call = { function: { name: '<f', arguments: { role: '<r', '<k': [{ '<j': '<v' }] } } };
  model.countTokens([{ role: '<any', content: '<c', tool_calls: [call] }] as never, { tools: [{ role: '<t' }] });
  assert.deepEqual(seen.slice(0, 2), [[{ role: '<any', content: '(c', tool_calls: [
    { function: { name: '(f', arguments: { role: '(r', '(k': [{ '(j': '(v' }] } } }] }], [{ role: '(t' }]]);
  const broken = await Model.load({ ...printed, render: () => { throw new TypeError('at'); } }, { weights: 'http://127.0.0.1/model.gguf',
    gpu: new FakeGpu() as unknown as GPU, store: false });
  assert.throws(() => broken.countTokens([user('x')]), { code: 'chat-template' });
});

test('a restart has a signal of its own', async () => {
  const stop = new AbortController(), model = await load({ signal: stop.signal });
  stop.abort();
  await model.restart();
  assert.equal((await collect(model.generate('Hello', { maxTokens: 3 }))).last.finish, 'length');
  await assert.rejects(model.restart(stop.signal), { code: 'aborted' });
});

test('of restarts at once the last one counts', async () => {
  const model = await load(), first = model.restart();
  first.catch(() => undefined);
  await model.restart();
  await assert.rejects(first, { code: 'aborted' });
  assert.equal((await collect(model.generate('Hello', { maxTokens: 3 }))).last.finish, 'length');
});

test('an answer ends, and says how it went', async () => {
  const progress: Progress[] = [];
  const model = await load({ progress: (p) => progress.push(p) });
  assert.deepEqual([progress.at(-1)!.layer, progress.at(-1)!.layers, progress.at(-1)!.bytesDone], [2, 2, 500]);
  const { text, last } = await collect(model.chat([user('Hello')]));
  assert.equal(last.finish, 'end');
  assert.equal(text.trim().split(' ').length, last.stats!.tokens);
  assert.equal(last.stats!.promptTokens, model.countTokens([user('Hello')]));
  assert.equal((await collect(model.generate('Hello', { maxTokens: 3 }))).last.finish, 'length');
  assert.deepEqual(model.tokenize('A'), [63, 1]);
});

test('a GPU evaluates its choice before it is read, unless a penalty needs it or it was the last one', async () => {
  const answer = async (options: { repeatPenalty?: number; maxTokens?: number }, gpu?: FakeGpu) => {
    const { text, last } = await collect((await load({}, gpu)).generate('Hello', options));
    return { text, tokens: last.stats!.tokens, ahead: FakeEngine.last.nAhead };
  };
  const whole = await answer({});
  assert.ok(whole.tokens > 3);
  assert.equal(whole.ahead, whole.tokens + 1, 'the end too');
  assert.deepEqual(await answer({}, new FakeGpu(true)), { ...whole, ahead: 0 });
  assert.deepEqual(await answer({ repeatPenalty: 2 }), { ...whole, ahead: 0 });
  assert.deepEqual({ ...await answer({ maxTokens: 3 }), text: '' }, { text: '', tokens: 3, ahead: 2 });
});

for (const recurrent of [false, true])
  test(`a conversation is not evaluated twice${recurrent ? ', unless states cannot be cut' : ''}`, async () => {
    FakeEngine.recurrent = recurrent;
    const model = await load(), fresh = await load();
    const talk = [user('How are you?')];
    await collect(model.chat(talk, { maxTokens: 4 }));
    const other = [user('How are you!'), user('?')];
    const again = await collect(model.chat(other));
    assert.equal(again.text, (await collect(fresh.chat(other))).text);
    const { promptTokens, newTokens } = again.last.stats!;
    assert.equal(newTokens, recurrent ? promptTokens : promptTokens - '<user>How are you'.length);
    FakeEngine.recurrent = false;
  });

test('reasoning is told apart in a chat', async () => {
  const model = await Model.load({ ...printed, parser: (prompt) => answerParser({ reasoning: { open: '<assistant>', close: ' 7 ' } }, prompt) },
    { weights: 'http://127.0.0.1/model.gguf', gpu: new FakeGpu() as unknown as GPU, store: false });
  const tokenizer = model.tokenizer as unknown as FakeTokenizer;
  tokenizer.decode = () => '<assistant>';
  let reasoning = '';
  for await (const part of model.chat([user('Hello')], { maxTokens: 5 })) reasoning += part.reasoning ?? part.text;
  const plain = (await collect((await load()).chat([user('Hello')], { maxTokens: 5 }))).text;
  assert.equal(reasoning, plain.trim());
});

test('texts of users are guarded', async () => {
  let seen = '';
  const model = await Model.load({ ...printed, render: (messages) => (seen = JSON.stringify(messages)) },
    { weights: 'http://127.0.0.1/model.gguf', gpu: new FakeGpu() as unknown as GPU, store: false });
  model.countTokens([{ ...user('<end>'), parts: [{ text: '<x>' }] }]);
  assert.equal(seen, '[{"role":"user","content":"(end>","parts":[{"text":"(x>"}]}]');
});

test('the context is full before or while answering', async () => {
  const model = await load({ nCtx: 30 });
  await assert.rejects(collect(model.chat([user('x'.repeat(30))])), { code: 'context-full', details: { tokens: 36, limit: 30 } });
  const { last } = await collect(model.chat([user('x'.repeat(22))]));
  assert.equal(last.finish, 'context-full');
  assert.equal((await collect(model.chat([user('x')]))).last.finish, 'end');
});

test('a signal ends an answer, another one may follow', async () => {
  const model = await load(), stop = new AbortController();
  let parts = 0, finish;
  for await (const part of model.chat([user('Hi')], { signal: stop.signal })) {
    if (++parts === 3) stop.abort();
    finish = part.finish;
  }
  assert.deepEqual([parts, finish], [4, 'aborted']);
  const rest = await collect(model.resume());
  assert.equal(rest.last.finish, 'end');
  const before = await collect(model.chat([user('Hi')], { signal: stop.signal }));
  assert.deepEqual([before.text, before.last.finish], ['', 'aborted']);
});

test('two answers at once are refused', async () => {
  const model = await load();
  const first = model.chat([user('Hi')]);
  await first.next();
  await assert.rejects(collect(model.chat([user('Hi')])), { code: 'busy' });
  await first.return();
  assert.equal((await collect(model.chat([user('Hi')]))).last.finish, 'end');
});

test('a lost device: restart, and the answer goes on where it was', async () => {
  const gpu = new FakeGpu(), model = await load({}, gpu), whole = await collect((await load()).chat([user('Tell me')]));
  let text = '';
  const answer = async () => {
    for await (const part of model.chat([user('Tell me')])) {
      text += part.text;
      if (text.split(' ').length === 4) {
        gpu.lose({ message: 'gone', reason: 'unknown' });
        await model.lost;
      }
    }
  };
  await assert.rejects(answer(), { code: 'device-lost' });
  assert.ok(text.length > 0 && text.length < whole.text.length);
  await model.restart();
  assert.equal(gpu.opened, 2);
  const rest = await collect(model.resume());
  assert.equal(rest.last.stats!.newTokens, rest.last.stats!.promptTokens, 'all tokens are replayed');
  assert.equal(text + rest.text, whole.text);
});

test('a device that is lost between two answers: the question that met it is answered', async () => {
  const gpu = new FakeGpu(), model = await load({}, gpu);
  await collect(model.chat([user('Tell me')]));
  gpu.lose({ message: 'gone', reason: 'unknown' });
  await model.lost;
  await assert.rejects(collect(model.chat([user('Hi')])), { code: 'device-lost' });
  await assert.rejects(collect(model.generate([])), M2wError, 'is no question');
  await model.restart();
  assert.equal((await collect(model.resume())).text, (await collect((await load()).chat([user('Hi')]))).text);
});

test('a restart under an answer ends it, and the next one knows nothing of it', async () => {
  for (const cpu of [false, true]) {
    const model = await load({}, new FakeGpu(cpu)), parts = model.chat([user('Tell me')]);
    await parts.next();
    const pending = parts.next();
    pending.catch(() => undefined);
    await model.restart();
    const text = (await collect(model.chat([user('Hello')]))).text;
    assert.equal(text, (await collect((await load()).chat([user('Hello')]))).text);
    await assert.rejects(pending.then(() => parts.next()).then(() => parts.next()), { code: 'device-lost' });
  }
});

test('an answer that goes on keeps characters whose bytes are in several tokens', async () => {
  class Bytes extends FakeTokenizer {
    override decoder = () => {
      const text = new TextDecoder();
      return { push: (id: number) => text.decode(Uint8Array.of(id % 3 ? 0xc3 : 0xa9), { stream: true }), flush: () => text.decode() };
    };
  }
  const made = () => Model.load({ ...printed, Tokenizer: Bytes }, { weights: 'http://127.0.0.1/model.gguf', gpu: new FakeGpu() as unknown as GPU, store: false });
  const whole = (await collect((await made()).generate('Tell me'))).text;
  assert.match(whole, /\u00e9/);
  for (let cut = 1, ended = false; !ended; cut++) {
    const model = await made(), stop = new AbortController();
    let text = '', n = 0;
    for await (const part of model.generate('Tell me', { signal: stop.signal })) {
      text += part.text;
      ended = part.finish === 'end';
      if (++n === cut) stop.abort();
    }
    if (!ended) text += (await collect(model.resume())).text;
    assert.equal(text, whole, `${cut}`);
  }
});

test('a model that is disposed of under an answer says so', async () => {
  for (const cpu of [false, true]) {
    const model = await load({}, new FakeGpu(cpu)), parts = model.chat([user('Tell me')]);
    await parts.next();
    model.dispose();
    await assert.rejects(parts.next().then(() => parts.next()), { code: 'disposed' });
  }
});

test('settings that are refused leave the model as it was', async () => {
  class Sampler extends FakeSampler {
    static alive: Sampler | undefined;
    constructor(device: unknown, engine: unknown, sampling: { topK?: number }) {
      super(device, engine, {});
      if (sampling.topK === 500) throw new M2wError('usage', 'topK');
      Sampler.alive = this;
    }
    override encode(...args: Parameters<FakeSampler['encode']>) {
      assert.equal(Sampler.alive, this, 'in use, and not disposed of');
      return super.encode(...args);
    }
    override dispose(): void {
      if (Sampler.alive === this) Sampler.alive = undefined;
    }
  }
  const made = { ...printed, makeSampler: (device: unknown, logits: unknown, _: unknown, sampling: {}) => new Sampler(device, logits, sampling) };
  const model = await Model.load(made as Printed, { weights: 'http://127.0.0.1/model.gguf', gpu: new FakeGpu() as unknown as GPU, store: false });
  const ask = (topK: number) => collect(model.generate('Hello', { maxTokens: 3, topK }));
  const { text } = await ask(40);
  await assert.rejects(ask(500), { code: 'usage' });
  assert.equal((await ask(40)).text, text);
  for (const maxTokens of [-1, NaN]) await assert.rejects(collect(model.generate('Hello', { maxTokens })), { code: 'usage' });
  const none = await collect(model.generate('Hello', { maxTokens: 0 }));
  assert.deepEqual([none.text, none.last.finish, none.last.stats!.tokens], ['', 'length', 0]);
});

test('with early, an answer begins while weights come, and hears why they do not', async () => {
  let come!: () => void, fail!: (e: Error) => void;
  class SlowEngine extends FakeEngine {
    private readonly there = new Promise<void>((resolve, reject) => { [come, fail] = [resolve, reject]; });
    static override create = () => new SlowEngine();
    override load = () => this.there;
    override async forward(...batch: Parameters<FakeEngine['forward']>): Promise<void> {
      await this.there;
      await super.forward(...batch);
    }
  }
  const slow = () => Model.load({ ...printed, Engine: SlowEngine },
    { weights: 'http://127.0.0.1/model.gguf', gpu: new FakeGpu() as unknown as GPU, store: false, early: true });
  const model = await slow(), answer = collect(model.chat([user('Hello')]));
  come();
  await model.loaded;
  assert.equal((await answer).text, (await collect((await load()).chat([user('Hello')]))).text);
  const broken = await slow(), none = collect(broken.chat([user('Hello')]));
  fail(new M2wError('integrity', 'broken'));
  await assert.rejects(none, { code: 'integrity' });
  await assert.rejects(broken.loaded, { code: 'integrity' });
  await assert.rejects(collect(broken.chat([user('Hello')])), { code: 'integrity' });
});

test('what does not fit is refused before weights are fetched, with numbers', async () => {
  const large = { ...printed, facts: { ...facts, largestWeightBytes: 2e6 } };
  await assert.rejects(Model.load(large, { weights: 'x.gguf', gpu: new FakeGpu() as unknown as GPU }),
    { code: 'too-large', details: { needed: 2e6, limit: 1e6 } });
  await assert.rejects(Model.load(printed, { weights: 'x' }), { code: 'no-webgpu' });
  assert.deepEqual(estimateMemory(facts, { nCtx: 50, nBatch: 5, cache: 'f32' }),
    { weights: 1000, cache: 4 * 50 * 4 + 4 * 14 * 4 + 12, values: (24 * 5 + 64) * 4, total: 1000 + 1036 + 736, largest: 600 });
  assert.throws(() => estimateMemory(facts, { nCtx: -1 }), (e: unknown) => e instanceof M2wError && e.code === 'usage');
});

test('after dispose() nothing answers', async () => {
  const model = await load();
  model.dispose();
  await assert.rejects(collect(model.chat([user('Hi')])), { code: 'disposed' });
  await assert.rejects(model.restart(), { code: 'disposed' });
});
