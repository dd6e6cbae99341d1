// dtypes.ts — weight types as GGUF stores them, and as planes on the device (docs/streaming.md,
// "Bytes of a shard"). Moves bytes, decodes nothing.

/** A type: its id in a file, weights and bytes of a block, and the fields that become planes. */
export interface DType {
  readonly name: string;
  readonly id: number;
  readonly elems: number;
  readonly bytes: number;
  /** [from, to) in the block. */
  readonly planes: readonly (readonly [number, number])[];
}

// Name, id, weights and bytes of a block, planes. A type without planes is one of its whole blocks. A package has the lines of
// its model's types.
const table = [
  'F32 0 1 4',
  'F16 1 1 2',
  'Q4_0 2 32 18 2-18 0-2',
  'Q4_1 3 32 20 4-20 0-4',
  'Q5_0 6 32 22 6-22 2-6 0-2',
  'Q5_1 7 32 24 8-24 4-8 0-4',
  'Q8_0 8 32 34 2-34 0-2',
  'Q8_1 9 32 36',
  'Q2_K 10 256 84 16-80 0-16 80-84',
  'Q3_K 11 256 110 32-96 0-32 96-108 108-110',
  'Q4_K 12 256 144 16-144 0-16',
  'Q5_K 13 256 176 48-176 16-48 0-16',
  'Q6_K 14 256 210 0-128 128-192 192-208 208-210',
  'Q8_K 15 256 292',
  'IQ2_XXS 16 256 66 2-66 0-2',
  'IQ2_XS 17 256 74 2-66 66-74 0-2',
  'IQ3_XXS 18 256 98 2-66 66-98 0-2',
  'IQ1_S 19 256 50 2-34 34-50 0-2',
  'IQ4_NL 20 32 18 2-18 0-2',
  'IQ3_S 21 256 110 2-74 74-110 0-2',
  'IQ2_S 22 256 82 2-66 66-82 0-2',
  'IQ4_XS 23 256 136 8-136 0-8',
  'I8 24 1 1',
  'I16 25 1 2',
  'I32 26 1 4',
  'I64 27 1 8',
  'F64 28 1 8',
  'IQ1_M 29 256 56 0-32 32-48 48-56',
  'BF16 30 1 2',
  'TQ1_0 34 256 54 0-48 48-52 52-54',
  'TQ2_0 35 256 66 0-64 64-66',
  'MXFP4 39 32 17 1-17 0-1',
  'NVFP4 40 64 36 4-36 0-4',
  'Q1_0 41 128 18 2-18 0-2',
  'Q2_0 42 64 18 2-18 0-2',
];

export const dtypes: readonly DType[] = table.map((line) => {
  const [name = '', id, elems, bytes, ...planes] = line.split(' ');
  return {
    name,
    id: Number(id),
    elems: Number(elems),
    bytes: Number(bytes),
    planes: (planes.length ? planes : [`0-${bytes}`])
      .map((field) => field.split('-').map(Number) as [number, number]),
  };
});

/** Where each plane of nBlocks blocks begins, and behind them where the last one ends (all on 16 bytes). */
export function planeOffsets(type: DType, nBlocks: number): number[] {
  const offsets = [0];
  for (const [from, to] of type.planes)
    offsets.push(Math.ceil((offsets[offsets.length - 1]! + nBlocks * (to - from)) / 16) * 16);
  return offsets;
}

/** The p-th field of every block, one behind the other. */
export function gatherPlane(type: DType, p: number, blocks: Uint8Array): Uint8Array {
  const [from, to] = type.planes[p]!;
  const step = type.bytes, bytes = to - from;
  if (bytes === step) return blocks;
  const plane = new Uint8Array((blocks.length / step) * bytes);
  for (let block = from, at = 0; at < plane.length; block += step)
    for (let i = 0; i < bytes; i++) plane[at++] = blocks[block + i]!;
  return plane;
}
