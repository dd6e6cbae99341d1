// unigram.ts — SentencePiece's Unigram: of all ways to write a text with tokens, the one with the
// best sum of scores (Viterbi's algorithm).
import { Kind, plainPiece, runOfMarks, spaced, type Algorithm, type Vocabulary } from './base';
import { readCharacterMap } from './character_map';
import { bytesOf, charAt, textOf } from './utf8';

/** What an unknown character costs below the worst token (sentencepiece, unigram_model.cc). */
const UNKNOWN_PENALTY = 10;

export interface UnigramOptions {
  spacePrefix?: boolean;
  removeExtraSpaces?: boolean;
}

export const unigram = (options: UnigramOptions) => ({ get, texts, kinds, unknown }: Vocabulary): Algorithm => {
  const scores = Array.from(get('scores') as ArrayLike<number>);
  const blob = get('precompiled_charsmap') as ArrayLike<number> | undefined;
  const map = blob?.length ? readCharacterMap(Uint8Array.from(blob)) : undefined;
  const ids = new Map<string, number>();
  const lengths = new Map<string, number>(); // of the longest piece, by the first two characters
  const joins = new Set<number>(); // last bytes of characters in front of a space inside of a piece
  // Enough of a character to tell where words are joined: its last byte.
  const lastByte = (text: string, at: number) => {
    const unit = text.charCodeAt(at);
    return unit < 0x80 ? unit : 0x80 | (unit & 63);
  };
  let worst = Infinity;
  texts.forEach((text, id) => {
    const kind = kinds[id]!;
    if (kind === Kind.normal) worst = Math.min(worst, scores[id]!);
    if (kind === Kind.user) scores[id] = 0;
    else if (kind !== Kind.normal && kind !== Kind.unused) return;
    const piece = kind === Kind.user ? text : spaced(text);
    for (let at = 0; (at = piece.indexOf(' ', at + 1)) > 0; ) joins.add(lastByte(piece, at - 1));
    if (ids.has(piece)) return;
    ids.set(piece, id);
    const start = piece.slice(0, 2);
    lengths.set(start, Math.max(lengths.get(start) ?? 0, piece.length));
  });
  const unknownScore = (worst === Infinity ? 0 : worst) - UNKNOWN_PENALTY;

  /** The text as the pieces have it. */
  const normalise = (text: string): string => {
    const source = bytesOf(text);
    const out: number[] = [];
    let pending = options.spacePrefix;
    const append = (bytes: Iterable<number>) => {
      for (const byte of bytes) {
        if (byte === 0x20 && options.removeExtraSpaces) {
          pending = !!out.length || options.spacePrefix;
          continue;
        }
        if (pending) out.push(0x20);
        pending = false;
        out.push(byte);
      }
    };
    for (let at = 0; at < source.length; ) {
      const found = map?.(source, at);
      const char = charAt(source, at);
      append(found ? found.bytes : bytesOf(/\p{Cs}/u.test(char) ? '\ufffd' : char));
      at += found ? found.length : bytesOf(char).length;
    }
    return spaced(textOf(Uint8Array.from(out)));
  };

  const encodeWord = (word: string): number[] => {
    // The best way to get to each place: the sum of scores, and the last token.
    const best = new Float64Array(word.length + 1).fill(-Infinity);
    const lengthOf: number[] = [];
    const idOf: (number | undefined)[] = [];
    best[0] = 0;
    for (let at = 0, size; at < word.length; at += size) {
      size = word.codePointAt(at)! > 0xffff ? 2 : 1;
      const arrive = (length: number, score: number, id?: number) => {
        if (best[at]! + score <= best[at + length]!) return;
        best[at + length] = best[at]! + score;
        lengthOf[at + length] = length;
        idOf[at + length] = id;
      };
      let isKnown = false;
      const longest = Math.min(lengths.get(word.slice(at, at + 2)) ?? 1, word.length - at);
      for (let length = 1; length <= longest; length++) {
        const id = ids.get(word.slice(at, at + length));
        if (id === undefined) continue;
        if (length === size) isKnown = true;
        arrive(length, scores[id]!, id);
      }
      if (!isKnown) arrive(size, unknownScore);
    }
    const out: number[] = [];
    for (let at = word.length; at > 0; at -= lengthOf[at]!) {
      const id = idOf[at] ?? unknown;
      if (id !== undefined) out.push(id);
    }
    return out.reverse();
  };

  return {
    written: runOfMarks,
    encode(text, out) {
      const normal = normalise(text);
      let last: number | undefined; // unknown characters in a row are one token
      for (let begin = 0, end = 0; begin < normal.length; begin = end) {
        // Words end in front of spaces, where no token reaches over the cut.
        do end = normal.indexOf(' ', end + 1);
        while (end > 0 && joins.has(lastByte(normal, end - 1)));
        if (end < 0) end = normal.length;
        for (const id of encodeWord(normal.slice(begin, end))) {
          if (id !== unknown || id !== last) out.push(id);
          last = id;
        }
      }
    },
    piece: (id) => plainPiece(texts[id]!, kinds[id]!, true),
  };
};
