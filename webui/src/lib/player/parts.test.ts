import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { dotOf, peerClass, withPeers } from '../realtime/peers';
import type { PresenceMember } from '../realtime/types';
import { badge } from './badge';
import type { BadgeFacts } from './badge';
import { isHls, kindFor, playable } from './engine';
import { drift, parts, stepRate, times } from './format';
import { Gestures, sideOf } from './gestures';
import { actionFor, taken } from './hotkeys';

const press = (key: string, more = {}) => ({
  key,
  shiftKey: false,
  ctrlKey: false,
  metaKey: false,
  altKey: false,
  ...more,
});

describe('keys', () => {
  it.each([
    [' ', {}, { do: 'toggle' }],
    ['K', {}, { do: 'toggle' }],
    ['j', {}, { do: 'seek-by', seconds: -10 }],
    ['ArrowRight', {}, { do: 'seek-by', seconds: 5 }],
    ['ArrowRight', { shiftKey: true }, { do: 'seek-by', seconds: 60 }],
    ['7', {}, { do: 'seek-to', fraction: 0.7 }],
    ['N', { shiftKey: true }, { do: 'next' }],
    ['>', { shiftKey: true }, { do: 'faster' }],
    ['<', {}, { do: 'slower' }],
    ['D', { shiftKey: true }, { do: 'stats' }],
    ['.', {}, { do: 'frame-forward' }],
  ] as const)('%s %o', (key, mods, action) => expect(actionFor(press(key, mods))).toEqual(action));
  it('are left alone with other modifiers', () => {
    expect(actionFor(press('k', { ctrlKey: true }))).toBeNull();
    expect(actionFor(press('r', { metaKey: true }))).toBeNull();
    expect(actionFor(press('j', { shiftKey: true }))).toBeNull();
  });
  it('belong to fields, dialogs, menus, and Space to a focused button', () => {
    document.body.innerHTML =
      '<input><div role="menu"><button id="m"></button></div><button id="b"></button><div id="d"></div>';
    const get = (q: string) => document.querySelector(q);
    expect(taken(get('input'), 'k')).toBe(true);
    expect(taken(get('#m'), 'k')).toBe(true);
    expect(taken(get('#b'), ' ')).toBe(true);
    expect(taken(get('#b'), 'k')).toBe(false);
    expect(taken(get('#d'), ' ')).toBe(false);
    document.body.innerHTML = '<input type="range">';
    expect(taken(get('input'), 'ArrowUp')).toBe(true);
    expect(taken(get('input'), ' ')).toBe(false);
    document.body.innerHTML = '<dialog open></dialog><div id="d"></div>';
    expect(taken(get('#d'), 'k')).toBe(true);
    document.body.innerHTML = '';
  });
});

describe('the choice of engine', () => {
  const all = {
    mse: true,
    canPlay: (t: string) => (/mp4|webm|mpegurl/.test(t) && !/hvc1/.test(t) ? 'maybe' : ''),
  };
  const v = (container: string, mime = '', url = 'https://x/a', codecs = '') => ({
    container,
    mime,
    url,
    codecs,
  });
  it('knows HLS by container, type or name', () => {
    expect(isHls(v('hls'))).toBe(true);
    expect(isHls(v('', 'application/x-mpegURL; charset=utf-8'))).toBe(true);
    expect(isHls(v('', '', 'https://x/a.m3u8?t=1'))).toBe(true);
    expect(isHls(v('mp4', 'video/mp4', 'https://x/a.m3u8'))).toBe(false);
  });
  it('prefers hls.js where there are media sources, else the browser, else nothing', () => {
    expect(kindFor(v('hls'), all)).toBe('hls');
    expect(kindFor(v('hls'), { ...all, mse: false })).toBe('native');
    expect(kindFor(v('hls'), { mse: false, canPlay: () => '' })).toBe('none');
    expect(kindFor(v('mp4'), all)).toBe('native');
    expect(kindFor(v('flv'), all)).toBe('none');
  });
  it('refuses only what the browser surely can not decode', () => {
    expect(playable(v('mp4', 'video/mp4', '', 'avc1.64001f'), all)).toBe(true);
    expect(playable(v('mp4', 'video/mp4', '', 'hvc1.1.6.L93'), all)).toBe(false);
    expect(playable(v('mkv', 'video/x-matroska', '', 'hvc1'), all)).toBe(true); // it may: nothing is announced for mkv
    expect(playable(v('dash'), all)).toBe(false);
  });
});

describe('the badge', () => {
  const facts: BadgeFacts = {
    offlineMs: 0,
    clockOk: true,
    live: false,
    held: null,
    spinner: false,
    playing: true,
    driftMs: 8,
    toleranceMs: 200,
  };
  it.each([
    [{}, 'together', 'together', '+8 ms'],
    [{ driftMs: -700 }, 'behind', 'behind', '−0.7 s'],
    [{ driftMs: 1500 }, 'buffer', 'behind', '+1.5 s'],
    [{ driftMs: null }, 'together', 'together', ''],
    [{ playing: false }, 'together', 'together', ''],
    [{ spinner: true }, 'buffer', 'buffer', ''],
    [{ held: 'paused' }, 'alone', 'alone', ''],
    [{ held: 'free' }, 'alone', 'free', ''],
    [{ live: true }, 'together', 'live', ''],
    [{ clockOk: false }, 'away', 'connecting', ''],
    [{ offlineMs: 18_400, held: 'paused' }, 'away', 'offline', '18'],
  ] as const)('%o', (change, dot, text, figure) => {
    expect(badge({ ...facts, ...change })).toEqual({ dot, text, figure });
  });
});

