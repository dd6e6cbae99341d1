// strip.ts — special tokens that take the white space beside them. Finds none.
import type { Facts } from './base';

const space = /\p{White_Space}/u;

/** left, right: ids of the tokens that take the white space in front of them, and behind. */
export const strip = (left: number[], right: number[]): Facts['strip'] => (id, text, done, begin, end) => {
  if (left.includes(id)) while (begin > done && space.test(text[begin - 1]!)) begin--;
  if (right.includes(id)) while (space.test(text[end] ?? '')) end++;
  return [begin, end];
};
