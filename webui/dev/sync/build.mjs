// Builds the bench page: node dev/sync/build.mjs <out>
import { svelte } from '@sveltejs/vite-plugin-svelte';
import { fileURLToPath } from 'node:url';
import { build } from 'vite';

const at = (path) => fileURLToPath(new URL(path, import.meta.url));
await build({
  configFile: false,
  root: at('.'),
  base: '/',
  logLevel: 'warn',
  plugins: [svelte({ configFile: at('../../svelte.config.js') })],
  resolve: { alias: { $lib: at('../../src/lib'), $messages: at('../../messages') } },
  build: { outDir: process.argv[2], emptyOutDir: true, target: 'chrome111' },
});
