// values.ts — the values of chat templates and their access: Python's in JavaScript's clothes.
// | Python | here |
// |---|---|
// | undefined, None, bool, str | undefined, null, boolean, string |
// | int | an integral number where that is exact, else bigint |
// | float | a number with a fraction, NaN or infinite; with an integral value a Float |
// | list, tuple | array; array marked as tuple |
// | dict | Dict |
// | safe HTML | a String object |
import { M2wError } from '../errors';

// eslint-disable-next-line @typescript-eslint/no-explicit-any
export type Value = any;
export type Named = Record<string, Value>;
/** A macro, a function or a bound method as a value. */
export type Callable = (args: Value[], named: Named) => Value;

export const fail = (message: string): never => {
  throw new M2wError('chat-template', message);
};
const missing = (what: string): never => fail(`${what} of an undefined value`);

/** A float with an integral value: 1.0 beside 1. */
export class Float {
  constructor(readonly value: number) {}
}
export const float = (x: number): Value => (Number.isInteger(x) ? new Float(x) : x);

export const tuple = (items: Value[]): Value => Object.assign(items, { tuple: true });

const isList = (v: Value): boolean => Array.isArray(v) && !(v as Value).tuple;
export const isDict = (v: Value): v is Dict => v instanceof Dict;
export const isText = (v: Value): boolean => typeof v === 'string' || v instanceof String;
export const isInt = (v: Value): boolean =>
  typeof v === 'bigint' || typeof v === 'boolean' || Number.isInteger(v);
export const isNumber = (v: Value): boolean =>
  isInt(v) || typeof v === 'number' || v instanceof Float;
/** The number or bigint behind a value that isNumber. */
export const number = (v: Value): number | bigint =>
  v instanceof Float ? v.value : v === true ? 1 : v === false ? 0 : v;

/** What keys are compared by: 1, 1.0 and true are one key. */
const hash = (key: Value): Value =>
  isList(key) || isDict(key) ? fail('unhashable key')
    : Array.isArray(key) ? '\0' + key.map((k) => typeof k + String(hash(k)))
      : isText(key) ? String(key) : isNumber(key) ? number(key) : key;

/** An ordered map; iterating it gives its keys. */
export class Dict {
  private map = new Map<Value, Value>();
  constructor(entries: Iterable<Value> = []) {
    for (const [k, v] of entries) this.set(k, v);
  }
  get length(): number {
    return this.map.size;
  }
  get(key: Value): Value {
    return this.map.get(hash(key))?.[1];
  }
  has(key: Value): boolean {
    return this.map.has(hash(key));
  }
  set(key: Value, value: Value): void {
    const h = hash(key);
    this.map.set(h, tuple([this.map.has(h) ? this.map.get(h)[0] : key, value]));
  }
  delete(key: Value): void {
    this.map.delete(hash(key));
  }
  entries(): Value[] {
    return [...this.map.values()];
  }
  *[Symbol.iterator](): Iterator<Value> {
    for (const entry of this.map.values()) yield entry[0];
  }
}
export const dict = (entries: [Value, Value][]): Dict => new Dict(entries);

/** A value of JavaScript, copied: a template may change what it is given. */
export function fromJs(v: Value): Value {
  if (Array.isArray(v)) return v.map(fromJs);
  if (v === null || typeof v !== 'object' || v instanceof Float) return v;
  const entries = isDict(v) ? v.entries() : Object.entries(v);
  return new Dict(entries.filter((e) => e[1] !== undefined).map((e) => [e[0], fromJs(e[1])]));
}

// --- truth, length, iteration

export const truthy = (v: Value): boolean =>
  v instanceof Float
    ? v.value !== 0
    : v !== v || (!!v && (typeof v === 'function' || v.length !== 0));

/** a and b, a or b: the deciding operand. */
export const and = (a: Value, b: () => Value): Value => (truthy(a) ? b() : a);
export const or = (a: Value, b: () => Value): Value => (truthy(a) ? a : b());

/** Python's len(): characters of a text, not its UTF-16 units. */
export function len(v: Value): number {
  let n = 0;
  if (isText(v)) for (const _ of v as string) n++;
  else if (v !== undefined) n = (typeof v === 'object' && v?.length) ?? fail('no length');
  return typeof n === 'number' ? n : fail('no length');
}

export const isIterable = (v: Value): boolean =>
  v === undefined || !!(v as Iterable<Value>)?.[Symbol.iterator];
export const iterate = (v: Value): Iterable<Value> =>
  v === undefined ? [] : isIterable(v) ? v : fail('not iterable');

