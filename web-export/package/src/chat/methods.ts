// methods.ts — methods of lists, tuples, dicts and numbers, and how a method finds its object.
import { eq, sortBy } from './operators';
import { repr, textArg } from './text';
import { global_dict } from './functions';
import { type Callable, Dict, type Named, type Value, attr, call, fail, isDict, isInt, isNumber, isText, list, number, truthy } from './values';

type Method = ((object: Value, ...args: Value[]) => Value) & { kinds: string; of: string };

/** s text, l list, t tuple, d dict, i integer, f float. */
const kindOf = (v: Value): string =>
  isText(v) ? 's' : Array.isArray(v) ? ((v as Value).tuple ? 't' : 'l') : isDict(v) ? 'd' : isInt(v) ? 'i' : isNumber(v) ? 'f' : '-';

/** object.name(args) where objects of these kinds have the method; others may have an attribute. */
export const method = (name: string, kinds: string, body: (object: Value, ...args: Value[]) => Value): Method =>
  Object.assign(
    (object: Value, ...args: Value[]): Value =>
      kinds.includes(kindOf(object)) ? body(object, ...args) : call(attr(object, name), args),
    { kinds, of: name });

const asValue = (f: Method, object: Value): Callable =>
  Object.assign((args: Value[]) => f(object, ...args), { repr: () => `<built-in method ${f.of}>` });
/** object.name, not called: methods come before keys. */
export const bound = (object: Value, f: Method): Value =>
  f.kinds.includes(kindOf(object)) ? asValue(f, object) : attr(object, f.of);
/** object['name']: keys come before methods. */
export const keyOrBound = (object: Value, f: Method): Value =>
  isDict(object) && object.has(f.of) ? object.get(f.of) : bound(object, f);

const index = (v: Value, otherwise: number, n: number): number => {
  const i = v === undefined ? otherwise : isInt(v) ? Number(number(v)) : fail('an integer wanted');
  return i < 0 ? Math.max(i + n, 0) : i;
};

// --- dict

/** A live view of a dict: keys(), values(), items(). */
class View {
  constructor(readonly name: string, private of: Dict, private part: (entry: Value) => Value) {}
  get length(): number {
    return this.of.length;
  }
  *[Symbol.iterator](): Iterator<Value> {
    const n = this.length;
    for (const entry of this.of.entries()) {
      yield this.part(entry);
      if (n !== this.length) fail('dictionary changed size during iteration');
    }
  }
  repr(): string {
    return `dict_${this.name}(${repr([...this])})`;
  }
}
export const method_items = /* @__PURE__ */ method('items', 'd', (d) => new View('items', d, (e) => e));
export const method_keys = /* @__PURE__ */ method('keys', 'd', (d) => new View('keys', d, (e) => e[0]));
export const method_values = /* @__PURE__ */ method('values', 'd', (d) => new View('values', d, (e) => e[1]));
/** What was given, be it undefined. */
const orNone = (given: readonly Value[]): Value => (given.length ? given[0] : null);
export const method_get = /* @__PURE__ */ method('get', 'd', (d: Dict, key, ...otherwise) => (d.has(key) ? d.get(key) : orNone(otherwise)));
export const method_setdefault = /* @__PURE__ */ method('setdefault', 'd', (d: Dict, key, ...value) => {
  if (!d.has(key)) d.set(key, orNone(value));
  return d.get(key);
});
export const method_popitem = /* @__PURE__ */ method('popitem', 'd', (d: Dict) => {
  const last = d.entries().at(-1) ?? fail('popitem(): dictionary is empty');
  d.delete(last[0]);
  return last;
});
export const method_update = /* @__PURE__ */ method('update', 'd', (d: Dict, args: Value[], named: Named) => {
  for (const [k, v] of global_dict(args, named).entries()) d.set(k, v);
  return null;
});
export const method_pop = /* @__PURE__ */ method('pop', 'dl', (o: Value, key: Value, ...otherwise) => {
  if (isDict(o)) {
    const v = o.has(key) ? o.get(key) : otherwise.length ? otherwise[0] : fail('KeyError');
    o.delete(key);
    return v;
  }
  const i = key === undefined ? o.length - 1 : Number(key) + (key < 0 ? o.length : 0);
  return i in o ? o.splice(i, 1)[0] : fail('pop index out of range');
});
export const method_copy = /* @__PURE__ */ method('copy', 'dl', (o: Value) => (isDict(o) ? new Dict(o.entries()) : [...o]));
export const method_clear = /* @__PURE__ */ method('clear', 'dl', (o: Value) => {
  for (const e of isDict(o) ? o.entries() : []) (o as Dict).delete(e[0]);
  if (Array.isArray(o)) o.length = 0;
  return null;
});

