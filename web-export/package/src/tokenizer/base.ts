// base.ts — what all tokenizers do: special tokens, guarded text, decoding. The text between
// special tokens goes to the model's algorithm.
import type { Metadata, Strings } from '../gguf';
import { bytesOf } from './utf8';

export type { Metadata };

/** GGUF's token types. 0 and 1 are normal. */
export const enum Kind { normal = 1, unknown, control, user, unused, byte }

/** What the exporter read and checked. Ids, and what is left out is not so. */
export interface Facts {
  bos?: number;
  eos?: number;
  eot?: number;
  sep?: number;
  unknown?: number;
  addBos?: boolean;
  addEos?: boolean;
  /** The algorithm puts a space in front of every text. */
  spacePrefix?: boolean;
  ends: number[];
  /** Of tokens that take the white space beside them: the bounds of one, spread. */
  strip?: (id: number, text: string, done: number, begin: number, end: number) => [begin: number, end: number];
}

export interface Vocabulary {
  /** An entry tokenizer.ggml.NAME. */
  get(name: string): unknown;
  texts: string[];
  kinds: ArrayLike<Kind>;
  unknown: number | undefined;
}

export interface Algorithm {
  /** Appends the ids of a text that holds no special token. */
  encode(text: string, ids: number[]): void;
  /** The bytes of a token. */
  piece(id: number): number[];
  /** As what a user-defined token is found in a text, where that is not its own text. */
  written?(text: string): string;
}

export interface EncodeOptions {
  /** Begin and end tokens, where the file asks for them. Default: true. */
  addSpecial?: boolean;
  /** Texts of control tokens become those tokens. Default: false. */
  parseSpecial?: boolean;
}

/** Text token by token. */
export interface StreamDecoder {
  /** The text that this token completes: never half a character. */
  push(id: number): string;
  /** The end: an unfinished character becomes U+FFFD. */
  flush(): string;
}

/** Special tokens by their characters (UTF-16). */
class Trie extends Map<number, Trie> {
  id?: number;
}

// A noncharacter. One alone in guarded text is a mark, two stand for one of the text's own.
const MARK = '\ufdd0';
// What templates trim: Unicode's white space, and Python's str.strip() takes four separators more.
const trimmed = /[\p{White_Space}\x1c-\x1f]/u;

export class BaseTokenizer {
  readonly size: number;
  private readonly kinds: ArrayLike<Kind>;
  private readonly algorithm: Algorithm;
  private readonly control: string[] = [];
  private readonly special = new Trie();

  constructor(metadata: Metadata, make: (vocabulary: Vocabulary) => Algorithm, readonly facts: Facts) {
    const get = (name: string) => metadata.get('tokenizer.ggml.' + name);
    const tokens = get('tokens') as Strings;
    const texts = Array.from({ length: tokens.length }, (_, id) => tokens.at(id));
    const types = get('token_type') as ArrayLike<number> | undefined;
    const kinds = (this.kinds = Uint8Array.from(texts, (_, id) => types?.[id] || Kind.normal));
    this.size = texts.length;
    this.algorithm = make({ get, texts, kinds, unknown: facts.unknown });
    texts.forEach((text, id) => {
      const kind = kinds[id]!;
      if (this.isHidden(id)) this.control.push(text);
      else if (kind !== Kind.user) return;
      else if (this.algorithm.written) {
        const written = this.algorithm.written(text);
        if (written !== text && texts.includes(written)) return;
        text = written;
      }
      let node = this.special;
      for (let i = 0; i < text.length; i++) {
        const code = text.charCodeAt(i);
        if (!node.has(code)) node.set(code, new Trie());
        node = node.get(code)!;
      }
      node.id = id;
    });
  }

  /**
   * Ids of a text. User-defined tokens are always found in it. Lone surrogates are U+FFFD, but for
   * U+DC80 to U+DCFF: these stand for bytes that are not valid UTF-8 (textOf() in utf8.ts).
   */
  encode(text: string, options: EncodeOptions = {}): number[] {
    return this.encodeParts(text, options.addSpecial ?? true, options.parseSpecial ?? false, []);
  }

