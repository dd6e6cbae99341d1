// gguf.ts — the header of a GGUF file: metadata and tensor directory, every count checked against
// the file before memory is taken. Refuses what the format does not allow; knows no model.
import { dtypes, type DType } from './dtypes';
import { M2wError } from './errors';

/** Texts of an array, decoded when asked for: a vocabulary of 256k costs an index of 1 MB. */
export class Strings {
  constructor(private readonly header: DataView, private readonly starts: Uint32Array) {}
  get length(): number {
    return this.starts.length;
  }
  /** The UTF-8 bytes, a view of the header. */
  bytes(i: number): Uint8Array {
    const start = this.starts[i]!;
    return bytesOf(this.header, start + 8, this.header.getUint32(start, true));
  }
  /** Error: format (no UTF-8). */
  at(i: number): string {
    return text(this.bytes(i));
  }
  *[Symbol.iterator](): Generator<string> {
    for (let i = 0; i < this.length; i++) yield this.at(i);
  }
}

/** A value: integers beyond 2^53 are bigint, arrays of numbers are typed where JavaScript has such. */
export type Value = number | bigint | boolean | string | Strings | ArrayLike<number> | readonly Value[];
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
  /** Where the tensors' bytes begin in the file. */
  readonly dataOffset: number;
}

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

function fail(message: string, details = {}): never {
  throw new M2wError('format', `GGUF: ${message}`, details);
}

function text(bytes: Uint8Array): string {
  try {
    return decoder.decode(bytes);
  } catch {
    return fail('text that is not UTF-8');
  }
}

const bytesOf = (view: DataView, at: number, n: number) => new Uint8Array(view.buffer, view.byteOffset + at, n);

// By the format's value types u8 i8 u16 i16 u32 i32 f32 bool string array u64 i64 f64. Limits: docs/limits.md.
const scalarBytes = [1, 1, 2, 2, 4, 4, 4, 1, 8, 12, 8, 8, 8];
const arrays = [Uint8Array, Int8Array, Uint16Array, Int16Array, Uint32Array, Int32Array, Float32Array, Uint8Array];
const kString = 8, kArray = 9, kU32 = 4;
const maxElems = 1 << 24, maxDepth = 4, maxNested = 65536;

class Reader {
  at = 0;
  nested = 0;
  readonly view: DataView;
  constructor(header: Uint8Array, readonly fileBytes: number) {
    this.view = new DataView(header.buffer, header.byteOffset, header.byteLength);
  }

  /** Passes over n bytes that must be there. details.needed: the header's bytes so far are too few. */
  take(n: number): number {
    const start = this.at;
    if (n > this.fileBytes - start) fail(`${n} bytes at ${start} of a file of ${this.fileBytes}`);
    this.at = start + n;
    if (this.at > this.view.byteLength) fail('the header goes on', { needed: this.at });
    return start;
  }
  u32(): number {
    return this.view.getUint32(this.take(4), true);
  }
  /** Exact up to 2^53; a larger count is refused anyway. */
  u64(): number {
    const at = this.take(8);
    return this.view.getUint32(at, true) + this.view.getUint32(at + 4, true) * 2 ** 32;
  }
  /** Names and keys, which are short. */
  name(limit: number): string {
    const n = this.u64();
    if (n === 0 || n > limit) fail(`a name of ${n} bytes`);
    const name = text(bytesOf(this.view, this.take(n), n));
    return name.includes('\0') ? fail('a name with NUL') : name;
  }

  value(type: number): Value {
    if (type === kString) {
      const n = this.u64();
      return text(bytesOf(this.view, this.take(n), n));
    }
    if (type === kArray) return this.array(0);
    const width = scalarBytes[type] ?? fail(`value type ${type}`);
    return this.scalar(type, this.take(width));
  }

  scalar(type: number, at: number): number | bigint | boolean {
    const v = this.view;
    switch (type) {
      case 0: return v.getUint8(at);
      case 1: return v.getInt8(at);
      case 2: return v.getUint16(at, true);
      case 3: return v.getInt16(at, true);
      case 4: return v.getUint32(at, true);
      case 5: return v.getInt32(at, true);
      case 6: return v.getFloat32(at, true);
      case 7: return v.getUint8(at) > 1 ? fail('a bool that is neither 0 nor 1') : v.getUint8(at) === 1;
      case 12: return v.getFloat64(at, true);
    }
    const big = type === 10 ? v.getBigUint64(at, true) : v.getBigInt64(at, true);
    return Number.isSafeInteger(Number(big)) ? Number(big) : big;
  }

