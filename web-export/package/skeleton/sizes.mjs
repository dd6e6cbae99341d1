// sizes.mjs — what each module brings to the bundle: `node sizes.mjs`. Bytes minified, and with gzip -9 by itself.
import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';
import { internalNames, leanShadersPlugin } from './lean-shaders.mjs';

const settings = {
  bundle: true, minify: true, write: false, format: 'esm', target: 'es2022', plugins: [leanShadersPlugin], mangleProps: internalNames,
};
const { metafile, outputFiles } = await build({ ...settings, entryPoints: ['src/index.ts'], metafile: true, outdir: 'dist' });
const modules = Object.values(metafile.outputs).flatMap((output) => Object.entries(output.inputs))
  .map(([path, { bytesInOutput }]) => [path, bytesInOutput]).filter(([, bytes]) => bytes).sort((a, b) => b[1] - a[1]);
// A module by itself loses what it shares with others, so these add up to more than the whole.
for (const [path, bytes] of modules) {
  const { outputFiles: [alone] } = await build({ ...settings, bundle: path.endsWith('shaders.ts'), entryPoints: [path], outdir: 'dist' });
  const whole = gzipSync(alone.contents, { level: 9 }).length;
  console.log(`${path.padEnd(34)}${String(bytes).padStart(7)}${String(Math.round(whole * Math.min(1, bytes / alone.contents.length))).padStart(7)}`);
}
const sum = outputFiles.reduce((bytes, file) => bytes + gzipSync(file.contents, { level: 9 }).length, 0);
console.log(`${'all'.padEnd(34)}${String(outputFiles.reduce((bytes, file) => bytes + file.contents.length, 0)).padStart(7)}${String(sum).padStart(7)}`);
