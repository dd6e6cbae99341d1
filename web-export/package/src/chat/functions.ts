// functions.ts — the variables of a rendering, and the global functions of Jinja and transformers.
import { repr, str, textArg } from './text';
import { type Callable, Dict, type Named, type Value, fail, fromJs, isInt, list, number, restart, sliceIndices, tuple } from './values';

/** What render() is given beside messages and tools. */
export interface RenderOptions {
  /** Whether the answer's opening is rendered too; true when not given. */
  addGenerationPrompt?: boolean;
  bosToken?: string;
  eosToken?: string;
  documents?: readonly unknown[];
  /** Further variables, such as enable_thinking; they may override the others. */
  variables?: Readonly<Record<string, unknown>>;
  /** What strftime_now sees; the local clock when not given. */
  now?: Date;
}

let clock: Date | undefined;

/** The variables of a rendering, as transformers' apply_chat_template has them. */
export function globals(messages: readonly unknown[], tools: readonly unknown[] | null | undefined, options: RenderOptions): Named {
  restart();
  clock = options.now;
  return Object.assign(Object.create(null), {
    messages: fromJs(messages),
    tools: fromJs(tools ?? null),
    documents: fromJs(options.documents ?? null),
    add_generation_prompt: options.addGenerationPrompt ?? true,
    bos_token: options.bosToken,
    eos_token: options.eosToken,
  }, Object.fromEntries((fromJs(options.variables ?? {}) as Dict).entries()));
}

export const global_raise_exception = (message: Value): never => fail(str(message));

const kRangeItems = 100_000;
export class Range {
  readonly length: number;
  constructor(readonly start: number, readonly stop: number, readonly step: number) {
    this.length = Math.max(Math.ceil((stop - start) / step), 0);
    if (this.length > kRangeItems) fail(`range of more than ${kRangeItems} elements`);
  }
  at(i: number): Value {
    i += i < 0 ? this.length : 0;
    return i >= 0 && i < this.length ? this.start + i * this.step : undefined;
  }
  slice(start: Value, stop: Value, step: Value): Range {
    const by = step == null ? 1 : Number(step);
    const [first = 0, ...rest] = sliceIndices(this.length, start, stop, step);
    const begin = this.start + first * this.step;
    return new Range(begin, begin + (rest.length + 1) * by * this.step, by * this.step);
  }
  *[Symbol.iterator](): Iterator<Value> {
    for (let i = 0; i < this.length; i++) yield this.at(i);
  }
  attr(name: string): Value {
    return name === 'start' || name === 'stop' || name === 'step' ? this[name] : undefined;
  }
  equals(other: Value): boolean {
    return other instanceof Range && repr(list(this)) === repr(list(other));
  }
  repr(): string {
    return `range(${this.start}, ${this.stop}${this.step === 1 ? '' : ', ' + this.step})`;
  }
}
const integer = (v: Value): number => (isInt(v) ? Number(number(v)) : fail('an integer wanted'));
export const global_range = (first: Value, stop?: Value, step: Value = 1): Range =>
  new Range(stop === undefined ? 0 : integer(first), integer(stop === undefined ? first : stop), integer(step) || fail('range() arg 3 must not be zero'));

/** dict(pairs, key=value) */
export function global_dict(args: Value[], named: Named): Dict {
  if (args.length > 1) fail('dict expected at most 1 argument');
  const [more = []] = args;
  const out = new Dict(more instanceof Dict ? more.entries() : list(more).map((e) => {
    const pair = list(e);
    return pair.length === 2 ? pair : fail('a pair wanted');
  }));
  for (const [k, v] of Object.entries(named)) out.set(k, v);
  return out;
}

