// kernel_cases.ts — the cases that web_kernel_cases writes as tests, an op each, of whoever runs
// them. M2W_KERNELS=REGEX runs some of them.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Cases, OpResult } from './kernel_runner';

type Context = { skip(why: string): void; diagnostic(text: string): void };

/** cases.json and cases.bin as they are written. */
export function writeCases(): { json: string; data: Uint8Array } {
  const folder = mkdtempSync(join(tmpdir(), 'm2w-kernels-'));
  try {
    execFileSync(join(process.env.M2W_BIN_DIR!, 'web_kernel_cases'), [folder]);
    return { json: readFileSync(join(folder, 'cases.json'), 'utf8'), data: new Uint8Array(readFileSync(join(folder, 'cases.bin'))) };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const opOf = (name: string) => name.slice(0, name.indexOf('/'));

/** A test for each op, which `run` runs by the names of its cases. */
export function testKernels(cases: Cases, run: (names: string[]) => Promise<OpResult>): void {
  test('all golden cases of n-bit codes are run', (t: Context) => {
    const folder = join(process.env.M2W_SHARED_DIR!, 'nbits');
    if (existsSync(folder)) return assert.equal(cases.golden, 40);
    assert.ok(!process.env.CI, `${folder} is missing`);
    t.skip(`${folder} is missing: NOT RUN`);
  });
  const only = process.env.M2W_KERNELS ? new RegExp(process.env.M2W_KERNELS) : /./;
  const wanted = cases.cases.map((one) => one.name).filter((name) => only.test(name));
  for (const op of new Set(wanted.map(opOf)))
    test(`${op} gives what the reference gives`, async (t: Context) => {
      const names = wanted.filter((name) => opOf(name) === op);
      const { problems, checked } = await run(names);
      assert.deepEqual(problems, [], `${problems.length} of ${checked} outputs are wrong`);
      t.diagnostic(`${checked} outputs`);
      assert.ok(checked >= names.length);
    });
}
