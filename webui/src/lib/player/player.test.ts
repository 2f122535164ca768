import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { FakeNetwork, someState, someWelcome } from '../realtime/fakesocket';
import { RoomSession } from '../realtime/room.svelte';
import type { RoomApi } from '../realtime/types';
import { perform } from './actions';
import './engines/native';
import { PlayerModel } from './player.svelte';

const media = {
  id: 'm1',
  playlist_id: 'p',
  kind: 'direct',
  name: 'Ferry',
  duration: 600,
  live: false,
  restricted: false,
};
const notAllowed = () => Promise.reject(new DOMException('no gesture', 'NotAllowedError'));

/** A video element whose playing part is ours; time stands still unless the test moves it. */
function fakeVideo() {
  const v = document.createElement('video');
  const s = {
    paused: true,
    currentTime: 0,
    readyState: 4,
    seeking: false,
    muted: false,
    volume: 1,
    playbackRate: 1,
  };
  for (const name of Object.keys(s) as (keyof typeof s)[]) {
    Object.defineProperty(v, name, {
      configurable: true,
      get: () => s[name],
      set: (x) => (s[name] = x as never),
    });
  }
  Object.defineProperty(v, 'duration', { value: 600 });
  Object.defineProperty(v, 'ended', { value: false });
  Object.defineProperty(v, 'buffered', { value: { length: 1, start: () => 0, end: () => 600 } });
  v.load = () => {};
  v.play = vi.fn(() => {
    if (s.paused) queueMicrotask(() => v.dispatchEvent(new Event('play')));
    s.paused = false;
    return Promise.resolve();
  });
  v.pause = vi.fn(() => {
    if (!s.paused) queueMicrotask(() => v.dispatchEvent(new Event('pause')));
    s.paused = true;
  });
  return { v, s };
}

async function make(
  permissions = ['play_control', 'change_playback_rate'],
  prepare?: (v: HTMLVideoElement) => void,
) {
  const net = new FakeNetwork();
  const none = () => Promise.reject(Object.assign(new Error(), { status: 404, slug: 'not-found' }));
  const api: RoomApi = {
    ticket: () => Promise.resolve({ ticket: 't' }),
    presence: none,
    chatPage: () => Promise.resolve([]),
    sendChat: none,
    deleteChat: none,
    playInfo: () =>
      Promise.resolve({
        media_id: 'm1',
        title: 'Ferry',
        duration: 600,
        poster: null,
        live: false,
        variants: [
          {
            id: 'a',
            label: 'a',
            url: '/media/a',
            container: 'mp4',
            mime: 'video/mp4',
            codecs: '',
            quality: '',
            width: 0,
            height: 0,
            bitrate: 0,
            via: '',
          },
        ],
        subtitles: [],
        warnings: [],
        expires_at: null,
      }),
  };
  const session = new RoomSession({ roomId: 'r1', api, wsBase: 'https://x' }, net);
  session.start();
  await vi.advanceTimersByTimeAsync(0);
  net.last.accept();
  const state = { ...someState, media, playing: true, updated_at: performance.now() };
  net.last.push('welcome', { ...someWelcome, permissions, state });
  const { v, s } = fakeVideo();
  prepare?.(v);
  const model = new PlayerModel(session, () => {});
  const stop = model.attach(v, document.createElement('section'));
  await vi.dynamicImportSettled();
  // The clock: no skew, no delay.
  for (let i = 0; i < 4; i++) {
    await vi.advanceTimersByTimeAsync(100);
    const t0 = net.last.of('clock.ping').at(-1)!.t0 as number;
    net.last.push('clock.pong', { t0, t1: t0, t2: t0 });
  }
  await vi.advanceTimersByTimeAsync(1000);
  const commands = () => net.last.of('playback.command');
  const reports = () => net.last.of('playback.report').map((r) => r.state);
  let version = 41;
  const room = (change: object) =>
    net.last.push('playback.state', { ...state, ...change, version: ++version });
  return { net, session, model, v, s, stop, commands, reports, room };
}

beforeEach(() => {
  vi.useFakeTimers();
  localStorage.clear();
  sessionStorage.clear();
});
afterEach(() => vi.useRealTimers());

describe('user intents are commands, media events never are', () => {
  it('sends nothing for what the element does', async () => {
    const m = await make();
    expect(m.s.paused).toBe(false);
    for (const name of [
      'seeked',
      'ratechange',
      'pause',
      'play',
      'waiting',
      'ended',
      'volumechange',
      'canplay',
    ]) {
      m.v.dispatchEvent(new Event(name));
      await vi.advanceTimersByTimeAsync(300);
    }
    expect(m.commands()).toEqual([]);
    m.stop();
  });
  it('pauses at once and sends where that was; the state answers', async () => {
    const m = await make();
    await vi.advanceTimersByTimeAsync(1000);
    m.s.currentTime = m.session.position();
    const at = m.s.currentTime;
    perform(m.model, { do: 'toggle' });
    expect(m.s.paused).toBe(true);
    expect(m.model.playing).toBe(false);
    expect(m.commands()[0]).toMatchObject({ do: 'pause', position: at });
    await vi.advanceTimersByTimeAsync(300);
    expect(m.s.paused).toBe(true); // the tick does not undo it while the answer is under way
    m.room({ playing: false, position: at, op: m.commands()[0]!.op });
    await vi.advanceTimersByTimeAsync(300);
    expect(m.s.currentTime).toBe(at);
    expect(m.model.held).toBeNull();
    m.stop();
  });
  it('plays on when the pause is refused', async () => {
    const m = await make();
    m.s.currentTime = m.session.position();
    m.model.toggle();
    m.net.last.push('playback.reject', { op: m.commands()[0]!.op, code: 'conflict', state: null });
    await vi.advanceTimersByTimeAsync(1000);
    expect(m.s.paused).toBe(false);
    expect(m.model.line?.code).toBe('reject.conflict');
    m.stop();
  });
  it('sends the first of repeated seeks at once and the rest together', async () => {
    const m = await make();
    const from = m.session.position();
    for (let i = 0; i < 5; i++) m.model.seekBy(10);
    expect(m.commands()).toHaveLength(1);
    await vi.advanceTimersByTimeAsync(260);
    expect(m.commands()).toHaveLength(2);
    expect(m.commands()[1]!.position as number).toBeCloseTo(from + 50, 0);
    m.stop();
  });
});

