import { site } from '$lib/api/info.svelte';

/** `<page> · <site>` for the window. */
export function windowTitle(page: string): string {
  return page ? `${page} · ${site.name}` : site.name;
}

/** Where to go after signing in: a path of this site, never another one. */
export function safeReturn(to: string | null): string {
  return to && /^\/(?![/\\])/.test(to) ? to : '/';
}