/** What {% set ns.name = value %} may write to. */
export class Namespace {
  constructor(private values: Dict) {}
  attr(name: string): Value {
    return name.startsWith('_') ? undefined : this.values.get(name);
  }
  set(name: string, value: Value): void {
    this.values.set(name, value);
  }
  repr(): string {
    return `<Namespace ${repr(this.values)}>`;
  }
}
export const global_namespace = (args: Value[], named: Named): Namespace => new Namespace(global_dict(args, named));
export const setAttr = (ns: Value, name: string, value: Value): void =>
  ns instanceof Namespace ? ns.set(name, value) : fail('cannot assign attribute on non-namespace object');

class Cycler {
  private pos = 0;
  constructor(private items: Value[]) {}
  attr(name: string): Value {
    const methods: Record<string, Callable> = {
      next: () => this.items[this.pos++ % this.items.length],
      reset: () => ((this.pos = 0), null),
    };
    const pos = this.pos % this.items.length;
    return name === 'current' ? this.items[pos] : name === 'pos' ? pos : name === 'items' ? tuple([...this.items])
      : Object.hasOwn(methods, name) ? methods[name] : undefined;
  }
}
export const global_cycler = (args: Value[], _named: Named): Cycler =>
  new Cycler(args.length ? args : fail('at least one item has to be provided'));

/** joiner(sep): nothing on the first call, the separator from then on. */
export function global_joiner(separator: Value = ', '): Callable {
  let used = false;
  return () => (used ? separator : ((used = true), ''));
}

/** strftime in the C locale. */
export function global_strftime_now(format: Value): string {
  const now = clock ?? new Date();
  const days = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday'];
  const months = ['January', 'February', 'March', 'April', 'May', 'June', 'July', 'August', 'September', 'October', 'November', 'December'];
  const day = days[now.getDay()]!;
  const month = months[now.getMonth()]!;
  const year = now.getFullYear();
  const two = (n: number, fill = '0'): string => String(n).padStart(2, fill);
  const yearStart = new Date(year, 0, 1);
  const yearDay = Math.round((new Date(year, now.getMonth(), now.getDate()).getTime() - yearStart.getTime()) / 864e5);
  const hour12 = now.getHours() % 12 || 12;
  const week = (weekday: number): string => two(Math.floor((yearDay + 7 - weekday) / 7));
  const put = (code: string): string => {
    switch (code) {
      case 'a': return day.slice(0, 3);
      case 'A': return day;
      case 'b': case 'h': return month.slice(0, 3);
      case 'B': return month;
      case 'c': return expand('%a %b %e %H:%M:%S %Y');
      case 'C': return two(Math.floor(year / 100));
      case 'd': return two(now.getDate());
      case 'D': case 'x': return expand('%m/%d/%y');
      case 'e': return two(now.getDate(), ' ');
      case 'f': return '000000';
      case 'F': return expand('%Y-%m-%d');
      case 'H': return two(now.getHours());
      case 'I': return two(hour12);
      case 'j': return String(yearDay + 1).padStart(3, '0');
      case 'k': return two(now.getHours(), ' ');
      case 'l': return two(hour12, ' ');
      case 'm': return two(now.getMonth() + 1);
      case 'M': return two(now.getMinutes());
      case 'n': return '\n';
      case 'p': return now.getHours() < 12 ? 'AM' : 'PM';
      case 'R': return expand('%H:%M');
      case 'S': return two(now.getSeconds());
      case 't': return '\t';
      case 'T': case 'X': return expand('%H:%M:%S');
      case 'u': return String(now.getDay() || 7);
      case 'U': return week(now.getDay());
      case 'w': return String(now.getDay());
      case 'W': return week((now.getDay() + 6) % 7);
      case 'y': return two(year % 100);
      case 'Y': return String(year);
      case 'z': case 'Z': return '';
      case '%': return '%';
      default: return '%' + code;
    }
  };
  const expand = (s: string): string => s.replace(/%-?([a-zA-Z%])/g, (whole, code: string) =>
    whole[1] === '-' ? put(code).replace(/^[0 ]+(?=.)/, '') : put(code));
  return expand(textArg(format));
}
