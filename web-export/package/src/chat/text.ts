// text.ts — Python's text forms of values, and its idea of white space.
import { Dict, Float, type Value, fail, isText } from './values';

/** str(v); undefined prints as nothing. */
export const str = (v: Value): string =>
  isText(v) ? String(v) : v === undefined ? '' : repr(v);

/** Shortest digits that read back, with Python's choice of an exponent. */
export function floatText(x: number): string {
  if (!Number.isFinite(x)) return x !== x ? 'nan' : x < 0 ? '-inf' : 'inf';
  const [digits = '', exponent = ''] = x.toExponential().split('e');
  const e = Math.abs(+exponent);
  if (+exponent < -4 || +exponent >= 16) return `${digits}e${exponent[0]}${e < 10 ? '0' : ''}${e}`;
  return (Object.is(x, -0) ? '-0' : String(x)) + (Number.isInteger(x) ? '.0' : '');
}

/** A text in Python's quotes. */
export function quote(s: string): string {
  const mark = s.includes("'") && !s.includes('"') ? '"' : "'";
  const named: Record<string, string> = { '\n': '\\n', '\r': '\\r', '\t': '\\t', '\\': '\\\\', [mark]: '\\' + mark };
  let out = mark;
  for (const c of s) {
    const code = c.codePointAt(0)!;
    const hex = (sign: string, digits: number): string => '\\' + sign + code.toString(16).padStart(digits, '0');
    out += named[c] ?? (c === ' ' || !/[\p{C}\p{Z}]/u.test(c) ? c
      : code < 256 ? hex('x', 2) : code < 65536 ? hex('u', 4) : hex('U', 8));
  }
  return out + mark;
}

/** repr(v) */
export function repr(v: Value): string {
  if (v === null) return 'None';
  if (v === undefined) return 'Undefined';
  if (typeof v === 'boolean') return v ? 'True' : 'False';
  if (typeof v === 'string') return quote(v);
  if (v instanceof String) return `Markup(${quote(String(v))})`;
  if (typeof v === 'number') return Number.isInteger(v) ? String(v) : floatText(v);
  if (v instanceof Float) return floatText(v.value);
  if (Array.isArray(v)) {
    const items = v.map(repr).join(', ');
    return (v as Value).tuple ? `(${items}${v.length === 1 ? ',' : ''})` : `[${items}]`;
  }
  if (v instanceof Dict) return `{${v.entries().map((e) => repr(e[0]) + ': ' + repr(e[1])).join(', ')}}`;
  return v.repr?.() ?? (typeof v === 'bigint' ? String(v) : '<object>');
}

export const isSpace = (c: string): boolean =>
  /^[\t-\r\x1c-\x20\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]+$/.test(c);

/** s without the white space, or the characters of `chars`, at its start (1), end (2) or both (3). */
export function strip(s: string, chars: Value, sides: number): string {
  if (chars != null && !isText(chars)) fail('strip arg must be None or str');
  const drops = (c: string): boolean => (chars == null ? isSpace(c) : all.has(c));
  const all = new Set<string>(chars ?? []);
  const points = [...s];
  let begin = 0;
  let end = points.length;
  while (sides & 1 && begin < end && drops(points[begin]!)) begin++;
  while (sides & 2 && begin < end && drops(points[end - 1]!)) end--;
  return points.slice(begin, end).join('');
}

/** The lines of str.splitlines(). */
export function splitLines(s: string, keepEnds = false): string[] {
  const out: string[] = [];
  for (const m of s.matchAll(/([^\n-\r\x1c-\x1e\x85\u2028\u2029]*)(\r\n|[\n-\r\x1c-\x1e\x85\u2028\u2029]|$)/g))
    if (m[0]) out.push(keepEnds ? m[0] : m[1]!);
  return out;
}

/** Texts joined by +: nothing else joins a text. */
export const concat = (a: Value, b: Value): string =>
  isText(a) && isText(b) ? `${a}${b}` : fail("'+' joins text and text only");

/** A text argument. */
export const textArg = (v: Value): string => (isText(v) ? String(v) : fail('text expected'));

const titled = (c: string): string => {
  const [first = '', ...rest] = c.toUpperCase();
  return first + rest.join('').toLowerCase();
};
/** The first character in upper case, the others in lower case. */
export function capitalized(s: string): string {
  const [first = '', ...rest] = s;
  return titled(first) + rest.join('').toLowerCase();
}

export const escapeHtml = (s: string): string =>
  s.replace(/[&<>"']/g, (c) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&#34;' })[c] ?? '&#39;');
/** HTML-escaped text, marked as safe; what is safe already stays. */
export const escape = (v: Value): Value => (v instanceof String ? v : new String(escapeHtml(str(v))));

/** s filled up to a width: at its right (<), left (>) or on both sides (^). */
export function pad(s: string, width: number, fill: string, align: string): string {
  const missing = Math.max(width - [...s].length, 0);
  const left = align === '<' ? 0 : align === '>' ? missing : missing >> 1;
  return fill.repeat(left) + s + fill.repeat(missing - left);
}
/** str.center(): the odd blank goes left when the width is odd. */
export function center(s: string, width: number, fill: string): string {
  const missing = Math.max(width - [...s].length, 0);
  const left = (missing >> 1) + (missing & width & 1);
  return fill.repeat(left) + s + fill.repeat(missing - left);
}
/** s with at most `count` (-1: all) hits of `from` replaced. */
export function replaced(s: string, from: string, to: string, count: number): string {
  if (count < 0) return (from ? s.split(from) : ['', ...s, '']).join(to);
  const parts = from ? s.split(from) : ['', ...s, ''];
  const n = Math.min(count, parts.length - 1);
  return parts.slice(0, n).map((p) => p + to).join('') + parts.slice(n).join(from);
}
