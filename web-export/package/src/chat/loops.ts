// loops.ts — the `loop` variable: position, neighbours, recursion. Looks ahead only when asked.
import { eq } from './operators';
import { type Callable, type Value, each, fail, len } from './values';

const kNames = ['index', 'index0', 'first', 'last', 'length', 'revindex', 'revindex0', 'depth', 'depth0', 'previtem', 'nextitem', 'cycle', 'changed'];

export class Loop {
  index0 = -1;
  item: Value;
  previtem: Value;
  private ahead: Value[] = [];
  private count?: number;
  private seen?: Value[];
  constructor(private source: Value, private elements: Iterator<Value>, readonly depth0: number) {}

  /** Moves to the next element, or returns false at the end. */
  next(): boolean {
    if (!this.peek()) return false;
    this.previtem = this.item;
    this.item = this.ahead.shift();
    return ++this.index0 >= 0;
  }
  private peek(): boolean {
    if (!this.ahead.length) {
      const { done, value } = this.elements.next();
      if (!done) this.ahead.push(value);
    }
    return this.ahead.length > 0;
  }
  get index(): number { return this.index0 + 1; }
  get first(): boolean { return !this.index0; }
  get last(): boolean { return !this.peek(); }
  get depth(): number { return this.depth0 + 1; }
  get nextitem(): Value { return this.peek() ? this.ahead[0] : undefined; }
  get length(): number {
    if (this.count === undefined && typeof this.source?.next !== 'function') this.count = len(this.source);
    while (this.count === undefined) {
      const { done, value } = this.elements.next();
      if (done) this.count = this.index + this.ahead.length;
      else this.ahead.push(value);
    }
    return this.count;
  }
  get revindex(): number { return this.length - this.index0; }
  get revindex0(): number { return this.length - this.index; }
  cycle: Callable = (items) => items.length ? items[this.index0 % items.length] : fail('no items for cycling given');
  changed: Callable = (items) => {
    const same = !!this.seen && eq(this.seen, items);
    this.seen = items;
    return !same;
  };
  attr(name: string): Value {
    return kNames.includes(name) ? (this as Value)[name] : undefined;
  }
  repr(): string {
    return `<LoopContext ${this.index}/${this.length}>`;
  }
}

/** {% for %} where the body reads `loop`. */
export function* loops(source: Value, depth0 = 0): Generator<Loop> {
  const loop = new Loop(source, each(source), depth0);
  while (loop.next()) yield loop;
}

/** The elements that satisfy the condition of a loop. */
export function* where(source: Value, condition: (element: Value) => boolean): Generator<Value> {
  for (const element of each(source)) if (condition(element)) yield element;
}
