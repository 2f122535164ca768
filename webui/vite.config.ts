import { svelte } from '@sveltejs/vite-plugin-svelte';
import { fileURLToPath } from 'node:url';
import { defineConfig, type PluginOption } from 'vite';
import { boot } from './build/boot.ts';
import { compress } from './build/compress.ts';
import { docs } from './build/docs.ts';

const at = (path: string) => fileURLToPath(new URL(path, import.meta.url));
const server = process.env.SYNCTV_SERVER ?? 'http://127.0.0.1:8080';
const toServer = { target: server, ws: true };

export default defineConfig(async ({ mode }) => {
  const plugins: PluginOption[] = [svelte(), boot(), docs(), compress(at('./dist'))];
  if (process.env.SYNCTV_MOCK) plugins.push((await import('./dev/mock.ts')).mock());
  return {
    base: '/',
    plugins,
    resolve: {
      alias: { $lib: at('./src/lib'), $messages: at('./messages') },
      conditions: mode === 'test' ? ['browser'] : undefined,
    },
    build: {
      outDir: at('./node_modules/.dist'),
      emptyOutDir: true,
      target: ['chrome111', 'firefox128', 'safari17'],
      sourcemap: false,
      manifest: false,
      modulePreload: { polyfill: false },
      assetsInlineLimit: 0,
      chunkSizeWarningLimit: 600,
      reportCompressedSize: false,
    },
    server: process.env.SYNCTV_MOCK
      ? {}
      : {
          proxy: Object.fromEntries(
            ['/api', '/ws', '/media', '/files', '/live', '/health', '/openapi.json', '/.well-known'].map(
              (p) => [p, toServer],
            ),
          ),
        },
    test: {
      environment: 'happy-dom',
      include: ['tests/**/*.test.ts', 'src/**/*.test.ts'],
      restoreMocks: true,
    },
  };
});
