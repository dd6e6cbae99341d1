// tsup.config.ts — src/index.ts and what it imports as one minified module with its types.
import { defineConfig } from 'tsup';
import { internalNames, leanShadersPlugin, terserOptions } from './lean-shaders.mjs';

export default defineConfig({
  entry: ['src/index.ts'],
  format: 'esm',
  target: 'es2022',
  dts: true,
  minify: 'terser',
  terserOptions,
  clean: true,
  esbuildPlugins: [leanShadersPlugin],
  esbuildOptions(options) {
    options.minify = true; // the more so as Terser finds more in what is minified
    options.mangleProps = internalNames;
  },
});
