// filters.ts — filters on single values: text, numbers, defaults, HTML.
import { neg, pos } from './operators';
import { percentFormat, rounded } from './percent';
import { capitalized, center, escape, escapeHtml, isSpace, replaced, splitLines, str, strip, textArg } from './text';
import { Dict, Float, type Named, type Value, attr, each, fail, float, isDict, isInt, isNumber, isText, len, number, truthy, tuple } from './values';

export const integer = (v: Value, otherwise?: number): number =>
  v === undefined && otherwise !== undefined ? otherwise : isInt(v) ? Number(number(v)) : fail('an integer wanted');

// --- text

export const filter_string = (v: Value): Value => (isText(v) ? v : str(v));
export const filter_upper = (v: Value): string => str(v).toUpperCase();
export const filter_lower = (v: Value): string => str(v).toLowerCase();
export const filter_capitalize = (v: Value): string => capitalized(str(v));
/** Unlike str.title, words start only after blanks, hyphens and opening brackets. */
export const filter_title = (v: Value): string =>
  str(v).replace(/[^-({[<\s\x1c-\x1f\x85]+/g, capitalized);
export const filter_trim = (v: Value, chars?: Value): string => strip(str(v), chars, 3);
export const filter_center = (v: Value, width?: Value): string => center(str(v), integer(width, 80), ' ');
export const filter_replace = (v: Value, from: Value, to: Value, count?: Value): string =>
  replaced(str(v), str(from), str(to), count == null ? -1 : integer(count));
export function filter_indent(v: Value, width?: Value, first?: Value, blank?: Value): string {
  const margin = isText(width) ? String(width) : ' '.repeat(Math.max(integer(width, 4), 0));
  return splitLines(textArg(v) + '\n')
    .map((line, i) => ((i ? truthy(blank) || line : truthy(first)) ? margin : '') + line).join('\n');
}
export const filter_wordcount = (v: Value): number => str(v).match(/[\p{L}\p{N}_]+/gu)?.length ?? 0;
export function filter_truncate(v: Value, length?: Value, killWords?: Value, end: Value = '...', leeway?: Value): Value {
  const n = integer(length, 255) - len(textArg(end));
  if (n < 0) fail('truncate shorter than its end');
  if (v === undefined || len(v) <= integer(length, 255) + (leeway == null ? 5 : integer(leeway))) return v;
  const kept = [...textArg(v)].slice(0, n).join('');
  const blank = kept.lastIndexOf(' ');
  return (truthy(killWords) || blank < 0 ? kept : kept.slice(0, blank)) + end;
}
export function filter_format(v: Value, args: Value[], named: Named): string {
  const keys = Object.entries(named);
  if (args.length && keys.length) fail('positional and keyword arguments at the same time');
  return percentFormat(str(v), keys.length ? new Dict(keys) : tuple(args));
}

// --- HTML

export const filter_e = escape;
export const filter_escape = escape;
export const filter_forceescape = (v: Value): Value => new String(escapeHtml(str(v)));
export const filter_safe = (v: Value): Value => (v instanceof String ? v : new String(str(v)));
export function filter_striptags(v: Value): string {
  const cut = (s: string, open: string, close: string): string => {
    for (;;) {
      const from = s.indexOf(open);
      const to = from < 0 ? -1 : s.indexOf(close, from);
      if (to < 0) return s;
      s = s.slice(0, from) + s.slice(to + close.length);
    }
  };
  const entities: Record<string, string> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'", nbsp: '\xa0' };
  const bare = [...cut(cut(str(v), '<!--', '-->'), '<', '>')].map((c) => (isSpace(c) ? ' ' : c)).join('');
  return bare.split(/ +/).filter(Boolean).join(' ').replace(/&(\w+|#\d{1,7}|#[xX][\da-fA-F]{1,6});/g, (whole, name: string) => {
    if (name[0] !== '#') return Object.hasOwn(entities, name) ? entities[name]! : whole;
    const code = Number(name[1] === 'x' || name[1] === 'X' ? '0x' + name.slice(2) : name.slice(1));
    return String.fromCodePoint(code && code < 0x110000 && (code & 0xff800) !== 0xd800 ? code : 0xfffd);
  });
}
export function filter_urlencode(v: Value): string {
  const encode = (x: Value): string =>
    encodeURIComponent(str(x)).replace(/[!'()*]/g, (c) => '%' + c.charCodeAt(0).toString(16).toUpperCase());
  if (isText(v) || !(isDict(v) || Array.isArray(v) || typeof v?.next === 'function')) return encode(v).replaceAll('%2F', '/');
  const pairs: Value[] = isDict(v) ? v.entries() : [...each(v)];
  return pairs.map(([k, x]) => `${encode(k)}=${encode(x)}`.replaceAll('%20', '+')).join('&');
}

// --- values

/** v|attr('name'): never a key of a dict. */
export const filter_attr = (v: Value, name: Value): Value => (isDict(v) ? undefined : attr(v, textArg(name)));
export const filter_default = (v: Value, otherwise: Value = '', boolean?: Value): Value =>
  v === undefined || (truthy(boolean) && !truthy(v)) ? otherwise : v;
export const filter_d = filter_default;
export const filter_abs = (v: Value): Value => (!isNumber(v) ? fail('a number wanted') : number(v) < 0 || Object.is(number(v), -0) ? neg(v) : pos(v));

const floatOf = (s: string): number => {
  const text = strip(s, null, 3).replace(/(\d)_(?=\d)/g, '$1');
  if (/^[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?$/i.test(text)) return +text;
  const special = /^([-+]?)(?:(inf(?:inity)?)|nan)$/i.exec(text);
  return special?.[2] ? Number(special[1] + 'Infinity') : special ? NaN : (undefined as Value);
};
export function filter_float(v: Value, otherwise: Value = new Float(0)): Value {
  if (v === undefined) fail('float of an undefined value');
  if (isNumber(v)) return float(Number(number(v)));
  const parsed = isText(v) ? floatOf(String(v)) : undefined;
  return parsed === undefined ? otherwise : float(parsed);
}
const truncated = (x: number): Value => {
  const whole = Math.trunc(x) + 0;
  return Number.isSafeInteger(whole) ? whole : BigInt(whole);
};
export function filter_int(v: Value, otherwise: Value = 0, base?: Value): Value {
  if (v === undefined) fail('int of an undefined value');
  if (isInt(v)) return pos(v);
  if (isNumber(v)) {
    const x = Number(number(v));
    return x !== x ? otherwise : Number.isFinite(x) ? truncated(x) : fail('int of an infinite number');
  }
  if (!isText(v)) return otherwise;
  const parsed = intOf(String(v), integer(base, 10)) ?? floatOf(String(v));
  return typeof parsed === 'bigint' ? (Number.isSafeInteger(Number(parsed)) ? Number(parsed) : parsed)
    : Number.isFinite(parsed) ? truncated(parsed as number) : otherwise;
}
function intOf(s: string, base: number): bigint | undefined {
  const m = /^([-+]?)(0[xob])?_?([\da-z]+(?:_[\da-z]+)*)$/i.exec(strip(s, null, 3));
  if (!m) return undefined;
  const prefix = { '0x': 16, '0o': 8, '0b': 2 }[(m[2] ?? '').toLowerCase()] ?? 0;
  let digits = m[3]!.replaceAll('_', '');
  if (prefix && base && base !== prefix) digits = m[2]! + digits;
  const radix = base || prefix || (/^0+[^0]/.test(digits) ? 0 : 10);
  let out = 0n;
  for (const c of digits) {
    const d = parseInt(c, 36);
    if (!(d < radix)) return undefined;
    out = out * BigInt(radix) + BigInt(d);
  }
  return out >> 16384n ? fail('integer wider than 16384 bits') : m[1] === '-' ? -out : out;
}
/** To nearest, ties to even; or up ("ceil") or down ("floor"). */
export function filter_round(v: Value, precision?: Value, method: Value = 'common'): Value {
  const n = integer(precision, 0);
  if (!isNumber(v)) fail('a number wanted');
  if (!['common', 'ceil', 'floor'].includes(method)) fail('method must be common, ceil or floor');
  const x = Number(number(v));
  if (method === 'common') {
    if (!isInt(v)) return float(Number.isFinite(x) ? Number(rounded(x, n)) : x);
    return n >= 0 ? pos(v) : filter_int(rounded(x, n));
  }
  const scale = 10 ** n;
  return float((method === 'ceil' ? Math.ceil : Math.floor)(x * scale) / scale);
}
