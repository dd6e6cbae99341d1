// json.ts — JSON as Python's json.dumps writes it (ensure_ascii off) and json.loads reads it: 1
// beside 1.0, exact integers, the order of keys.
import { sortBy } from './operators';
import { floatText, textArg } from './text';
import { Dict, Float, type Value, fail, float, isDict, isInt, isText, list, truthy } from './values';

interface Style {
  quoted: (s: string) => string;
  step: string | null;  // of the margin; null is one line
  comma: string;
  colon: string;
  order?: (entries: Value[]) => Value[];
}
const style: Style = { quoted: JSON.stringify, step: null, comma: ', ', colon: ': ' };

function write(x: Value, how: Style, margin = '\n'): string {
  const inner = how.step === null ? '' : margin + how.step;
  const wrap = (open: string, parts: string[], close: string): string =>
    parts.length ? open + inner + parts.join(how.comma + inner) + (inner && margin) + close : open + close;
  if (isText(x)) return how.quoted(String(x));
  if (isDict(x)) {
    const entries = how.order ? how.order(x.entries()) : x.entries();
    const key = (k: Value): string =>
      isText(k) ? how.quoted(String(k)) : isDict(k) || Array.isArray(k) ? fail('keys must be text or numbers') : `"${write(k, how)}"`;
    return wrap('{', entries.map(([k, v]) => key(k) + how.colon + write(v, how, inner)), '}');
  }
  if (Array.isArray(x) || typeof x?.next === 'function')
    return wrap('[', list(x).map((v) => write(v, how, inner)), ']');
  if (x === null || typeof x === 'boolean' || isInt(x)) return String(x);
  const real = x instanceof Float ? x.value : typeof x === 'number' ? x : fail('not JSON serializable');
  return Number.isFinite(real) ? floatText(real) : String(real);
}

/** x|tojson */
export const filter_tojson = (v: Value): string => write(v, style);
/** x|tojson(ensure_ascii, indent, separators, sort_keys) */
export function tojsonStyled(v: Value, ascii?: Value, indent?: Value, separators?: Value, sortKeys?: Value): string {
  const how = { ...style };
  if (truthy(ascii))
    how.quoted = (s) => JSON.stringify(s).replace(/[\x7f-\uffff]/g, (c) => '\\u' + c.charCodeAt(0).toString(16).padStart(4, '0'));
  if (indent != null) {
    how.step = isText(indent) ? String(indent) : isInt(indent) ? ' '.repeat(Math.max(Number(indent), 0)) : fail('an integer wanted');
    how.comma = ',';
  }
  if (separators != null) {
    const parts = list(separators).map(textArg);
    if (parts.length !== 2) fail('separators must be a pair of texts');
    [how.comma, how.colon] = parts as [string, string];
  }
  if (truthy(sortKeys)) how.order = (entries) => sortBy(entries, entries.map((e) => e[0]), false);
  return write(v, how);
}

/** text|from_json */
export function filter_from_json(v: Value): Value {
  const s = textArg(v);
  let at = 0;
  const take = (pattern: RegExp): string | undefined => {
    pattern.lastIndex = at;
    const hit = pattern.exec(s)?.[0];
    at += hit?.length ?? 0;
    return hit;
  };
  const punctuation = (wanted: RegExp): string => {
    take(/[ \t\n\r]*/y);
    const hit = take(wanted);
    take(/[ \t\n\r]*/y);
    return hit ?? '';
  };
  const text = (): string => JSON.parse(take(/"(?:[^"\\\x00-\x1f]|\\.)*"/y) ?? fail('not JSON')) as string;
  const items = (close: RegExp, one: () => void): void => {
    if (punctuation(close)) return;
    do one(); while (punctuation(/,/y));
    if (!punctuation(close)) fail('not JSON');
  };
  const value = (depth: number): Value => {
    if (depth > 500) fail('JSON nested deeper than 500');
    const open = punctuation(/[[{](?=)/y);
    if (open === '[') {
      const out: Value[] = [];
      items(/\]/y, () => out.push(value(depth + 1)));
      return out;
    }
    if (open) {
      const out = new Dict();
      items(/\}/y, () => {
        const key = text();
        out.set(key, punctuation(/:/y) ? value(depth + 1) : fail('not JSON'));
      });
      return out;
    }
    if (s[at] === '"') return text();
    const word = take(/-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][-+]?\d+)?|true|false|null|NaN|-?Infinity/y) ?? fail('not JSON');
    if (/^-?\d+$/.test(word)) return Number.isSafeInteger(+word) ? +word + 0 : BigInt(word);
    return word === 'true' ? true : word === 'false' ? false : word === 'null' ? null : float(+word);
  };
  const out = value(0);
  punctuation(/(?=)/y);
  return at === s.length ? out : fail('not JSON');
}
