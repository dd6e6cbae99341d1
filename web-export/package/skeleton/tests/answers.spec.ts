// answers.spec.ts — the interface in a headless browser: the text is the reference's, and a lost device costs none of it.
import assert from 'node:assert/strict';
import test from 'node:test';
import { inPage } from './browser';
import type { Answers } from './answers';

test('what is generated is what the reference\'s tokens spell', { timeout: 600_000 }, async () => {
  const { ids, expectedIds, expected, whole, begun, code, rest } = await inPage<Answers>('answers');
  assert.deepEqual(ids, expectedIds);
  assert.equal(whole, expected);
  assert.equal(code, 'device-lost');
  assert.ok(begun.length > 0 && begun.length < whole.length, begun);
  assert.ok((begun + rest).startsWith(whole), begun + rest);
});
