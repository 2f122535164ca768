import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import {
  BACKOFF_MAX_MS,
  BACKOFF_MS,
  DRAIN_JITTER_MS,
  PROBE_MS,
  SILENCE_MS,
  STABLE_MS,
  WELCOME_MS,
} from './constants';
import { FakeNetwork, someState, someWelcome } from './fakesocket';
import { closeCodes } from './protocol';
import { backoff, RoomSocket } from './socket';
import type { SocketHooks } from './socket';

const settle = () => vi.advanceTimersByTimeAsync(0);

function make(url: SocketHooks['url'] = () => Promise.resolve('ws://x/ws?ticket=t')) {
  const net = new FakeNetwork();
  const hooks = {
    url: vi.fn(url),
    client: 'web/test',
    caps: ['hls'],
    welcome: vi.fn(),
    message: vi.fn(),
    lost: vi.fn(),
    gone: vi.fn(),
    pathChanged: vi.fn(),
  } satisfies SocketHooks;
  return { net, hooks, socket: new RoomSocket(net, hooks) };
}

async function online(m: ReturnType<typeof make>, welcome: object = someWelcome) {
  m.socket.start();
  await settle();
  m.net.last.accept();
  m.net.last.push('welcome', welcome);
}

beforeEach(() => vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

describe('coming in', () => {
  it('asks for a ticket, says hello without a position and is open after welcome', async () => {
    const m = make();
    m.socket.start();
    await settle();
    expect(m.net.last.url).toBe('ws://x/ws?ticket=t');
    expect(m.net.last.protocol).toBe('synctv.v1');
    m.net.last.accept();
    expect(m.net.last.sent).toEqual([
      { type: 'hello', data: { resume: null, client: 'web/test', caps: ['hls'] } },
    ]);
    expect(m.socket.send('clock.ping', { t0: 1 })).toBe(false); // not before welcome
    m.net.last.push('welcome', someWelcome);
    expect(m.hooks.welcome).toHaveBeenCalledWith(expect.objectContaining({ conn_id: 'c1' }), true);
    expect(m.socket.send('clock.ping', { t0: 1 })).toBe(true);
  });
  it('gives up on a server that never says welcome', async () => {
    const m = make();
    m.socket.start();
    await settle();
    m.net.last.accept();
    await vi.advanceTimersByTimeAsync(WELCOME_MS + BACKOFF_MS + 1);
    expect(m.net.sockets[0]!.closedWith).not.toBeNull();
    expect(m.net.sockets).toHaveLength(2);
  });
  it('tries again when the ticket fails for a passing reason', async () => {
    let n = 0;
    const m = make(() => (n++ < 2 ? Promise.reject(new TypeError('network')) : Promise.resolve('ws://x')));
    m.socket.start();
    await vi.advanceTimersByTimeAsync(BACKOFF_MS * 4);
    expect(m.hooks.url).toHaveBeenCalledTimes(3);
    expect(m.net.sockets).toHaveLength(1);
  });
  it('waits as long as the server says', async () => {
    let n = 0;
    const m = make(() =>
      n++
        ? Promise.resolve('ws://x')
        : Promise.reject(Object.assign(new Error(), { status: 429, slug: 'rate-limited', retryAfter: 30 })),
    );
    m.socket.start();
    await vi.advanceTimersByTimeAsync(29_000);
    expect(m.net.sockets).toHaveLength(0);
    await vi.advanceTimersByTimeAsync(1500);
    expect(m.net.sockets).toHaveLength(1);
  });
  it.each([401, 403, 404, 410])('does not insist when the ticket is refused with %d', async (status) => {
    const m = make(() => Promise.reject(Object.assign(new Error(), { status, slug: 'kicked' })));
    m.socket.start();
    await vi.advanceTimersByTimeAsync(60_000);
    expect(m.hooks.url).toHaveBeenCalledTimes(1);
    expect(m.hooks.gone).toHaveBeenCalledWith(expect.objectContaining({ code: status, reason: 'kicked' }));
  });
});

describe('backoff', () => {
  it('is full jitter under a doubling roof of 15 s', () => {
    expect(backoff(0, () => 1)).toBe(BACKOFF_MS);
    expect(backoff(3, () => 1)).toBe(BACKOFF_MS * 8);
    expect(backoff(30, () => 1)).toBe(BACKOFF_MAX_MS);
    expect(backoff(30, () => 0)).toBe(0);
  });
  it('grows until a connection has held for a while', async () => {
    const m = make();
    m.net.chance = 1;
    m.socket.start();
    await settle();
    for (let i = 0; i < 4; i++) {
      const before = m.net.sockets.length;
      m.net.last.accept();
      m.net.last.push('welcome', someWelcome);
      m.net.last.drop(1006);
      const wait = Math.min(BACKOFF_MAX_MS, BACKOFF_MS * 2 ** i);
      await vi.advanceTimersByTimeAsync(wait - 1);
      expect(m.net.sockets).toHaveLength(before);
      await vi.advanceTimersByTimeAsync(1);
      expect(m.net.sockets).toHaveLength(before + 1);
    }
    m.net.last.accept();
    m.net.last.push('welcome', someWelcome);
    await vi.advanceTimersByTimeAsync(STABLE_MS);
    m.net.last.drop(1006);
    await vi.advanceTimersByTimeAsync(BACKOFF_MS);
    expect(m.net.sockets).toHaveLength(6);
  });
});

describe('resume', () => {
  it('offers the last event seen and drops what it has seen already', async () => {
    const m = make();
    await online(m);
    m.net.last.push('room.updated', {}, 101);
    m.net.last.push('room.updated', {}, 105); // events for others leave gaps
    m.net.last.drop(1006);
    expect(m.hooks.lost).toHaveBeenCalled();
    await vi.advanceTimersByTimeAsync(BACKOFF_MS);
    m.net.last.accept();
    expect(m.net.last.of('hello')[0]!.resume).toEqual({ epoch: 3, seq: 105 });
    m.net.last.push('welcome', { ...someWelcome, seq: 108, resumed: true });
    expect(m.hooks.welcome).toHaveBeenLastCalledWith(expect.anything(), false);
    m.hooks.message.mockClear();
    for (const seq of [105, 106, 107, 107, 108]) m.net.last.push('room.updated', {}, seq);
    expect(m.hooks.message).toHaveBeenCalledTimes(3);
  });
  it('starts anew where a resync says', async () => {
    const m = make();
    await online(m);
    m.net.last.drop(1006);
    await vi.advanceTimersByTimeAsync(BACKOFF_MS);
    m.net.last.accept();
    m.net.last.push('welcome', { ...someWelcome, epoch: 4, seq: 7 });
    m.net.last.push('resync', {
      epoch: 4,
      seq: 7,
      state: someState,
      presence: { count: 1, members: [] },
      reason: 'epoch',
    });
    m.hooks.message.mockClear();
    m.net.last.push('room.updated', {}, 8);
    expect(m.hooks.message).toHaveBeenCalledTimes(1);
    expect([m.socket.epoch, m.socket.seq]).toEqual([4, 8]);
  });
  it('does not offer a position after it read too slowly', async () => {
    const m = make();
    await online(m);
    m.net.last.drop(1013);
    await vi.advanceTimersByTimeAsync(BACKOFF_MS);
    m.net.last.accept();
    expect(m.net.last.of('hello')[0]!.resume).toBeNull();
  });
});

describe('the end', () => {
  it.each(Object.entries(closeCodes()))('code %s (%s) is final', async (code, word) => {
    const m = make();
    await online(m);
    m.net.last.push('bye', { code: word, detail: 'because', retry_at: '2026-01-01T00:00:00.000Z' });
    m.net.last.drop(Number(code));
    await vi.advanceTimersByTimeAsync(120_000);
    expect(m.net.sockets).toHaveLength(1);
    expect(m.net.watched).toBe(0);
    expect(m.hooks.gone).toHaveBeenCalledWith({
      code: Number(code),
      reason: word,
      detail: 'because',
      retry_at: '2026-01-01T00:00:00.000Z',
    });
  });
  it('believes the bye when the close frame is lost', async () => {
    const m = make();
    await online(m);
    m.net.last.push('bye', { code: 'kicked' });
    m.net.last.drop(1006);
    expect(m.hooks.gone).toHaveBeenCalledWith(expect.objectContaining({ reason: 'kicked' }));
  });
  it('comes back within a second when the node drains', async () => {
    const m = make();
    await online(m);
    m.net.last.push('bye', { code: 'node_draining' });
    m.net.last.drop(1012);
    await vi.advanceTimersByTimeAsync(DRAIN_JITTER_MS);
    expect(m.net.sockets).toHaveLength(2);
    expect(m.hooks.gone).not.toHaveBeenCalled();
  });
  it('stays away for a while when it said too much', async () => {
    const m = make();
    await online(m);
    m.net.last.drop(1008);
    await vi.advanceTimersByTimeAsync(BACKOFF_MAX_MS - 1);
    expect(m.net.sockets).toHaveLength(1);
    await vi.advanceTimersByTimeAsync(1);
    expect(m.net.sockets).toHaveLength(2);
  });
  it('leaves no timer behind', async () => {
    const m = make();
    await online(m);
    m.socket.stop();
    expect(vi.getTimerCount()).toBe(0);
    expect(m.net.last.closedWith).toBe(1000);
    m.net.last.push('room.updated', {}, 200);
    expect(m.hooks.message).not.toHaveBeenCalled();
  });
});

describe('watching the line', () => {
  it('reconnects at once after 45 s of silence', async () => {
    const m = make();
    await online(m);
    await vi.advanceTimersByTimeAsync(SILENCE_MS - 1);
    m.net.last.push('clock.pong', { t0: 1, t1: 1, t2: 1 });
    await vi.advanceTimersByTimeAsync(SILENCE_MS - 1);
    expect(m.net.sockets).toHaveLength(1);
    await vi.advanceTimersByTimeAsync(2);
    expect(m.net.sockets).toHaveLength(2);
  });
  it('does not wait out the backoff when the network is back', async () => {
    const m = make(() => Promise.reject(new TypeError('offline')));
    m.net.chance = 1;
    m.socket.start();
    await vi.advanceTimersByTimeAsync(60_000);
    const before = m.hooks.url.mock.calls.length;
    m.net.happens('online');
    expect(m.hooks.url.mock.calls.length).toBe(before + 1);
  });
  it('probes an old socket after a return, and drops it when it is dead', async () => {
    const m = make();
    await online(m);
    m.net.happens('visible', 2000);
    expect(m.hooks.pathChanged).not.toHaveBeenCalled();
    m.net.happens('visible', 20_000);
    expect(m.hooks.pathChanged).toHaveBeenCalledTimes(1);
    m.net.last.push('clock.pong', { t0: 1, t1: 1, t2: 1 });
    await vi.advanceTimersByTimeAsync(PROBE_MS);
    expect(m.net.sockets).toHaveLength(1);
    m.net.happens('online');
    await vi.advanceTimersByTimeAsync(PROBE_MS + 1);
    expect(m.net.sockets).toHaveLength(2);
  });
  it('measures again on another network', async () => {
    const m = make();
    await online(m);
    m.net.happens('network');
    expect(m.hooks.pathChanged).toHaveBeenCalledTimes(1);
  });
  it('survives frames that are no messages', async () => {
    const m = make();
    await online(m);
    for (const bad of ['', '{', '[]', '{"type":7}', '{"type":"playback.state","data":{"epoch":"x"}}'])
      m.net.last.raw(bad);
    expect(m.hooks.message).not.toHaveBeenCalled();
    m.net.last.raw('{"type":"poll.opened","seq":101,"at":5,"data":{"x":1}}');
    expect(m.hooks.message).toHaveBeenCalledWith(
      expect.objectContaining({ type: 'poll.opened', unknown: true }),
      expect.any(Number),
    );
  });
});
