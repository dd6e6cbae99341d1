// operators.ts — equality, order, membership and arithmetic as Python 3 has them.
import { percentFormat } from './percent';
import { escape, str } from './text';
import { Float, type Value, each, fail, float, isDict, isInt, isNumber, isText, number, tuple } from './values';

export function eq(a: Value, b: Value): boolean {
  if (a === b) return true;
  if (isNumber(a) && isNumber(b)) return number(a) == number(b);
  if (isText(a) && isText(b)) return String(a) === String(b);
  if (Array.isArray(a) && Array.isArray(b))
    return !(a as Value).tuple === !(b as Value).tuple && a.length === b.length && a.every((x, i) => eq(x, b[i]));
  if (isDict(a) && isDict(b))
    return a.length === b.length && a.entries().every((e) => b.has(e[0]) && eq(e[1], b.get(e[0])));
  return !!a?.equals?.(b);
}

/** -1, 0, 1, or NaN beside NaN; fails for values that have no order. */
function order(a: Value, b: Value): number {
  if (isNumber(a) && isNumber(b)) {
    const [x, y] = [number(a), number(b)];
    return x < y ? -1 : x > y ? 1 : x == y ? 0 : NaN;
  }
  if (isText(a) && isText(b)) return textOrder(String(a), String(b));
  if (Array.isArray(a) && Array.isArray(b) && !(a as Value).tuple === !(b as Value).tuple) {
    const i = a.findIndex((x, n) => n >= b.length || !eq(x, b[n]));
    return i < 0 || i >= b.length ? Math.sign(a.length - b.length) : order(a[i], b[i]);
  }
  return fail('values without an order');
}
/** By code points: UTF-16 units sort otherwise beyond U+FFFF. */
function textOrder(a: string, b: string): number {
  let i = 0;
  while (i < a.length && a[i] === b[i]) i++;
  return Math.sign((a.codePointAt(i) ?? -1) - (b.codePointAt(i) ?? -1)) || 0;
}
export const lt = (a: Value, b: Value): boolean => order(a, b) < 0;
export const le = (a: Value, b: Value): boolean => order(a, b) <= 0;
export const gt = (a: Value, b: Value): boolean => order(a, b) > 0;
export const ge = (a: Value, b: Value): boolean => order(a, b) >= 0;

/** element in container */
export function contains(container: Value, element: Value): boolean {
  if (isText(container))
    return isText(element) ? container.includes(String(element)) : fail("'in' of a text takes text");
  if (isDict(container)) return container.has(element);
  for (const x of each(container)) if (eq(x, element)) return true;
  return false;
}

// --- arithmetic

const exact = (n: bigint): Value => {
  const small = Number(n);
  if (Number.isSafeInteger(small)) return small;
  return n >> 16384n && ~n >> 16384n ? fail('integer wider than 16384 bits') : n;
};

function arithmetic(a: Value, b: Value, small: (x: number, y: number) => number, big: (x: bigint, y: bigint) => bigint): Value {
  if (!isNumber(a) || !isNumber(b)) fail('unsupported operands');
  const [x, y] = [number(a), number(b)];
  if (!isInt(a) || !isInt(b)) return float(small(Number(x), Number(y)));
  // + 0: there is no negative zero among the integers.
  const out = typeof x === 'number' && typeof y === 'number' ? small(x, y) + 0 : NaN;
  return Number.isSafeInteger(out) ? out : exact(big(BigInt(x), BigInt(y)));
}

const sequences = (a: Value, b: Value): boolean =>
  Array.isArray(a) && Array.isArray(b) && !(a as Value).tuple === !(b as Value).tuple;

export function add(a: Value, b: Value): Value {
  if (isText(a) && isText(b)) return String(a) + String(b);
  if (sequences(a, b)) return a.tuple ? tuple([...a, ...b]) : [...a, ...b];
  return arithmetic(a, b, (x, y) => x + y, (x, y) => x + y);
}
/** add() where a text may be safe HTML: what joins it is escaped. */
export const addMarkup = (a: Value, b: Value): Value =>
  isText(a) && isText(b) && (a instanceof String || b instanceof String)
    ? new String(String(escape(a)) + String(escape(b)))
    : add(a, b);
export const sub = (a: Value, b: Value): Value => arithmetic(a, b, (x, y) => x - y, (x, y) => x - y);

export function mul(a: Value, b: Value): Value {
  if (isNumber(a) && !isNumber(b)) [a, b] = [b, a];
  if (!isText(a) && !Array.isArray(a)) return arithmetic(a, b, (x, y) => x * y, (x, y) => x * y);
  if (!isInt(b)) fail("can't multiply a sequence by this");
  const n = Math.max(Number(number(b)), 0);
  if (n * a.length > 8 << 20) fail('value of more than 8388608 elements');
  if (isText(a)) return a.repeat(a.length ? n : 0);
  const out = Array.from({ length: a.length ? n : 0 }, () => a as Value[]).flat();
  return (a as Value).tuple ? tuple(out) : out;
}

const nonZero = (v: Value): Value => (isNumber(v) && number(v) == 0 ? fail('division by zero') : v);

export function div(a: Value, b: Value): Value {
  const [x, y] = isNumber(a) && isNumber(b) ? [number(a), number(nonZero(b))] : fail('unsupported operands');
  return float(Number(x) / Number(y));
}
const floorBig = (x: bigint, y: bigint): bigint => x / y - (x % y && x < 0n !== y < 0n ? 1n : 0n);
export const floordiv = (a: Value, b: Value): Value =>
  arithmetic(a, nonZero(b), (x, y) => Math.floor(x / y), floorBig);
/** The remainder has the sign of the divisor; a text is a format. */
export const mod = (a: Value, b: Value): Value =>
  arithmetic(a, nonZero(b), (x, y) => ((x % y) + (x % y && x < 0 !== y < 0 ? y : 0)), (x, y) => x - floorBig(x, y) * y);
export const modOrFormat = (a: Value, b: Value): Value => (isText(a) ? percentFormat(str(a), b) : mod(a, b));

export function pow(a: Value, b: Value): Value {
  if (isInt(b) && number(b) < 0) {
    nonZero(a);
    a = isNumber(a) ? float(Number(number(a))) : a;
  }
  return arithmetic(a, b, powFloat, (x, y) => {
    if (y * BigInt(x.toString(2).length - 1) > 16384n) fail('integer wider than 16384 bits');
    return x ** y;
  });
}
function powFloat(x: number, y: number): number {
  const out = x ** y;
  if ((out !== out && x === x && y === y) || (!Number.isFinite(out) && Number.isFinite(x) && Number.isFinite(y) && !Number.isInteger(x)))
    fail('no such power');
  return out;
}

export const neg = (v: Value): Value =>
  v instanceof Float ? float(-v.value) : isNumber(v) && !isInt(v) ? -v : sub(0, v);
export const pos = (v: Value): Value => (isNumber(v) ? (typeof v === 'boolean' ? Number(v) : v) : fail('bad operand for +'));

/** Sorted by keys, equal ones in the order they had. */
export function sortBy(items: Value[], keys: Value[], reverse: boolean): Value[] {
  const sign = reverse ? -1 : 1;
  return items.map((_, i) => i)
    .sort((i, j) => (lt(keys[i], keys[j]) ? -sign : lt(keys[j], keys[i]) ? sign : 0))
    .map((i) => items[i]);
}
