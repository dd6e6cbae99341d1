// tsup.config.ts — src/index.ts and what it imports as one minified module with its types.
import { defineConfig } from 'tsup';
import { readFileSync } from 'node:fs';

/** WGSL without comments and indentation: no minifier looks into template strings. */
const leanShaders = {
  name: 'lean-shaders',
  setup(build: any) {
    build.onLoad({ filter: /[\\/]shaders\.ts$/ }, ({ path }: { path: string }) => ({
      contents: readFileSync(path, 'utf8').replace(/[ \t]*\/\/.*$/gm, '').replace(/\n\s*/g, '\n'),
      loader: 'ts',
    }));
  },
};

export default defineConfig({
  entry: ['src/index.ts'],
  format: 'esm',
  target: 'es2022',
  dts: true,
  minify: true,
  clean: true,
  esbuildPlugins: [leanShaders],
});
