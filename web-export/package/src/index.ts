// index.ts — the package's interface: load, chat, generate, tokenize, estimate memory, dispose. Works
// in a page and in a Worker.
import { render } from './chat';
import { Engine, model as facts } from './engine';
import { parser } from './forms';
import { openGguf } from './gguf_weights';
import { estimateMemory as estimate, type MemoryEstimate, Model, type ModelOptions } from './model';
import { Sampler } from './sampler';
import { Tokenizer } from './tokenizer';
import { openShards } from './weights';

export type { ToolCall } from './answer';
export { clearCache } from './cache';
export { type ErrorCode, M2wError } from './errors';
export type { AnswerOptions, AnswerPart, AnswerStats, ChatOptions, Finish, MemoryEstimate, Message, Model, ModelOptions } from './model';
export type { ModelFacts, Progress } from './types';
export { facts };

/** Where the weights are when loadModel() is not told. */
const weights = new URL('{{weights}}manifest.json', import.meta.url).href;

/** Loads the model. All errors are M2wError; see Model.load. */
export function loadModel(options: Partial<ModelOptions> = {}): Promise<Model> {
  return Model.load({
    facts, Engine, Tokenizer, Sampler, render, parser,
    open: (url, o) => (/\.gguf($|\?)/.test(url) ? openGguf : openShards)(url, o),
  }, { weights, ...options });
}

/** Bytes on the device for these settings, without loading anything. */
export function estimateMemory(options: Partial<ModelOptions> = {}): MemoryEstimate {
  return estimate(facts, options);
}
