import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import {
  CHAT_QUEUE,
  LOCK_CONTROLS_MS,
  OPTIMISTIC_MS,
  SHOW_RECONNECTING_MS,
  TYPING_SHOW_MS,
} from './constants';
import { FakeNetwork, someState, someWelcome } from './fakesocket';
import { RoomSession } from './room.svelte';
import type { ChatMessage, Notice, RoomApi } from './types';

const settle = () => vi.advanceTimersByTimeAsync(0);
const said = (seq: number, content = `m${seq}`, more: Partial<ChatMessage> = {}): ChatMessage => ({
  id: `id${seq}`,
  seq,
  author: { id: 'u2', kind: 'user', name: 'Jo' },
  kind: 'text',
  content,
  reply_to: null,
  created_at: '2026-01-01T00:00:00.000Z',
  edited_at: null,
  deleted: false,
  ...more,
});
const problem = (status: number, slug: string) => Object.assign(new Error(slug), { status, slug });

function make(change: Partial<RoomApi> = {}, build = 'b1') {
  const net = new FakeNetwork();
  const notices: Notice[] = [];
  const api: RoomApi = {
    ticket: vi.fn(() => Promise.resolve({ ticket: 't' })),
    presence: vi.fn(() =>
      Promise.resolve({
        count: 2,
        members: ['u1', 'u2'].map((id) => ({
          id,
          kind: 'user' as const,
          name: id,
          role: 'member' as const,
          devices: 1,
          state: '' as const,
          drift_ms: null,
        })),
      }),
    ),
    chatPage: vi.fn(() => Promise.resolve([said(2), said(1)])),
    sendChat: vi.fn((_r: string, m: { content: string; client_id: string }) =>
      Promise.resolve(said(50, m.content, { client_id: m.client_id })),
    ),
    deleteChat: vi.fn(() => Promise.resolve()),
    playInfo: vi.fn(() => Promise.reject(problem(404, 'not-found'))),
    ...change,
  };
  const room = new RoomSession(
    { roomId: 'r1', api, build, wsBase: 'https://tv.example', onNotice: (n) => notices.push(n) },
    net,
  );
  return { net, api, room, notices };
}
type Made = ReturnType<typeof make>;

async function online(m: Made, welcome: object = someWelcome) {
  if (m.room.status === 'idle') m.room.start();
  await settle();
  m.net.last.accept();
  m.net.last.push('welcome', welcome);
  await settle();
}
/** Answers pings so that the clock is usable: the server is 1000 ms ahead. */
async function withClock(m: Made) {
  await online(m);
  for (let i = 0; i < 4; i++) {
    await vi.advanceTimersByTimeAsync(110);
    const ping = m.net.last.of('clock.ping').at(-1)!;
    const t = (ping.t0 as number) + 1000;
    m.net.last.push('clock.pong', { t0: ping.t0, t1: t, t2: t });
  }
}

