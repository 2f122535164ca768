import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { REFRESH_LIMIT } from '../realtime/constants';
import type { RoomSession } from '../realtime/room.svelte';
import type { PlayInfo, Variant } from '../realtime/types';
import { Loader } from './loader.svelte';
import type { SyncDriver } from './syncdriver';

class ApiError extends Error {
  override name = 'ApiError';
  constructor(
    readonly status: number,
    readonly slug: string,
  ) {
    super(slug);
  }
}

const variant = (id: string, more: Partial<Variant> = {}): Variant => ({
  id,
  label: id,
  url: `/media/${id}`,
  container: 'mp4',
  mime: 'video/mp4',
  codecs: '',
  quality: id,
  width: 0,
  height: 0,
  bitrate: 0,
  via: 'direct',
  ...more,
});
const info = (variants: Variant[], more: Partial<PlayInfo> = {}): PlayInfo => ({
  media_id: 'm1',
  title: 'x',
  duration: 60,
  poster: null,
  live: false,
  variants,
  subtitles: [],
  warnings: [],
  expires_at: null,
  ...more,
});

function make(playInfo: RoomSession['api']['playInfo'], quality = '') {
  const video = document.createElement('video');
  video.load = vi.fn();
  const driver = { loaded: vi.fn(), fail: vi.fn(), port: { readyState: 0 } };
  const session = { roomId: 'r', api: { playInfo: vi.fn(playInfo) }, position: () => 12 };
  const loader = new Loader(
    session as unknown as RoomSession,
    video,
    () => driver as unknown as SyncDriver,
    () => quality,
    { mse: true, canPlay: (t) => (t.includes('hvc1') ? '' : 'maybe') },
  );
  const breaks = (code: number) => {
    Object.defineProperty(video, 'error', { value: { code, message: 'x' }, configurable: true });
    video.dispatchEvent(new Event('error'));
  };
  return { loader, video, driver, session, breaks };
}
const answer = (status: number) =>
  vi
    .spyOn(globalThis, 'fetch')
    .mockResolvedValue(new Response(null, { status: status === 204 ? 200 : status }));
const soon = () => vi.advanceTimersByTimeAsync(50);

beforeEach(() => vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] }));
afterEach(() => vi.useRealTimers());

describe('loading', () => {
  it('takes the wanted quality among what can be played, and says which generation is there', async () => {
    const m = make(
      () => Promise.resolve(info([variant('4k', { codecs: 'hvc1.1' }), variant('1080p'), variant('720p')])),
      '720p',
    );
    await m.loader.open(3, 'm1');
    expect(m.loader.phase).toBe('ready');
    expect(m.loader.variant?.id).toBe('720p');
    expect(m.video.src).toContain('/media/720p');
    expect(m.driver.loaded).toHaveBeenLastCalledWith(3, 'native');
  });
  it('is empty without media, and loads nothing twice', async () => {
    const m = make(() => Promise.resolve(info([variant('a')])));
    await m.loader.open(1, null);
    expect(m.loader.phase).toBe('empty');
    await m.loader.open(2, 'm1');
    await m.loader.open(2, 'm1');
    expect(m.session.api.playInfo).toHaveBeenCalledTimes(1);
  });
  it('drops the answer for a media that is no longer on', async () => {
    let first: (i: PlayInfo) => void = () => {};
    const m = make((_r, id) =>
      id === 'slow' ? new Promise((r) => (first = r)) : Promise.resolve(info([variant('b')])),
    );
    const old = m.loader.open(1, 'slow');
    await m.loader.open(2, 'm1');
    first(info([variant('a')]));
    await old;
    expect(m.video.src).toContain('/media/b');
  });
  it.each([
    [new ApiError(403, 'media-restricted'), 'restricted'],
    [new ApiError(502, 'provider-failed'), 'problem'],
    [new ApiError(0, 'network'), 'network'],
  ])('says why it can not: %s', async (err, kind) => {
    const m = make(() => Promise.reject(err));
    await m.loader.open(1, 'm1');
    expect(m.loader.error?.kind).toBe(kind);
    expect(m.driver.fail).toHaveBeenCalled();
  });
  it('says so when the browser can play none of it, or there is none', async () => {
    const m = make(() => Promise.resolve(info([variant('a', { container: 'flv' })])));
    await m.loader.open(1, 'm1');
    expect(m.loader.error?.kind).toBe('unsupported');
    const n = make(() => Promise.resolve(info([])));
    await n.loader.open(1, 'm1');
    expect(n.loader.error?.kind).toBe('nothing');
  });
});

describe('old addresses', () => {
  it.each([401, 403, 404, 410])(
    '%d: asks for new play info, at most three times in ten minutes',
    async (status) => {
      answer(status);
      const m = make(() => Promise.resolve(info([variant('a')])));
      await m.loader.open(1, 'm1');
      for (let i = 0; i < REFRESH_LIMIT; i++) {
        m.breaks(4);
        await soon();
        expect(m.loader.phase).toBe('ready');
      }
      expect(m.session.api.playInfo).toHaveBeenCalledTimes(1 + REFRESH_LIMIT);
      expect(m.session.api.playInfo).toHaveBeenLastCalledWith('r', 'm1', { refresh: true });
      m.breaks(4);
      await soon();
      expect(m.loader.phase).toBe('error');
      expect(m.loader.error?.kind).toBe('network');
    },
  );
  it('does not ask when the codec is to blame, but tries the next variant', async () => {
    answer(204);
    const m = make(() => Promise.resolve(info([variant('a'), variant('b')])));
    await m.loader.open(1, 'm1');
    m.breaks(4);
    await soon();
    expect(m.session.api.playInfo).toHaveBeenCalledTimes(1);
    expect(m.loader.variant?.id).toBe('b');
    m.breaks(4);
    await soon();
    expect(m.loader.error?.kind).toBe('unsupported');
  });
  it('retries a broken line by itself, then leaves it to the viewer', async () => {
    answer(503);
    const m = make(() => Promise.resolve(info([variant('a')])));
    await m.loader.open(1, 'm1');
    for (let i = 0; i < 3; i++) {
      m.breaks(2);
      await vi.advanceTimersByTimeAsync(5000);
      expect(m.loader.phase).toBe('ready');
    }
    m.breaks(2);
    await soon();
    expect(m.loader.error?.kind).toBe('network');
    m.loader.online();
    await soon();
    expect(m.loader.phase).toBe('ready');
  });
});

describe('choices', () => {
  it('swaps the variant within the generation', async () => {
    const m = make(() =>
      Promise.resolve(info([variant('a', { height: 1080 }), variant('b', { height: 480 })])),
    );
    await m.loader.open(5, 'm1');
    expect(m.loader.lower()).toBe(true);
    await soon();
    expect(m.loader.variant?.id).toBe('b');
    expect(m.driver.loaded).toHaveBeenLastCalledWith(5, 'native');
    expect(m.loader.lower()).toBe(false);
  });
});