  /**
   * Prepares a text of the user for a prompt: no control token will be made, wholly or in part, of
   * it. Templates may trim the result and join it to others, but not cut inside of it.
   */
  guard(text: string): string {
    const spots = new Set<number>();
    let begin = 0;
    let end = text.length;
    while (trimmed.test(text[begin] ?? '')) begin++;
    while (trimmed.test(text[end - 1] ?? '')) end--;
    for (let at = 0; at < text.length; at++)
      if (this.match(text, at, (id) => this.isHidden(id))) spots.add(at);
    for (const token of this.control)
      for (const from of [0, begin])
        for (const to of [text.length, end]) {
          if (from < to && to - from <= token.length && token.includes(text.slice(from, to))) spots.add(from);
          for (let i = 0; i < token.length; i++) {
            if (token[i] === text[from] && text.startsWith(token.slice(i), from)) spots.add(from);
            if (token[i] === text[to - 1] && text.endsWith(token.slice(0, i + 1), to)) spots.add(to - i - 1);
          }
        }
    let out = '';
    let at = 0;
    for (const char of text) {
      out += char === MARK ? MARK + MARK : char;
      if (spots.has(at)) out += MARK;
      at += char.length;
    }
    return out;
  }

  /** Ids of a rendered prompt: its control tokens count, except where guard() marked the text. */
  encodeGuarded(rendered: string, addSpecial = false): number[] {
    const breaks: number[] = [];
    let removed = 0;
    const text = rendered.replace(/\ufdd0+/g, (marks, at: number) => {
      const own = marks.length >> 1;
      if (marks.length % 2) breaks.push(at - removed);
      removed += marks.length - own;
      return MARK.repeat(own);
    });
    return this.encodeParts(text, addSpecial, true, breaks);
  }

  /** The bytes of a token; special tokens as their text. */
  piece(id: number): number[] {
    return this.algorithm.piece(id);
  }

  /** The text of ids. special: control tokens as their text, instead of as nothing. */
  decode(ids: Iterable<number>, special = false): string {
    const decoder = this.decoder(special);
    let text = '';
    for (const id of ids) text += decoder.push(id);
    return text + decoder.flush();
  }

  decoder(special = false): StreamDecoder {
    const utf8 = new TextDecoder('utf-8', { ignoreBOM: true });
    return {
      push: (id) =>
        special || !this.isHidden(id) ? utf8.decode(Uint8Array.from(this.piece(id)), { stream: true }) : '',
      flush: () => utf8.decode(),
    };
  }

  /** Whether a generation ends with this token. */
  isEnd(id: number): boolean {
    return this.facts.ends.includes(id);
  }

  /** Whether it is a control token or the unknown one. */
  isHidden(id: number): boolean {
    return this.kinds[id] === Kind.control || this.kinds[id] === Kind.unknown;
  }

  /** The longest special token at a place that may stand there, and its end. */
  private match(text: string, at: number, allowed: (id: number, end: number) => boolean) {
    let found: [id: number, end: number] | undefined;
    let node: Trie | undefined = this.special;
    while ((node = node.get(text.charCodeAt(at++))))
      if (node.id !== undefined && allowed(node.id, at)) found = [node.id, at];
    return found;
  }

  private encodeParts(source: string, addSpecial: boolean, control: boolean, breaks: number[]): number[] {
    const { bos, eos, sep, addBos, addEos, strip } = this.facts;
    const text = source.replace(/[\u{d800}-\u{dc7f}\u{dd00}-\u{dfff}]/gu, '\ufffd');
    const ids = addSpecial && addBos ? [bos!] : [];
    let done = 0;
    let nextBreak = 0;
    for (let at = 0; at < text.length; at++) {
      while (breaks[nextBreak]! <= at) nextBreak++;
      // No control token may reach to or over a break.
      const found = this.match(text, at, (id, end) => !this.isHidden(id) || (control && !(breaks[nextBreak]! <= end)));
      if (!found) continue;
      const [id, matched] = found;
      const [begin, end] = strip ? strip(id, text, done, at, matched) : [at, matched];
      this.algorithm.encode(text.slice(done, begin), ids);
      ids.push(id);
      done = end;
      at = end - 1;
    }
    this.algorithm.encode(text.slice(done), ids);
    if (addSpecial && addEos) ids.push(eos!);
    if (addSpecial && sep !== undefined) ids.push(sep);
    return ids;
  }
}

/** The bytes of a token as files write it that spell no letters for bytes. */
export function plainPiece(text: string, kind: Kind, marks: boolean): number[] {
  if (kind === Kind.byte) return [parseInt(text.slice(3), 16)];
  return bytesOf(marks && (kind === Kind.normal || kind === Kind.unused) ? spaced(text) : text);
}

/** A run of spaces, which is found where a text writes it with U+2581. */
export const runOfMarks = (text: string): string => (/^ *$/.test(text) ? '\u2581'.repeat(text.length) : text);

/** With a space for each U+2581. */
export const spaced = (text: string): string => text.replaceAll('\u2581', ' ');
