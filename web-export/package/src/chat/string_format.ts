// string_format.ts — str.format: replacement fields, paths in them, format specifications.
import { realText } from './percent';
import { floatText, pad, repr, str } from './text';
import { type Named, type Value, attr, fail, isInt, isNumber, isText, item, number } from './values';

/** format(v, spec) */
export function formatValue(v: Value, spec: string): string {
  if (!spec) return str(v);
  if (!isNumber(v) && !isText(v)) fail('unsupported format string');
  const m = /^(?:([^])?([<>=^]))?([-+ ])?(#)?(0)?(\d+)?([,_])?(?:\.(\d+))?([bcdeEfFgGnosxX%])?$/u.exec(spec) ?? fail(`Invalid format specifier '${spec}'`);
  const [, given, aligned, sign = '-', alternate, zero, width = '0', grouping, precision, type = ''] = m;
  const fill = given ?? (zero ? '0' : ' ');
  const align = aligned ?? (zero && !isText(v) ? '=' : isText(v) || type === 'c' ? '<' : '>');
  if (isText(v)) {
    if ((type && type !== 's') || grouping || m[3] || align === '=') fail(`Invalid format specifier '${spec}' for a text`);
    return pad([...String(v)].slice(0, precision === undefined ? undefined : +precision).join(''), +width, fill, align);
  }
  const whole = isInt(v) && (!type || 'bcdoxXn'.includes(type));
  if ((whole && precision !== undefined) || (!whole && type && !'eEfFgG%n'.includes(type))) fail(`Invalid format specifier '${spec}' for a number`);
  const n = number(v);
  if (type === 'c') return pad(String.fromCodePoint(Number(n)), +width, fill, align);
  const base = type === 'b' ? 2 : type === 'o' ? 8 : type === 'x' || type === 'X' ? 16 : 10;
  let s = whole ? BigInt(n).toString(base) : real(Number(n), type, precision);
  if (type === 'X') s = s.toUpperCase();
  const negative = s[0] === '-';
  const head = (negative ? '-' : sign === '-' ? '' : sign) + (whole && alternate && base !== 10 ? '0' + type : '');
  const [, lead = '', rest = ''] = /^-?([\da-fA-F]*)([^]*)$/.exec(s)!;
  const every = base === 10 ? 3 : 4;
  const grouped = (d: string): string => (grouping ? d.replace(new RegExp(`(?!^)(?=(?:.{${every}})+$)`, 'g'), grouping) : d);
  let front = grouped(lead);
  if (align === '=' && fill === '0') {
    for (let d = lead; [...head, ...front, ...rest].length < +width;) front = grouped((d = '0' + d));
    if (front[0] === grouping) front = '0' + front;
  }
  return align === '=' ? head + pad(front + rest, +width - head.length, fill, '>') : pad(head + front + rest, +width, fill, align);
}
/** Without a type like g, but always with a fraction or an exponent. */
function real(x: number, type: string, precision: string | undefined): string {
  if (type === '%') return realText(x * 100, 'f', +(precision ?? 6)) + '%';
  if (type) return realText(x, type === 'n' ? 'g' : type, +(precision ?? 6));
  if (precision === undefined || !Number.isFinite(x)) return floatText(x);
  const s = realText(x, 'g', Math.max(+precision, 1));
  return /[.e]/.test(s) ? s : s + '.0';
}

/** format.format(*args, **named) */
export function formatString(format: string, args: Value[], named: Named, depth = 0): string {
  if (depth > 1) fail('Max string recursion exceeded');
  let next = 0;
  const first = (name: string): Value => {
    if (name === '' || /^\d+$/.test(name)) {
      const i = name === '' ? next++ : +name;
      return i < args.length ? args[i] : fail(`Replacement index ${i} out of range`);
    }
    return Object.hasOwn(named, name) ? named[name] : fail(`no key '${name}' to format`);
  };
  const field = (body: string): string => {
    const [, path = '', conversion, spec = ''] = /^((?:\[[^\]]*\]|[^:!])*)(?:!(.))?(?::([^]*))?$/.exec(body) ?? fail(`bad field '${body}'`);
    const [, name = '', rest = ''] = /^([^.[]*)([^]*)$/.exec(path)!;
    let v = first(name);
    if (rest.replace(/\.([^.[]+)|\[([^\]]+)\]/g, (_, a: string | undefined, k: string) => {
      v = a !== undefined ? attr(v, a) : item(v, /^\d+$/.test(k) ? +k : k);
      return '';
    })) fail(`bad field '${body}'`);
    if (conversion) v = conversion === 's' ? str(v) : conversion === 'r' || conversion === 'a' ? repr(v) : fail(`Unknown conversion '${conversion}'`);
    return formatValue(v, spec.replace(/\{([^{}]*)\}/g, (_, inner: string) => (depth ? fail('Max string recursion exceeded') : field2(inner))));
  };
  const field2 = (body: string): string => {
    depth++;
    const out = field(body);
    depth--;
    return out;
  };
  return format.replace(/\{\{|\}\}|\{((?:[^{}]|\{[^{}]*\})*)\}|[{}]/g, (hit, body: string | undefined) =>
    hit === '{{' ? '{' : hit === '}}' ? '}' : body === undefined ? fail(`Single '${hit}' in format string`) : field(body));
}
