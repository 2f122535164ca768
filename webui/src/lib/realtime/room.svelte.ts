/**
 * RoomSession: everything a page knows about the room it is in, live.
 *
 * The rule: the server is right. Events and answers replace what is here, a
 * resync replaces all of it; the only things of our own are chat lines not yet
 * confirmed and one command waiting for its state. Used by the player and the
 * room page; imports nothing of either.
 */
import { ChatLog } from './chatlog.svelte';
import { Clock } from './clock';
import {
  LOCK_CONTROLS_MS,
  OPTIMISTIC_MS,
  SHOW_RECONNECTING_MS,
  TYPING_SEND_MS,
  TYPING_SHOW_MS,
} from './constants';
import { withPeers } from './peers';
import { newer, positionAt } from './playback';
import { newOp } from './protocol';
import type { Command, ServerMessage, Welcome } from './protocol';
import { browserEnv, RoomSocket } from './socket';
import type { SocketEnv } from './socket';
import type {
  ChatLine,
  CommandResult,
  ConnectionStatus,
  Gone,
  LibraryChange,
  NextIn,
  Notice,
  Person,
  PlaybackDo,
  PlaybackReport,
  PlaybackState,
  Presence,
  PresenceMember,
  Role,
  RoomApi,
  RoomSessionOptions,
} from './types';

/** Monotonic, and comparable between pages: never `Date.now()`, which steps. */
export const localNow = (): number => performance.timeOrigin + performance.now();

const rounded = (ms: number) => Math.round(ms * 1000) / 1000;
export interface PendingCommand {
  op: string;
  do: PlaybackDo;
  position?: number;
  rate?: number;
}

interface Waiting {
  resolve(r: CommandResult): void;
  timer: ReturnType<typeof setTimeout>;
}

interface Listeners {
  /** Every room event. */
  event: (type: string, data: unknown) => void;
  /** A new playback state; `forced` after a resync, when lower versions count, too. */
  state: (s: PlaybackState, forced: boolean) => void;
  /** The clock window was restarted. */
  path: () => void;
}

export class RoomSession {
  status = $state<ConnectionStatus>('idle');
  gone = $state<Gone | null>(null);
  /** How long the connection has been away; 0 while it is there. */
  offlineMs = $state(0);
  me = $state<Person | null>(null);
  role = $state<Role>('member');
  permissions = $state<string[]>([]);
  mask = $state('0');
  playback = $state.raw<PlaybackState | null>(null);
  /** Our command that has no answer yet; pages may show its effect, for 2 s at most. */
  pendingCommand = $state.raw<PendingCommand | null>(null);
  nextIn = $state.raw<(NextIn & { until: number }) | null>(null);
  members = $state.raw<PresenceMember[]>([]);
  count = $state(0);
  typing = $state.raw<{ id: string; name: string }[]>([]);
  libraryChange = $state.raw<LibraryChange | null>(null);
  libraryVersion = $state(0);
  roomVersion = $state(0);
  memberVersion = $state(0);
  staleBuild = $state(false);
  clockOk = $state(false);
  /** As `welcome` says; the page's own settings win when it has them. */
  toleranceMs = $state(200);
  allowOwnRate = $state(false);
  roomName = $state('');

  readonly roomId: string;
  readonly api: RoomApi;
  readonly clock = new Clock();
  readonly showReconnecting = $derived(this.offlineMs >= SHOW_RECONNECTING_MS);
  readonly controlsLocked = $derived(this.offlineMs >= LOCK_CONTROLS_MS);