describe('figures', () => {
  it('read well', () => {
    expect(drift(-12.4)).toBe('−12 ms');
    expect(drift(0)).toBe('+0 ms');
    expect(times(1.25)).toBe('1.25×');
    expect(parts(3725.9)).toEqual({ h: 1, m: 2, s: 5 });
    expect(parts(NaN)).toEqual({ h: 0, m: 0, s: 0 });
  });
  it('step through the rates and stop at the ends', () => {
    expect(stepRate(1, true)).toBe(1.25);
    expect(stepRate(1.1, false)).toBe(1);
    expect(stepRate(2, true)).toBe(2);
    expect(stepRate(0.5, false)).toBe(0.5);
  });
});

describe('people', () => {
  const m = (more: Partial<PresenceMember>): PresenceMember => ({
    id: 'x',
    kind: 'user',
    name: 'X',
    role: 'member',
    devices: 1,
    state: 'playing',
    drift_ms: 0,
    ...more,
  });
  it.each([
    [{ drift_ms: 150 }, 'together'],
    [{ drift_ms: -700 }, 'behind'],
    [{ drift_ms: 2000 }, 'buffer'],
    [{ state: 'buffering' }, 'buffer'],
    [{ state: 'paused' }, 'alone'],
    [{ state: 'blocked' }, 'alone'],
    [{ state: 'background' }, 'away'],
    [{ drift_ms: null, state: '' }, 'together'],
  ] as const)('%o', (change, dot) => expect(dotOf(m(change), 200, true)).toBe(dot));
  it('are not alone when the room is paused', () =>
    expect(dotOf(m({ state: 'paused' }), 200, false)).toBe('together'));
  it('keep what a partial report does not name', () => {
    const list = withPeers([m({ id: 'a' }), m({ id: 'b' })], [{ id: 'b', state: 'ended', drift_ms: 4 }]);
    expect(list.map((p) => p.state)).toEqual(['playing', 'ended']);
  });
  it('get one of eight colours, always the same', () => {
    expect(peerClass('u1')).toMatch(/^p[1-8]$/);
    expect(peerClass('u1')).toBe(peerClass('u1'));
  });
});

describe('gestures', () => {
  beforeEach(() => vi.useFakeTimers());
  afterEach(() => vi.useRealTimers());

  function film() {
    const hooks = {
      tap: vi.fn(),
      doubleTap: vi.fn(),
      swipeUp: vi.fn(),
      click: vi.fn(),
      doubleClick: vi.fn(),
      press: vi.fn(),
    };
    const el = document.createElement('div');
    Object.defineProperty(el, 'clientWidth', { value: 300 });
    el.getBoundingClientRect = () => ({ left: 0, top: 0, width: 300, height: 200 }) as DOMRect;
    const off = new Gestures(hooks).attach(el);
    let at = 1000;
    const send = (type: string, pointerType: string, x: number, y: number) => {
      const e = new Event(type);
      Object.assign(e, { button: 0, pointerType, clientX: x, clientY: y });
      Object.defineProperty(e, 'timeStamp', { value: at });
      el.dispatchEvent(e);
    };
    const touch = (x: number, pointerType = 'touch') => {
      send('pointerdown', pointerType, x, 100);
      at += 50;
      send('pointerup', pointerType, x, 100);
      at += 100;
    };
    return { hooks, send, touch, off, later: (ms: number) => (at += ms) };
  }

  it('knows the sides', () => {
    expect([sideOf(10, 300), sideOf(150, 300), sideOf(290, 300)]).toEqual(['left', 'middle', 'right']);
  });
  it('one tap shows, two at a side jump, a third jumps on', () => {
    const f = film();
    f.touch(20);
    f.touch(20);
    expect(f.hooks.doubleTap).toHaveBeenCalledWith('left');
    f.touch(20);
    expect(f.hooks.doubleTap).toHaveBeenCalledTimes(2);
    vi.advanceTimersByTime(1000);
    expect(f.hooks.tap).not.toHaveBeenCalled();
    f.later(1000);
    f.touch(280);
    vi.advanceTimersByTime(300);
    expect(f.hooks.tap).toHaveBeenCalledTimes(1);
  });
  it('a click plays after it is sure to be no double click', () => {
    const f = film();
    f.touch(150, 'mouse');
    vi.advanceTimersByTime(300);
    expect(f.hooks.click).toHaveBeenCalledTimes(1);
    f.later(1000);
    f.touch(150, 'mouse');
    f.touch(150, 'mouse');
    vi.advanceTimersByTime(300);
    expect(f.hooks.click).toHaveBeenCalledTimes(1);
    expect(f.hooks.doubleClick).toHaveBeenCalledTimes(1);
  });
  it('a swipe up is no tap, and a resting finger is a press', () => {
    const f = film();
    f.send('pointerdown', 'touch', 150, 180);
    f.send('pointermove', 'touch', 150, 100);
    f.send('pointerup', 'touch', 155, 90);
    expect(f.hooks.swipeUp).toHaveBeenCalledTimes(1);
    f.send('pointerdown', 'touch', 150, 180);
    vi.advanceTimersByTime(600);
    f.send('pointerup', 'touch', 150, 180);
    expect(f.hooks.press.mock.calls).toEqual([[true], [false]]);
    vi.advanceTimersByTime(600);
    expect(f.hooks.tap).not.toHaveBeenCalled();
    f.off();
  });
});
