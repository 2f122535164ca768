import type { Plugin } from 'vite';

/** A small stand-in for the server, for looking at pages without one. Never part of a build. */
export function mock(): Plugin {
  return { name: 'synctv-mock', apply: 'serve' };
}
