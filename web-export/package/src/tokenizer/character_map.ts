// character_map.ts — SentencePiece's normalisation: replaces beginnings of text by a table that the
// model's file carries. Knows no token.

/** Longer entries are of no use, and a table that goes in circles ends here. */
const MAX_ENTRY_BYTES = 256;

export interface Replacement {
  length: number;
  bytes: Uint8Array;
}

/**
 * Reads "precompiled_charsmap": a size in bytes (4, little endian), a double array of that size as
 * Darts-clone writes it, and the replacements, each ended by NUL. What it returns finds the longest
 * entry that stands at a place.
 */
export function readCharacterMap(blob: Uint8Array): (text: ArrayLike<number>, from: number) => Replacement | undefined {
  const view = new DataView(blob.buffer, blob.byteOffset, blob.length);
  const size = view.getUint32(0, true);
  const replacements = blob.subarray(4 + size);
  const unit = (at: number) => (4 * at < size ? view.getUint32(4 + 4 * at, true) : undefined);
  // Darts-clone, darts.h, DoubleArrayUnit.
  const offset = (word: number) => (word >>> 10) << ((word & 0x200) >> 6);
  return (text, from) => {
    let longest: Replacement | undefined;
    let at = offset(unit(0) ?? 0);
    for (let length = 0; length < MAX_ENTRY_BYTES && from + length < text.length; ) {
      const byte = text[from + length++]!;
      at = (at ^ byte) >>> 0;
      const word = unit(at);
      if (word === undefined || (word & 0x800000ff) !== byte) break;
      at = (at ^ offset(word)) >>> 0;
      if (!(word & 0x100)) continue;
      const value = unit(at);
      const begin = (value ?? -1) & 0x7fffffff;
      if (value === undefined || begin >= replacements.length) break;
      longest = { length, bytes: replacements.subarray(begin, replacements.indexOf(0, begin)) };
    }
    return longest;
  };
}