  array(depth: number): Value {
    if (depth >= maxDepth) fail('arrays nest too deep');
    const type = this.u32(), count = this.u64();
    const width = scalarBytes[type] ?? fail(`array of value type ${type}`);
    if (count > (this.fileBytes - this.at) / width || count > maxElems) fail(`array of ${count} elements`);
    const first = this.at;
    this.take(count * width);  // all that it must have at least is here before anything is allocated
    if (type === kString) {
      this.at = first;
      const starts = new Uint32Array(count);
      for (let i = 0; i < count; i++) {
        starts[i] = this.at;
        this.take(this.u64());
      }
      return new Strings(this.view, starts);
    }
    if (type === kArray) {
      if ((this.nested += count) > maxNested) fail('too many arrays in arrays');
      this.at = first;
      return Array.from({ length: count }, () => this.array(depth + 1));
    }
    const Typed = arrays[type];
    if (!Typed) return Array.from({ length: count }, (_, i) => this.scalar(type, first + i * width)) as number[];
    const bytes = bytesOf(this.view, first, count * width).slice();
    if (type === 7 && bytes.some((b) => b > 1)) fail('a bool that is neither 0 nor 1');
    return new Typed(bytes.buffer);
  }
}

function readMetadata(reader: Reader): { metadata: Map<string, Value>; nTensors: number; alignment: number } {
  if (reader.fileBytes < 24 || reader.u32() !== 0x46554747) fail('not a GGUF file');
  const version = reader.u32();
  if (version !== 2 && version !== 3) fail(`version ${version}, expected 2 or 3`);
  const nTensors = reader.u64(), nValues = reader.u64();
  // An entry is at least a name of a byte, a type, and a byte of value, or a type and an offset.
  const left = reader.fileBytes - reader.at;
  if (nValues > Math.min(65536, left / 14) || nTensors > Math.min(32768, left / 25))
    fail(`${nValues} values and ${nTensors} tensors`);
  const metadata = new Map<string, Value>();
  let alignment = 32;
  for (let i = 0; i < nValues; i++) {
    const key = reader.name(65535), type = reader.u32();
    if (metadata.has(key)) fail(`key ${key} appears twice`);
    if (/[^\0-\x7f]/.test(key)) fail('a key that is not ASCII');
    const value = reader.value(type);
    metadata.set(key, value);
    if (key === 'general.alignment') {
      alignment = value as number;
      if (type !== kU32 || !(alignment >= 8 && alignment <= 1 << 20) || alignment & (alignment - 1))
        fail(`alignment ${value}`);
    }
  }
  return { metadata, nTensors, alignment };
}

function readTensor(reader: Reader, name: string, alignment: number): TensorInfo {
  const nDims = reader.u32();
  if (nDims > 4) fail(`${name}: ${nDims} dimensions`);
  const shape = Array.from({ length: nDims }, () => reader.u64()).reverse();
  if (!nDims) shape.push(1);
  const id = reader.u32(), offset = reader.u64();
  const type = dtypes.find((row) => row.id === id) ?? fail(`${name}: tensor type ${id}`);
  const elems = shape.reduce((a, b) => a * b, 1);
  const bytes = (elems / type.elems) * type.bytes;
  if (!shape.every(Boolean) || shape[shape.length - 1]! % type.elems || Math.max(elems, bytes) > Number.MAX_SAFE_INTEGER)
    fail(`${name}: shape [${shape}] of ${type.name}`);
  if (offset % alignment) fail(`${name}: offset ${offset} is no multiple of ${alignment}`);
  return { type, shape, offset, bytes };
}

/**
 * The header in the first bytes of a file of fileBytes bytes. Error: format; with details.needed,
 * the bytes end before the header does, and so many are needed at least.
 */
export function parseHeader(header: Uint8Array, fileBytes = header.length): Header {
  const reader = new Reader(header, fileBytes);
  const { metadata, nTensors, alignment } = readMetadata(reader);
  const relative = new Map<string, TensorInfo>();
  for (let i = 0; i < nTensors; i++) {
    const name = reader.name(64);
    if (relative.has(name)) fail(`tensor ${name} appears twice`);
    relative.set(name, readTensor(reader, name, alignment));
  }
  const dataOffset = nTensors ? Math.ceil(reader.at / alignment) * alignment : reader.at;
  const tensors = new Map<string, TensorInfo>();
  for (const [name, t] of relative) tensors.set(name, { ...t, offset: t.offset + dataOffset });
  let end = dataOffset;
  for (const [name, t] of [...tensors].sort(([, a], [, b]) => a.offset - b.offset)) {
    if (t.offset < end) fail(`${name} overlaps another tensor`);
    end = t.offset + t.bytes;
    if (end > fileBytes) fail(`${name} reaches outside of the file`);
  }
  return { metadata, tensors, dataOffset };
}

/** The metadata alone. Error: format. */
export function parseMetadata(header: Uint8Array): Metadata {
  return readMetadata(new Reader(header, header.length)).metadata;
}
