/**
 * Keeps one room socket alive: ticket, hello, resume, backoff, close codes,
 * silence. What the messages mean is the store's business.
 *
 * The rule: at most one WebSocket and one timer of each kind at any time, and
 * `stop()` ends them all. The environment (sockets, network events, chance) is
 * handed in, so tests drive it with fake ones.
 */
import {
  BACKOFF_MAX_MS,
  BACKOFF_MS,
  CLOCK_AWAY_MS,
  DRAIN_JITTER_MS,
  PROBE_MS,
  SILENCE_MS,
  STABLE_MS,
  SUBPROTOCOL,
  WELCOME_MS,
} from './constants';
import { CLOSE_DRAIN, CLOSE_RATE, CLOSE_SLOW, decode, encode, finalReason, isFinalWord } from './protocol';
import type { Bye, ClientData, ClientType, ServerMessage, Welcome } from './protocol';
import type { Gone } from './types';

/** The part of WebSocket that is used. */
export interface SocketLike {
  onopen: ((ev: Event) => void) | null;
  onmessage: ((ev: MessageEvent) => void) | null;
  onclose: ((ev: CloseEvent) => void) | null;
  onerror: ((ev: Event) => void) | null;
  send(data: string): void;
  close(code?: number, reason?: string): void;
  readonly readyState: number;
}

export interface SocketEnv {
  open(url: string, protocol: string): SocketLike;
  /** Monotonic local time of the sync clock, ms. */
  now(): number;
  random(): number;
  /** Calls back on `online`, `visible` (with the time hidden) and `network` changes. */
  watch(fn: (what: 'online' | 'visible' | 'network', awayMs: number) => void): () => void;
}

export interface SocketHooks {
  /** A URL with a fresh ticket. Errors may carry `status` and `slug`. */
  url(): Promise<string>;
  client: string;
  caps: string[];
  /** After `welcome`. `fresh`: no position was offered, so nothing follows but news. */
  welcome(w: Welcome, fresh: boolean): void;
  message(m: ServerMessage, receivedAt: number): void;
  /** The connection is gone; it will be tried again. */
  lost(): void;
  /** For good. */
  gone(g: Gone): void;
  /** The network path may have changed: measure the clock again. */
  pathChanged(): void;
}

const OPEN = 1;
const LATE_TIMER_MS = 2000;
/** We end a socket that seems dead; the private range is all a page may send. */
const CLOSE_OURS = 4900;

/** Full jitter: anywhere between 0 and min(cap, base * 2^n). */
export function backoff(attempt: number, random: () => number): number {
  return random() * Math.min(BACKOFF_MAX_MS, BACKOFF_MS * 2 ** Math.min(attempt, 10));
}

function problemOf(err: unknown): { status: number; slug: string; retryAfterMs: number } {
  const e = (typeof err === 'object' && err !== null ? err : {}) as Record<string, unknown>;
  return {
    status: typeof e.status === 'number' ? e.status : 0,
    slug: typeof e.slug === 'string' ? e.slug : '',
    retryAfterMs: typeof e.retryAfter === 'number' ? e.retryAfter * 1000 : 0,
  };
}

/** Answers to the ticket request that trying again will not change. */
const hopeless = (status: number) => [401, 403, 404, 410, 422].includes(status);

export class RoomSocket {
  #env: SocketEnv;
  #hooks: SocketHooks;
  #ws: SocketLike | null = null;
  #run = 0; // grows with every start, stop and attempt: late callbacks of older ones are ignored
  #on = false;
  #attempt = 0;
  #welcomed = false;
  #epoch = 0;
  #seq = -1;
  #bye: Bye | null = null;
  #timers = new Map<string, ReturnType<typeof setTimeout>>();
  #unwatch: (() => void) | null = null;

  constructor(env: SocketEnv, hooks: SocketHooks) {
    this.#env = env;
    this.#hooks = hooks;
  }

