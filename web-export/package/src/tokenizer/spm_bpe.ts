// spm_bpe.ts — SentencePiece's BPE: two neighbours merge where a token is written so, and the
// token's score says how soon.
import { type Algorithm, type Vocabulary } from './base';
import { characters, readPieces } from './character_bpe';
import { SHIFT } from './merge';

export const spmBpe = (options: { spacePrefix?: boolean } = {}) => (vocabulary: Vocabulary): Algorithm => {
  const pieces = readPieces(vocabulary, true);
  const n = vocabulary.texts.length;
  const texts: string[] = [];
  for (const [piece, id] of pieces) texts[id] = piece;
  const scores = vocabulary.get('scores') as ArrayLike<number>;
  const sorted = Float32Array.from(new Set(Array.from(scores))).sort();
  const ranks = new Map(Array.from(sorted, (score, i) => [score, sorted.length - i]));
  const textOf = (symbol: number) => (symbol < n ? texts[symbol]! : String.fromCodePoint(symbol - n));
  const find = (left: number, right: number) => {
    const id = pieces.get(textOf(left) + textOf(right));
    return id === undefined ? -1 : ranks.get(scores[id]!)! * SHIFT + id;
  };
  return characters(vocabulary, pieces, find, [], true, options.spacePrefix ? ' ' : '');
};
