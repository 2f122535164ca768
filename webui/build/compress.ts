import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, readdirSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';
import type { Plugin } from 'vite';

const text = /\.(js|css|svg|json|webmanifest|html|txt|wasm)$/;
const rawLimit = 64 * 1024;
const smallest = 1024;

/**
 * Writes x.br and x.gz next to every text file over 1 KB and drops the raw file
 * from 64 KB on: the server sends the packed bytes as they are and unpacks for
 * the rare client that takes neither. Also writes build.txt, the hash of all of
 * it, which the server reports so that an open page notices a newer one. The
 * result replaces `final` in one step, because the Go side may embed it at any
 * moment.
 */
export function compress(final: string): Plugin {
  let out = 'dist';
  return {
    name: 'synctv-compress',
    apply: 'build',
    enforce: 'post',
    configResolved(config) {
      out = config.build.outDir;
    },
    closeBundle() {
      const files = walk(out).sort();
      const all = createHash('sha256');
      for (const file of files) {
        const data = readFileSync(file);
        all.update(relative(out, file)).update('\0').update(data);
        if (!text.test(file) || data.length <= smallest) continue;
        const params = {
          [constants.BROTLI_PARAM_QUALITY]: 11,
          [constants.BROTLI_PARAM_SIZE_HINT]: data.length,
        };
        writeFileSync(file + '.br', brotliCompressSync(data, { params }));
        writeFileSync(file + '.gz', gzipSync(data, { level: 9 }));
        if (data.length >= rawLimit && !file.endsWith('.html')) rmSync(file);
      }
      writeFileSync(join(out, 'build.txt'), all.digest('hex').slice(0, 12) + '\n');
      swap(out, final);
    },
  };
}

function walk(dir: string): string[] {
  return readdirSync(dir).flatMap((name) => {
    const path = join(dir, name);
    return statSync(path).isDirectory() ? walk(path) : [path];
  });
}

function swap(from: string, to: string): void {
  const old = `${from}.old`;
  rmSync(old, { recursive: true, force: true });
  mkdirSync(to, { recursive: true });
  renameSync(to, old);
  renameSync(from, to);
  rmSync(old, { recursive: true, force: true });
}
