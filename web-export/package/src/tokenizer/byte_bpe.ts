// byte_bpe.ts — byte-level BPE: words by the pre-tokenizer's patterns, bytes as first symbols, merges.
import { Kind, type Algorithm, type Vocabulary } from './base';
import type { Strings } from '../gguf';
import { merge, readMerges } from './merge';
import { split } from './split';
import { bytesOf } from './utf8';

// GPT-2's alphabet: printable Latin-1 characters stand for themselves, the others are U+0100 and up.
const letters: string[] = [];
let standIn = 0x100;
for (let byte = 0; byte < 256; byte++)
  letters.push(String.fromCharCode((byte > 0x20 && byte < 0x7f) || (byte > 0xa0 && byte !== 0xad) ? byte : standIn++));

export interface ByteBpeOptions {
  /** The text is normalised first. */
  nfc?: boolean;
  /** A word that is a token is that token, whatever the merges say. */
  ignoreMerges?: boolean;
}

export const byteBpe = (patterns: RegExp[], options: ByteBpeOptions = {}) => ({ get, texts, kinds }: Vocabulary): Algorithm => {
  const ids = new Map<string, number>(); // of ordinary tokens, in byte letters
  texts.forEach((text, id) => kinds[id] === Kind.normal && ids.set(text, id));
  const byteOf = new Map(letters.map((letter, byte) => [letter, byte]));
  const find = readMerges(get('merges') as Strings, ids);
  const known = new Map<string, number[]>();

  const encodeWord = (word: string): number[] => {
    const bytes = bytesOf(word);
    const token = options.ignoreMerges && ids.get(bytes.map((byte) => letters[byte]).join(''));
    if (token !== undefined && token !== false) return [token];
    // A vocabulary may lack tokens for bytes; they are lost.
    return merge(bytes.map((byte) => ids.get(letters[byte]!) ?? -1), find).filter((id) => id >= 0);
  };
  return {
    encode(text, out) {
      for (const word of split(options.nfc ? text.normalize('NFC') : text, patterns)) {
        let found = known.get(word);
        if (!found) {
          found = encodeWord(word);
          if (known.size > 9999) known.clear();
          if (word.length < 32) known.set(word, found);
        }
        for (const id of found) out.push(id);
      }
    },
    piece(id) {
      const text = texts[id]!;
      const bytes = Array.from(text, (letter) => byteOf.get(letter)!);
      return kinds[id] !== Kind.normal || bytes.includes(undefined!) ? bytesOf(text) : bytes;
    },
  };
};
