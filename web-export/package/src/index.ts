// index.ts — the package's interface: load, chat, generate, tokenize, estimate memory, dispose. Works
// in a page and in a Worker.
// The bundle's order is this one. Compression looks back 32 KB: code stands with code, and shaders come last.
import { render } from './chat';
import { Tokenizer } from './tokenizer';
import { parser } from './forms';
import { openGguf } from './gguf_weights';
import { openShards } from './weights';
import { makeSampler } from './sampler';
import { estimateMemory as estimate, type MemoryEstimate, Model, type ModelOptions } from './model';
import { Engine, model as facts } from './engine';

export type { ToolCall } from './answer';
export { clearCache } from './cache';
export { type ErrorCode, M2wError } from './errors';
export type { AnswerOptions, AnswerPart, AnswerStats, ChatOptions, Finish, MemoryEstimate, Message, Model, ModelOptions } from './model';
export type { ModelFacts, Progress } from './types';
export { facts };

/** Where the weights are when loadModel() is not told. */
const weights = new URL('{{weights}}manifest.json', import.meta.url).href;

/** Loads the model. Errors: no-webgpu, too-large, http, changed, integrity, format, unsupported, aborted, gpu, device-lost, usage. */
export function loadModel(options: Partial<ModelOptions> = {}): Promise<Model> {
  return Model.load({
    facts, Engine, Tokenizer, makeSampler, render, parser,
    open: (url, o) => (/\.gguf($|\?)/.test(url) ? openGguf : openShards)(url, o),
  }, { weights, ...options });
}

/** Bytes on the device for these settings, without loading anything. */
export function estimateMemory(options: Partial<ModelOptions> = {}): MemoryEstimate {
  return estimate(facts, options);
}
