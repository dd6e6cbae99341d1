// methods_string.ts — the methods of texts.
import { between, find, method } from './methods';
import { formatString } from './string_format';
import { capitalized, center, isSpace, pad, replaced, splitLines, strip, textArg } from './text';
import { type Value, fail, isInt, isText, keywords, list, truthy, tuple } from './values';

const integer = (v: Value, otherwise: number): number => (v === undefined ? otherwise : isInt(v) ? Number(v) : fail('an integer wanted'));

export const method_upper = /* @__PURE__ */ method('upper', 's', (s) => s.toUpperCase());
export const method_lower = /* @__PURE__ */ method('lower', 's', (s) => s.toLowerCase());
export const method_casefold = /* @__PURE__ */ method('casefold', 's', (s) => s.toLowerCase().replaceAll('ß', 'ss').replaceAll('ς', 'σ'));
export const method_capitalize = /* @__PURE__ */ method('capitalize', 's', (s) => capitalized(s));
export const method_title = /* @__PURE__ */ method('title', 's', (s) => s.replace(/\p{Cased}+/gu, capitalized));
export const method_swapcase = /* @__PURE__ */ method('swapcase', 's', (s) =>
  [...s].map((c: string) => (c === c.toLowerCase() ? c.toUpperCase() : c.toLowerCase())).join(''));
export const method_strip = /* @__PURE__ */ method('strip', 's', (s, chars) => strip(s, chars, 3));
export const method_lstrip = /* @__PURE__ */ method('lstrip', 's', (s, chars) => strip(s, chars, 1));
export const method_rstrip = /* @__PURE__ */ method('rstrip', 's', (s, chars) => strip(s, chars, 2));

const separator = (v: Value): string => textArg(v) || fail('empty separator');
/** The words of a text, at most `limit` cuts; the last one keeps what follows. */
function words(s: string, limit: number): string[] {
  const out: string[] = [], all = [...s];
  for (let begin = 0, end; ; begin = end) {
    while (begin < all.length && isSpace(all[begin]!)) begin++;
    if (begin === all.length) return out;
    for (end = begin; end < all.length && (!limit || !isSpace(all[end]!)); ) end++;
    limit--;
    out.push(all.slice(begin, end).join(''));
  }
}
const reversed = (s: string): string => [...s].reverse().join('');
export const method_split = /* @__PURE__ */ method('split', 's', (s: Value, sep: Value, max: Value) => {
  const limit = integer(max, -1);
  if (sep == null) return words(String(s), limit);
  const parts = s.split(separator(sep));
  return limit < 0 || parts.length <= limit ? parts : [...parts.slice(0, limit), parts.slice(limit).join(separator(sep))];
});
export const method_rsplit = /* @__PURE__ */ method('rsplit', 's', (s: Value, sep: Value, max: Value) => {
  const limit = integer(max, -1);
  if (sep == null) return words(reversed(s), limit).map(reversed).reverse();
  const parts: string[] = reversed(s).split(reversed(separator(sep)));
  const cut = limit < 0 || parts.length <= limit ? parts : [...parts.slice(0, limit), parts.slice(limit).join(reversed(separator(sep)))];
  return cut.map(reversed).reverse();
});
export const method_splitlines = /* @__PURE__ */ method('splitlines', 's', (s, keep) => splitLines(String(s), truthy(keep)));
export const method_partition = /* @__PURE__ */ method('partition', 's', (s: Value, sep: Value) => {
  const at = s.indexOf(separator(sep));
  return tuple(at < 0 ? [s, '', ''] : [s.slice(0, at), sep, s.slice(at + sep.length)]);
});
export const method_rpartition = /* @__PURE__ */ method('rpartition', 's', (s: Value, sep: Value) => {
  const at = s.lastIndexOf(separator(sep));
  return tuple(at < 0 ? ['', '', s] : [s.slice(0, at), sep, s.slice(at + sep.length)]);
});

