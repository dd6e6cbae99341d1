// run.mjs — bundles tests written in TypeScript and runs them under node:test. Knows no test.
//   node run.mjs FILE...    paths as given, or names of this folder; none: all *.test.ts of it
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));
const root = dirname(here);
const out = join(root, 'dist-test');

if (!existsSync(join(root, 'node_modules', 'esbuild'))) {
  console.error(`SKIPPED: no ${root}/node_modules; run "npm ci" there first`);
  process.exit(process.env.CI ? 1 : 77);
}
const { build } = await import('esbuild');

const names = process.argv.slice(2);
const files = (names.length ? names : readdirSync(here).filter((f) => f.endsWith('.test.ts')))
  .map((name) => (existsSync(name) ? resolve(name) : join(here, name)));
await build({
  entryPoints: files,
  outdir: out,
  outExtension: { '.js': '.mjs' },
  entryNames: '[name]',
  bundle: true,
  platform: 'node',
  format: 'esm',
  target: 'node18',
  sourcemap: 'inline',
  logLevel: 'warning',
  external: ['webgpu', 'playwright-core', 'esbuild', 'typescript'],
});
const bundles = files.map((file) => join(out, basename(file).replace(/\.ts$/, '.mjs')));
const done = spawnSync(process.execPath, ['--enable-source-maps', '--test', ...bundles], {
  cwd: root,
  stdio: 'inherit',
  // Where a test finds golden data and this package: it runs from dist-test.
  env: {
    M2W_SHARED_DIR: resolve(root, '../../../shared'),
    M2W_BIN_DIR: resolve(root, '../../build/bin'),
    M2W_PACKAGE_DIR: root,
    ...process.env,
  },
});
process.exit(done.status ?? 1);
