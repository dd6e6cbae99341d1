// filters_list.ts — filters on sequences. map, select and their kin are lazy, as in Jinja.
import { add, eq, lt, sortBy } from './operators';
import { str } from './text';
import { Dict, type Value, each, fail, isDict, isInt, isText, item, len, list, slice, truthy, tuple } from './values';

const folded = (v: Value, caseSensitive: Value): Value =>
  truthy(caseSensitive) || !isText(v) ? v : String(v).toLowerCase();

/** object.a.b.0 for the path 'a.b.0'; null is no path. */
function resolve(v: Value, path: Value, otherwise: Value = null): Value {
  const parts = path == null ? [] : isText(path) ? String(path).split('.').map((p) => (/^\d+$/.test(p) ? +p : p)) : [path];
  for (const part of parts) {
    v = item(v, part);
    if (v === undefined && otherwise !== null) v = otherwise;
  }
  return v;
}

export const filter_list = (v: Value): Value[] => list(v);
export const filter_first = (v: Value): Value => {
  for (const x of each(v)) return x;
  return undefined;
};
export function filter_last(v: Value): Value {
  if (typeof v?.next === 'function') fail('not reversible');
  return list(v).at(-1);
}
export function filter_join(v: Value, separator: Value = '', attribute?: Value): Value {
  return list(v).map((x) => str(resolve(x, attribute))).join(str(separator));
}
export function filter_reverse(v: Value): Value {
  if (isText(v)) return slice(v, null, null, -1);
  const out = list(v).reverse();
  return typeof v?.next === 'function' ? out : out.values();
}
export function filter_dictsort(v: Value, caseSensitive?: Value, by: Value = 'key', reverse?: Value): Value {
  if (!isDict(v)) return fail('a dict wanted');
  const at = by === 'key' ? 0 : by === 'value' ? 1 : fail('You can only sort by either "key" or "value"');
  const entries = v.entries();
  return sortBy(entries, entries.map((e) => folded(e[at], caseSensitive)), truthy(reverse));
}
export function filter_sort(v: Value, reverse?: Value, caseSensitive?: Value, attribute?: Value): Value {
  const paths = isText(attribute) ? String(attribute).split(',') : [attribute];
  const items = list(v);
  const keys = items.map((x) => tuple(paths.map((path) => folded(resolve(x, path), caseSensitive))));
  return sortBy(items, paths.length > 1 ? keys : keys.map((k) => k[0]), truthy(reverse));
}
function extreme(v: Value, caseSensitive: Value, attribute: Value, better: (a: Value, b: Value) => boolean): Value {
  const items = list(v);
  const keys = items.map((x) => folded(resolve(x, attribute), caseSensitive));
  let best = 0;
  keys.forEach((key, i) => {
    if (i && better(key, keys[best])) best = i;
  });
  return items[best];
}
export const filter_min = (v: Value, caseSensitive?: Value, attribute?: Value): Value => extreme(v, caseSensitive, attribute, lt);
export const filter_max = (v: Value, caseSensitive?: Value, attribute?: Value): Value =>
  extreme(v, caseSensitive, attribute, (a, b) => lt(b, a));
export function filter_sum(v: Value, attribute?: Value, start: Value = 0): Value {
  if (isText(start)) fail("sum() can't sum texts");
  return list(v).reduce((total: Value, x) => add(total, resolve(x, attribute)), start);
}
export function filter_groupby(v: Value, attribute: Value, otherwise: Value = null, caseSensitive?: Value): Value {
  const key = (x: Value): Value => folded(resolve(x, attribute, otherwise), caseSensitive);
  const items = list(v);
  const groups: Value[] = [];
  for (const x of sortBy(items, items.map(key), false)) {
    const last = groups.at(-1);
    if (last && eq(key(last[1][0]), key(x))) last[1].push(x);
    else {
      const group = tuple([resolve(x, attribute, otherwise), [x]]);
      group.attr = (name: string) => (name === 'grouper' ? group[0] : name === 'list' ? group[1] : undefined);
      groups.push(group);
    }
  }
  return groups;
}

// --- lazy

export function* filter_map(v: Value, f: (x: Value, ...args: Value[]) => Value, args: Value[] = []): Generator<Value> {
  if (truthy(v)) for (const x of each(v)) yield f(x, ...args);
}
export const mapAttribute = (v: Value, path: Value, otherwise?: Value): Generator<Value> =>
  filter_map(v, (x) => resolve(x, path, otherwise));
/** select, reject, and with an attribute selectattr, rejectattr. */
export function* filter_select(v: Value, keep: boolean, attribute: Value, test: (x: Value, ...args: Value[]) => boolean = truthy, args: Value[] = []): Generator<Value> {
  if (truthy(v)) for (const x of each(v)) if (test(resolve(x, attribute), ...args) === keep) yield x;
}
export function* filter_unique(v: Value, caseSensitive?: Value, attribute?: Value): Generator<Value> {
  const seen = new Dict();
  for (const x of each(v)) {
    const key = folded(resolve(x, attribute), caseSensitive);
    if (!seen.has(key)) yield x;
    seen.set(key, null);
  }
}
const integer = (v: Value): number => (isInt(v) ? Number(v) : fail('an integer wanted'));
export function* filter_batch(v: Value, count: Value, fill: Value = null): Generator<Value> {
  let row: Value[] = [];
  for (const x of each(v)) {
    if (row.length === integer(count)) {
      yield row;
      row = [];
    }
    row.push(x);
  }
  if (!row.length) return;
  while (fill !== null && row.length < integer(count)) row.push(fill);
  yield row;
}
export function* filter_slice(v: Value, slices: Value, fill: Value = null): Generator<Value> {
  const items = list(v);
  const n = integer(slices) || fail('division by zero');
  const extra = items.length % n;
  for (let i = 0, at = 0; i < n; i++) {
    const row = items.slice(at, (at += Math.floor(items.length / n) + (i < extra ? 1 : 0)));
    if (fill !== null && i >= extra) row.push(fill);
    yield row;
  }
}
export function* filter_items(v: Value): Generator<Value> {
  if (v === undefined) return;
  if (!isDict(v)) fail('Can only get item pairs from a mapping.');
  yield* v.entries();
}
export const filter_length = len;
export const filter_count = len;
