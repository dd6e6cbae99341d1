// run.mjs — bundles the specs of this folder and runs them under node:test. `node tests/run.mjs NAME` runs those with NAME in theirs.
import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const here = dirname(fileURLToPath(import.meta.url));
const root = dirname(here);
const specs = readdirSync(here).filter((file) => file.endsWith('.spec.ts') && file.includes(process.argv[2] ?? ''));
await build({
  entryPoints: specs.map((file) => join(here, file)), outdir: join(root, 'dist-test'), outExtension: { '.js': '.mjs' },
  bundle: true, platform: 'node', format: 'esm', target: 'node18', external: ['playwright-core', 'esbuild'],
});
const bundles = specs.map((file) => join(root, 'dist-test', file.replace(/\.ts$/, '.mjs')));
process.exit(spawnSync(process.execPath, ['--test', ...bundles], { cwd: root, stdio: 'inherit' }).status ?? 1);
