// gguf.ts — the header of a GGUF file: what tokenizers read of its metadata, and its tensors. Checks what reading on needs, and
// nothing else: that the header is the model's own is told by its SHA-256 (model.ts).
import { type DType, dtypes } from './dtypes';
import { M2wError } from './errors';

/** Texts of an array. */
export interface Strings {
  readonly length: number;
  at(i: number): string;
}

/** Texts, u32, and arrays of texts and of numbers of at most 32 bits; other values are passed over. */
export type Value = string | number | Strings | ArrayLike<number> | undefined;
export type Metadata = ReadonlyMap<string, Value>;

/** One tensor of the directory. */
export interface TensorInfo {
  readonly type: DType;
  /** Dimensions, slowest first; the last one is a row. */
  readonly shape: readonly number[];
  /** Bytes from the start of the file. */
  readonly offset: number;
  readonly bytes: number;
}

export interface Header {
  readonly metadata: Metadata;
  readonly tensors: ReadonlyMap<string, TensorInfo>;
  /** All of it; behind it the tensors' bytes begin. */
  readonly bytes: Uint8Array;
}

// By the format's value types u8 i8 u16 i16 u32 i32 f32 bool text array u64 i64 f64: bytes, at least.
const widths = '1122444188888';
const arrays = [Uint8Array, Int8Array, Uint16Array, Int16Array, Uint32Array, Int32Array, Float32Array];
const kU32 = 4, kText = 8, kArray = 9;
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Bytes of the longest one that is read. */
export const mostHeader = 64e6;

/** What the error's message ends with when the header may go on behind the bytes. */
export const noEnd = 'no end';

export const product = (shape: readonly number[]): number => shape.reduce((a, b) => a * b, 1);

/** The header at the beginning of some bytes. Error: format (none, or not all of one). */
export function parseHeader(bytes: Uint8Array): Header {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const joined = new Uint8Array(bytes.length);
  let at = 0;
  const take = (n: number): number => {
    const start = at;
    at += n;
    if (!(at <= bytes.length)) throw new RangeError(at ? noEnd : 'no such type');
    return start;
  };
  const u32 = (): number => view.getUint32(take(4), true);
  const u64 = (): number => u32() + u32() * 2 ** 32;
  const text = (): string => {
    const n = u64(), start = take(n);
    return decoder.decode(bytes.subarray(start, at));
  };
  // Decoded as one: TextDecoder takes a second for a vocabulary of 256k by itself.
  const texts = (n: number): Strings => {
    const ends = new Uint32Array(n);
    let length = 0, units = 0;
    for (let i = 0; i < n; i++) {
      for (let left = u64(), first = take(left); left--; first++) {
        const byte = (joined[length++] = bytes[first]!);
        // Of UTF-16, for the first byte of a character.
        if ((byte & 0xc0) !== 0x80) units += byte < 0xf0 ? 1 : 2;
      }
      ends[i] = units;
    }
    const all = decoder.decode(joined.subarray(0, length));
    return { length: n, at: (i) => all.slice(ends[i - 1], ends[i]) };
  };
  const value = (type: number): Value => {
    if (type === kText) return text();
    if (type === kU32) return u32();
    if (type !== kArray) return void take(Number(widths[type]));
    const of = u32(), n = u64(), start = take(n * Number(widths[of])), Typed = arrays[of];
    if (Typed) return new Typed(view.buffer.slice(view.byteOffset + start, view.byteOffset + at) as ArrayBuffer);
    if (of !== kText && of !== kArray) return;
    at = start; // behind which at least that much is there
    if (of === kText) return texts(n);
    for (let left = n; left--;) value(of);
  };
  try {
    const magic = u32();
    if (magic !== 0x46554747 || u32() > 3) throw new RangeError('no GGUF');
    const metadata = new Map<string, Value>(), tensors = new Map<string, TensorInfo>();
    const nTensors = u64();
    for (let left = u64(); left--;) metadata.set(text(), value(u32()));
    for (let i = 0; i < nTensors; i++) {
      const name = text(), shape = Array.from({ length: u32() }, u64).reverse(), id = u32();
      const type = dtypes.find((row) => row.id === id)!;
      tensors.set(name, { type, shape, offset: u64(), bytes: (product(shape) / type?.elems) * type?.bytes });
    }
    const alignment = Number(metadata.get('general.alignment') ?? 32), dataOffset = Math.ceil(at / alignment) * alignment;
    for (const [name, tensor] of tensors) tensors.set(name, { ...tensor, offset: tensor.offset + dataOffset });
    return { metadata, tensors, bytes: bytes.subarray(0, dataOffset) };
  } catch (e) {
    throw new M2wError('format', `GGUF: ${e}`);
  }
}
