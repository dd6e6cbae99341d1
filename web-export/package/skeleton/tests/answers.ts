// answers.ts — the built package in a page: what is generated, and what a lost device leaves of it.
import type * as built from '../src/index';
import type { Activations } from './match';

export interface Answers {
  /** The prompt's ids, as this tokenizer finds them, and as they should be. */
  readonly ids: readonly number[];
  readonly expectedIds: readonly number[];
  /** What the reference's most probable tokens spell. */
  readonly expected: string;
  /** Submits of the device until `whole` was there, and its tokens. */
  readonly submits: number;
  readonly tokens: number;
  readonly whole: string;
  /** With the device destroyed in the middle. */
  readonly begun: string;
  readonly code: string;
  readonly rest: string;
  /** Files of weights that a restart fetched. */
  readonly fetched: number;
  /** Files in the private file system. */
  readonly kept: number;
}

/** base: where the package is served, with a slash at its end. */
export async function answers(base: string): Promise<Answers> {
  performance.setResourceTimingBufferSize(1e5);
  const { prompt, add_special, prompt_ids, greedy_ids } = (await (await fetch(`${base}models/activations/activations.json`)).json()) as Activations;
  const { loadModel } = (await import('/dist/index.js' as string)) as typeof built;
  const model = await loadModel({ weights: `${base}models/weights/manifest.json`, cache: 'f32', nCtx: prompt_ids.length + greedy_ids.length });
  const { tokenizer } = model, end = greedy_ids.findIndex((id) => tokenizer.isEnd(id));
  const expected = end < 0 ? greedy_ids : greedy_ids.slice(0, end), options = { temperature: 0, maxTokens: expected.length };
  let whole = '', begun = '', code = '', rest = '', tokens = 0;
  const { queue } = model.gpu.device, submit = queue.submit.bind(queue);
  let submits = 0;
  queue.submit = (buffers) => {
    submits++;
    return submit(buffers);
  };
  for await (const { text } of model.generate(prompt_ids, options)) whole += text;
  const counted = { submits, tokens: expected.length };
  try {
    for await (const { text } of model.generate(prompt_ids, options)) {
      begun += text;
      if (++tokens === Math.ceil(expected.length / 2)) model.gpu.device.destroy();
    }
  } catch (e) {
    code = (e as { code: string }).code;
  }
  const fetchedNow = () => performance.getEntriesByType('resource').filter(({ name }) => name.endsWith('.bin')).length, before = fetchedNow();
  await model.restart();
  const fetched = fetchedNow() - before;
  for await (const { text } of model.resume({ temperature: 0, maxTokens: expected.length - tokens })) rest += text;
  const ids = prompt ? tokenizer.encodeGuarded(prompt, add_special) : prompt_ids;
  model.dispose();
  const kept = await (await navigator.storage.getDirectory()).getDirectoryHandle('m2w') as unknown as { keys(): AsyncIterable<string> };
  let files = 0;
  for await (const _ of kept.keys()) files++;
  return { ids, expectedIds: prompt_ids, expected: tokenizer.decode(expected), ...counted, whole, begun, code, rest, fetched, kept: files };
}