describe('without the right to control', () => {
  it('nothing happens but a sentence', async () => {
    const m = await make([]);
    m.model.toggle();
    m.model.seekTo(50);
    m.model.setRate(1.5);
    await vi.advanceTimersByTimeAsync(100);
    expect(m.commands()).toEqual([]);
    expect(m.s.paused).toBe(false);
    expect(m.model.line?.code).toBe('gate.permission');
    m.stop();
  });
  it('a headset pauses this viewer alone', async () => {
    const m = await make([]);
    await m.model.pauseFromOutside();
    await vi.advanceTimersByTimeAsync(2000);
    expect(m.s.paused).toBe(true);
    expect(m.model.held).toBe('paused');
    expect(m.reports().at(-1)).toBe('paused');
    m.model.toggle(); // rejoins
    await vi.advanceTimersByTimeAsync(1000);
    expect(m.s.paused).toBe(false);
    expect(m.commands()).toEqual([]);
    m.stop();
  });
});

describe('what comes from outside', () => {
  it('a pause of the browser is local, and never the room’s', async () => {
    const m = await make();
    m.s.paused = true;
    m.v.dispatchEvent(new Event('pause'));
    await vi.advanceTimersByTimeAsync(3000);
    expect(m.model.held).toBe('paused');
    expect(m.s.paused).toBe(true);
    expect(m.commands()).toEqual([]);
    m.stop();
  });
  it('controls lock while offline for long', async () => {
    const m = await make();
    m.net.last.drop(1006);
    m.net.chance = 1;
    await vi.advanceTimersByTimeAsync(11_000);
    expect(m.model.gate('play_control')).toBe('offline');
    expect(m.s.paused).toBe(false); // playback goes on
    m.stop();
  });
});

describe('autoplay', () => {
  it('starts without sound when that is allowed, and says so', async () => {
    const m = await make(['play_control'], (v) => {
      const play = v.play.bind(v);
      v.play = vi.fn(() => (v.muted ? play() : notAllowed()));
    });
    expect(m.model.mutedStart).toBe(true);
    expect(m.s.muted).toBe(true);
    expect(m.model.held).toBeNull();
    m.model.unmute();
    expect(m.s.muted).toBe(false);
    m.stop();
  });
  it('asks for a tap when nothing is allowed, and counts as blocked', async () => {
    let gesture = false;
    const m = await make(['play_control'], (v) => {
      const play = v.play.bind(v);
      v.play = vi.fn(() => (gesture ? play() : notAllowed()));
    });
    expect(m.model.held).toBe('blocked');
    expect(m.reports()).toContain('blocked');
    expect(m.s.muted).toBe(false);
    gesture = true;
    m.model.rejoin();
    await vi.advanceTimersByTimeAsync(1000);
    expect(m.model.held).toBeNull();
    expect(m.s.paused).toBe(false);
    m.stop();
  });
});

describe('this viewer alone', () => {
  it('sound is remembered', async () => {
    const m = await make();
    m.model.setVolume(0.3);
    m.model.setMuted(true);
    expect([m.s.volume, m.s.muted]).toEqual([0.3, true]);
    m.stop();
    const n = await make();
    expect([n.s.volume, n.s.muted]).toEqual([0.3, true]);
    n.model.setMuted(false);
    expect(n.s.muted).toBe(false);
    n.stop();
  });
  it('a speed of one’s own leaves the room until one returns', async () => {
    const m = await make();
    m.model.setOwnRate(2);
    await vi.advanceTimersByTimeAsync(1000);
    expect(m.s.playbackRate).toBe(2);
    expect(m.model.held).toBe('free');
    m.model.rejoin();
    await vi.advanceTimersByTimeAsync(1000);
    expect(m.s.playbackRate).toBe(1);
    m.stop();
  });
});

describe('reports', () => {
  it('come on every change and again after a new connection, and name the engine', async () => {
    const m = await make();
    expect(m.reports()).toContain('playing');
    expect(m.net.last.of('playback.report')[0]).toMatchObject({
      generation: 7,
      engine: 'native',
      duration: 600,
    });
    m.net.last.drop(1006);
    await vi.advanceTimersByTimeAsync(1000);
    m.net.last.accept();
    m.net.last.push('welcome', { ...someWelcome, state: m.session.playback, resumed: true });
    await vi.advanceTimersByTimeAsync(300);
    expect(m.reports().length).toBeGreaterThan(0);
    m.stop();
  });
  it('leave no timer behind', async () => {
    const m = await make();
    m.stop();
    m.session.stop();
    expect(vi.getTimerCount()).toBe(0);
  });
});
