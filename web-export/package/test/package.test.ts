// package.test.ts — what `m2w export` makes of the bundled model: it type-checks, builds, and computes in headless Chromium
// what the reference computes. Everything runs as a user of the package would run it, but for `npm ci`.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { gzipSync } from 'node:zlib';

/** With gzip (Node.js's, level 9), of the bundled model and of a Gemma 3; docs/web.md has what each module takes. */
const mostBytes = 25_550, mostOfGemma = 23_850;

const model = join(process.env.M2W_PACKAGE_DIR, '../../chat/model/tiny-q8_0.gguf'), m2w = join(process.env.M2W_BIN_DIR, 'm2w');
const work = mkdtempSync(join(tmpdir(), 'm2w-package-')), folder = join(work, 'tiny');
after(() => rmSync(work, { recursive: true, force: true }));

const env = { ...process.env };
delete env.NODE_TEST_CONTEXT; // the package's tests are a run of their own

/** Fails with all that the program said. */
function run(program: string, args: readonly string[], cwd = work): string {
  try {
    return execFileSync(program, args, { cwd, env, encoding: 'utf8', stdio: 'pipe' });
  } catch (e) {
    const { stdout, stderr } = e as { stdout: string; stderr: string };
    throw new Error(`${program} ${args.join(' ')}:\n${stdout}${stderr}`);
  }
}

test('the package is printed', () => {
  run(m2w, ['export', '-m', model, '-o', folder]);
  assert.throws(() => run(m2w, ['export', '-m', model, '-o', folder]), /not empty/);
  const lock = readFileSync(join(folder, 'package-lock.json'), 'utf8');
  assert.match(lock, /"name": "tiny-q8_0-webgpu"/);
  assert.doesNotMatch(lock, /"resolved"/);
  // What `npm ci` would bring is here already.
  symlinkSync(join(process.env.M2W_PACKAGE_DIR, 'node_modules'), join(folder, 'node_modules'));
});

test('that of a Gemma 3 is small', () => {
  const other = join(work, 'gemma3');
  run(m2w, ['export', '-m', join(process.env.M2W_SHARED_DIR, 'arch/gemma3/model-f16.gguf'), '-o', other]);
  symlinkSync(join(process.env.M2W_PACKAGE_DIR, 'node_modules'), join(other, 'node_modules'));
  const [, bytes] = /^all +\d+ +(\d+)$/m.exec(run('node', ['sizes.mjs'], other))!;
  assert.ok(Number(bytes) < mostOfGemma, `${bytes} bytes`);
});

test('it builds', async () => {
  const { internalNames } = await import(pathToFileURL(join(folder, 'lean-shaders.mjs')).href);
  run('npm', ['run', 'build'], folder);
  for (const file of ['dist/index.js', 'dist/index.d.ts']) assert.ok(existsSync(join(folder, file)), file);
  const shown = readFileSync(join(folder, 'dist/index.d.ts'), 'utf8').match(/\w+/g)!;
  assert.deepEqual(shown.filter((name: string) => internalNames.test(name)), [], 'callers must not see names that the bundle has not');
});

test('it is small', async () => {
  let bytes = 0;
  for (const file of readdirSync(join(folder, 'dist')))
    if (file.endsWith('.js')) bytes += gzipSync(readFileSync(join(folder, 'dist', file)), { level: 9 }).length;
  console.log(`all of dist/*.js with gzip -9: ${bytes} bytes`);
  console.log(run('node', ['sizes.mjs'], folder));
  assert.ok(bytes < mostBytes, `${bytes} bytes`);
});

test('its own test passes, types included', () => {
  const said = run('npm', ['test'], folder);
  const report = JSON.parse(readFileSync(join(folder, 'verify.json'), 'utf8'));
  const [device] = report.devices;
  assert.ok(device.ok);
  assert.equal(device.layers.length, 9, 'what enters layer 0, and leaves each of 8');
  assert.deepEqual(device.tokens, device.expected_tokens);
  console.log(said.slice(said.indexOf(report.model)).split('\n').slice(0, 14).join('\n'));
});