let steps = 0;
let depth = 0;
/** Starts the budgets of a rendering anew. */
export const restart = (): void => {
  steps = depth = 0;
};
/** The elements of a value, of which a rendering may visit a million: a template is untrusted code. */
export function* each(v: Value): Generator<Value> {
  for (const element of iterate(v)) {
    if (++steps > 1e6) fail('too many steps');
    yield element;
  }
}
export const list = (v: Value): Value[] => [...each(v)];
/** The elements and their indices: {% for %} where the body asks for no more of `loop`. */
export function* counted(v: Value): Generator<[number, Value]> {
  let i = 0;
  for (const element of each(v)) yield [i++, element];
}

/** Runs what may call itself, at most 100 levels deep. */
export function nested<T>(body: () => T): T {
  if (++depth > 100) fail('maximum recursion depth exceeded');
  const out = body();
  depth--;
  return out;
}

/** The n parts of a value that is assigned to n names. */
export function unpack(v: Value, n: number): Value[] {
  const parts = list(v);
  return parts.length === n ? parts : fail(`${n} values wanted to unpack, not ${parts.length}`);
}

// --- access

/** object.name */
export const attr = (object: Value, name: string): Value =>
  object === undefined
    ? missing(`attribute '${name}'`)
    : isDict(object) ? object.get(name) : object?.attr?.(name);

/** object[key] */
export function item(object: Value, key: Value): Value {
  if (object === undefined) missing('an element');
  if (isDict(object)) return isList(key) || isDict(key) ? undefined : object.get(key);
  if (isInt(key) && (isText(object) || object?.length >= 0)) {
    const elements = typeof object !== 'object' || isText(object) ? [...object] : object;
    return elements.at(Number(key));
  }
  return isText(key) ? attr(object, String(key)) : undefined;
}

/** object[start:stop:step] */
export function slice(object: Value, start: Value, stop: Value, step: Value): Value {
  if (object === undefined) missing('a slice');
  if (!isText(object) && !Array.isArray(object)) return object?.slice?.(start, stop, step) ?? fail('not subscriptable');
  const all: Value[] = [...(object as Value)];
  const out = sliceIndices(all.length, start, stop, step).map((i) => all[i]);
  return isText(object) ? out.join('') : (object as Value).tuple ? tuple(out) : out;
}

/** Python's rules for the elements that start:stop:step selects out of n. */
export function sliceIndices(n: number, start: Value, stop: Value, step: Value): number[] {
  const part = (v: Value, otherwise: number): number =>
    v == null ? otherwise : isInt(v) ? Number(number(v)) : fail('slice indices must be integers');
  const by = part(step, 1) || fail('slice step cannot be zero');
  const low = by < 0 ? -1 : 0;
  const high = by < 0 ? n - 1 : n;
  const clamp = (v: Value, otherwise: number): number => {
    const i = part(v, otherwise);
    return v == null ? i : i < 0 ? Math.max(i + n, low) : Math.min(i, high);
  };
  const last = clamp(stop, by < 0 ? low : high);
  const out: number[] = [];
  for (let i = clamp(start, by < 0 ? high : low); by < 0 ? i > last : i < last; i += by) out.push(i);
  return out;
}

// --- calls

/** f(args, named) */
export const call = (f: Value, args: Value[], named: Named = {}): Value =>
  typeof f === 'function' ? f(args, named) : fail('not callable');

/** f(**map) */
export const keywords = (map: Value): Named =>
  isDict(map) && [...map].every(isText) ? Object.fromEntries(map.entries()) : fail('keywords must be a dict with texts as keys');

/** An argument that was not given. */
export const absent = Symbol();

/**
 * A macro: the first `required` parameters have no default. Behind them the body gets, as `uses`
 * names them, the caller (c), the other keywords (k) and the other arguments (v).
 */
export function macro(name: string, params: string[], required: number, uses: string, body: (...args: Value[]) => string): Callable {
  const run: Callable = (args, named) => {
    const rest = new Map(Object.entries(named));
    const take = (key: string, otherwise: Value): Value => {
      const v = rest.has(key) ? rest.get(key) : otherwise;
      rest.delete(key);
      return v;
    };
    const given = params.map((key, i) =>
      i < args.length ? args[i] : take(key, i < required ? undefined : absent));
    if (uses.includes('c')) given.push(take('caller', undefined));
    if (uses.includes('k')) given.push(new Dict(rest));
    else if (rest.size) fail(`macro '${name}' takes no keyword argument '${[...rest.keys()][0]}'`);
    if (uses.includes('v')) given.push(tuple(args.slice(params.length)));
    else if (args.length > params.length) fail(`macro '${name}' takes not more than ${params.length} argument(s)`);
    return nested(() => body(...given));
  };
  const facts = new Map<string, Value>([['name', name || null], ['arguments', tuple(params)],
    ['caller', uses.includes('c')], ['catch_kwargs', uses.includes('k')], ['catch_varargs', uses.includes('v')]]);
  return Object.assign(run, { attr: (key: string) => facts.get(key), repr: () => `<Macro '${name}'>` });
}

/** A global function as a value. */
export const builtin = (f: (...args: Value[]) => Value): Callable => (args) => f(...args);
