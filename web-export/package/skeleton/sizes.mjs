// sizes.mjs — what each module brings to the bundle: `node sizes.mjs`. Bytes minified, and with gzip -9 by itself.
import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';
import { minify } from 'terser';
import { internalNames, leanShadersPlugin, terserOptions } from './lean-shaders.mjs';

const settings = {
  bundle: true, minify: true, write: false, format: 'esm', target: 'es2022', plugins: [leanShadersPlugin], mangleProps: internalNames,
};
const { metafile, outputFiles } = await build({ ...settings, entryPoints: ['src/index.ts'], metafile: true, outdir: 'dist' });
const modules = Object.values(metafile.outputs).flatMap((output) => Object.entries(output.inputs))
  .map(([path, { bytesInOutput }]) => [path, bytesInOutput]).filter(([, bytes]) => bytes).sort((a, b) => b[1] - a[1]);
const line = (name, bytes, zipped) => console.log(`${name.padEnd(34)}${String(bytes).padStart(7)}${String(zipped).padStart(7)}`);
/** What Terser leaves of it: bytes, and with gzip. */
const least = async ({ text }) => {
  const { code } = await minify(text, terserOptions);
  return [Buffer.byteLength(code), gzipSync(code, { level: 9 }).length];
};
// A module by itself loses what it shares with others, so these add up to more than the whole.
for (const [path, bytes] of modules) {
  const { outputFiles: [alone] } = await build({ ...settings, bundle: path.endsWith('shaders.ts'), entryPoints: [path], outdir: 'dist' });
  const share = Math.min(1, bytes / alone.contents.length);
  line(path, ...(await least(alone)).map((n) => Math.round(n * share)));
}
line('all', ...await least(outputFiles[0]));
