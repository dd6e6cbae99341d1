// mixed_model.ts — a GGUF file with tensors of two files of the same model in different types, as those have that people make
// themselves. Decides nothing about which ones.
import { readFileSync } from 'node:fs';
import { parseHeader } from '../src/gguf';

const alignment = 32;

/** `first` with those tensors of `second` whose names match. */
export function mixedModel(first: string, second: string, ofSecond: RegExp): Uint8Array {
  const files = [first, second].map((path) => new Uint8Array(readFileSync(path)));
  const headers = files.map(parseHeader);
  const names = [...headers[0]!.tensors.keys()];
  const u32 = (n: number) => new Uint8Array(Uint32Array.of(n).buffer);
  const u64 = (n: number) => new Uint8Array(BigUint64Array.of(BigInt(n)).buffer);
  const text = (s: string) => Buffer.concat([u64(s.length), new TextEncoder().encode(s)]);
  const infos: Uint8Array[] = [], data: Uint8Array[] = [];
  let offset = 0;
  for (const name of names) {
    const from = Number(ofSecond.test(name)), tensor = headers[from]!.tensors.get(name)!;
    infos.push(text(name), u32(tensor.shape.length), ...[...tensor.shape].reverse().map(u64), u32(tensor.type.id), u64(offset));
    const padding = new Uint8Array((alignment - (tensor.bytes % alignment)) % alignment);
    data.push(files[from]!.subarray(tensor.offset, tensor.offset + tensor.bytes), padding);
    offset += tensor.bytes + padding.length;
  }
  const metadata = files[0]!.subarray(0, Buffer.from(files[0]!).indexOf(text(names[0]!)));
  const header = Buffer.concat([metadata, ...infos]);
  return Buffer.concat([header, new Uint8Array((alignment - (header.length % alignment)) % alignment), ...data]);
}
