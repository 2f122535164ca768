/** A WebSocket and network without either: test helper of the realtime part; ships with nothing. */
import type { SocketEnv, SocketLike } from './socket';

export class FakeSocket implements SocketLike {
  onopen: SocketLike['onopen'] = null;
  onmessage: SocketLike['onmessage'] = null;
  onclose: SocketLike['onclose'] = null;
  onerror: SocketLike['onerror'] = null;
  readyState = 0;
  sent: { type: string; data: Record<string, unknown> }[] = [];
  closedWith: number | null = null;

  constructor(
    readonly url: string,
    readonly protocol: string,
  ) {}

  send(text: string): void {
    this.sent.push(JSON.parse(text) as FakeSocket['sent'][number]);
  }
  close(code?: number): void {
    this.readyState = 3;
    this.closedWith = code ?? 1000;
  }

  accept(): void {
    this.readyState = 1;
    this.onopen?.(new Event('open'));
  }
  push(type: string, data: unknown, seq?: number): void {
    this.raw(JSON.stringify({ type, data, ...(seq === undefined ? {} : { seq, at: 1 }) }));
  }
  raw(text: string): void {
    this.onmessage?.(new MessageEvent('message', { data: text }));
  }
  /** The other side closes. */
  drop(code: number, reason = ''): void {
    this.readyState = 3;
    this.onclose?.({ code, reason } as CloseEvent);
  }
  of(type: string): Record<string, unknown>[] {
    return this.sent.filter((m) => m.type === type).map((m) => m.data);
  }
}

export class FakeNetwork implements SocketEnv {
  sockets: FakeSocket[] = [];
  chance = 0.5;
  #watchers = new Set<Parameters<SocketEnv['watch']>[0]>();

  /** Follows fake timers, which move performance.now. */
  now = (): number => performance.now();
  random = (): number => this.chance;

  open(url: string, protocol: string): FakeSocket {
    const s = new FakeSocket(url, protocol);
    this.sockets.push(s);
    return s;
  }
  watch(fn: Parameters<SocketEnv['watch']>[0]): () => void {
    this.#watchers.add(fn);
    return () => this.#watchers.delete(fn);
  }
  get watched(): number {
    return this.#watchers.size;
  }
  happens(what: 'online' | 'visible' | 'network', awayMs = 0): void {
    for (const fn of this.#watchers) fn(what, awayMs);
  }
  get last(): FakeSocket {
    const s = this.sockets.at(-1);
    if (!s) throw new Error('no socket was opened');
    return s;
  }
}

export const someState = {
  epoch: 3,
  version: 41,
  generation: 7,
  media: null,
  target: null,
  playing: false,
  position: 0,
  rate: 1,
  updated_at: 1000,
  hold: null,
  reason: 'pause',
};

export const someWelcome = {
  conn_id: 'c1',
  user: { id: 'u1', kind: 'user', name: 'Mia' },
  role: 'admin',
  room: { id: 'r1', name: 'Friday film club' },
  permissions: ['send_chat', 'play_control'],
  permissions_mask: '1025',
  epoch: 3,
  seq: 100,
  state: someState,
  members_count: 2,
  server: { version: '1', build: 'b1' },
  heartbeat_s: 20,
  sync_tolerance_ms: 300,
  allow_member_rate: false,
  resumed: false,
};
