// answers.spec.ts — what is built, in a headless browser: the text is the reference's, and a lost device costs none of it.
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import test from 'node:test';
import { inPage } from './browser';
import type { Answers } from './answers';

test('what is generated is what the reference\'s tokens spell', { timeout: 600_000 }, async () => {
  assert.ok(existsSync('dist/index.js'), 'run npm run build first');
  const { submits, tokens, ids, expectedIds, expected, whole, begun, code, rest, fetched, kept } = await inPage<Answers>('answers');
  assert.deepEqual(ids, expectedIds);
  assert.equal(whole, expected);
  assert.equal(submits, tokens, 'a submit a token, the prompt among them');
  assert.equal(code, 'device-lost');
  assert.ok(begun.length > 0 && begun.length < whole.length, begun);
  assert.equal(fetched, 0, 'weights of a restart come from the browser\'s store');
  assert.ok(kept > 0, 'and that is the private file system, which a worker writes: its text has come through the minifiers');
  assert.ok((begun + rest).startsWith(whole), begun + rest);
});