export const method_find = /* @__PURE__ */ method('find', 's', (s, needle, start, end) => find(s, needle, start, end, false));
export const method_rfind = /* @__PURE__ */ method('rfind', 's', (s, needle, start, end) => find(s, needle, start, end, true));
export const method_rindex = /* @__PURE__ */ method('rindex', 's', (s, needle, start, end) => {
  const at = find(s, needle, start, end, true);
  return at < 0 ? fail('substring not found') : at;
});
const affix = (s: Value, affixes: Value, start: Value, end: Value, has: (part: string, affix: string) => boolean): boolean => {
  const [part] = between(s, start, end) ?? [];
  const all: Value[] = affixes?.tuple ? affixes : [affixes];
  return all.some((a) => has(part ?? '', textArg(a)) && part !== undefined);
};
export const method_startswith = /* @__PURE__ */ method('startswith', 's', (s, prefix, start, end) => affix(s, prefix, start, end, (p, a) => p.startsWith(a)));
export const method_endswith = /* @__PURE__ */ method('endswith', 's', (s, suffix, start, end) => affix(s, suffix, start, end, (p, a) => p.endsWith(a)));
export const method_removeprefix = /* @__PURE__ */ method('removeprefix', 's', (s, prefix) => (s.startsWith(textArg(prefix)) ? s.slice(prefix.length) : s));
export const method_removesuffix = /* @__PURE__ */ method('removesuffix', 's', (s, suffix) =>
  textArg(suffix) && s.endsWith(suffix) ? s.slice(0, -suffix.length) : s);

export const method_replace = /* @__PURE__ */ method('replace', 's', (s, from, to, count) => replaced(String(s), textArg(from), textArg(to), integer(count, -1)));
export const method_join = /* @__PURE__ */ method('join', 's', (s, parts) => list(parts).map(textArg).join(s));
export const method_format = /* @__PURE__ */ method('format', 's', (s, args, named) => formatString(String(s), args, named));

export const method_format_map = /* @__PURE__ */ method('format_map', 's', (s, map) =>
  formatString(String(s), [], keywords(map)));
export const method_encode = /* @__PURE__ */ method('encode', 's', () => fail('bytes are not supported'));

const fillArg = (v: Value = ' '): string => (isText(v) && [...v].length === 1 ? String(v) : fail('The fill character must be exactly one character long'));
const width = (v: Value): number => integer(v ?? null, 0);
export const method_ljust = /* @__PURE__ */ method('ljust', 's', (s, n, fill) => pad(s, width(n), fillArg(fill), '<'));
export const method_rjust = /* @__PURE__ */ method('rjust', 's', (s, n, fill) => pad(s, width(n), fillArg(fill), '>'));
export const method_center = /* @__PURE__ */ method('center', 's', (s, n, fill) => center(s, width(n), fillArg(fill)));
export const method_zfill = /* @__PURE__ */ method('zfill', 's', (s, n) => {
  const sign = /^[-+]/.exec(s)?.[0] ?? '';
  return sign + pad(s.slice(sign.length), width(n) - sign.length, '0', '>');
});
export const method_expandtabs = /* @__PURE__ */ method('expandtabs', 's', (s, n) => {
  const size = integer(n, 8);
  let column = 0;
  return [...s].map((c: string) => {
    const out = c !== '\t' ? c : size > 0 ? ' '.repeat(size - (column % size)) : '';
    column = c === '\n' || c === '\r' ? 0 : column + out.length;
    return out;
  }).join('');
});

// --- predicates

const all = (name: string, pattern: RegExp) => method(name, 's', (s) => pattern.test(s));
export const method_isalpha = /* @__PURE__ */ all('isalpha', /^\p{L}+$/u);
export const method_isalnum = /* @__PURE__ */ all('isalnum', /^[\p{L}\p{N}]+$/u);
export const method_isascii = /* @__PURE__ */ all('isascii', /^[\0-\x7f]*$/);
export const method_isdecimal = /* @__PURE__ */ all('isdecimal', /^\p{Nd}+$/u);
export const method_isdigit = /* @__PURE__ */ all('isdigit', /^[\p{Nd}²³¹⁰⁴-⁹₀-₉]+$/u);
export const method_isnumeric = /* @__PURE__ */ all('isnumeric', /^\p{N}+$/u);
export const method_isidentifier = /* @__PURE__ */ all('isidentifier', /^[\p{XIDS}_]\p{XIDC}*$/u);
export const method_isprintable = /* @__PURE__ */ all('isprintable', /^(?: |[^\p{C}\p{Z}])*$/u);
export const method_islower = /* @__PURE__ */ all('islower', /^(?=[^]*\p{Lowercase})[^\p{Uppercase}\p{Lt}]*$/u);
export const method_isupper = /* @__PURE__ */ all('isupper', /^(?=[^]*\p{Uppercase})[^\p{Lowercase}\p{Lt}]*$/u);
export const method_isspace = /* @__PURE__ */ method('isspace', 's', (s) => isSpace(s));
export const method_istitle = /* @__PURE__ */ method('istitle', 's', (s) =>
  /\p{Cased}/u.test(s) && s === s.replace(/\p{Cased}+/gu, capitalized));