// --- list

export const method_append = /* @__PURE__ */ method('append', 'l', (l: Value[], v) => (l.push(v), null));
export const method_extend = /* @__PURE__ */ method('extend', 'l', (l: Value[], more) => {
  for (const v of list(more)) l.push(v);
  return null;
});
export const method_insert = /* @__PURE__ */ method('insert', 'l', (l: Value[], i, v) => (l.splice(index(i, 0, l.length), 0, v), null));
export const method_remove = /* @__PURE__ */ method('remove', 'l', (l: Value[], v) => {
  const i = l.findIndex((x) => eq(x, v));
  return i < 0 ? fail('list.remove(x): x not in list') : (l.splice(i, 1), null);
});
export const method_reverse = /* @__PURE__ */ method('reverse', 'l', (l: Value[]) => (l.reverse(), null));
export const method_sort = /* @__PURE__ */ method('sort', 'l', (l: Value[], reverse) => (l.splice(0, l.length, ...sortBy([...l], [...l], truthy(reverse))), null));

/** The characters from start to end, and the index of the first; undefined when start lies behind. */
export function between(s: Value, start: Value, end: Value): [string, number] | undefined {
  const points = [...(s as string)];
  const n = points.length;
  const [from, to] = [index(start ?? undefined, 0, n), Math.min(index(end ?? undefined, n, n), n)];
  return from > to ? undefined : [points.slice(from, to).join(''), from];
}
/** Index of a hit in a text, -1 for none. */
export function find(s: Value, needle: Value, start: Value, end: Value, last: boolean): number {
  const wanted = textArg(needle);
  const [part, first] = between(s, start, end) ?? [];
  const at = part === undefined ? -1 : last ? part.lastIndexOf(wanted) : part.indexOf(wanted);
  return at < 0 ? -1 : first! + [...part!.slice(0, at)].length;
}
export const method_count = /* @__PURE__ */ method('count', 'slt', (o: Value, v: Value, start: Value, end: Value) => {
  if (!isText(o)) return o.filter((x: Value) => eq(x, v)).length;
  const [part] = between(o, start, end) ?? [];
  return part === undefined ? 0 : textArg(v) === '' ? [...part].length + 1 : part.split(textArg(v)).length - 1;
});
export const method_index = /* @__PURE__ */ method('index', 'slt', (o: Value, v: Value, start: Value, end: Value) => {
  let at = -1;
  if (isText(o)) at = find(o, v, start, end, false);
  else {
    const stop = index(end, o.length, o.length);
    at = o.findIndex((x: Value, i: number) => i >= index(start, 0, o.length) && i < stop && eq(x, v));
  }
  return at < 0 ? fail('not found') : at;
});

// --- numbers

export const method_bit_length = /* @__PURE__ */ method('bit_length', 'i', (n) => {
  const x = BigInt(number(n));
  return x ? (x < 0n ? -x : x).toString(2).length : 0;
});
export const method_conjugate = /* @__PURE__ */ method('conjugate', 'if', (n) => (typeof n === 'boolean' ? Number(n) : n));
export const method_is_integer = /* @__PURE__ */ method('is_integer', 'f', (x) => Number.isInteger(number(x)));
