// wordpiece.ts — BERT's WordPiece: text is cleaned and cut into words, and each word is taken apart
// from the left, the longest token first.
import { Kind, plainPiece, spaced, type Algorithm, type Vocabulary } from './base';

const CHINESE =
  /[\u4e00-\u9fff\u3400-\u4dbf\u{20000}-\u{2a6df}\u{2a700}-\u{2b73f}\u{2b740}-\u{2b81f}\u{2b920}-\u{2ceaf}\uf900-\ufaff\u{2f800}-\u{2fa1f}]/gu;
/**
 * Control, format, private and unassigned characters are left out, so blocks of Chinese characters
 * that Unicode has from 15.1 and 17 on are too, whatever the browser knows.
 */
const LEFT_OUT = /[\p{C}\ufffd\u{2ebf0}-\u{2ee5d}\u{323b0}-\u{33479}]/gu;
/** Longer words are the unknown token (max_input_chars_per_word of BERT's tokenizers). */
const MAX_CHARACTERS = 100;

export interface WordPieceOptions {
  lowercase?: boolean;
  stripAccents?: boolean;
}

/** Texts begin words with U+2581, which is a space here. */
export const wordPiece = (options: WordPieceOptions) => ({ texts, kinds, unknown }: Vocabulary): Algorithm => {
  const ids = new Map<string, number>();
  let longest = 0;
  texts.forEach((text, id) => {
    if (kinds[id] !== Kind.normal || ids.has(spaced(text))) return;
    ids.set(spaced(text), id);
    longest = Math.max(longest, text.length);
  });
  const clean = (text: string): string => {
    const alone = (char: string) => ` ${char} `;
    text = text.replace(/[\t\n\r\p{Z}]/gu, ' ').replace(LEFT_OUT, '').replace(CHINESE, alone);
    // Character by character: marks of different ones are not put in order.
    if (options.stripAccents) text = text.replace(/\P{ASCII}/gu, (char) => char.normalize('NFD')).replace(/\p{Mn}/gu, '');
    text = text.replace(/[\p{P}$+<=>^`|~]/gu, alone);
    if (!options.lowercase) return text;
    // Without what depends on neighbours or makes several characters of one.
    return text.replace(/[A-Z]|\P{ASCII}/gu, (char) => String.fromCodePoint(char.toLowerCase().codePointAt(0)!));
  };
  const takeApart = (word: string): number[] => {
    const out: number[] = [];
    for (let at = 0, end; at < word.length; at = end) {
      let id;
      for (end = Math.min(word.length, at + longest); end > at; end--)
        if ((id = ids.get(word.slice(at, end))) !== undefined) break;
      if (id === undefined) return [unknown!];
      out.push(id);
    }
    return out;
  };
  return {
    encode(text, out) {
      for (const word of clean(text).split(' '))
        if (word) out.push(...(Array.from(word).length > MAX_CHARACTERS ? [unknown!] : takeApart(' ' + word)));
    },
    piece: (id) => plainPiece(texts[id]!, kinds[id]!, true),
  };
};