beforeEach(() => vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

describe('coming in', () => {
  it('takes the room from welcome and fetches what is not in it', async () => {
    const m = make();
    expect(m.room.status).toBe('idle');
    await online(m);
    expect(m.net.last.url).toBe('wss://tv.example/ws/rooms/r1?ticket=t');
    expect(m.room.status).toBe('online');
    expect(m.room.me?.name).toBe('Mia');
    expect(m.room.role).toBe('admin');
    expect(m.room.can('play_control')).toBe(true);
    expect(m.room.can('delete_room')).toBe(false);
    expect(m.room.playback?.version).toBe(41);
    expect(m.room.toleranceMs).toBe(300);
    expect(m.room.members).toHaveLength(2);
    expect(m.room.chat.map((l) => l.seq)).toEqual([1, 2]);
    expect(m.room.staleBuild).toBe(false);
  });
  it('says that the server runs another build', async () => {
    const m = make({}, 'b0');
    await online(m);
    expect(m.room.staleBuild).toBe(true);
  });
  it('measures the clock in a burst', async () => {
    const m = make();
    await withClock(m);
    expect(m.room.clockOk).toBe(true);
    expect(Math.abs(m.room.serverNow() - performance.now() - 1000)).toBeLessThan(10);
    await vi.advanceTimersByTimeAsync(2000);
    expect(m.net.last.of('clock.ping').length).toBeGreaterThanOrEqual(12);
    expect(m.net.last.of('clock.ping').length).toBeLessThanOrEqual(14);
  });
});

describe('the connection', () => {
  it('shows that it is away after 3 s, locks the controls after 10 s, and comes back', async () => {
    const m = make();
    await online(m);
    m.net.chance = 1;
    m.net.last.drop(1006);
    expect(m.room.status).toBe('reconnecting');
    expect(m.room.showReconnecting).toBe(false);
    (m.api.ticket as ReturnType<typeof vi.fn>).mockRejectedValue(problem(0, 'network'));
    await vi.advanceTimersByTimeAsync(SHOW_RECONNECTING_MS + 1000);
    expect(m.room.showReconnecting).toBe(true);
    expect(m.room.controlsLocked).toBe(false);
    await vi.advanceTimersByTimeAsync(LOCK_CONTROLS_MS);
    expect(m.room.controlsLocked).toBe(true);
    (m.api.ticket as ReturnType<typeof vi.fn>).mockResolvedValue({ ticket: 't2' });
    m.net.happens('online');
    await online(m, { ...someWelcome, resumed: true });
    expect(m.room.status).toBe('online');
    expect(m.room.offlineMs).toBe(0);
  });
  it('does not fetch again what a resume brings', async () => {
    const m = make();
    await online(m);
    m.net.last.drop(1006);
    await vi.advanceTimersByTimeAsync(1000);
    await online(m, { ...someWelcome, resumed: true });
    expect(m.api.chatPage).toHaveBeenCalledTimes(1);
    expect(m.api.presence).toHaveBeenCalledTimes(1);
  });
  it('replaces everything on a resync, lower versions as well', async () => {
    const m = make();
    await online(m);
    m.net.last.push('chat.message', said(9), 101);
    const { libraryVersion, roomVersion, memberVersion } = m.room;
    m.net.last.push('resync', {
      epoch: 3,
      seq: 500,
      state: { ...someState, version: 2, position: 77 },
      presence: { count: 1, members: [] },
      reason: 'gap',
    });
    await settle();
    expect(m.room.playback?.position).toBe(77);
    expect(m.room.count).toBe(1);
    expect(m.room.members).toEqual([]);
    expect(m.api.chatPage).toHaveBeenCalledTimes(2);
    expect(m.room.libraryVersion).toBeGreaterThan(libraryVersion);
    expect(m.room.roomVersion).toBeGreaterThan(roomVersion);
    expect(m.room.memberVersion).toBeGreaterThan(memberVersion);
  });
  it('is gone with the reason', async () => {
    const m = make();
    await online(m);
    m.net.last.push('bye', { code: 'kicked', detail: 'spoilers' });
    m.net.last.drop(4004);
    expect(m.room.status).toBe('gone');
    expect(m.room.gone).toEqual({ code: 4004, reason: 'kicked', detail: 'spoilers', retry_at: undefined });
    expect(vi.getTimerCount()).toBe(0);
  });
});

describe('playback', () => {
  it('takes newer states only and tells listeners', async () => {
    const m = make();
    await online(m);
    const seen = vi.fn();
    m.room.on('state', seen);
    m.net.last.push('playback.state', { ...someState, version: 40 }, 101);
    expect(seen).not.toHaveBeenCalled();
    m.net.last.push('playback.state', { ...someState, version: 42, playing: true }, 102);
    expect(seen).toHaveBeenCalledTimes(1);
    m.net.last.push('playback.state', { ...someState, epoch: 4, version: 1 }, 103);
    expect(m.room.playback?.epoch).toBe(4);
  });
  it('knows where the room is', async () => {
    const m = make();
    await withClock(m);
    const at = m.room.serverNow();
    m.net.last.push(
      'playback.state',
      { ...someState, version: 42, playing: true, position: 10, rate: 2, updated_at: at },
      101,
    );
    await vi.advanceTimersByTimeAsync(1500);
    expect(m.room.position()).toBeCloseTo(13, 1);
  });
  it('sends a command with time and generation; the state with its op answers', async () => {
    const m = make();
    await withClock(m);
    const done = m.room.pause(12.5);
    const c = m.net.last.of('playback.command')[0]!;
    expect(c).toMatchObject({ do: 'pause', position: 12.5, expected_generation: 7 });
    expect(c.op).toMatch(/^[a-z2-7]{16}$/);
    expect(Math.abs((c.at as number) - m.room.serverNow())).toBeLessThan(5);
    expect(m.room.pendingCommand?.do).toBe('pause');
    // Nothing changed (it was paused already): the same version still answers.
    m.net.last.push('playback.state', { ...someState, op: c.op });
    await expect(done).resolves.toEqual({ ok: true });
    expect(m.room.pendingCommand).toBeNull();
  });
  it('tells why a command was refused, and adopts the state that comes with it', async () => {
    const m = make();
    await online(m);
    const done = m.room.seek(5);
    const { op } = m.net.last.of('playback.command')[0]!;
    m.net.last.push('playback.reject', {
      op,
      code: 'stale',
      state: { ...someState, version: 44, generation: 8 },
    });
    await expect(done).resolves.toEqual({ ok: false, code: 'stale' });
    expect(m.room.playback?.generation).toBe(8);
    expect(m.notices).toContainEqual({ kind: 'reject', code: 'stale', detail: undefined });
  });
  it('takes an error about a command as its answer', async () => {
    const m = make();
    await online(m);
    const done = m.room.play();
    const { op } = m.net.last.of('playback.command')[0]!;
    m.net.last.push('error', { code: 'rate-limited', type: 'playback.command', op });
    await expect(done).resolves.toEqual({ ok: false, code: 'rate-limited' });
  });
  it('stops believing in a command after 2 s, and sends none while offline', async () => {
    const m = make();
    await online(m);
    const done = m.room.play();
    await vi.advanceTimersByTimeAsync(OPTIMISTIC_MS);
    await expect(done).resolves.toEqual({ ok: false, code: 'timeout' });
    m.net.last.drop(1006);
    await expect(m.room.play()).resolves.toEqual({ ok: false, code: 'offline' });
  });
  it('announces what comes next until any state comes', async () => {
    const m = make();
    await online(m);
    m.net.last.push('playback.next_in', { seconds: 3, media_id: 'x', generation: 7 }, 101);
    expect(m.room.nextIn?.media_id).toBe('x');
    m.net.last.push('playback.state', { ...someState, version: 42 }, 102);
    expect(m.room.nextIn).toBeNull();
  });
});

describe('people and permissions', () => {
  it('keeps presence and what players do', async () => {
    const m = make();
    await online(m);
    m.net.last.push('playback.peers', {
      items: [{ id: 'u2', state: 'buffering', drift_ms: -700, buffered_s: 0.4 }],
    });
    expect(m.room.members.find((p) => p.id === 'u2')).toMatchObject({ state: 'buffering', drift_ms: -700 });
    m.net.last.push('presence.changed', { count: 1, members: [{ ...m.room.members[0]!, name: 'Mia' }] }, 101);
    expect(m.room.count).toBe(1);
    m.net.last.push('presence.count', { count: 300 }, 102);
    expect(m.room.count).toBe(300);
    expect(m.room.members).toHaveLength(1);
  });
  it('is judged by the new mask at once', async () => {
    const m = make();
    await online(m);
    m.net.last.push(
      'permissions.changed',
      { role: 'member', permissions: ['send_chat'], permissions_mask: '1' },
      101,
    );
    expect(m.room.can('play_control')).toBe(false);
    expect(m.room.role).toBe('member');
    expect(m.room.mask).toBe('1');
  });
  it('shows who is typing for a while, never us', async () => {
    const m = make();
    await online(m);
    m.net.last.push('chat.typing', { id: 'u1', name: 'Mia' });
    m.net.last.push('chat.typing', { id: 'u2', name: 'Jo' });
    expect(m.room.typing.map((p) => p.name)).toEqual(['Jo']);
    await vi.advanceTimersByTimeAsync(TYPING_SHOW_MS);
    expect(m.room.typing).toEqual([]);
    m.net.last.push('chat.typing', { id: 'u2', name: 'Jo' });
    m.net.last.push('chat.message', said(3), 101);
    expect(m.room.typing).toEqual([]);
  });
  it('says that we type at most once in 3 s', async () => {
    const m = make();
    await online(m);
    m.room.typingNow();
    m.room.typingNow();
    await vi.advanceTimersByTimeAsync(3000);
    m.room.typingNow();
    expect(m.net.last.of('chat.typing')).toHaveLength(2);
  });
});

describe('chat', () => {
  it('shows a line at once and once only, whatever answers first', async () => {
    const m = make();
    await online(m);
    m.room.send('hello');
    expect(m.room.chat.at(-1)).toMatchObject({ content: 'hello', status: 'sending' });
    const id = m.room.chat.at(-1)!.client_id!;
    m.net.last.push('chat.message', said(50, 'hello', { client_id: id }), 101);
    await settle();
    expect(m.room.chat.filter((l) => l.content === 'hello')).toHaveLength(1);
    expect(m.room.chat.at(-1)).toMatchObject({ status: 'sent', seq: 50 });
  });
  it('queues ten lines while offline, refuses the eleventh, and sends them in order', async () => {
    const order: string[] = [];
    let seq = 60;
    const m = make({
      sendChat: (_r, x) => {
        order.push(x.content);
        return Promise.resolve(said(seq++, x.content, { client_id: x.client_id }));
      },
    });
    await online(m);
    m.net.last.drop(1006);
    for (let i = 0; i < CHAT_QUEUE; i++) expect(m.room.send(`q${i}`)).toBe(true);
    expect(m.room.send('too much')).toBe(false);
    expect(m.notices.at(-1)?.kind).toBe('queue_full');
    await vi.advanceTimersByTimeAsync(1000);
    await online(m, { ...someWelcome, resumed: true });
    await settle();
    expect(order).toEqual(Array.from({ length: CHAT_QUEUE }, (_, i) => `q${i}`));
    expect(m.room.chat.every((l) => l.status === 'sent')).toBe(true);
  });
  it('keeps a refused line for another try', async () => {
    let refuse = true;
    const m = make({
      sendChat: (_r, x) =>
        refuse
          ? Promise.reject(problem(429, 'slow-mode'))
          : Promise.resolve(said(70, x.content, { client_id: x.client_id })),
    });
    await online(m);
    m.room.send('again');
    await settle();
    const line = m.room.chat.at(-1)!;
    expect(line).toMatchObject({ status: 'failed', problem: 'slow-mode' });
    refuse = false;
    m.room.retry(line.client_id!);
    await settle();
    expect(m.room.chat.at(-1)).toMatchObject({ status: 'sent', seq: 70 });
    m.room.send('x');
    m.room.discard(m.room.chat.at(-1)!.client_id!);
    expect(m.room.chat.some((l) => l.content === 'x')).toBe(false);
  });
  it('pages backwards, deletes, clears', async () => {
    const page = Array.from({ length: 50 }, (_, i) => said(100 - i));
    const m = make({ chatPage: vi.fn((_r, q) => Promise.resolve(q.before ? [said(50)] : page)) });
    await online(m);
    expect(m.room.chatMore).toBe(true);
    await m.room.loadOlder();
    expect(m.room.chat[0]?.seq).toBe(50);
    expect(m.room.chatMore).toBe(false);
    m.net.last.push('chat.deleted', { id: 'id100', seq: 100 }, 101);
    expect(m.room.chat.at(-1)).toMatchObject({ deleted: true, content: '' });
    m.net.last.push('chat.cleared', { seq: 99 }, 102);
    expect(m.room.chat.map((l) => l.seq)).toEqual([100]);
  });
  it('is empty but alive without the right to read', async () => {
    const m = make({ chatPage: () => Promise.reject(problem(403, 'permission-denied')) });
    await online(m);
    expect(m.room.chat).toEqual([]);
    expect(m.room.chatLoading).toBe(false);
  });
});

describe('the rest', () => {
  it('counts changes of library, room and members, and hands every event on', async () => {
    const m = make();
    await online(m);
    const types: string[] = [];
    m.room.on('event', (t) => types.push(t));
    const lib = m.room.libraryVersion;
    m.net.last.push('library.changed', { playlist_id: 'p', version: 9, op: 'added', ids: ['a'] }, 101);
    expect(m.room.libraryChange).toEqual({
      playlist_id: 'p',
      version: 9,
      op: 'added',
      ids: ['a'],
      reload: false,
    });
    expect(m.room.libraryVersion).toBe(lib + 1);
    m.net.last.push('room.settings', { settings: {}, version: 2 }, 102);
    m.net.last.push('member.joined', { member: {} }, 103);
    m.net.last.push('something.new', { a: 1 }, 104);
    expect(types).toEqual(['library.changed', 'room.settings', 'member.joined', 'something.new']);
  });
});
