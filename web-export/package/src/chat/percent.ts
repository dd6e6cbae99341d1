// percent.ts — format % arguments, and the digits of numbers in fixed and exponent form.
import { repr, str } from './text';
import { Dict, type Value, fail, isDict, isInt, isNumber, isText, number } from './values';

/** Whether the exact value of x lies half way between two numbers of n decimals. */
const isTie = (x: number, n: number): boolean => n >= 0 && n < 50 && /^50*$/.test(x.toFixed(Math.min(n + 50, 100)).split('.')[1]!.slice(n)) && !(x * 2 ** 60 % 1);

/** x with n decimals (negative: zeros before the point), to nearest, ties to even. */
export function rounded(x: number, n: number): string {
  if (n < 0) {
    const unit = 10 ** -n;
    const low = Math.floor(x / unit);
    const rest = x / unit - low;
    return String((rest > 0.5 || (rest === 0.5 && low % 2) ? low + 1 : low) * unit);
  }
  if (Math.abs(x) >= 1e21) return BigInt(x) + (n ? '.' + '0'.repeat(n) : '');
  if (n > 100) return x.toFixed(100) + '0'.repeat(n - 100);
  const out = x.toFixed(n);
  const even = isTie(x, n) && +out.at(-1)! % 2 ? (x < 0 ? '-' : '') + lower(out.replace('-', '')) : out;
  return Object.is(x, -0) ? '-' + even : even;
}
/** One unit less in the last, odd place. */
const lower = (digits: string): string => digits.slice(0, -1) + (+digits.at(-1)! - 1);

/** A finite number as %e, %f or %g write it, without a sign of its own for +. */
export function digits(x: number, type: string, precision: number, alternate = false): string {
  const exponent = (p: number): string => x.toExponential(Math.min(p, 100)).replace(/e([-+])(\d)$/, 'e$10$2');
  const t = type.toLowerCase();
  if (t === 'f') return rounded(x, precision) + (alternate && !precision ? '.' : '');
  if (t === 'e') return exponent(precision);
  const p = precision || 1;
  const e = +x.toExponential(Math.min(p - 1, 100)).split('e')[1]!;
  const long = e < -4 || e >= p ? exponent(p - 1) : rounded(x, p - 1 - e);
  return alternate ? long : long.replace(/(\.\d*?)0+(?=e|$)/, '$1').replace(/\.(?=e|$)/, '');
}

/** Text of any float: digits, or inf and nan. */
export const realText = (x: number, type: string, precision: number, alternate = false): string => {
  const s = Number.isFinite(x) ? digits(x, type, precision, alternate) : x !== x ? 'nan' : x < 0 ? '-inf' : 'inf';
  return /[A-Z]/.test(type) ? s.toUpperCase() : s;
};

/** A whole number of any value that % takes as one. */
const whole = (v: Value, type: string): bigint =>
  !isNumber(v) || (type !== 'd' && !isInt(v)) ? fail(`%${type} format: a number is required`)
    : BigInt(typeof number(v) === 'number' ? Math.trunc(number(v) as number) : number(v));

export function percentFormat(format: string, args: Value): string {
  const mapping = isDict(args) || args === undefined || (Array.isArray(args) && !(args as Value).tuple);
  const rest: Value[] = (args as Value)?.tuple ? [...(args as Value[])] : [args];
  const take = (): Value => (rest.length ? rest.shift() : fail('not enough arguments for format string'));
  const out = format.replace(/%(?:\(([^)]*)\))?([-#0 +]*)(\*|\d*)(?:\.(\*|\d*))?[hlL]*([^]?)/gu,
    (_, key: string | undefined, flags: string, w: string, p: string | undefined, type: string) => {
      let width = w === '*' ? Number(take()) : +w;
      const precision = p === undefined ? undefined : p === '*' ? Number(take()) : +p;
      if (type === '%') return '%';
      const v = key === undefined ? take() : args instanceof Dict && args.has(key) ? args.get(key) : fail(`no key '${key}' to format`);
      let s = '';
      if (type === 's' || type === 'r' || type === 'a') {
        s = type === 's' ? str(v) : repr(v);
        if (precision !== undefined) s = [...s].slice(0, precision).join('');
      } else if (type === 'c') {
        s = isInt(v) ? String.fromCodePoint(Number(v)) : isText(v) && [...v].length === 1 ? String(v) : fail('%c requires int or char');
      } else if (type && 'diuxXo'.includes(type)) {
        const n = whole(v, 'xXo'.includes(type) ? type : 'd');
        s = (n < 0n ? -n : n).toString(type === 'o' ? 8 : type === 'x' || type === 'X' ? 16 : 10).padStart(precision ?? 0, '0');
        if (flags.includes('#') && 'xXo'.includes(type)) s = '0' + type.toLowerCase() + s;
        s = (n < 0n ? '-' : '') + (type === 'X' ? s.toUpperCase() : s);
      } else if (type && 'eEfFgG'.includes(type)) {
        s = realText(isNumber(v) ? Number(number(v)) : fail('must be real number'), type, precision ?? 6, flags.includes('#'));
      } else fail(`unsupported format character '${type}'`);
      const signed = type && !'srac'.includes(type);
      if (signed && s[0] !== '-') s = (flags.includes('+') ? '+' : flags.includes(' ') ? ' ' : '') + s;
      const left = flags.includes('-') || width < 0;
      width = Math.max(Math.abs(width) - [...s].length, 0);
      if (signed && flags.includes('0') && !left) return s.replace(/^[-+ ]?(?:0[xXo](?=.))?/, (head) => head + '0'.repeat(width));
      return left ? s + ' '.repeat(width) : ' '.repeat(width) + s;
    });
  if ((args as Value)?.tuple ? rest.length : rest.length && !mapping) fail('not all arguments converted during string formatting');
  return out;
}
