import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkAborted, M2wError } from '../src/errors';

test('an error has a code, a message and figures', () => {
  const error = new M2wError('too-large', 'the model needs 3 GB', { needed: 3, limit: 1 });
  assert.ok(error instanceof Error);
  assert.equal(String(error), 'M2wError: the model needs 3 GB');
  assert.deepEqual({ code: error.code, ...error.details }, { code: 'too-large', needed: 3, limit: 1 });
});

test('only an aborted signal throws', () => {
  const stop = new AbortController();
  checkAborted();
  checkAborted(stop.signal);
  stop.abort();
  assert.throws(() => checkAborted(stop.signal), { code: 'aborted' });
});
