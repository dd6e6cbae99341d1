// activation-match.spec.ts — the package in a headless browser against the reference; writes verify.json.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import test from 'node:test';
import { inPage } from './browser';
import type { Check, Report } from './match';

/** As `m2w verify` prints it, with the mean error of each value. */
function table({ model, cache, tolerance, devices }: Report): string {
  const line = (name: string, c: Check): string =>
    `  ${name.padEnd(8)}${[c.relative_error, c.max_error, c.mean_error].map((x) => x.toExponential(2).padEnd(10)).join('')}` +
    `[${c.row}][${c.column}] is ${c.got}, expected ${c.expected}, in ${c.n_tok === 1 ? 'a token' : `${c.n_tok} tokens`} at position ${c.pos}  ${c.ok ? 'ok' : 'OFF'}`;
  return devices.map(({ device, layers, logits, tokens, expected_tokens }) => [
    `${model} on ${device}, ${cache} cache, largest relative error allowed ${tolerance}`,
    '  layer   error     largest   mean      worst element',
    ...layers.map((check) => line(check.layer, check)),
    line('logits', logits),
    `  tokens  ${tokens.filter((id, i) => id === expected_tokens[i]).length} of ${expected_tokens.length} equal`,
  ].join('\n')).join('\n');
}

test('every layer, the logits and the greedy tokens are the reference\'s', { timeout: 600_000 }, async () => {
  const report = await inPage<Report>('verify', 'f32');
  writeFileSync('verify.json', JSON.stringify(report, null, 2) + '\n');
  console.log(table(report));
  assert.ok(report.devices.every(({ ok }) => ok), 'the package does not compute what the reference computes; verify.json has the numbers');
});
