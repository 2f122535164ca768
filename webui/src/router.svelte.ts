import type { Component } from 'svelte';
import { tick } from 'svelte';

/**
 * The router: history mode, one lazy chunk per page, focus and title after each
 * move. Own and small, because seven routes need no library; only this file and
 * the links of pages know that it exists.
 */
export interface Params {
  id?: string;
}

type Page = Component<{ params: Params }>;
/** Pages that need no parameters declare none; all are given them. */
type Loader = () => Promise<{ default: unknown }>;

interface Route {
  pattern: RegExp;
  load: Loader;
}

const routes: Route[] = [
  { pattern: /^\/$/, load: () => import('./pages/home/Home.svelte') },
  { pattern: /^\/rooms$/, load: () => import('./pages/home/Rooms.svelte') },
  { pattern: /^\/setup$/, load: () => import('./pages/setup/Setup.svelte') },
  { pattern: /^\/login$/, load: () => import('./pages/auth/Login.svelte') },
  { pattern: /^\/r\/(?<id>[\w-]+)\/join$/, load: () => import('./pages/room/Lobby.svelte') },
  { pattern: /^\/r\/(?<id>[\w-]+)$/, load: () => import('./pages/room/RoomPage.svelte') },
];
const missing: Loader = () => import('./pages/Missing.svelte');

class Router {
  path = $state(location.pathname);
  query = $state.raw(new URLSearchParams(location.search));
  params = $state.raw<Params>({});
  page = $state.raw<Page | null>(null);
  /** A chunk that would not load: the network, or a newer build on the server. */
  failed = $state.raw<unknown>(null);
  /** Read out by a live region after each move. */
  announced = $state('');

  #turn = 0;

  start(): void {
    addEventListener('popstate', () => void this.#show(true));
    document.addEventListener('click', (event) => this.#click(event));
    void this.#show(false);
  }

  go(to: string, options: { replace?: boolean } = {}): void {
    if (options.replace) history.replaceState(null, '', to);
    else history.pushState(null, '', to);
    void this.#show(true);
  }

  retry(): void {
    void this.#show(true);
  }

  async #show(moved: boolean): Promise<void> {
    const turn = ++this.#turn;
    const path = location.pathname;
    const samePage = moved && this.page !== null && path === this.path;
    this.query = new URLSearchParams(location.search);
    if (samePage && !this.failed) return;
    const found = routes
      .map((route) => ({ route, match: route.pattern.exec(path) }))
      .find((entry) => entry.match);
    try {
      const module = await (found?.route.load ?? missing)();
      if (turn !== this.#turn) return;
      this.failed = null;
      this.path = path;
      this.params = { ...found?.match?.groups };
      this.page = module.default as Page;
    } catch (error) {
      if (turn === this.#turn) this.failed = error;
    }
    if (moved) await this.#arrive();
  }

  /** Focus goes to the heading of the new page, so that keyboard and screen reader start there. */
  async #arrive(): Promise<void> {
    await tick();
    scrollTo(0, 0);
    const heading = document.querySelector<HTMLElement>('h1') ?? document.querySelector<HTMLElement>('main');
    if (heading) {
      heading.tabIndex = -1;
      heading.focus({ preventScroll: true });
    }
    this.announced = document.title;
  }

  #click(event: MouseEvent): void {
    if (
      event.defaultPrevented ||
      event.button !== 0 ||
      event.metaKey ||
      event.ctrlKey ||
      event.shiftKey ||
      event.altKey
    ) {
      return;
    }
    const link = (event.target as Element | null)?.closest?.('a');
    if (!link || link.target || link.hasAttribute('download') || link.origin !== location.origin) return;
    if (/^\/(docs|api|openapi\.json|files|media)/.test(link.pathname)) return;
    if (link.hash && link.pathname === location.pathname) return;
    event.preventDefault();
    this.go(link.pathname + link.search + link.hash);
  }
}

export const router = new Router();