  /** Position of the last event seen; -1 before the first welcome. */
  get seq(): number {
    return this.#seq;
  }
  get epoch(): number {
    return this.#epoch;
  }
  get open(): boolean {
    return this.#welcomed && this.#ws?.readyState === OPEN;
  }

  start(): void {
    if (this.#on) return;
    this.#on = true;
    this.#attempt = 0;
    this.#unwatch = this.#env.watch((what, away) => this.#environment(what, away));
    void this.#connect();
  }

  stop(): void {
    this.#on = false;
    this.#run++;
    this.#unwatch?.();
    this.#unwatch = null;
    for (const t of this.#timers.values()) clearTimeout(t);
    this.#timers.clear();
    this.#drop(1000);
  }

  /** Ends the connection and makes a new one now. */
  reconnect(): void {
    if (!this.#on) return;
    this.#lose(0);
  }

  send<T extends ClientType>(type: T, data: ClientData[T]): boolean {
    if (!this.open) return false;
    this.#ws!.send(encode(type, data));
    return true;
  }

  /** The store took a snapshot: this is where events continue. */
  resumeFrom(epoch: number, seq: number): void {
    this.#epoch = epoch;
    this.#seq = seq;
  }

  #timer(name: string, ms: number | null, fn?: () => void): void {
    const old = this.#timers.get(name);
    if (old !== undefined) clearTimeout(old);
    this.#timers.delete(name);
    if (ms === null || !fn) return;
    this.#timers.set(
      name,
      setTimeout(() => {
        this.#timers.delete(name);
        fn();
      }, ms),
    );
  }

  async #connect(): Promise<void> {
    const run = ++this.#run;
    this.#timer('retry', null);
    let url: string;
    try {
      url = await this.#hooks.url();
    } catch (err) {
      if (run !== this.#run) return;
      const p = problemOf(err);
      if (hopeless(p.status)) return this.#end({ code: p.status, reason: p.slug || 'forbidden', detail: '' });
      return this.#lose(Math.max(p.retryAfterMs, backoff(this.#attempt++, this.#env.random)));
    }
    if (run !== this.#run) return;
    this.#bye = null;
    const ws = this.#env.open(url, SUBPROTOCOL);
    this.#ws = ws;
    this.#timer('welcome', WELCOME_MS, () => this.#lose(backoff(this.#attempt++, this.#env.random)));
    ws.onopen = () => {
      if (run !== this.#run) return;
      const resume = this.#seq >= 0 ? { epoch: this.#epoch, seq: this.#seq } : null;
      ws.send(encode('hello', { resume, client: this.#hooks.client, caps: this.#hooks.caps }));
    };
    ws.onmessage = (ev) => {
      // The arrival time is taken before anything else: it is t3 of the clock.
      const at = this.#env.now();
      if (run === this.#run) this.#frame(ev.data, at);
    };
    ws.onclose = (ev) => {
      if (run === this.#run) this.#closed(ev.code, ev.reason);
    };
  }

  #frame(data: unknown, at: number): void {
    this.#timer('probe', null);
    this.#timer('silence', SILENCE_MS, () => this.#silent(at));
    const m = decode(data);
    if (!m) return;
    if (!('unknown' in m) && m.type === 'welcome') return this.#welcome(m.data);
    if (!('unknown' in m) && m.type === 'bye') {
      this.#bye = m.data;
      return;
    }
    if (!('unknown' in m) && m.type === 'resync') this.resumeFrom(m.data.epoch, m.data.seq);
    else if (m.seq !== undefined) {
      if (m.seq <= this.#seq) return; // seen before the reconnect
      this.#seq = m.seq;
    }
    this.#hooks.message(m, at);
  }

  #silent(since: number): void {
    if (this.#env.now() - since < SILENCE_MS + LATE_TIMER_MS) return this.#lose(0);
    // Timers of hidden pages run once a minute: our pings were late, not the answers.
    this.#hooks.pathChanged();
    this.#timer('probe', PROBE_MS, () => this.#lose(0));
  }

  #welcome(w: Welcome): void {
    const fresh = this.#seq < 0;
    // After a resume the missed events follow with numbers up to w.seq, or a resync does.
    if (fresh) this.resumeFrom(w.epoch, w.seq);
    this.#welcomed = true;
    this.#timer('welcome', null);
    this.#timer('stable', STABLE_MS, () => (this.#attempt = 0));
    this.#hooks.welcome(w, fresh);
  }

  #closed(code: number, reasonText: string): void {
    const bye = this.#bye;
    // The close frame may be lost on the way; the bye before it says the same.
    const final = finalReason(code) ?? (bye && isFinalWord(bye.code) ? bye.code : null);
    if (final) {
      return this.#end({ code, reason: final, detail: bye?.detail || reasonText, retry_at: bye?.retry_at });
    }
    if (code === CLOSE_SLOW) this.#seq = -1;
    if (code === CLOSE_DRAIN) return this.#lose(this.#env.random() * DRAIN_JITTER_MS);
    const least = code === CLOSE_RATE ? BACKOFF_MAX_MS : 0;
    this.#lose(Math.max(least, backoff(this.#attempt++, this.#env.random)));
  }

  #end(g: Gone): void {
    this.stop();
    this.#hooks.gone(g);
  }

  #drop(code: number): void {
    const ws = this.#ws;
    this.#ws = null;
    this.#welcomed = false;
    if (!ws) return;
    ws.onopen = ws.onmessage = ws.onclose = ws.onerror = null;
    ws.close(code);
  }

  /** Gives up the present socket and tries again after a while. */
  #lose(delay: number): void {
    this.#run++;
    this.#drop(CLOSE_OURS);
    for (const name of ['welcome', 'silence', 'stable', 'probe']) this.#timer(name, null);
    this.#hooks.lost();
    this.#timer('retry', delay, () => void this.#connect());
  }

  #environment(what: 'online' | 'visible' | 'network', awayMs: number): void {
    if (this.#timers.has('retry')) {
      if (what === 'network') return;
      this.#attempt = 0;
      void this.#connect();
      return;
    }
    if (!this.open) return;
    if (what === 'visible' && awayMs <= CLOCK_AWAY_MS) return;
    this.#hooks.pathChanged();
    // The old socket may be half dead: the pings that follow must bring an answer soon.
    if (what !== 'network') this.#timer('probe', PROBE_MS, () => this.#lose(0));
  }
}

interface NetworkInfo extends EventTarget {
  type?: string;
  effectiveType?: string;
}

/** The real environment of a page. */
export function browserEnv(now: () => number): SocketEnv {
  return {
    open: (url, protocol) => new WebSocket(url, protocol),
    now,
    random: Math.random,
    watch(fn) {
      let hiddenAt = document.hidden ? now() : -1;
      const visibility = () => {
        if (document.hidden) hiddenAt = now();
        else {
          fn('visible', hiddenAt < 0 ? 0 : now() - hiddenAt);
          hiddenAt = -1;
        }
      };
      const online = () => fn('online', 0);
      const connection = (navigator as { connection?: NetworkInfo }).connection;
      // Chromium fires `change` for every new estimate of the speed: only another kind of network counts.
      const kind = () => `${connection?.type ?? ''}/${connection?.effectiveType ?? ''}`;
      let before = kind();
      const network = () => {
        if (kind() !== before) fn('network', 0);
        before = kind();
      };
      document.addEventListener('visibilitychange', visibility);
      addEventListener('online', online);
      connection?.addEventListener?.('change', network);
      return () => {
        document.removeEventListener('visibilitychange', visibility);
        removeEventListener('online', online);
        connection?.removeEventListener?.('change', network);
      };
    },
  };
}
