import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { transformWithOxc, type Plugin } from 'vite';

/**
 * Puts the blocking theme and language script into index.html as an asset with
 * a content hash: the page policy allows no inline script, and a module would
 * run after the first paint.
 */
export function boot(): Plugin {
  const source = fileURLToPath(new URL('../src/boot.js', import.meta.url));
  let name = '/src/boot.js';
  let building = false;
  return {
    name: 'synctv-boot',
    configResolved(config) {
      building = config.command === 'build';
    },
    async buildStart() {
      if (!building) return;
      const raw = readFileSync(source, 'utf8').replace(/^\s*\/\/.*$/gm, '');
      const code = (await transformWithOxc(raw, 'boot.js', { target: 'es2020' })).code
        .replace(/\s*\n\s*/g, ' ')
        .trim();
      const hash = createHash('sha256').update(code).digest('base64url').slice(0, 8);
      name = `/assets/boot-${hash}.js`;
      this.emitFile({ type: 'asset', fileName: name.slice(1), source: code + '\n' });
    },
    transformIndexHtml(html) {
      return html.replace('<!--boot-->', `<script src="${name}"></script>`);
    },
  };
}
