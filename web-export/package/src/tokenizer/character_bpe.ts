// character_bpe.ts — BPE whose first symbols are characters, with tokens for single bytes to fall
// back on; by the file's merges.
import { Kind, plainPiece, runOfMarks, spaced, type Algorithm, type Vocabulary } from './base';
import type { Strings } from '../gguf';
import { merge, readMerges, type Find } from './merge';
import { split } from './split';
import { bytesOf } from './utf8';

/** The tokens that text may become, by their pieces: the first one of each. */
export function readPieces({ texts, kinds }: Vocabulary, marks: boolean): Map<string, number> {
  const pieces = new Map<string, number>();
  texts.forEach((text, id) => {
    if (kinds[id] !== Kind.normal && kinds[id] !== Kind.user) return;
    const piece = marks && kinds[id] === Kind.normal ? spaced(text) : text;
    if (!pieces.has(piece)) pieces.set(piece, id);
  });
  return pieces;
}

/** Symbols are ids, and beyond them code points of characters without a token. */
export function characters(
  { texts, kinds, unknown }: Vocabulary,
  pieces: Map<string, number>,
  find: Find,
  patterns: RegExp[],
  marks: boolean,
  prefix = '',
): Algorithm {
  const n = texts.length;
  const byteTokens = new Map<number, number>();
  texts.forEach((text, id) => {
    if (kinds[id] !== Kind.byte) return;
    const [byte] = plainPiece(text, Kind.byte, marks);
    if (!byteTokens.has(byte!)) byteTokens.set(byte!, id);
  });
  return {
    ...(marks && { written: runOfMarks }),
    encode(text, out) {
      if (!text) return;
      for (const word of split(prefix + (marks ? spaced(text) : text), patterns)) {
        const symbols = Array.from(word, (char) => pieces.get(char) ?? n + char.codePointAt(0)!);
        for (const symbol of merge(symbols, find)) {
          if (symbol < n) {
            out.push(symbol);
            continue;
          }
          const ids = bytesOf(String.fromCodePoint(symbol - n)).map((byte) => byteTokens.get(byte));
          if (!ids.includes(undefined)) out.push(...(ids as number[]));
          else if (unknown !== undefined) out.push(unknown);
        }
      }
    },
    piece: (id) => plainPiece(texts[id]!, kinds[id]!, marks),
  };
}

export const characterBpe = (patterns: RegExp[], options: { marks?: boolean } = {}) => (vocabulary: Vocabulary): Algorithm => {
  const ids = new Map<string, number>(); // merges are written as the tokens are
  vocabulary.texts.forEach((text, id) => {
    if (vocabulary.kinds[id] === Kind.normal || vocabulary.kinds[id] === Kind.user) ids.set(text, id);
  });
  const find = readMerges(vocabulary.get('merges') as Strings, ids);
  const marks = !!options.marks;
  return characters(vocabulary, readPieces(vocabulary, marks), find, patterns, marks);
};
