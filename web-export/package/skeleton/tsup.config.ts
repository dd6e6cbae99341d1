// tsup.config.ts — src/index.ts and what it imports as one minified module with its types.
import { defineConfig } from 'tsup';
import { internalNames, leanShadersPlugin } from './lean-shaders.mjs';

export default defineConfig({
  entry: ['src/index.ts'],
  format: 'esm',
  target: 'es2022',
  dts: true,
  minify: true,
  clean: true,
  esbuildPlugins: [leanShadersPlugin],
  esbuildOptions(options) {
    options.mangleProps = internalNames;
  },
});
