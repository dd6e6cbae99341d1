// errors.ts — the one error that a package throws, and its codes. Decides nothing about recovery.

/**
 * What went wrong, for a program:
 *
 * | code | meaning, and what helps |
 * |---|---|
 * | `no-webgpu` | no WebGPU, or no adapter: another browser or device |
 * | `too-large` | a limit of this device; `details` has `needed` and `limit` in bytes |
 * | `device-lost` | the GPU went away; `restart()` rebuilds everything |
 * | `gpu` | the GPU refused a command: a mistake of the package or the driver |
 * | `http` | the server, after retries; `details` has `url`, and `status` where one came |
 * | `changed` | the file on the server became another one while it was read |
 * | `integrity` | bytes differ from their SHA-256; `details.file` names them |
 * | `format` | a GGUF file or a manifest that says what cannot be |
 * | `unsupported` | well-formed, but not for this package: another model, an unknown type |
 * | `chat-template` | the model's chat template refuses the conversation, in its own words |
 * | `context-full` | the conversation does not fit; `details` has `tokens` and `limit` |
 * | `aborted` | the caller's AbortSignal |
 * | `busy` | another answer is under way |
 * | `disposed` | used after `dispose()` |
 * | `usage` | arguments that make no sense |
 */
export type ErrorCode =
  | 'no-webgpu' | 'too-large' | 'device-lost' | 'gpu' | 'http' | 'changed' | 'integrity' | 'format'
  | 'unsupported' | 'chat-template' | 'context-full' | 'aborted' | 'busy' | 'disposed' | 'usage';

/** Every failure of the package. The message is for a person, `code` and `details` for a program. */
export class M2wError extends Error {
  override name = 'M2wError';
  constructor(
    readonly code: ErrorCode,
    message: string,
    readonly details: Readonly<Record<string, string | number>> = {},
  ) {
    super(message);
  }
}

export const tooLarge = (needed: number, limit: number): M2wError =>
  new M2wError('too-large', `${needed} bytes in one, the limit is ${limit}`, { needed, limit });
export const contextFull = (tokens: number, limit: number): M2wError =>
  new M2wError('context-full', `${tokens} tokens, the limit is ${limit}`, { tokens, limit });
export const disposed = (): M2wError => new M2wError('disposed', 'disposed of');

/** Throws `aborted` when the signal says so. */
export function checkAborted(signal?: AbortSignal): void {
  if (signal?.aborted) throw new M2wError('aborted', 'stopped');
}