  #options: RoomSessionOptions;
  #socket: RoomSocket;
  #now: () => number;
  #listeners: { [K in keyof Listeners]: Set<Listeners[K]> } = {
    event: new Set(),
    state: new Set(),
    path: new Set(),
  };
  #waiting = new Map<string, Waiting>();
  #typingTimers = new Map<string, ReturnType<typeof setTimeout>>();
  #typedAt = -Infinity;
  #pingTimer: ReturnType<typeof setTimeout> | undefined;
  #offlineTimer: ReturnType<typeof setInterval> | undefined;
  #lostAt: number | null = null;
  #chat: ChatLog;

  constructor(options: RoomSessionOptions, env: SocketEnv = browserEnv(localNow)) {
    this.#options = options;
    this.roomId = options.roomId;
    this.api = options.api;
    this.me = options.me ?? null;
    this.#now = env.now;
    this.#chat = new ChatLog(options.roomId, options.api, () => this.status === 'online');
    this.#socket = new RoomSocket(env, {
      url: () => this.#url(),
      client: `web/${options.build ?? 'dev'}`,
      caps: ['hls', 'ass'],
      welcome: (w, fresh) => this.#welcome(w, fresh),
      message: (m, at) => this.#message(m, at),
      lost: () => this.#lost(),
      gone: (g) => this.#ended(g),
      pathChanged: () => this.remeasure(),
    });
  }

  start(): void {
    if (this.status !== 'idle') return;
    this.status = 'connecting';
    this.#socket.start();
  }

  stop(): void {
    this.#socket.stop();
    this.#quiet();
    this.status = 'idle';
  }

  on<K extends keyof Listeners>(kind: K, fn: Listeners[K]): () => void {
    this.#listeners[kind].add(fn);
    return () => this.#listeners[kind].delete(fn);
  }

  /** By wire name, as in the permission table: `can('play_control')`. */
  can(permission: string): boolean {
    return this.permissions.includes(permission);
  }

  /* ---------- time ---------- */

  now(): number {
    return this.#now();
  }
  serverNow(): number {
    return this.clock.serverNow(this.#now());
  }
  /** Where the room is now, in seconds. */
  position(): number {
    return this.playback ? positionAt(this.playback, this.serverNow()) : 0;
  }

  /** Starts a new clock window: the network path or the machine may have changed. */
  remeasure(): void {
    this.clock.restart(this.#now());
    this.#schedulePing();
    for (const fn of this.#listeners.path) fn();
  }

  /** Asks for the newest state, e.g. after sleep. */
  requestState(): void {
    const s = this.playback;
    this.#socket.send('sync.get', { epoch: s?.epoch ?? 0, version: s?.version ?? 0 });
  }

  #schedulePing(): void {
    clearTimeout(this.#pingTimer);
    if (!this.#socket.open) return;
    this.#pingTimer = setTimeout(() => {
      const t0 = rounded(this.#now());
      if (this.#socket.send('clock.ping', { t0 })) this.clock.sent(t0);
      this.#schedulePing();
    }, this.clock.nextPingIn(this.#now()));
  }

  /* ---------- commands ---------- */

  play = (): Promise<CommandResult> => this.#command('play', {});
  pause = (position?: number): Promise<CommandResult> =>
    this.#command('pause', { position: position ?? this.position() });
  seek = (position: number): Promise<CommandResult> => this.#command('seek', { position });
  setRate = (rate: number): Promise<CommandResult> => this.#command('rate', { rate });
  select = (mediaId: string): Promise<CommandResult> => this.#command('select', { media_id: mediaId });
  next = (): Promise<CommandResult> => this.#command('next', {});
  prev = (): Promise<CommandResult> => this.#command('prev', {});
  stopMedia = (): Promise<CommandResult> => this.#command('stop', {});

  #command(what: PlaybackDo, extra: Partial<Command>): Promise<CommandResult> {
    const op = newOp();
    const generation = this.playback?.generation;
    const command: Command = { op, do: what, ...extra };
    if (this.clock.ok) command.at = rounded(this.serverNow());
    if (generation !== undefined) command.expected_generation = generation;
    if (!this.#socket.send('playback.command', command)) {
      this.#notice('reject', 'offline');
      return Promise.resolve({ ok: false, code: 'offline' });
    }
    this.pendingCommand = { op, do: what, position: extra.position, rate: extra.rate };
    return new Promise((resolve) => {
      const timer = setTimeout(() => this.#settle(op, { ok: false, code: 'timeout' }), OPTIMISTIC_MS);
      this.#waiting.set(op, { resolve, timer });
    });
  }

  #settle(op: string, result: CommandResult): void {
    const w = this.#waiting.get(op);
    if (this.pendingCommand?.op === op) this.pendingCommand = null;
    if (!w) return;
    this.#waiting.delete(op);
    clearTimeout(w.timer);
    if (!result.ok && result.code !== 'timeout') this.#notice('reject', result.code);
    w.resolve(result);
  }

  report(r: PlaybackReport): boolean {
    return this.#socket.send('playback.report', r);
  }

  /* ---------- chat ---------- */

  get chat(): ChatLine[] {
    return this.#chat.lines;
  }
  get chatMore(): boolean {
    return this.#chat.more;
  }
  get chatLoading(): boolean {
    return this.#chat.loading;
  }

  /** False when ten lines wait already. */
  send(content: string, replyTo: string | null = null): boolean {
    const taken = this.#chat.send(this.me, content, replyTo);
    if (!taken) this.#notice('queue_full', 'queue_full');
    return taken;
  }
  retry = (clientId: string): void => this.#chat.retry(clientId);
  discard = (clientId: string): void => this.#chat.discard(clientId);
  deleteMessage = (id: string): Promise<void> => this.#chat.delete(id);
  loadOlder = (): Promise<void> => this.#chat.loadOlder();

  /** Tells the others, at most once in 3 s. */
  typingNow(): void {
    const now = this.#now();
    if (now - this.#typedAt < TYPING_SEND_MS) return;
    if (this.#socket.send('chat.typing', {})) this.#typedAt = now;
  }

  async #loadPresence(): Promise<void> {
    try {
      this.#presence(await this.api.presence(this.roomId));
    } catch {
      this.members = [];
    }
  }

  #presence(p: Presence): void {
    this.count = p.count;
    this.members = p.members ?? [];
  }

  /* ---------- connection ---------- */

  async #url(): Promise<string> {
    const t = await this.api.ticket(this.roomId);
    const base = this.#options.wsBase ?? location.origin;
    const url = new URL(t.ws_url || `/ws/rooms/${this.roomId}`, base);
    url.protocol = url.protocol.replace('http', 'ws');
    if (!url.searchParams.has('ticket')) url.searchParams.set('ticket', t.ticket);
    return url.href;
  }

  #welcome(w: Welcome, fresh: boolean): void {
    clearInterval(this.#offlineTimer);
    this.#offlineTimer = undefined;
    this.#lostAt = null;
    this.offlineMs = 0;
    this.me = w.user;
    this.roomName = w.room.name;
    this.#grant(w);
    this.count = w.members_count;
    this.toleranceMs = w.sync_tolerance_ms ?? this.toleranceMs;
    this.allowOwnRate = w.allow_member_rate ?? false;
    this.staleBuild = !!this.#options.build && !!w.server.build && w.server.build !== this.#options.build;
    this.status = 'online';
    this.remeasure();
    if (fresh && w.welcome_message) this.#notice('welcome', 'welcome', w.welcome_message);
    if (fresh) {
      this.#renew(w.state);
      void this.#loadPresence();
    } else this.#state(w.state, false);
    void this.#chat.flush();
  }

  /** Replaces everything: what is not in the snapshot is fetched, here or by the pages that show it. */
  #renew(state: PlaybackState): void {
    this.#state(state, true);
    this.typing = [];
    this.roomVersion++;
    this.libraryVersion++;
    this.memberVersion++;
    void this.#chat.load();
  }

  #lost(): void {
    clearTimeout(this.#pingTimer);
    if (this.status === 'online') this.status = 'reconnecting';
    this.#lostAt ??= this.#now();
    this.#offlineTimer ??= setInterval(() => {
      this.offlineMs = this.#lostAt === null ? 0 : this.#now() - this.#lostAt;
    }, 1000);
  }

  #ended(g: Gone): void {
    this.#quiet();
    this.gone = g;
    this.status = 'gone';
  }

  #quiet(): void {
    clearTimeout(this.#pingTimer);
    clearInterval(this.#offlineTimer);
    this.#offlineTimer = undefined;
    for (const t of this.#typingTimers.values()) clearTimeout(t);
    this.#typingTimers.clear();
    for (const op of [...this.#waiting.keys()]) this.#settle(op, { ok: false, code: 'timeout' });
  }

  #notice(kind: Notice['kind'], code: string, detail?: string): void {
    this.#options.onNotice?.({ kind, code, detail });
  }

  #grant(p: { role?: Role; permissions?: string[] | null; permissions_mask: string }): void {
    if (p.role) this.role = p.role;
    this.permissions = p.permissions ?? [];
    this.mask = p.permissions_mask;
  }

  /* ---------- events ---------- */

  #state(s: PlaybackState, forced: boolean): void {
    if (s.op) this.#settle(s.op, { ok: true });
    if (!forced && !newer(s, this.playback)) return;
    this.playback = s;
    this.nextIn = null;
    for (const fn of this.#listeners.state) fn(s, forced);
  }

  #message(m: ServerMessage, receivedAt: number): void {
    if ('unknown' in m) this.#other(m.type);
    else this.#known(m, receivedAt);
    for (const fn of this.#listeners.event) fn(m.type, m.data);
  }

  #known(m: Exclude<ServerMessage, { unknown: true }>, receivedAt: number): void {
    switch (m.type) {
      case 'clock.pong':
        this.clock.pong({ ...m.data, t3: receivedAt });
        this.clockOk = this.clock.ok;
        return;
      case 'playback.state':
        return this.#state(m.data, false);
      case 'playback.reject':
        if (m.data.state) this.#state({ ...m.data.state, op: undefined }, false);
        return this.#settle(m.data.op, { ok: false, code: m.data.code });
      case 'playback.next_in':
        this.nextIn = { ...m.data, until: this.serverNow() + m.data.seconds * 1000 };
        return;
      case 'playback.peers':
        this.members = withPeers(this.members, m.data.items);
        return;
      case 'presence.count':
        this.count = m.data.count;
        return;
      case 'presence.changed':
        return this.#presence(m.data);
      case 'permissions.changed':
        return this.#grant(m.data);
      case 'library.changed':
        this.libraryChange = { ...m.data, ids: m.data.ids ?? [], reload: m.data.reload ?? false };
        this.libraryVersion++;
        return;
      case 'chat.message':
      case 'chat.edited':
        this.#chat.received(m.data);
        if (m.data.author) this.#stopTyping(m.data.author.id);
        return;
      case 'chat.deleted':
        return this.#chat.deleted(m.data.id);
      case 'chat.cleared':
        return this.#chat.cleared(m.data.seq);
      case 'chat.typing':
        return this.#startTyping(m.data);
      case 'resync':
        this.#presence(m.data.presence);
        return this.#renew(m.data.state);
      case 'error':
        if (m.data.op) return this.#settle(m.data.op, { ok: false, code: m.data.code });
        return this.#notice('error', m.data.code, m.data.detail);
    }
  }

  #other(type: string): void {
    if (type === 'playback.advance_failed') this.#notice('advance_failed', 'advance_failed');
    else if (type === 'playback.wait_limit') this.#notice('wait_limit', 'wait_limit');
    else if (type === 'playlist.changed') this.libraryVersion++;
    else if (type.startsWith('room.')) this.roomVersion++;
    else if (type.startsWith('member.')) this.memberVersion++;
  }

  #startTyping(p: { id: string; name: string }): void {
    if (p.id === this.me?.id) return;
    clearTimeout(this.#typingTimers.get(p.id));
    this.#typingTimers.set(
      p.id,
      setTimeout(() => this.#stopTyping(p.id), TYPING_SHOW_MS),
    );
    if (!this.typing.some((q) => q.id === p.id)) this.typing = [...this.typing, p];
  }

  #stopTyping(id: string): void {
    clearTimeout(this.#typingTimers.get(id));
    this.#typingTimers.delete(id);
    if (this.typing.some((q) => q.id === id)) this.typing = this.typing.filter((q) => q.id !== id);
  }
}
