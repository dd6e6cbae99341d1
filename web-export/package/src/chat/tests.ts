// tests.ts — the tests behind `is`.
import { contains, eq, ge, gt, le, lt, mod } from './operators';
import { str } from './text';
import { Float, type Value, isDict, isInt, isIterable, isNumber, isText } from './values';

type Test = (v: Value) => boolean;
type Test2 = (v: Value, other: Value) => boolean;

export const test_eq: Test2 = eq;
export const test_ne: Test2 = (v, other) => !eq(v, other);
export const test_lt: Test2 = lt;
export const test_le: Test2 = le;
export const test_gt: Test2 = gt;
export const test_ge: Test2 = ge;
export const test_boolean: Test = (v) => typeof v === 'boolean';
export const test_true: Test = (v) => v === true;
export const test_false: Test = (v) => v === false;
export const test_none: Test = (v) => v === null;
export const test_defined: Test = (v) => v !== undefined;
export const test_undefined: Test = (v) => v === undefined;
export const test_callable: Test = (v) => v === undefined || typeof v === 'function';
export const test_divisibleby: Test2 = (v, by) => eq(mod(v, by), 0);
export const test_even: Test = (v) => eq(mod(v, 2), 0);
export const test_odd: Test = (v) => eq(mod(v, 2), 1);
export const test_escaped: Test = (v) => v instanceof String;
export const test_float: Test = (v) => isNumber(v) && !isInt(v);
export const test_integer: Test = (v) => isInt(v) && typeof v !== 'boolean';
export const test_number: Test = isNumber;
export const test_string: Test = isText;
export const test_mapping: Test = isDict;
export const test_iterable: Test = isIterable;
export const test_in: Test2 = (v, container) => contains(container, v);
export const test_sequence: Test = (v) =>
  v === undefined || isText(v) || Array.isArray(v) || isDict(v) || typeof v?.at === 'function';
const kind = (v: Value): string => (v instanceof Float || (typeof v === 'number' && !isInt(v)) ? 'float' : typeof v);
export const test_sameas: Test2 = (v, other) =>
  v !== undefined && (v === other || (kind(v) === kind(other) && (isNumber(v) || isText(v)) && eq(v, other)));
/** All cased characters of the text are lower, and there is one. */
export const test_lower: Test = (v) => /\p{Lowercase}/u.test(str(v)) && !/\p{Uppercase}|\p{Lt}/u.test(str(v));
export const test_upper: Test = (v) => /\p{Uppercase}/u.test(str(v)) && !/\p{Lowercase}|\p{Lt}/u.test(str(v));
