// merge.ts — the merge loop of BPE, and its rules. Knows ids only, no text.
import type { Strings } from '../gguf';

/** What find() returns is rank * SHIFT + merged symbol. */
export const SHIFT = 2 ** 22;
const WORD = 2 ** 32;

/** What two neighbours merge into and how soon, lower ranks first; -1: nothing. */
export type Find = (left: number, right: number) => number;

/**
 * Applies the rules to a word's symbols, the best rank first and the leftmost first among equals,
 * until none applies. O(n log n). Changes `ids`.
 */
export function merge(ids: number[], find: Find): number[] {
  const n = ids.length;
  const next = ids.map((_, i) => i + 1);
  const previous = ids.map((_, i) => i - 1);
  const rules: number[] = [];
  const heap: number[] = []; // rank * WORD + place; where the place's rule has another rank: stale
  const update = (at: number) => {
    const rule = (rules[at] = next[at]! < n ? find(ids[at]!, ids[next[at]!]!) : -1);
    if (rule < 0) return;
    const key = Math.floor(rule / SHIFT) * WORD + at;
    let i = heap.length;
    for (let up; i && heap[(up = (i - 1) >> 1)]! > key; i = up) heap[i] = heap[up]!;
    heap[i] = key;
  };
  for (let i = 0; i < n; i++) update(i);
  while (heap.length) {
    const top = heap[0]!;
    const last = heap.pop()!;
    if (heap.length) {
      let i = 0;
      for (let child; (child = 2 * i + 1) < heap.length; i = child) {
        if (heap[child + 1]! < heap[child]!) child++;
        if (heap[child]! >= last) break;
        heap[i] = heap[child]!;
      }
      heap[i] = last;
    }
    const at = top % WORD;
    if (Math.floor(rules[at]! / SHIFT) !== Math.floor(top / WORD)) continue;
    const gone = next[at]!;
    ids[at] = rules[at]! % SHIFT;
    rules[gone] = -1;
    next[at] = next[gone]!;
    if (next[at]! < n) previous[next[at]!] = at;
    update(at);
    if (at) update(previous[at]!);
  }
  const out: number[] = [];
  for (let at = 0; at < n; at = next[at]!) out.push(ids[at]!);
  return out;
}

/** The rules of tokenizer.ggml.merges ("left right", the best first). */
export function readMerges(merges: Strings, ids: Map<string, number>): Find {
  const n = merges.length;
  const bits = 34 - Math.clz32(n); // at most half full
  const mask = 2 ** bits - 1;
  const slots = new Int32Array(2 ** bits).fill(-1); // of ranks
  const rules = new Uint32Array(3 * n); // left, right, merged
  const locate = (left: number, right: number) => {
    let at = Math.imul(Math.imul(left, 0x9e3779b1) ^ right, 0x85ebca6b) >>> (32 - bits);
    for (let rank; (rank = slots[at]!) >= 0; at = (at + 1) & mask)
      if (rules[3 * rank] === left && rules[3 * rank + 1] === right) break;
    return at;
  };
  for (let rank = 0; rank < n; rank++) {
    const [left, right] = merges.at(rank).split(' ') as [string, string];
    const pair = [ids.get(left)!, ids.get(right)!] as const;
    rules.set([...pair, ids.get(left + right)!], 3 * rank);
    slots[locate(...pair)] = rank;
  }
  return (left, right) => {
    const rank = slots[locate(left, right)]!;
    return rank < 0 ? -1 : rank * SHIFT + rules[3 * rank + 2]!;
  };
}
