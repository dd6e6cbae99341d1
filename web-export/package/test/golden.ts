// golden.ts — reads golden data: JSON lines, and vocabularies. Checks nothing.
import { readFileSync } from 'node:fs';
import { createHash } from 'node:crypto';

export const shared = (path: string): string => `${process.env.M2W_SHARED_DIR}/${path}`;

export const readRows = (path: string): any[] =>
  readFileSync(shared(path), 'utf8').split('\n').filter(Boolean).map((line: string) => JSON.parse(line));

export const toHex = (bytes: ArrayLike<number>): string => Buffer.from(Array.from(bytes)).toString('hex');
export const fromHex = (hex: string): Uint8Array => Uint8Array.from(Buffer.from(hex, 'hex'));
export const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);
export const sha256 = (data: string | Uint8Array): string => createHash('sha256').update(data).digest('hex');

/** The bytes of a row: `text`, `hex` or `text_rle`; nothing if it has none (`same_text`). */
export function rowBytes(row: any): Uint8Array | undefined {
  if ('text' in row) return utf8(row.text);
  if ('hex' in row) return fromHex(row.hex);
  if ('text_rle' in row) return utf8(row.text_rle.map(([unit, count]: [string, number]) => unit.repeat(count)).join(''));
  return undefined;
}
