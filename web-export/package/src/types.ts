// types.ts — what the printed engine and the hand-written modules tell each other. No code.
import type { Header } from './gguf';

/** Where a load is. Bytes are those of the weights as they lie on the device. */
export interface Progress {
  readonly stage: 'header' | 'compile' | 'weights' | 'ready';
  readonly bytesDone: number;
  readonly bytesTotal: number;
  /** The tensor that is coming, in the file's name. */
  readonly tensor?: string;
  /** The layer that it belongs to, from 1, of how many. */
  readonly layer?: number;
  readonly layers?: number;
  /** Since the load began, from the server or the store. */
  readonly bytesPerS?: number;
  /** What goes on with less than it could: why nothing is kept in the cache. */
  readonly note?: string;
}

export interface EngineOptions {
  /** Positions of the timeline. */
  readonly nCtx: number;
  /** Most tokens evaluated at once; longer prompts run in pieces. */
  readonly nBatch: number;
  /** Most rows of logits that one forward() writes; 1 when not given. */
  readonly nOut?: number;
  /** How keys and values are kept; f16 when not given. */
  readonly cache?: 'f16' | 'f32';
  /**
   * int8: on adapters that are CPUs, products with weights of Q8_0 and Q4_0 round what they multiply to 8 bits first. Faster,
   * and less exact: layers are about 1e-2 of their norm off instead of 1e-6. f32 when not given.
   */
  readonly activations?: 'f32' | 'int8';
  /** Copies what enters layer 0 and what leaves each layer to `taps`: for tests. */
  readonly taps?: boolean;
}

/** What an engine needs of a device. */
export interface EngineGpu {
  readonly device: GPUDevice;
  /** The adapter is a CPU, with subgroups of four: kernels whose sums need no barriers. */
  readonly cpu: boolean;
  readonly subgroups: boolean;
  /** Most dispatches in one submit; 0: no limit. */
  readonly dispatchesPerSubmit: number;
}

/** What is known of the model without loading it. */
export interface ModelFacts {
  readonly name: string;
  readonly nVocab: number;
  readonly contextLength: number;
  readonly layers: number;
  readonly parameters: number;
  /** On the device. */
  readonly weightBytes: number;
  /** The largest buffer that a weight takes. */
  readonly largestWeightBytes: number;
  /** Widths of the value buffers: f32 a token of a batch, and f32 a row of logits. */
  readonly tokenWidths: readonly number[];
  readonly outWidths: readonly number[];
  /** Values a position in keys and values, by window (0: none). */
  readonly caches: readonly { readonly width: number; readonly window: number }[];
  /** Whether activations of int8 make a difference. */
  readonly int8: boolean;
  /** Bytes of recurrent states; not 0: a timeline cannot be cut. */
  readonly stateBytes: number;
  /** SHA-256 of the printed Plan, and of the GGUF header of each file, with commas: weights with others are refused. */
  readonly planSha256: string;
  readonly headerSha256: string;
}

/** Where weights come from. */
export interface WeightSource {
  /** Of each of the model's files; metadata, tokenizer and template are in the first one's. */
  headers(): Promise<readonly Header[]>;
  /** The bytes of a tensor's planes in the layout of the whole tensor; every byte once, in any order, and there until the sink ends. */
  read(tensor: string, sink: (offset: number, bytes: Uint8Array) => void | Promise<void>): Promise<void>;
  /** The order in which tensors will be read: what comes next is fetched meanwhile. */
  prefetch?(tensors: readonly string[]): void;
}
